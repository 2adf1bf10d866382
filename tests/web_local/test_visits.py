"""What clerks do, in real Chromium: by mouse, by keyboard alone, without scripts, twice, in a hurry, with the desk gone."""

from __future__ import annotations

import re
import threading
import time

import msgspec
import pytest
from playwright.sync_api import expect

from contracts.desk_api.clerk import CarriedView, Direction, LineView, ReadingView, Stage
from contracts.errors import Problem, WhoCanAct
from contracts.messages.letters import LetterWord
from contracts.practices.catalogue import shipped
from tests.peers.browser import Visit
from tests.peers.fake_desk import CITIZEN, NAME, PIN, USER, device
from tests.peers.waiting import until
from tests.web_local.conftest import log_in
from web_local import signs

expect.set_options(timeout=10_000)


def heading(page, name):
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()


def arrive(page, name):
    """The page is there, and its reader has been given a place."""
    heading(page, name)
    focused(page)


def focused(page):
    """Asked by a selector: a script text would need `eval`, which the page's policy forbids."""
    expect(page.locator(":focus")).to_have_count(1)


def press(page, name, *, exact=True):
    page.get_by_role("button", name=name, exact=exact).click()


def fill_estratto(page):
    """The questions of the shortest practice."""
    heading(page, "Chi fa la domanda")
    page.get_by_label("Comune o Stato estero di nascita").fill("Agordo")
    page.get_by_label("Cittadinanza").fill("italiana")
    press(page, "Avanti")
    heading(page, "Come la contattiamo")
    page.get_by_label("Numero di telefono").fill("333 123 4567")
    page.get_by_label("No", exact=True).check()
    press(page, "Avanti")
    heading(page, "Che cosa serve")
    page.get_by_label("Estratto semplice").check()
    page.get_by_role("group", name="Serve per una causa").get_by_label("No").check()
    page.get_by_role("group", name="Ha lavorato anche").get_by_label("No").check()
    press(page, "Avanti")


def whole_way(page, desk):
    press(page, "Comincia")
    heading(page, "Prima di cominciare")
    press(page, "L'ho letto ad alta voce")
    heading(page, "Chi è qui?")
    page.get_by_label("Sei cifre", exact=True).fill("123 456")
    press(page, "Leggi la carta")
    heading(page, "È la stessa persona?")
    press(page, "È la persona")
    heading(page, "Che cosa vuole chiedere?")
    press(page, re.compile("^Estratto conto"), exact=False)
    fill_estratto(page)
    heading(page, "I documenti")
    press(page, "Fotografa")
    expect(page.get_by_text("Si legge bene")).to_be_visible()
    press(page, "Avanti")
    heading(page, "Rileggiamo insieme")
    press(page, "È tutto giusto")
    heading(page, "Il foglio da firmare")
    press(page, "Stampa il foglio")
    heading(page, "La firma")
    press(page, "Fotografa il foglio firmato")
    heading(page, "La firma si legge?")
    press(page, "Sì, si legge")
    heading(page, "Tutto pronto")
    press(page, "Salva la domanda")
    heading(page, "La domanda è salva")
    expect(page.get_by_text("Salvata sul dispositivo")).to_be_visible()
    press(page, "Stampa la ricevuta")
    press(page, "Fine")
    heading(page, f"Buon lavoro, {NAME.split()[0]}")


def test_the_whole_way_by_mouse(clerk, desk):
    whole_way(clerk.page, desk)
    assert clerk.plain_faults() == []
    assert clerk.strangers() == []


def test_the_whole_way_without_scripts(browser, face, desk):
    with Visit(browser, face, java_script_enabled=False) as visit:
        visit.go("/entra")
        visit.page.get_by_label(USER).check()
        visit.page.get_by_label("PIN").fill(PIN)
        press(visit.page, "Entra")
        whole_way(visit.page, desk)


