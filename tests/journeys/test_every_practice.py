"""One clerk, one day, every practice of the catalogue in a browser; the line is down for every second citizen."""

from __future__ import annotations

from playwright.sync_api import expect

from contracts.messages.letters import LetterWord
from contracts.practices.catalogue import shipped
from provisioning.demo.world import CLERK
from tests.journeys.test_visitor import _answer, _at, _press
from tests.journeys.town import registered
from tests.peers.browser import Visit
from tests.peers.citizen import answers_for
from tests.peers.waiting import until

PRACTICES = sorted(shipped().practices, key=lambda practice: practice.id)


def test_every_practice_is_served_and_arrives_half_of_them_after_the_line_came_back(world, clerk, browser):
    letters = {}
    with Visit(browser, world.urls["clerk"]) as visit:
        page = visit.page
        visit.go("/")
        page.get_by_label("PIN").fill(CLERK[2])
        page.keyboard.press("Enter")
        for number, practice in enumerate(PRACTICES):
            if number % 2:
                world.cut_line()
            else:
                world.mend_line()
            letters[_serve(world, visit, practice)] = practice
        assert visit.console == []
    assert len(letters) == len(PRACTICES)

    world.mend_line()
    until(lambda: set(letters) <= set(registered(world)), "every letter has its protocol", 120)
    clerk.come()
    for letter, practice in letters.items():
        row = clerk.await_word(letter, LetterWord.RECEIVED)
        assert row.protocollo
        assert (row.practice_name == practice.name) is not practice.special_category
    counted = registered(world)
    assert {letter: counted[letter] for letter in letters} == dict.fromkeys(letters, 1)


def _serve(world, visit, practice) -> str:
    page = visit.page
    world.play("card_reader", "remove")
    _at(page, "Comincia")
    _press(page, "Comincia")
    _press(page, "L'ho letto ad alta voce")
    _at(page, "Chi è qui?")
    world.play("card_reader", "insert", card="cie")
    page.get_by_label("Sei cifre", exact=True).fill("123456")
    page.keyboard.press("Enter")
    _at(page, "È la stessa persona?", 30)
    _press(page, "È la persona")
    _at(page, "Che cosa vuole chiedere?")
    page.locator(f"button[value='{practice.key}']").click()
    _fill(page, practice)
    _photograph(page)
    _at(page, "Rileggiamo insieme")
    _press(page, "È tutto giusto")
    _at(page, "Il foglio da firmare")
    page.get_by_role("link", name="Il cittadino non può firmare").click()
    page.get_by_label("Perché non può firmare?").fill("mano ingessata")
    _press(page, "Raccolgo io la dichiarazione")
    _at(page, "Tutto pronto")
    _press(page, "Salva la domanda")
    _at(page, "La domanda è salva", 30)
    letter = page.locator("button[name=letter]").first.get_attribute("value")
    _press(page, "Stampa la ricevuta")
    page.get_by_role("button", name="Stampa di nuovo").wait_for()
    _press(page, "Fine")
    return letter


def _fill(page, practice) -> None:
    answers = answers_for(practice)
    for step in practice.steps:
        spot = page.locator(f"form#passo input[name=step][value='{step.id}']")
        expect(spot).to_be_attached(timeout=15_000)
        for field in step.fields:
            if field.name in answers:
                _answer(page, field.name, answers[field.name][0])
        _press(page, "Avanti")


def _photograph(page) -> None:
    """Papers that must be there, one page each."""
    _at(page, "I documenti")
    while page.get_by_text("Manca ancora:").count():
        taken = page.locator(".pue-thumbs img").count()
        _press(page, "Fotografa")
        expect(page.locator(".pue-thumbs img")).to_have_count(taken + 1, timeout=30_000)
    _press(page, "Avanti")
