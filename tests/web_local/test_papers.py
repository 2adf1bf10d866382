"""Paper under the camera, in real Chromium: the outline lives, pages are judged and mended by mouse, keys and without scripts."""

from __future__ import annotations

import contextlib
import threading
import time

import msgspec
import pytest
import requests
from playwright.sync_api import expect

from contracts.desk_api.clerk import Fit, KeepPage, KeptBecause, RedactPage, ShapePage, Stage, UseFinding
from tests.peers.browser import Visit
from tests.peers.fake_desk import picture, unique
from tests.web_local.conftest import log_in
from tests.web_local.test_pages import IBAN
from tests.web_local.test_visits import heading, press
from web_local.views import eye

expect.set_options(timeout=10_000)
FIRST, SECOND = unique(100), unique(101)
SHEET = [(0.1, 0.1), (0.9, 0.12), (0.88, 0.9), (0.12, 0.88)]


@pytest.fixture
def papers(clerk, desk):
    """The page of papers, with one good page and one that is blurred."""
    desk.at(Stage.PAGES, "naspi")
    desk.take("lettera")
    desk.take("lettera")
    clerk.go("/sportello")
    heading(clerk.page, "I documenti")
    return clerk.page


def pages(desk):
    return desk.view.sitting.pages.pages


def asked_of(desk, kind):
    return [request for request in desk.asked if isinstance(request, kind)]


# ---------------------------------------------------------------- the live picture


def test_the_outline_follows_the_sheet_and_the_hint_is_said(papers, desk):
    desk.see(corners=SHEET, hint="hold_still", steady=0.5)
    outline = papers.locator(".pue-eye polygon")
    expect(outline).to_have_attribute("points", "0.1,0.1 0.9,0.12 0.88,0.9 0.12,0.88")
    expect(papers.get_by_role("status").filter(has_text="Tenga fermo il foglio")).to_be_visible()
    desk.see(corners=[], hint="sheet_missing", steady=0.0)
    expect(outline).to_have_attribute("points", "")
    expect(papers.get_by_text("Metta il foglio sul tappetino scuro.")).to_be_visible()


def test_a_camera_that_goes_is_said_and_comes_back_by_itself(papers, desk):
    shown = papers.locator(".pue-eye img")
    expect(shown).to_be_visible()
    desk.camera_there = False
    desk.see(corners=[], hint="camera_gone")
    expect(papers.get_by_text("La telecamera non dà immagine.", exact=True)).to_be_visible()
    expect(shown).to_be_hidden()
    desk.camera_there = True
    desk.see(hint="sheet_missing")
    expect(shown).to_be_visible()
    expect(papers.get_by_text("La telecamera non dà immagine.", exact=True)).to_be_hidden()


class Viewer:
    """A logged-in program that takes pictures off the face's hands as it likes."""

    def __init__(self, face, token):
        self.answer = requests.get(f"{face}/immagine/viva", cookies={"pue": token}, stream=True, timeout=20)
        self._pieces = self.answer.iter_content(4096)
        self._rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.answer.close()

    def until(self, mark):
        while mark not in self._rest:
            self._rest += next(self._pieces)
        head, _, self._rest = self._rest.partition(mark)
        return head

    def see(self, count):
        """So many pictures in a row, each of them whole."""
        seen = []
        for _ in range(count):
            size = int(self.until(b"\r\n\r\n").rpartition(b"Content-Length: ")[2])
            while len(self._rest) < size + 2:
                self._rest += next(self._pieces)
            shot, self._rest = self._rest[:size], self._rest[size + 2 :]
            assert shot.startswith(b"\xff\xd8")
            assert shot.endswith(b"\xff\xd9")
            seen.append(shot)
        return seen

    def to_the_end(self):
        for _ in self._pieces:
            pass


@pytest.fixture
def viewer(face, desk):
    token = desk.enter().token
    return lambda: Viewer(face, token)


def test_the_cameras_pictures_are_shown_one_after_the_other_each_once(viewer):
    """Nothing is left out, repeated or out of order. How many a second come is a figure of the bench."""
    with viewer() as one:
        assert one.answer.headers["Content-Type"].startswith("multipart/x-mixed-replace")
        seen = one.see(40)
    first = next(number for number in range(10) if picture(f"dal vivo {number}") == seen[0])
    assert seen == [picture(f"dal vivo {number}") for number in range(first, first + 40)]


def test_a_viewer_who_does_not_look_is_asked_for_no_more(viewer, desk):
    """What the sockets hold is all that waits: the desk is asked for the next picture only when the last was taken."""
    with viewer() as one:
        one.see(1)
        before, now = -1, desk.lives
        end = time.monotonic() + 60
        while before != now:
            assert time.monotonic() < end
            before = now
            threading.Event().wait(1.0)
            now = desk.lives
        one.see(now + 5)