class Keyboard:
    """A clerk without a mouse. Each stop of the focus must be seen."""

    def __init__(self, visit):
        self.visit, self.keys = visit, visit.page.keyboard

    def to(self, role, name, *, limit=60):
        target = self.visit.page.get_by_role(role, name=name, exact=True)
        expect(target.first).to_be_visible()
        for _ in range(limit):
            if target.first.evaluate("e => e === document.activeElement"):
                return
            self.keys.press("Tab")
            focus = self.visit.focus()
            assert focus["shown"], f"the focus cannot be seen on {focus}"
            assert focus["inside"], f"the focus is off the screen on {focus}"
        raise AssertionError(f"the keyboard does not reach {name}")

    def press(self, name):
        self.to("button", name)
        self.keys.press("Enter")

    def type(self, name, text):
        self.to("textbox", name)
        self.keys.type(text)

    def choose(self, name):
        """Tab reaches the first of a group of radio buttons (or the chosen one), the arrows the others."""
        target = self.visit.page.get_by_role("radio", name=name, exact=True).last
        group = target.get_attribute("name")
        for _ in range(60):
            if self.visit.page.evaluate("document.activeElement.name") == group:
                break
            self.keys.press("Tab")
        for _ in range(10):
            if target.is_checked():
                return
            self.keys.press("Space" if target.evaluate("e => e === document.activeElement") else "ArrowDown")
        raise AssertionError(f"the keyboard does not choose {name}")


def test_the_whole_way_by_keyboard_alone(visit, desk):
    page, keyboard = visit.page, Keyboard(visit)
    visit.go("/entra")
    arrive(page, "Buongiorno")
    keyboard.type("PIN", PIN)
    keyboard.keys.press("Enter")
    arrive(page, "Buon lavoro")
    keyboard.press("Comincia")
    arrive(page, "Prima di cominciare")
    keyboard.press("L'ho letto ad alta voce")
    arrive(page, "Chi è qui?")
    keyboard.type("Sei cifre", "123456")
    keyboard.keys.press("Enter")
    arrive(page, "È la stessa persona?")
    keyboard.press("È la persona")
    arrive(page, "Che cosa vuole chiedere?")
    page.keyboard.press("Tab")
    choice = page.get_by_role("button", name=re.compile("^Estratto conto"))
    while not choice.evaluate("e => e === document.activeElement"):
        keyboard.keys.press("Tab")
    keyboard.keys.press("Enter")
    arrive(page, "Chi fa la domanda")
    keyboard.to("combobox", "Comune o Stato estero di nascita")
    keyboard.keys.type("Agordo")
    keyboard.type("Cittadinanza", "italiana")
    keyboard.keys.press("Enter")
    arrive(page, "Come la contattiamo")
    keyboard.type("Numero di telefono", "3331234567")
    keyboard.choose("No")
    keyboard.keys.press("Control+Enter")
    arrive(page, "Che cosa serve")
    keyboard.choose("Estratto semplice (per vedere i contributi)")
    for name in ("Serve per una causa o un ricorso?", "Ha lavorato anche all'estero?"):
        page.get_by_role("group", name=name).get_by_label("Sì").focus()
        keyboard.keys.press("Space")
    keyboard.press("Avanti")
    arrive(page, "I documenti")
    keyboard.press("Avanti")
    arrive(page, "Rileggiamo insieme")
    keyboard.press("È tutto giusto")
    arrive(page, "Il foglio da firmare")
    keyboard.press("Stampa il foglio")
    arrive(page, re.compile("La firma$"))
    keyboard.press("Fotografa il foglio firmato")
    arrive(page, "La firma si legge?")
    keyboard.press("Sì, si legge")
    arrive(page, "Tutto pronto")
    keyboard.press("Salva la domanda")
    arrive(page, "La domanda è salva")
    keyboard.press("Stampa la ricevuta")
    expect(page.get_by_role("button", name="Stampa di nuovo")).to_be_visible()
    focused(page)
    keyboard.press("Fine")
    arrive(page, "Buon lavoro")


def test_after_each_page_the_reader_stands_at_the_heading_or_the_errors(clerk, desk):
    desk.at(Stage.FORM)
    clerk.go("/sportello")
    expect(clerk.page.get_by_role("heading", level=1)).to_be_focused()
    press(clerk.page, "Avanti")
    summary = clerk.page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("Ci sono 2 risposte da controllare")
    summary.get_by_role("link").first.click()
    expect(clerk.page.get_by_label("Comune o Stato estero di nascita")).to_be_focused()


def test_what_was_typed_stays_when_an_answer_is_refused(clerk, desk):
    desk.at(Stage.FORM)
    clerk.go("/sportello")
    clerk.page.get_by_label("Cittadinanza").fill("italiana")
    press(clerk.page, "Avanti")
    expect(clerk.page.get_by_label("Cittadinanza")).to_have_value("italiana")


