"""A citizen signs on the screen: from the card to the dossier the recipient opens, where the signature is lines."""

from __future__ import annotations

import io
import re

import pikepdf
from playwright.sync_api import expect

from contracts.identity import fingerprint
from contracts.messages.letters import LetterWord
from provisioning.demo.world import CLERK
from tests.appliance.desk.kit import ESTRATTO
from tests.journeys.test_paper import _opened
from tests.journeys.test_visitor import PICTURES_THERE, Album, _answer_all, _at, _press
from tests.papers.vectors import CURVE, drawn_on, pictures_in
from tests.peers.browser import ROOT, Visit
from tests.peers.waiting import until

NAME = [(0.15, 0.7), (0.25, 0.2), (0.35, 0.7), (0.5, 0.35), (0.6, 0.7), (0.75, 0.3), (0.85, 0.65)]
LINE = [(0.2, 0.8), (0.8, 0.78)]


def test_a_citizen_signs_on_the_screen_and_the_recipient_finds_the_line(world, clerk, browser, tmp_path):
    album = Album(ROOT / "build" / "screens" / "pen")
    with Visit(browser, world.urls["clerk"]) as visit:
        page = visit.page
        visit.go("/")
        page.get_by_label("PIN").fill(CLERK[2])
        page.keyboard.press("Enter")
        _at(page, "Comincia")
        _press(page, "Comincia")
        _press(page, "L'ho letto ad alta voce")
        _at(page, "Chi è qui?")
        world.play("card_reader", "insert", card="cie")
        world.play("camera", "show_portrait")
        page.get_by_label("Sei cifre", exact=True).fill("123456")
        page.keyboard.press("Enter")
        _at(page, "È la stessa persona?", 30)
        until(lambda: page.evaluate(PICTURES_THERE), "the photo and the live picture")
        _press(page, "È la persona")
        _at(page, "Che cosa vuole chiedere?")
        _press(page, re.compile("^Estratto conto"))
        _answer_all(visit, album, ESTRATTO)
        _at(page, "I documenti")
        _press(page, "Avanti")
        _at(page, "Rileggiamo insieme")
        _press(page, "È tutto giusto")

        _at(page, "Il foglio da firmare")
        album.take(visit, "two-ways")
        page.get_by_role("link", name="Firma sullo schermo").click()
        _at(page, "Legga e firmi")
        expect(page.get_by_text("MARIA ESEMPIO")).to_be_visible()
        album.take(visit, "read")
        _draw(page, NAME)
        album.take(visit, "drawn")
        _press(page, "Ho firmato")
        _at(page, "La firma si legge?")
        _press(page, "Rifaccia")
        _at(page, "Legga e firmi")
        _draw(page, NAME)
        _draw(page, LINE)
        _press(page, "Ho firmato")
        _at(page, "La firma si legge?")
        album.take(visit, "looked-at")
        _press(page, "Sì, si legge")
        _at(page, "Tutto pronto")
        world.cut_line()
        _press(page, "Salva la domanda")
        _at(page, "La domanda è salva")
        letter = page.locator("button[name=letter]").first.get_attribute("value")
        _press(page, "Stampa la ricevuta")
        page.get_by_role("button", name="Stampa di nuovo").wait_for()
        _press(page, "Fine")
        _at(page, "Comincia")
    assert album.faults == {}

    manifest, files = _opened(world, letter, tmp_path)
    world.mend_line()
    _check(manifest, files)
    clerk.come()
    clerk.await_word(letter, LetterWord.RECEIVED)


def _draw(page, corners) -> None:
    box = page.locator(".pue-pen")
    box.scroll_into_view_if_needed()
    frame = box.bounding_box()
    places = [(frame["x"] + x * frame["width"], frame["y"] + y * frame["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def _check(manifest, files) -> None:
    shown, signed = (
        next(one for one in manifest["documents"] if one["kind"] == kind) for kind in ("summary", "signature")
    )
    attested = manifest["attestation"]
    assert attested["signature"] == "pen"
    assert attested["on_screen"]["shown_sha256"] == shown["sha256"] == fingerprint(files[shown["file"]])
    pdf = files[signed["file"]]
    assert fingerprint(pdf) == signed["sha256"]
    assert pikepdf.pdfa.validate_written(io.BytesIO(pdf), "2b").verdict == "pass"
    assert drawn_on(pdf)[-1][CURVE] > 200
    assert pictures_in(pdf) == 0
    assert CURVE not in drawn_on(files[shown["file"]])[-1]
