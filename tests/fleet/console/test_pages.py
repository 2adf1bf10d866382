"""The console in a real browser: alive without a reload, usable by keyboard, nothing serious for axe."""

from __future__ import annotations

import pytest

from contracts.messages.orders import OrderKind, OrderState
from fleet.console.__main__ import accounts_of
from tests.fleet.console.world import PASSWORD, Console, device
from tests.peers.browser import ROOT, Visit

SCREENS = ROOT / "build" / "screens" / "console"
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    console = Console(tmp_path_factory.mktemp("fleet"))
    accounts_of(console.database).add("oscar", PASSWORD, "operator")
    console.start()
    yield console
    console.close()


@pytest.fixture
def visit(console, browser):
    with Visit(browser, console.url) as visit:
        yield visit


def look(visit, name):
    """Pictures at desk and phone size, and what is wrong with the page."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    for size, suffix in ((PHONE, "-390"), (WIDE, "")):
        visit.page.set_viewport_size(size)
        (SCREENS / f"{name}{suffix}.png").write_bytes(visit.page.screenshot(full_page=True))
    broken = visit.page.evaluate("window.__broken ?? []")
    assert visit.axe() + broken + visit.console + visit.reflow_faults() + visit.strangers() == []
    assert visit.page.locator("h1").count() == 1


def log_in(visit):
    visit.go("/")
    visit.page.fill("#name", "oscar")
    visit.page.fill("#password", PASSWORD)
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector("#rows")


def test_a_day_at_the_board(console, visit):
    page = visit.page
    visit.go("/")
    look(visit, "01-login")
    log_in(visit)
    look(visit, "02-empty")
    console.whole_fleet()
    page.wait_for_selector("#box-cortinaprova .is-bad >> text=paper out", timeout=15_000)
    look(visit, "03-board")
    console.say("cortinaprova")
    page.wait_for_selector("#box-cortinaprova .c-devices >> text=all 5 fine", timeout=15_000)
    assert "Why?" not in page.inner_text("#box-cortinaprova")
    page.fill("#text", "feltre")
    page.wait_for_selector("#box-cortinaprova", state="detached")
    console.say("agordoprova1")
    page.wait_for_timeout(2_500)
    assert page.locator("table.board tbody tr").count() == 1, "a live change keeps the filter"
    assert page.evaluate("document.activeElement.id") == "text", "and the focus"
    page.click(".counter.is-lost")
    page.fill("#text", "")
    page.click("text=Filter")
    assert page.locator("table.board tbody tr").count() == 1


def test_a_box_and_its_orders(console, visit):
    page = visit.page
    if not console.known("agordoprova1"):
        console.whole_fleet()
    console.day("agordoprova1")
    log_in(visit)
    visit.go("/boxes/agordoprova1")
    page.wait_for_selector(".charts canvas")
    assert page.locator(".charts figure").count() == 4
    page.click("summary:has-text('The same as a table')")
    assert page.locator(".plain tbody tr").count() >= 23
    page.click("summary:has-text('Restart desk')")
    console.say("agordoprova1", devices=device("printer", "warning", "printer.paper_low"))
    page.wait_for_selector(".devices .is-watch >> text=paper low", timeout=15_000)
    assert page.is_visible("text=Restart the desk in Agordo"), "what was opened stays open"
    assert page.locator(".charts canvas").count() == 4
    look(visit, "04-box")
    page.click("text=Restart the desk in Agordo")
    page.wait_for_selector(".orders li >> text=queued")
    console.order("agordoprova1", OrderKind.PING, OrderState.SUCCEEDED, uptime_s=43_000)
    page.wait_for_selector(".orders li >> text=up for 11 h", timeout=15_000)
    look(visit, "05-box-orders")
    visit.go("/orders")
    look(visit, "06-orders")
    visit.go("/boxes/feltreprova1")
    look(visit, "07-box-offline")


def test_adding_a_box_by_keyboard_alone(console, visit):
    page = visit.page
    log_in(visit)
    page.keyboard.press("Tab")
    assert visit.focus()["what"] == "Skip to content"
    while visit.focus()["what"] != "Add a box":
        page.keyboard.press("Tab")
        assert visit.focus()["shown"]
    page.keyboard.press("Enter")
    page.wait_for_selector("#comune")
    look(visit, "08-add")
    page.focus("#comune")
    page.keyboard.type("Lipari")
    page.keyboard.press("Enter")
    page.wait_for_selector("#token")
    look(visit, "09-token")
    assert len(page.inner_text("#token")) == 26


def test_a_session_that_ended_shows_the_log_in_and_no_fragment_of_it(console, visit):
    page = visit.page
    log_in(visit)
    visit.context.clear_cookies()
    console.box(f"nuova{console.number():07d}", f"l736-{console.number() % 90 + 1}")
    page.wait_for_url("**/login", timeout=20_000)
    assert page.locator("#password").count() == 1
    assert page.locator("#rows").count() == 0