def test_a_double_click_is_one_act(clerk, desk):
    clerk.page.get_by_role("button", name="Comincia").dblclick()
    heading(clerk.page, "Prima di cominciare")
    assert desk.acts == ["Act"]


def test_the_same_form_twice_is_one_act_even_without_the_page_helping(clerk, desk):
    desk.at(Stage.READ_BACK)
    clerk.go("/sportello")
    form = clerk.page.locator('form[action="/sportello/conferma"]')
    typed = {name: form.locator(f"[name={name}]").input_value() for name in ("csrf", "once")}
    for _ in range(3):
        answer = clerk.context.request.post(
            f"{clerk.base}/sportello/conferma", form=typed, headers={"Sec-Fetch-Site": "same-origin"}
        )
        assert answer.ok
    assert desk.acts == ["ConfirmReadBack"]


def test_after_leaving_the_way_back_shows_nothing(clerk, desk):
    desk.at(Stage.COMPARE)
    clerk.go("/sportello")
    expect(clerk.page.get_by_text("PROVA MARIA")).to_be_visible()
    press(clerk.page, "Esci")
    heading(clerk.page, "Buongiorno")
    for _ in range(2):
        clerk.page.go_back()
        expect(clerk.page.get_by_role("heading", level=1)).to_have_text("Buongiorno")
        assert "PROVA" not in clerk.page.content()


def test_f9_hides_at_once_and_the_pin_brings_the_work_back(clerk, desk):
    desk.at(Stage.COMPARE)
    clerk.go("/sportello")
    heading(clerk.page, "È la stessa persona?")
    clerk.page.keyboard.press("F9")
    heading(clerk.page, "Postazione bloccata")
    assert "PROVA" not in clerk.page.content()
    clerk.page.get_by_label("PIN").fill(PIN)
    press(clerk.page, "Entra")
    heading(clerk.page, "È la stessa persona?")


def test_a_desk_that_dies_is_waited_for_and_the_page_returns_by_itself(clerk, desk):
    clerk.go("/domande")
    desk.close()
    clerk.go("/domande")
    heading(clerk.page, "Il dispositivo si sta riavviando")
    desk.open()
    heading(clerk.page, "Domande di questo sportello")


def test_an_open_page_says_that_the_desk_is_away_and_goes_on(clerk, desk):
    band = clerk.page.get_by_text("Il dispositivo si sta riavviando")
    expect(clerk.page.locator("#luci")).to_be_visible()
    clerk.page.wait_for_timeout(300)
    desk.close()
    expect(band).to_be_visible()
    desk.open()
    expect(band).to_be_hidden()


def test_what_was_sent_to_a_dead_desk_is_sent_again(clerk, desk):
    desk.at(Stage.CARD)
    clerk.go("/sportello")
    clerk.page.get_by_label("Sei cifre", exact=True).fill("123456")
    desk.close()
    press(clerk.page, "Leggi la carta")
    heading(clerk.page, "Il dispositivo si sta riavviando")
    desk.open()
    heading(clerk.page, "È la stessa persona?")
    assert desk.acts == ["EnterCode"]


def test_a_session_the_desk_forgot_ends_every_open_page(clerk, desk):
    clerk.page.wait_for_timeout(300)
    desk.token = None
    desk.show()
    expect(clerk.page.get_by_text("La sessione è finita")).to_be_visible()


COUNT_LISTENING = """
window.__listening = 0;
const ask = window.fetch;
window.fetch = (where, ...how) => {
  if (new URL(where.url ?? where, location).pathname === "/eventi") window.__listening += 1;
  return ask(where, ...how);
};
"""
"""In the page itself: what the page before asked for while it was being left is not this page's."""


def test_every_page_listens_exactly_once(clerk, desk):
    """htmx once looked at the page before its extension had arrived, and a page in ten heard nothing."""
    clerk.context.add_init_script(COUNT_LISTENING)
    for _ in range(10):
        with clerk.page.expect_response("**/eventi"):
            clerk.go("/aiuto")
        clerk.page.wait_for_timeout(50)
        assert clerk.page.evaluate("window.__listening") == 1


