"""Five sheets under the camera: one blurred, one cut, one upside down, one with an IBAN, one with too much on it."""

from __future__ import annotations

import io
import json
import re
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from PIL import Image
from playwright.sync_api import expect

from contracts.desk_api.clerk import Stage
from contracts.messages.letters import LetterWord
from provisioning.demo.world import CLERK
from tests.appliance.desk.kit import NASPI
from tests.journeys.test_first_light import _decrypt, _sealed
from tests.peers.browser import ROOT, Visit

SCREENS = ROOT / "build" / "screens" / "paper"
ON_PAPER = "IT24 D054 2811 1010 0000 0654 321"
expect.set_options(timeout=30_000)


@pytest.fixture
def at_papers(clerk):
    """A citizen who resigned for cause: the letter is required."""
    clerk.identify()
    key = next(row.key for row in clerk.ask("practices").practices if row.key.startswith("naspi@"))
    clerk.ask("choose", practice=key)
    clerk.fill({**NASPI, "motivo": ["dimissioni_giusta_causa"]})
    assert clerk.sitting.stage is Stage.PAGES
    return clerk


@pytest.fixture
def page(world, at_papers, browser):
    with Visit(browser, world.urls["clerk"]) as visit:
        visit.go("/")
        visit.page.get_by_label("PIN").fill(CLERK[2])
        visit.page.keyboard.press("Enter")
        visit.page.get_by_role("heading", level=1).wait_for()
        visit.go("/sportello")
        heading(visit.page, "I documenti")
        yield visit.page
        assert visit.page.evaluate("window.__broken ?? []") + visit.console == []


def heading(page, words):
    expect(page.get_by_role("heading", level=1, name=words)).to_be_visible()


def press(page, name):
    page.get_by_role("button", name=name, exact=isinstance(name, str)).first.click()


def take(page, world, number, pages, **how):
    """Lay a sheet and press the button; `pages` are there afterwards."""
    world.play("camera", "place_sample", number=number, **how)
    press(page, "Fotografa")
    expect(page.locator(".pue-thumbs li")).to_have_count(pages)


def picture(page, name):
    SCREENS.mkdir(parents=True, exist_ok=True)
    (SCREENS / f"{name}.png").write_bytes(page.screenshot(full_page=True))


def test_five_sheets_become_one_document_an_officer_accepts(world, clerk, page, tmp_path):
    page.get_by_label(re.compile("Lettera di dimissioni")).check()
    take(page, world, 1, 1)
    take(page, world, 2, 2, blurred=True)
    expect(page.get_by_text("La pagina è sfocata.")).to_be_visible()
    world.play("camera", "place_sample", number=3, cut=True)
    expect(page.get_by_text(re.compile("Il foglio esce a"))).to_be_visible()
    take(page, world, 3, 3, cut=True)
    # On the page itself an edge outside the picture and one that is not seen cannot always be told apart; a fault always is.
    expect(
        page.get_by_text(re.compile("Manca un pezzo del foglio|Non sono sicuro dei bordi"))
    ).to_be_visible()
    take(page, world, 4, 4, upside_down=True)
    take(page, world, 6, 5, paper="iban")
    picture(page, "01-five-pages")

    press(page, "Avanti")
    expect(page.get_by_text("C'è una pagina da guardare.")).to_be_visible()
    _again(page, world, place=2, number=2)
    _again(page, world, place=3, number=3)
    expect(page.locator(".pue-thumbs li.is-open")).to_have_count(0)

    press(page, "Sposti più su la pagina 5")
    heading(page, "I documenti")
    _confirm_iban(page, place=4)
    _cover(page, place=1)
    page.get_by_role("link", name="Alle pagine").click()
    heading(page, "I documenti")
    picture(page, "05-all-good")
    press(page, "Avanti")
    heading(page, "Rileggiamo insieme")
    expect(page.get_by_text(ON_PAPER.replace(" ", "")[:4])).to_be_visible()
    page.goto("about:blank")

    world.cut_line()
    letter = _finish(world, clerk)
    manifest, files = _opened(world, letter, tmp_path)
    world.mend_line()
    _check_document(manifest, files, tmp_path)
    clerk.await_word(letter, LetterWord.RECEIVED)


def _again(page, world, place, number):
    page.get_by_role("link", name=f"Guardi e corregga pagina {place}").click()
    page.get_by_role("link", name="Rifaccia la foto").click()
    world.play("camera", "place_sample", number=number)
    press(page, "Fotografa di nuovo")
    heading(page, "I documenti")