def test_only_so_many_look_at_once_and_a_place_is_given_back(viewer):
    with contextlib.ExitStack() as opened:
        for _ in range(eye.VIEWERS):
            opened.enter_context(viewer()).see(1)
        with viewer() as late:
            assert late.answer.status_code == 503
    end = time.monotonic() + 10
    while True:
        with viewer() as again:
            if again.answer.status_code == 200:
                break
        assert time.monotonic() < end


def test_the_pictures_end_with_the_session(viewer, desk):
    with viewer() as one:
        one.see(1)
        desk.token = "of-somebody-else-000000000000000"
        one.to_the_end()


# ---------------------------------------------------------------- judging and mending


def test_a_bad_page_is_judged_before_going_on(papers, desk):
    desk.refuse("pages_done", "sitting.page_not_judged")
    press(papers, "Avanti")
    expect(papers.get_by_text("C'è una pagina da guardare.")).to_be_visible()
    papers.get_by_role("link", name="C'è una pagina da guardare prima di andare avanti").click()
    heading(papers, "Pagina 2")
    expect(papers.get_by_text("La pagina è sfocata.")).to_be_visible()
    press(papers, "Tenga la pagina così")
    expect(papers.get_by_text("Scelga perché la pagina va bene così.").first).to_be_visible()
    papers.get_by_label("Il foglio è proprio così").check()
    press(papers, "Tenga la pagina così")
    expect(papers.get_by_text("Va bene così: Il foglio è proprio così")).to_be_visible()
    assert pages(desk)[1].kept is KeptBecause.ORIGINAL_IS_SO


def test_a_page_is_taken_again_in_its_place(papers, desk):
    papers.get_by_role("link", name="Guardi e corregga pagina 2").click()
    papers.get_by_role("link", name="Rifaccia la foto").click()
    heading(papers, "Rifaccia la pagina 2")
    expect(papers.locator(".pue-eye img")).to_be_visible()
    press(papers, "Fotografa di nuovo")
    heading(papers, "I documenti")
    assert [page.page for page in pages(desk)] == [FIRST, unique(152)]


def test_pages_change_places(papers, desk):
    press(papers, "Sposti più su la pagina 2")
    heading(papers, "I documenti")
    assert [page.page for page in pages(desk)] == [SECOND, FIRST]
    press(papers, "Sposti più giù la pagina 1")
    heading(papers, "I documenti")
    assert [page.page for page in pages(desk)] == [FIRST, SECOND]


def test_corners_are_moved_with_the_arrows(papers, desk):
    desk.change_page(FIRST, corners=SHEET)
    papers.goto(papers.url.rstrip("/") + f"/foglio/{FIRST}/angoli")
    handle = papers.get_by_role("button", name="Angolo in alto a sinistra: 10, 10")
    handle.focus()
    papers.keyboard.press("ArrowRight")
    papers.keyboard.press("Shift+ArrowDown")
    expect(papers.get_by_label("Angolo in alto a sinistra, da sinistra")).to_have_value("11")
    expect(papers.get_by_label("Angolo in alto a sinistra, dall'alto")).to_have_value("15")
    press(papers, "Raddrizza il foglio")
    heading(papers, "Pagina 1")
    (asked,) = asked_of(desk, ShapePage)
    assert asked.corners[0] == pytest.approx((0.11, 0.15))
    assert asked.corners[2] == pytest.approx((0.88, 0.9))


def test_corners_are_dragged(papers, desk):
    papers.goto(papers.url.rstrip("/") + f"/foglio/{FIRST}/angoli")
    papers.get_by_role("button", name="Angolo in basso a destra").scroll_into_view_if_needed()
    ground = papers.locator("[data-corners]").bounding_box()
    knob = papers.get_by_role("button", name="Angolo in basso a destra").bounding_box()
    papers.mouse.move(knob["x"] + knob["width"] / 2, knob["y"] + knob["height"] / 2)
    papers.mouse.down()
    papers.mouse.move(ground["x"] + 0.5 * ground["width"], ground["y"] + 0.6 * ground["height"], steps=4)
    papers.mouse.up()
    there = float(
        papers.get_by_label("Angolo in basso a destra, da sinistra").input_value().replace(",", ".")
    )
    assert there == pytest.approx(50, abs=1)


def test_numbers_that_are_none_are_refused_where_they_stand(papers, desk):
    papers.goto(papers.url.rstrip("/") + f"/foglio/{FIRST}/angoli")
    papers.get_by_label("Angolo in basso a destra, dall'alto").fill("molto")
    press(papers, "Raddrizza il foglio")
    field = papers.get_by_label("Angolo in basso a destra, dall'alto")
    expect(field).to_have_value("molto")
    expect(field).to_have_attribute("aria-invalid", "true")