def test_lights_and_line_change_in_the_open_page(clerk, desk):
    clerk.page.evaluate("window.sameDocument = true")
    desk.show(devices=[device("printer", "trouble", "printer.paper_out")], line=LineView(connected=False))
    expect(clerk.page.locator("#lampade").get_by_text("Manca la carta nella stampante.")).to_be_visible()
    expect(clerk.page.locator("#luci")).to_contain_text("Da sistemare")
    desk.show(devices=[device("printer")])
    expect(clerk.page.locator("#lampade").get_by_text("Manca la carta")).to_be_hidden()
    assert clerk.page.evaluate("window.sameDocument") is True
    assert clerk.plain_faults() == []


def test_a_letters_state_changes_in_the_open_list(clerk, desk):
    clerk.go("/domande")
    first = clerk.page.locator(".pue-letters li").first
    expect(first).to_contain_text("Salvata sul dispositivo")
    desk.letters_kept[0] = msgspec.structs.replace(desk.letters_kept[0], word="trasmessa")
    desk.letters_kept[0] = msgspec.convert(
        msgspec.to_builtins(desk.letters_kept[0]), type(desk.letters_kept[1])
    )
    desk.show()
    expect(first).to_contain_text("Trasmessa")


def test_a_letter_on_its_way_does_not_take_the_page_from_under_the_reader(clerk, desk):
    desk.at(Stage.DONE)
    page = clerk.page
    clerk.go("/sportello")
    page.evaluate("window.same = true")
    page.get_by_role("button", name="Fine, senza ricevuta").focus()
    for word in (LetterWord.SENT, LetterWord.RECEIVED):
        row = msgspec.structs.replace(desk.view.sitting.letter, word=word)
        desk.sit(letter=row)
        expect(page.locator("#parola")).to_contain_text(signs.letter_sign(row).word)
    assert page.evaluate("window.same")
    expect(page.locator(":focus")).to_have_text("Fine, senza ricevuta")


def test_reading_moves_in_place_and_the_next_page_comes_by_itself(clerk, desk):
    desk.at(Stage.READING)
    clerk.go("/sportello")
    desk.sit(reading=ReadingView(code="card.chip", ratio=0.8))
    expect(clerk.page.get_by_text("Controllo che il chip sia l'originale.")).to_be_visible()
    expect(clerk.page.get_by_role("progressbar")).to_have_attribute("value", "80")
    desk.at(Stage.COMPARE)
    heading(clerk.page, "È la stessa persona?")


def test_the_live_picture_lives(clerk, desk):
    desk.at(Stage.COMPARE)
    clerk.go("/sportello")
    began = time.monotonic()
    while sum("/immagine/preview?n=" in url for url in clerk.requests) < 4:
        assert time.monotonic() - began < 15
        clerk.page.wait_for_timeout(100)
    # Four pictures a second and no faster: the first comes at once, each other 250 ms after the one before.
    assert time.monotonic() - began > 0.6


def test_a_camera_without_a_picture_is_said_calmly_and_tried_again(clerk, desk):
    desk.at(Stage.COMPARE)
    desk.refuse_for_good("picture", "camera.absent")
    clerk.go("/sportello")
    expect(clerk.page.get_by_text("La telecamera non dà immagine.")).to_be_visible()
    desk.always.clear()
    expect(clerk.page.get_by_text("La telecamera non dà immagine.")).to_be_hidden()


def test_the_open_step_is_kept_as_it_is_written(clerk, desk):
    desk.at(Stage.FORM)
    clerk.go("/sportello")
    clerk.page.get_by_label("Cittadinanza").fill("italiana")
    clerk.page.get_by_label("Nome", exact=True).focus()
    expect(clerk.page.get_by_text(re.compile("salvata in bozza alle"))).to_be_visible()
    assert desk.acts == ["SaveStep"]
    assert desk.view.sitting.form.answers["cittadinanza"] == ["italiana"]
    clerk.page.reload()
    expect(clerk.page.get_by_label("Cittadinanza")).to_have_value("italiana")