def _confirm_iban(page, place):
    """What stands on the paper is another account than the one that was dictated."""
    page.get_by_role("link", name=f"Guardi e corregga pagina {place}").click()
    offer = page.get_by_text(ON_PAPER.replace(" ", "")[:4] + " ", exact=False)
    for _ in range(240):  # it is read while nobody waits; the page is looked at again
        if page.get_by_role("button", name="Metta questo nella domanda").count():
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(offer.first).to_be_visible()
    picture(page, "03-iban")
    press(page, "Metta questo nella domanda")
    expect(page.get_by_text("È uguale a quello della domanda.")).to_be_visible()
    page.get_by_role("link", name="Alle pagine").click()
    heading(page, "I documenti")


def _cover(page, place):
    page.get_by_role("link", name=f"Guardi e corregga pagina {place}").click()
    page.get_by_role("link", name="Copra una parte").click()
    for label, value in (
        ("da sinistra", "5"),
        ("dall'alto", "5"),
        ("fino a destra", "95"),
        ("fino in basso", "14"),
    ):
        page.get_by_label(label).first.fill(value)
    press(page, "Copra per sempre")
    expect(page.get_by_text("Una parte è coperta.")).to_be_visible()
    picture(page, "04-covered")


def _finish(world, clerk) -> str:
    clerk.come()
    clerk.ask("confirm_read_back")
    world.play("camera", "place_sample", number=9)
    letter = clerk.sign_and_seal().letter.letter
    clerk.ask("finish")
    return letter


def _opened(world, letter, folder: Path):
    (folder / "letter.p7m").write_bytes(_sealed(world, letter))
    recipient = world.folder / "backoffice"
    assert _decrypt(folder, recipient / "opening.cert.pem", recipient / "opening.key.pem").returncode == 0
    command = ["openssl", "cms", "-verify", "-noverify", "-inform", "DER", "-in", str(folder / "signed.p7")]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    with zipfile.ZipFile(io.BytesIO(done.stdout)) as dossier:
        files = {name: dossier.read(name) for name in dossier.namelist()}
    return json.loads(files["manifest.json"]), files


def _check_document(manifest, files, folder: Path):
    assert manifest["answers"]["iban"] == [ON_PAPER.replace(" ", "")]
    for document in manifest["documents"]:
        pdf = files[document["file"]]
        assert pikepdf.pdfa.validate_written(io.BytesIO(pdf), "2b").verdict == "pass", document["file"]
    (paper,) = [one for one in manifest["documents"] if one["kind"] == "lettera"]
    assert (paper["pages"], [page["redacted"] for page in paper["captured"]]) == (
        5,
        [True, False, False, False, False],
    )
    assert not [page for page in paper["captured"] if page.get("kept_because")]
    path = folder / "lettera.pdf"
    path.write_bytes(files[paper["file"]])
    text = [
        subprocess.run(
            ["pdftotext", "-f", str(at), "-l", str(at), str(path), "-"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for at in range(1, 6)
    ]
    titles = [re.findall(r"prova n\. (\d)|(Attestazione)", page) for page in text]
    assert titles == [[], [("2", "")], [("3", "")], [("", "Attestazione")], [("4", "")]]
    assert ON_PAPER in text[3]
    drawn = subprocess.run(
        ["pdftoppm", "-r", "40", "-f", "1", "-l", "1", "-gray", str(path)], capture_output=True, check=True
    )
    seen = np.asarray(Image.open(io.BytesIO(drawn.stdout)))
    assert seen[int(seen.shape[0] * 0.07) : int(seen.shape[0] * 0.12), 40:-40].max() < 20
    assert len(files[paper["file"]]) < 300_000


def test_the_cable_comes_out_while_the_clerk_looks(world, page):
    live = page.locator(".pue-eye img")
    expect(live).to_be_visible()
    expect(page.locator(".pue-eye polygon")).to_have_attribute("points", re.compile(r"\d"))
    world.play("camera", "unplug")
    expect(page.get_by_text("La telecamera non dà immagine.", exact=True)).to_be_visible()
    expect(live).to_be_hidden()
    picture(page, "06-camera-gone")
    world.play("camera", "mend")
    expect(live).to_be_visible()
    expect(page.locator(".pue-eye polygon")).to_have_attribute("points", re.compile(r"\d"))
    page.goto("about:blank")


def test_sheets_are_photographed_by_themselves_as_they_come(world, page):
    world.play("camera", "take_away")
    page.get_by_label(re.compile("Lettera di dimissioni")).check()
    press(page, "Scatta da solo quando è fermo")
    expect(page.get_by_text("Metta il foglio sul tappetino scuro.")).to_be_visible()
    for number in (1, 2):
        world.play("camera", "place_sample", number=number)
        expect(page.locator(".pue-thumbs li")).to_have_count(number)
    expect(page.get_by_text("Fatto. Metta il foglio successivo.")).to_be_visible()
    picture(page, "07-by-themselves")
    press(page, "Non scattare più da solo")
    heading(page, "I documenti")
    page.goto("about:blank")