def test_a_place_is_blackened_by_keyboard_and_nothing_can_be_turned_any_more(papers, desk):
    papers.goto(papers.url.rstrip("/") + f"/foglio/{FIRST}/copri")
    press(papers, "Copra per sempre")
    expect(papers.get_by_text("Segni almeno un riquadro.").first).to_be_visible()
    press(papers, "Aggiunga un riquadro")
    papers.keyboard.press("ArrowUp")
    papers.keyboard.press("Shift+ArrowRight")
    expect(papers.get_by_label("dall'alto").first).to_have_value("44")
    expect(papers.get_by_label("fino a destra").first).to_have_value("71")
    press(papers, "Copra per sempre")
    heading(papers, "Pagina 1")
    (asked,) = asked_of(desk, RedactPage)
    assert asked.boxes == [pytest.approx((0.3, 0.44, 0.71, 0.54))]
    expect(papers.get_by_text("Non si può più girare né raddrizzare")).to_be_visible()
    expect(papers.get_by_role("button", name="Giri di un quarto")).to_have_count(0)


def test_a_place_is_drawn_with_the_mouse(papers, desk):
    papers.goto(papers.url.rstrip("/") + f"/foglio/{FIRST}/copri")
    ground = papers.locator("[data-boxes]").bounding_box()
    papers.mouse.move(ground["x"] + 0.2 * ground["width"], ground["y"] + 0.3 * ground["height"])
    papers.mouse.down()
    papers.mouse.move(ground["x"] + 0.6 * ground["width"], ground["y"] + 0.4 * ground["height"], steps=5)
    papers.mouse.up()
    expect(papers.get_by_role("button", name="Riquadro 1")).to_be_visible()
    assert float(papers.get_by_label("fino a destra").first.input_value().replace(",", ".")) == pytest.approx(
        60, abs=1
    )


def test_what_stands_on_the_page_goes_into_the_form_only_when_said(papers, desk):
    desk.change_page(FIRST, findings=[IBAN])
    papers.goto(papers.url.rstrip("/") + f"/foglio/{FIRST}")
    expect(papers.get_by_text("IT24 D054 2811 1010 0000 0654 321")).to_be_visible()
    assert asked_of(desk, UseFinding) == []
    press(papers, "Metta questo nella domanda")
    expect(papers.get_by_text("È uguale a quello della domanda.")).to_be_visible()
    assert pages(desk)[0].findings[0].fit is Fit.SAME


def test_a_sign_that_was_put_right_is_told_of(papers, desk):
    warning = papers.get_by_text("Un segno non si legge bene: controlli ogni cifra.")
    for repaired, times in ((False, 0), (True, 1)):
        desk.change_page(FIRST, findings=[msgspec.structs.replace(IBAN, repaired=repaired)])
        papers.goto(papers.url.split("/foglio")[0].rstrip("/") + f"/foglio/{FIRST}")
        expect(warning).to_have_count(times)


def test_a_paper_is_photographed_by_itself_until_told_otherwise(papers, desk):
    papers.get_by_label("Ultima busta paga").check()
    press(papers, "Scatta da solo quando è fermo")
    heading(papers, "I documenti")
    assert desk.view.sitting.pages.auto == "busta_paga"
    press(papers, "Non scattare più da solo")
    heading(papers, "I documenti")
    assert desk.view.sitting.pages.auto == ""


def test_everything_works_without_scripts(browser, face, desk):
    with Visit(browser, face, java_script_enabled=False) as window:
        log_in(window)
        desk.at(Stage.PAGES, "naspi")
        desk.take("lettera")
        desk.take("lettera")
        page = window.page
        window.go(f"/sportello/foglio/{SECOND}")
        page.get_by_label("Ho riprovato e non viene meglio").check()
        press(page, "Tenga la pagina così")
        window.go(f"/sportello/foglio/{FIRST}/angoli")
        page.get_by_label("Angolo in alto a sinistra, da sinistra").fill("12,5")
        press(page, "Raddrizza il foglio")
        window.go(f"/sportello/foglio/{FIRST}/copri")
        for label, value in (
            ("da sinistra", "10"),
            ("dall'alto", "20"),
            ("fino a destra", "30"),
            ("fino in basso", "25"),
        ):
            page.get_by_label(label).first.fill(value)
        press(page, "Copra per sempre")
        heading(page, "Pagina 1")
    assert [one.because for one in asked_of(desk, KeepPage)] == [KeptBecause.NO_BETTER]
    assert asked_of(desk, ShapePage)[0].corners[0][0] == pytest.approx(0.125)
    assert asked_of(desk, RedactPage)[0].boxes == [pytest.approx((0.1, 0.2, 0.3, 0.25))]


@pytest.mark.parametrize("path", ["", "/rifai", "/angoli", "/copri"])
def test_a_page_that_is_gone_leads_back(papers, desk, path):
    papers.goto(papers.url.rstrip("/") + f"/foglio/{unique(999)}{path}")
    heading(papers, "I documenti")