def test_children_are_added_and_taken_away(clerk, desk):
    auu = shipped().get("auu@2026-01")
    desk.at(Stage.FORM)
    desk.sit(form=desk.form_of(auu, 3, {}))
    clerk.go("/sportello")
    page = clerk.page
    page.get_by_label("Codice fiscale del figlio").fill("PRIMO")
    press(page, "Aggiungi: figlio")
    expect(page.get_by_role("group", name="Figlio 2")).to_be_visible()
    page.get_by_role("group", name="Figlio 2").get_by_label("Codice fiscale del figlio").fill("SECONDO")
    press(page, "Togli Figlio 1")
    expect(page.get_by_role("group", name="Figlio 2")).to_have_count(0)
    expect(page.get_by_label("Codice fiscale del figlio")).to_have_value("SECONDO")
    assert page.get_by_role("alert").count() == 0


def test_a_question_appears_when_the_answer_above_calls_for_it(clerk, desk):
    desk.at(Stage.FORM)
    desk.sit(form=desk.form_of(shipped().get("auu@2026-01"), 5, {}))
    clerk.go("/sportello")
    iban = clerk.page.get_by_label("IBAN", exact=True)
    expect(iban).to_be_hidden()
    clerk.page.get_by_label("Conto corrente (IBAN)").check()
    expect(iban).to_be_visible()
    clerk.page.get_by_label("In contanti all'ufficio postale").check()
    expect(iban).to_be_hidden()
    assert clerk.plain_faults() == []


def test_a_word_leaves_the_practices_that_have_it(clerk, desk):
    desk.at(Stage.CHOOSE)
    clerk.go("/sportello")
    page = clerk.page
    assert page.locator(".pue-choice").count() == 19
    page.get_by_label("Cerca").fill("MATERNITA")
    expect(page.locator(".pue-choice:visible")).to_have_count(2)
    expect(page.get_by_role("status").filter(has_text="Domande trovate: 2")).to_be_visible()
    expect(page.get_by_role("heading", name="Pensione e contributi")).to_be_hidden()
    page.get_by_label("Cerca").fill("zzz")
    expect(page.get_by_text("Nessuna domanda con questa parola.")).to_be_visible()
    page.get_by_label("Cerca").fill("")
    expect(page.locator(".pue-choice:visible")).to_have_count(19)
    assert clerk.plain_faults() == []


def test_without_a_script_all_practices_are_there(browser, face, desk):
    with Visit(browser, face, java_script_enabled=False) as plain:
        log_in(plain)
        desk.at(Stage.CHOOSE)
        plain.go("/sportello")
        assert plain.page.locator(".pue-choice:visible").count() == 19
        assert plain.page.get_by_label("Cerca").is_hidden()


def test_several_answers_are_ticked_and_kept(clerk, desk):
    desk.at(Stage.FORM, "invalidita_l104")
    desk.sit(form=desk.form_of(shipped().get("invalidita_l104@2026-01"), 4, {}))
    clerk.go("/sportello")
    for name in ("Sordità", "Legge 104"):
        clerk.page.get_by_label(name).check()
    press(clerk.page, "Avanti")
    clerk.page.get_by_role("alert").wait_for()  # the other answers are missing
    assert desk.view.sitting.form.answers["prestazione"] == ["sordita", "handicap_104"]
    assert clerk.page.get_by_label("Sordità").is_checked()
    assert not clerk.page.get_by_label("Cecità civile").is_checked()
    assert clerk.plain_faults() == []


def test_a_draft_still_under_way_does_not_overtake_the_act(clerk, desk, monkeypatch):
    desk.at(Stage.FORM, "invalidita_l104")
    desk.sit(form=desk.form_of(shipped().get("invalidita_l104@2026-01"), 4, {}))
    save, goes_on, arrived = desk.save_step, threading.Event(), []

    def slow(request):
        if request.then is Direction.STAY:
            assert goes_on.wait(4)
        arrived.append(request.then)
        return save(request)

    monkeypatch.setattr(desk, "save_step", slow)
    clerk.go("/sportello")
    clerk.page.get_by_label("Sordità").check()
    press(clerk.page, "Avanti")  # the focus leaves the answer: the draft is sent
    press(clerk.page, "Avanti")  # an impatient hand
    goes_on.set()
    clerk.page.get_by_role("alert").wait_for()
    assert arrived == [Direction.STAY, Direction.NEXT]


def test_what_there_is_to_know_is_told_on_the_first_page_alone(clerk, desk):
    naspi = shipped().get("naspi@2026-01")
    desk.at(Stage.FORM)
    desk.sit(form=desk.form_of(naspi, 0))
    clerk.go("/sportello")
    told = clerk.page.get_by_role("region", name="Da sapere prima di cominciare")
    expect(told).to_contain_text("13 settimane")
    desk.sit(form=desk.form_of(naspi, 1))
    clerk.page.reload()
    expect(told).to_have_count(0)


