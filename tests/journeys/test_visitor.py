"""A visitor with a browser: the clerk's whole sitting, the operator's board, the officer's desk. Every page leaves a
picture in ``build/screens/visitor`` and is held to axe, target sizes and reflow."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contracts.messages.letters import LetterWord
from provisioning.demo.world import CLERK, OFFICER, OPERATOR
from tests.appliance.desk.kit import NASPI
from tests.journeys.town import registered
from tests.peers.browser import ROOT, Visit
from tests.peers.waiting import until

SCREENS = ROOT / "build" / "screens" / "visitor"
PICTURES_THERE = "[...document.images].every(i => i.complete && i.naturalWidth > 0)"
YES = {"sì": "true", "no": "false", "true": "true", "false": "false"}


class Album:
    """Pictures in the order of the visit, each page held to what every page must hold."""

    def __init__(self, folder: Path = SCREENS) -> None:
        self.folder, self.number = folder, 0
        self.faults: dict[str, list[str]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.png"):
            old.unlink()

    def take(self, visit, name: str) -> None:
        self.number += 1
        visit.screenshot(self.folder / f"{self.number:02d}-{name}.png")
        if faults := visit.faults():
            self.faults[name] = faults


@pytest.fixture(scope="module")
def album():
    return Album()


def test_a_clerk_serves_a_citizen_from_card_to_receipt(world, clerk, browser, album):
    with Visit(browser, world.urls["clerk"]) as visit:
        page = visit.page
        visit.go("/")
        album.take(visit, "entrance")
        page.get_by_label("PIN").fill(CLERK[2])
        page.keyboard.press("Enter")
        _at(page, "Comincia")
        album.take(visit, "start")
        _press(page, "Comincia")
        _at(page, "Prima di cominciare")
        album.take(visit, "notice")
        _press(page, "L'ho letto ad alta voce")
        _at(page, "Chi è qui?")
        album.take(visit, "card")

        world.play("card_reader", "insert", card="cie")
        world.play("camera", "show_portrait")
        page.get_by_label("Sei cifre", exact=True).fill("123456")
        page.keyboard.press("Enter")
        page.wait_for_url("**/sportello", wait_until="commit")
        _at(page, "È la stessa persona?", 30)
        until(lambda: page.evaluate(PICTURES_THERE), "the photo and the live picture")
        album.take(visit, "compare")
        _press(page, "È la persona")

        _at(page, "Che cosa vuole chiedere?")
        album.take(visit, "choose")
        _press(page, re.compile(r"^Disoccupazione \(NASpI\)"))
        _answer_all(visit, album, NASPI)

        _at(page, "I documenti")
        world.play("camera", "place_sample")
        page.get_by_label(re.compile("busta paga", re.IGNORECASE)).check()
        _press(page, "Fotografa")
        page.locator(".pue-thumbs img").first.wait_for()
        album.take(visit, "pages")
        _press(page, "Avanti")

        _at(page, "Rileggiamo insieme")
        album.take(visit, "read-back")
        _press(page, "È tutto giusto")
        _at(page, "Il foglio da firmare")
        album.take(visit, "sign")
        _press(page, "Stampa il foglio")
        _at(page, "La firma")
        album.take(visit, "signature")
        _press(page, "Fotografa il foglio firmato")
        _at(page, "La firma si legge?")
        album.take(visit, "signed")
        _press(page, "Sì, si legge")
        _at(page, "Tutto pronto")
        album.take(visit, "ready")
        _press(page, "Salva la domanda")
        _at(page, "La domanda è salva")
        album.take(visit, "saved")
        letter = page.locator("button[name=letter]").first.get_attribute("value")
        _press(page, "Stampa la ricevuta")
        page.get_by_role("button", name="Stampa di nuovo").wait_for()
        album.take(visit, "receipt-printed")
        _press(page, "Fine")
        _at(page, "Comincia")

        # One clerk, one session: whoever would ask the desk here would log the browser out.
        until(lambda: registered(world).get(letter), "the letter has its protocol", 60)
        visit.go(f"/domande/{letter}")
        page.get_by_text("INPS.8100.").first.wait_for(timeout=30_000)
        album.take(visit, "letter-received")
        visit.go("/domande")
        album.take(visit, "letters")
        visit.go("/aiuto")
        album.take(visit, "help")


def test_an_operator_sees_the_box_and_makes_it_blink(world, clerk, browser, album):
    with Visit(browser, world.urls["console"]) as visit:
        page = visit.page
        page.set_viewport_size({"width": 1440, "height": 900})
        visit.go("/")
        page.locator("input:not([type=hidden]):not([type=password])").first.fill(OPERATOR[0])
        page.locator("input[type=password]").fill(OPERATOR[1])
        page.keyboard.press("Enter")
        page.get_by_text("Agliè").first.wait_for()
        until(lambda: page.get_by_text("online", exact=False).count() > 0, "the box is online", 30)
        _picture(visit, album, "board")
        page.get_by_role("link", name=re.compile(r"Agliè|" + world.box)).first.click()
        page.get_by_role("heading", level=1).wait_for()
        _picture(visit, album, "box")
        page.get_by_role("button", name=re.compile("identify|blink", re.IGNORECASE)).first.click()
        until(lambda: page.locator("main").get_by_text("done", exact=True).count() > 0, "the box blinked", 30)
        _picture(visit, album, "box-blinked")


def test_an_officer_opens_the_dossier(world, clerk, browser, album):
    letter = clerk.serve("naspi", NASPI)
    clerk.await_word(letter, LetterWord.RECEIVED)
    with Visit(browser, world.urls["backoffice"]) as visit:
        page = visit.page
        visit.go("/")
        page.locator("input:not([type=hidden]):not([type=password])").first.fill(OFFICER[0])
        page.locator("input[type=password]").fill(OFFICER[1])
        page.keyboard.press("Enter")
        page.locator(f"a[href*='{letter}']").first.wait_for()
        _picture(visit, album, "officer-list")
        page.locator(f"a[href*='{letter}']").first.click()
        page.get_by_text("Prossimo passo").wait_for()
        assert page.get_by_text("ESEMPIO").first.is_visible()
        _picture(visit, album, "officer-dossier")


def test_no_page_of_the_visit_was_at_fault(album):
    assert album.number >= 20
    assert album.faults == {}


def _picture(visit, album, name):
    album.number += 1
    (SCREENS / f"{album.number:02d}-{name}.png").write_bytes(visit.page.screenshot(full_page=True))
    if faults := visit.axe() + visit.strangers():
        album.faults[name] = faults


def _at(page, words: str, within_s: float = 15) -> None:
    """Wait for a page by its heading, or for a button of that name."""
    spot = page.get_by_role("heading", level=1, name=words).or_(page.get_by_role("button", name=words))
    spot.first.wait_for(timeout=within_s * 1000)


def _press(page, name) -> None:
    page.get_by_role("button", name=name, exact=isinstance(name, str)).first.click()


def _answer_all(visit, album, answers) -> None:
    """Every page of questions, until the papers."""
    page = visit.page
    seen = set()
    while True:
        page.locator("form#passo, .pue-thumbs").first.wait_for(state="attached")
        if not page.locator("form#passo").count():
            return
        step = page.locator("form#passo input[name=step]").get_attribute("value")
        assert step not in seen, page.locator("main").inner_text()[:1500]
        seen.add(step)
        for name, values in answers.items():
            _answer(page, name, values[0])
        album.take(visit, f"step-{step}")
        _press(page, "Avanti")
        onward = page.locator(f"form#passo input[name=step]:not([value='{step}']), .pue-thumbs")
        onward.first.wait_for(state="attached")


def _answer(page, name: str, value: str) -> None:
    spots = page.locator(f"form#passo [name='f.{name}']")
    if not spots.count():
        return
    first = spots.first
    kind = first.evaluate("e => e.tagName === 'SELECT' ? 'select' : e.type")
    if kind in {"radio", "checkbox"}:
        wanted = YES.get(value, value)
        page.locator(f"form#passo [name='{first.get_attribute('name')}'][value='{wanted}']").check()
    elif kind == "select":
        first.select_option(value)
    elif first.is_visible():
        first.fill(value)
