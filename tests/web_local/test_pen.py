"""Signing on the screen in real Chromium: by mouse, finger and pen, done again, and for those who cannot use it."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from playwright.sync_api import expect

from appliance.desk.pen import settle
from contracts.desk_api.clerk import (
    MAX_PEN_POINTS,
    PEN_HEIGHT,
    PEN_STEP,
    PEN_WIDTH,
    DrawSignature,
    Sign,
    SignatureWay,
    Stage,
)
from tests.peers.browser import NARROW, Visit
from tests.peers.fake_desk import SUMMARY_SHA256
from tests.web_local.conftest import log_in
from tests.web_local.test_visits import heading, press
from web_local.views.pen import read_strokes

expect.set_options(timeout=10_000)
NAME = [(0.2, 0.3), (0.4, 0.7), (0.6, 0.3), (0.8, 0.7)]
"""Corners of a name, as fractions of the box."""
TAIL = [(0.2, 0.85), (0.7, 0.8)]
TINY = "La firma è vuota o troppo piccola. Firmi di nuovo, più grande."


@pytest.fixture
def pad(clerk, desk):
    """The page to read and sign, open."""
    desk.at(Stage.SIGN)
    clerk.go("/sportello")
    clerk.page.get_by_role("link", name="Firma sullo schermo").click()
    heading(clerk.page, "Legga e firmi")
    return clerk.page


def spots(page, corners):
    """Corners in pixels of the window."""
    svg = page.locator(".pue-pen")
    svg.scroll_into_view_if_needed()
    box = svg.bounding_box()
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]


def draw(page, corners=NAME, *, steps=6):
    """With the mouse; `steps` is how often a place is told between two corners."""
    first, *rest = spots(page, corners)
    page.mouse.move(*first)
    page.mouse.down()
    for spot in rest:
        page.mouse.move(*spot, steps=steps)
    page.mouse.up()


def drawn(desk):
    (asked,) = [request for request in desk.asked if isinstance(request, DrawSignature)]
    return asked


def lines(page):
    return page.locator(".pue-pen polyline")


def test_a_citizen_reads_signs_and_the_clerk_looks_at_it(pad, desk):
    expect(pad.get_by_text("IT60 X054 2811 1010 0000 0123 456")).to_be_visible()
    expect(pad.get_by_text("Qui non si può firmare sullo schermo")).to_be_hidden()
    expect(pad.get_by_text("Ho letto tutto quello che è scritto qui. È giusto.")).to_be_visible()
    draw(pad)
    draw(pad, TAIL)
    expect(lines(pad)).to_have_count(2)
    press(pad, "Ho firmato")
    heading(pad, "La firma si legge?")
    expect(pad.get_by_role("img", name="La firma fatta sullo schermo").locator("path")).to_have_count(2)
    asked = drawn(desk)
    assert (asked.shown_sha256, len(asked.strokes)) == (SUMMARY_SHA256, 2)
    corner = (asked.strokes[0][0][0] / PEN_WIDTH, asked.strokes[0][0][1] / PEN_HEIGHT)
    assert corner == pytest.approx(NAME[0], abs=0.01)
    press(pad, "Sì, si legge")
    heading(pad, "Tutto pronto")
    expect(pad.get_by_text("Il foglio è firmato")).to_be_visible()
    assert [one.way for one in desk.asked if isinstance(one, Sign)] == [SignatureWay.PEN]


def test_what_leaves_the_page_has_no_pace(pad, desk):
    draw(pad, steps=40)
    press(pad, "Ho firmato")
    heading(pad, "La firma si legge?")
    (stroke,) = drawn(desk).strokes
    gaps = [math.dist(*two) for two in itertools.pairwise(stroke)]
    assert len(stroke) > 100
    assert sum(abs(gap - PEN_STEP) > 2 for gap in gaps) <= len(NAME)  # at a corner the way round is longer


def test_a_slow_and_a_fast_hand_send_the_same(pad, desk):
    sent = []
    for steps in (1, 25):
        draw(pad, [(0.1, 0.5), (0.9, 0.5)], steps=steps)
        press(pad, "Ho firmato")
        heading(pad, "La firma si legge?")
        sent.append(drawn(desk).strokes)
        desk.asked.clear()
        press(pad, "Rifaccia")
        heading(pad, "Legga e firmi")
        expect(lines(pad)).to_have_count(0)
    assert sent[0] == sent[1]


APART = 60
"""Pen units between two places a hurried hand is reported at."""
RADIUS = 330


def test_the_places_where_a_hurried_hand_was_seen_cannot_be_found_in_the_line(pad, desk):
    """A polygon through those places turns at each of them and nowhere else; a circle turns everywhere."""
    turns = round(2 * math.pi * RADIUS / APART)
    circle = [
        (
            1000 + RADIUS * math.cos(2 * math.pi * at / turns),
            400 + RADIUS * math.sin(2 * math.pi * at / turns),
        )
        for at in range(turns + 1)
    ]
    draw(pad, [(x / PEN_WIDTH, y / PEN_HEIGHT) for x, y in circle], steps=1)
    press(pad, "Ho firmato")
    heading(pad, "La firma si legge?")
    (stroke,) = drawn(desk).strokes
    polygon = settle([[(round(x), round(y)) for x, y in circle]])[0]
    assert rhythm(settle([stroke])[0]) < 0.5 * rhythm(polygon)


def rhythm(line):
    """How much of the turning of a line comes back every `APART` units, as a share of radians a point."""
    steps = np.diff(np.array(line, float), axis=0)
    turning = np.diff(np.unwrap(np.arctan2(steps[:, 1], steps[:, 0])))
    along = np.hypot(*steps.T)[:-1].cumsum()
    return abs(np.mean((turning - turning.mean()) * np.exp(2j * math.pi * along / APART)))


def test_what_was_drawn_is_wiped(pad, desk):
    draw(pad)
    press(pad, "Cancella")
    expect(lines(pad)).to_have_count(0)
    expect(pad.get_by_role("status").filter(has_text="Il riquadro è vuoto.")).to_be_visible()
    press(pad, "Ho firmato")
    expect(pad.get_by_text(TINY)).to_be_visible()
    assert desk.acts == []


def test_hardly_anything_is_no_signature_and_the_button_stays_alive(pad, desk):
    draw(pad, [(0.5, 0.5), (0.53, 0.5)])
    press(pad, "Ho firmato")
    expect(pad.get_by_text(TINY)).to_be_visible()
    assert desk.acts == []
    draw(pad)
    expect(pad.get_by_text(TINY)).to_have_count(0)
    press(pad, "Ho firmato")
    heading(pad, "La firma si legge?")
    assert len(drawn(desk).strokes) == 2


def test_too_much_is_said_while_it_is_drawn(pad, desk):
    across = [(0.02, 0.5), (0.98, 0.5)]
    draw(pad, across * (MAX_PEN_POINTS * PEN_STEP // PEN_WIDTH), steps=1)
    draw(pad, across, steps=1)
    expect(pad.get_by_text("La firma è troppo lunga. La cancelli e la rifaccia.")).to_be_visible()
    press(pad, "Ho firmato")
    heading(pad, "Legga e firmi")
    assert desk.acts == []


class Glass:
    """A screen that is touched: fingers and a pen, below what the page sees of them."""

    def __init__(self, window):
        self.session = window.context.new_cdp_session(window.page)

    def finger(self, places):
        for kind, place in zip(_stages("touchStart", "touchMove", "touchEnd", places), places, strict=True):
            points = [] if kind == "touchEnd" else [{"x": place[0], "y": place[1]}]
            self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def pen(self, places):
        kinds = _stages("mousePressed", "mouseMoved", "mouseReleased", places)
        for kind, (x, y) in zip(kinds, places, strict=True):
            held = int(kind != "mouseReleased")
            how = {"button": "left", "buttons": held, "clickCount": 1, "pointerType": "pen", "force": 0.7}
            self.session.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **how})


def _stages(first, between, last, places):
    return [first, *[between] * (len(places) - 2), last]


@pytest.fixture
def glass_page(browser, face, desk):
    """The page to read and sign on a screen that can be touched, and the glass."""
    with Visit(browser, face, has_touch=True) as window:
        log_in(window)
        desk.at(Stage.SIGN)
        window.go("/sportello/penna")
        heading(window.page, "Legga e firmi")
        yield window.page, Glass(window)


def test_a_finger_signs_and_the_page_does_not_move(glass_page, desk):
    page, glass = glass_page
    places = spots(page, [*NAME, NAME[-1]])
    before = page.evaluate("scrollY")
    glass.finger(places)
    expect(lines(page)).to_have_count(1)
    assert page.evaluate("scrollY") == before
    press(page, "Ho firmato")
    heading(page, "La firma si legge?")
    assert len(drawn(desk).strokes) == 1


def test_after_a_pen_a_palm_on_the_glass_draws_nothing(glass_page):
    page, glass = glass_page
    places = spots(page, NAME)
    glass.pen(places)
    expect(lines(page)).to_have_count(1)
    glass.finger(places)
    glass.pen(spots(page, [*TAIL, TAIL[-1]]))
    expect(lines(page)).to_have_count(2)


def test_a_narrow_screen_takes_a_signature(pad, desk):
    pad.set_viewport_size({"width": NARROW, "height": 640})
    draw(pad)
    press(pad, "Ho firmato")
    heading(pad, "La firma si legge?")
    (stroke,) = drawn(desk).strokes
    assert (stroke[0][0] / PEN_WIDTH, stroke[-1][0] / PEN_WIDTH) == pytest.approx((0.2, 0.8), abs=0.02)


def test_without_scripts_the_paper_way_is_told(browser, face, desk):
    with Visit(browser, face, java_script_enabled=False) as window:
        log_in(window)
        desk.at(Stage.SIGN)
        window.go("/sportello/penna")
        page = window.page
        expect(
            page.get_by_text("Qui non si può firmare sullo schermo. Si firma sul foglio di carta.")
        ).to_be_visible()
        expect(page.get_by_role("button", name="Ho firmato")).to_have_count(0)
        page.get_by_role("link", name="Firmi sul foglio di carta").click()
        heading(page, "Il foglio da firmare")


def test_the_keyboard_reaches_the_paper_way_and_never_the_box(pad, desk):
    expect(
        pad.get_by_text("Chi usa la tastiera o un lettore di schermo firma sul foglio di carta.")
    ).to_be_visible()
    way = pad.get_by_role("link", name="Firmi sul foglio di carta")
    reached = []
    for _ in range(40):
        pad.keyboard.press("Tab")
        reached.append(pad.evaluate("document.activeElement.tagName"))
        if way.evaluate("e => e === document.activeElement"):
            break
    assert reached[-1] == "A"
    assert "svg" not in reached
    pad.keyboard.press("Enter")
    heading(pad, "Il foglio da firmare")


def test_a_summary_that_changed_meanwhile_is_read_again(pad, desk):
    desk.refuse("draw_signature", "sitting.summary_changed")
    draw(pad)
    press(pad, "Ho firmato")
    expect(pad.get_by_text("Il riepilogo non è più quello che è stato firmato.")).to_be_visible()
    heading(pad, "Legga e firmi")
    expect(lines(pad)).to_have_count(0)


def test_whoever_signed_already_is_led_on(clerk, desk):
    desk.at(Stage.SIGN, signature=SignatureWay.CANNOT_SIGN)
    clerk.go("/sportello/penna")
    heading(clerk.page, "Tutto pronto")
    clerk.page.goto("about:blank")
    desk.at(Stage.FORM, may=["save_step"])
    clerk.go("/sportello/penna")
    heading(clerk.page, "Chi fa la domanda")


def test_strokes_are_read_from_the_field():
    assert read_strokes("") == []
    assert read_strokes("1 2 3 4.5 6") == [[[1, 2], [3, 4]], [[5, 6]]]


@pytest.mark.parametrize(
    "text", ["1", "1 2 3", "1 2..3 4", "1 -2", "1.5 2 3", "a b", "12345 1", "1 2\n", " 1 2", "1 2 " * 20_000]
)
def test_what_no_page_of_ours_sends_is_not_read(text):
    assert read_strokes(text) is None