def test_comuni_are_suggested_without_a_name_in_an_address(clerk, desk):
    desk.at(Stage.FORM)
    clerk.go("/sportello")
    field = clerk.page.get_by_label("Comune o Stato estero di nascita")
    field.press_sequentially("agord")
    expect(clerk.page.locator("datalist option[value='Agordo']")).to_have_count(1)
    assert not [url for url in clerk.requests if "agord" in url.lower()]


def test_by_sight_says_what_is_missing_and_keeps_what_is_there(clerk, desk):
    desk.at(Stage.CARD)
    clerk.go("/sportello/a-vista")
    page = clerk.page
    page.get_by_label("Cognome").fill("Prova")
    press(page, "Continua")
    expect(page.get_by_role("alert")).to_contain_text("Ci sono 6 risposte da controllare")
    expect(page.get_by_label("Cognome")).to_have_value("Prova")
    page.get_by_label("Il chip non si legge").check()
    page.get_by_label("Patente").check()
    for label, text in (
        ("Numero del documento", "U10000000A"),
        ("Nome", "Maria"),
        ("Data di nascita", "3/2/1950"),
        ("Codice fiscale", "prv mra 50b43 a074 x"),
    ):
        page.get_by_label(label, exact=True).fill(text)
    press(page, "Continua")
    heading(page, "Che cosa vuole chiedere?")


def test_the_lines_of_the_back_are_another_way_in(clerk, desk):
    desk.at(Stage.CARD)
    clerk.go("/sportello")
    page = clerk.page
    page.get_by_text("Passaporto, o carta con le sei cifre illeggibili").click()
    page.get_by_label("Righe stampate").fill("corto")
    press(page, "Leggi con queste righe")
    expect(page.get_by_role("alert")).to_contain_text("Copi tutte le righe")
    page.get_by_label("Righe stampate").fill(
        "C<ITACA00000AA0<<<<<<<<<<<<<<<\n5002035f3002034ITA<<<<<<<<<<<0\nPROVA<<MARIA<<<<<<<<<<<<<<<<<<"
    )
    press(page, "Leggi con queste righe")
    heading(page, "È la stessa persona?")


def test_the_camera_reads_the_lines_instead_of_a_hand(clerk, desk):
    desk.at(Stage.CARD)
    page = clerk.page
    clerk.go("/sportello")
    page.get_by_text("Passaporto, o carta con le sei cifre illeggibili").click()
    desk.refuse("show_document", "document.nothing_seen")
    press(page, "Leggi le righe con la telecamera")
    expect(page.get_by_text("La telecamera non vede le righe stampate.")).to_be_visible()
    page.get_by_text("Passaporto, o carta con le sei cifre illeggibili").click()
    press(page, "Leggi le righe con la telecamera")
    arrive(page, "Leggo la carta")
    assert desk.acts.count("Act") == 1


def test_a_refused_act_is_told_where_it_happened(clerk, desk):
    desk.at(Stage.SIGN)
    clerk.go("/sportello")
    desk.refuse("print_summary", "printer.paper_out")
    press(clerk.page, "Stampa il foglio")
    expect(clerk.page.get_by_role("alert")).to_contain_text("Manca la carta nella stampante.")
    heading(clerk.page, "Il foglio da firmare")
    press(clerk.page, "Stampa il foglio")
    heading(clerk.page, "La firma")


def test_who_cannot_sign_is_served_too(clerk, desk):
    desk.at(Stage.SIGN)
    clerk.go("/sportello")
    page = clerk.page
    page.get_by_role("link", name="Il cittadino non può firmare").click()
    press(page, "Raccolgo io la dichiarazione")
    expect(page.get_by_role("alert")).to_contain_text("Scriva perché")
    page.get_by_label("Perché non può firmare?").fill("impedimento alla mano")
    press(page, "Raccolgo io la dichiarazione")
    expect(page.get_by_text("La dichiarazione è raccolta da lei")).to_be_visible()


def test_laying_aside_and_erasing_are_told_apart(clerk, desk):
    desk.at(Stage.FORM)
    clerk.go("/sportello")
    page = clerk.page
    page.get_by_role("link", name="Interrompi…").click()
    press(page, "Cancella la domanda")
    expect(page.get_by_role("alert")).to_contain_text("Scelga il motivo")
    assert desk.acts == []
    press(page, "Metti da parte")
    heading(page, "Domande da finire")
    press(page, "PROVA MARIA", exact=False)
    heading(page, "Chi è qui?")


def test_before_the_lock_it_warns_and_one_key_goes_on(browser, face, desk):
    desk.idle_lock_s = 61
    with Visit(browser, face) as visit:
        visit.context.add_cookies([{"name": "pue", "value": desk.enter().token, "url": face}])
        visit.go("/")
        band = visit.page.get_by_text("Tra un minuto la postazione si blocca")
        expect(band).to_be_visible()
        before = desk.stays
        visit.page.keyboard.press("Shift")
        expect(band).to_be_hidden()
        until(lambda: desk.stays > before, "the desk hears of it")


@pytest.mark.parametrize("path", ["/sportello/codice", "/sportello/salva", "/comincia"])
def test_an_act_typed_as_an_address_does_nothing_and_leads_home(clerk, desk, path):
    clerk.go(path)
    heading(clerk.page, "Buon lavoro")
    assert desk.acts == []


def test_the_name_is_shown_while_the_rest_is_read_and_nobody_vouches_for_it_yet(clerk, desk):
    desk.at(Stage.READING)
    clerk.go("/sportello")
    desk.sit(reading=ReadingView(code="card.photo", ratio=0.6, name="ESEMPIO MARIA"))
    expect(clerk.page.locator("#lettura")).to_contain_text("ESEMPIO MARIA")
    expect(clerk.page.locator("#lettura")).to_contain_text("non ancora verificato")
    expect(clerk.page.get_by_role("progressbar")).to_have_attribute("value", "60")


def test_a_tessera_is_read_with_and_without_its_pin(clerk, desk):
    desk.at(Stage.CARD)
    clerk.go("/sportello")
    page = clerk.page
    page.get_by_text("Tessera sanitaria con il chip").click()
    field = page.get_by_label("PIN della tessera")
    expect(field).to_have_attribute("type", "password")
    field.fill("12")
    press(page, "Leggi la tessera")
    expect(page.get_by_role("alert")).to_contain_text("Il PIN ha da 5 a 8 cifre")
    expect(page.get_by_label("PIN della tessera")).to_have_value("")
    press(page, "Leggi la tessera")
    heading(page, "È la stessa persona?")
    assert desk.acts == ["ReadContact"]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("card.wrong_pin", "Il PIN della tessera non è giusto."),
        ("card.pin_blocked", "Il PIN della tessera è bloccato."),
        ("card.pin_spared", "Resta un solo tentativo"),
        ("card.code_needed", "Sul lettore c'è una carta d'identità o un passaporto."),
    ],
)
def test_what_the_slot_says(clerk, desk, code, says):
    desk.at(Stage.CARD, trouble=Problem(code=code, who=WhoCanAct.CLERK))
    clerk.go("/sportello")
    expect(clerk.page.get_by_role("alert")).to_contain_text(says)


@pytest.mark.parametrize(
    ("agrees", "says"),
    [
        (None, "Codice letto dalla tessera sanitaria"),
        (True, "è lo stesso del chip"),
        (False, "La tessera sanitaria è di un'altra persona."),
    ],
)
def test_a_scanned_tessera_appears_by_itself(clerk, desk, agrees, says):
    desk.at(Stage.CARD if agrees is None else Stage.COMPARE)
    clerk.go("/sportello")
    desk.sit(carried=CarriedView(codice_fiscale="SMPMRA85D52H501E", agrees=agrees))
    expect(clerk.page.locator("#tessera")).to_contain_text(says)


def test_without_a_photo_the_way_leads_to_a_document(clerk, desk):
    desk.at(Stage.COMPARE, may=["by_sight", "abandon"])
    clerk.go("/sportello")
    expect(clerk.page.get_by_role("button", name="È la persona", exact=True)).to_have_count(0)
    clerk.page.get_by_role("link", name="Identifico a vista, con un documento").click()
    expect(clerk.page.get_by_label("Cognome")).to_have_value(CITIZEN.surname)
    expect(clerk.page.get_by_label("La tessera ha il chip ma non la fotografia")).to_be_checked()
