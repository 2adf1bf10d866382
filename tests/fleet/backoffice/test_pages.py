"""The officer's page in a real browser, over a real gate: what came, one dossier, and a decision that flows back."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

from contracts import codec, envelope
from contracts.envelope import Purpose, Statement
from contracts.messages.letters import LetterState
from fleet.backoffice import __main__ as program
from fleet.backoffice.app import OFFICER
from fleet.backoffice.settings import BackofficeSettings
from tests.fleet.backoffice.dossiers import dossier
from tests.fleet.intake.test_road import create, send
from tests.fleet.intake.world import ROOT, World
from tests.peers.browser import Visit
from tests.peers.waiting import until

SCREENS = ROOT / "build" / "screens" / "backoffice"
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
PASSWORD = "parola-di-prova-lunga"


class Office:
    """The recipient's side as a process, joined to the gate of a `World`."""

    def __init__(self, world) -> None:
        self.world = world
        self.process = None

    def words(self, *more):
        settings = (f"data_dir={self.world.recipient_dir}", f"gate_url={self.world.url}", *more)
        return [word for pair in settings for word in ("--set", pair)]

    def start(self, *chosen):
        more = (
            *chosen,
            "listen_port=0",
            "fetch_every_s=0.3",
            "office=INPS – sede di prova di Belluno",
            "sede=2500",
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fleet.backoffice", *self.words(*more), "run"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        line = self.process.stdout.readline()
        assert line.startswith("ready backoffice "), line
        self.url = line.split()[-1]

    def end(self, how=signal.SIGTERM):
        if self.process is None:
            return None
        if how is signal.SIGKILL:
            os.killpg(self.process.pid, how)
        else:
            self.process.send_signal(how)
        code = self.process.wait(timeout=10)
        self.process.stdout.close()
        self.process = None
        return code

    def send(self, content=None):
        letter = self.world.new_id()
        sealed = self.world.seal(content if content is not None else dossier(letter))
        label = self.world.label(sealed, letter=letter)
        session = self.world.session()
        url = create(self.world, label, session).headers["Location"]
        assert send(session, url, sealed, 0).status_code == 204
        return letter

    def states(self, letter):
        """What the box would hear of this letter."""
        key = self.world.recipient.statement.public_key()
        page = self.world.session().get(f"{self.world.url}/post/v1/states?after=0").json()
        read = [
            envelope.read_statement(
                codec.decode(Statement, one["statement"].encode()), LetterState, Purpose.LETTER_STATE, key
            )
            for one in page["states"]
        ]
        return [state for state in read if state.letter == letter]

    def until(self, letter, word):
        until(lambda: any(state.word == word for state in self.states(letter)), f"{word} of the letter")
        return self.states(letter)


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    world = World.make(tmp_path_factory.mktemp("fleet"))
    world.gate()
    register = program._register(BackofficeSettings(data_dir=str(world.recipient_dir)))
    program._accounts(register).add("anna", PASSWORD, OFFICER)
    register.close()
    office = Office(world)
    office.start()
    yield office
    office.end()
    world.close()


def look(visit, name):
    SCREENS.mkdir(parents=True, exist_ok=True)
    for size, suffix in ((PHONE, "-390"), (WIDE, "")):
        visit.page.set_viewport_size(size)
        (SCREENS / f"{name}{suffix}.png").write_bytes(visit.page.screenshot(full_page=True))
    assert [*visit.axe(), *visit.plain_faults(), *visit.reflow_faults(), *visit.strangers()] == []


def test_from_the_letter_to_the_decision(office, browser):
    letter = office.send()
    (received,) = office.until(letter, "ricevuta")
    with Visit(browser, office.url) as visit:
        page = visit.page
        visit.go("/")
        look(visit, "01-accesso")
        page.fill("#name", "anna")
        page.fill("#password", "sbagliata")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=non sono giusti")
        page.fill("#name", "anna")
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("h1:has-text('Pratiche')")
        unreadable = office.send(b"not a dossier")
        office.until(unreadable, "non_leggibile")
        page.reload()
        look(visit, "02-pratiche")
        assert page.locator("table.register tbody tr").count() == 2
        page.click(f"text={received.protocollo}")
        page.wait_for_selector("h1:has-text('PROVA BIANCA')")
        for words in ("Falegnameria Esempio", "Denuncia di furto o smarrimento", "letto e verificato"):
            assert words in page.inner_text("main")
        look(visit, "03-pratica")
        with visit.context.expect_page() as opened:
            page.click("text=Riepilogo della domanda >> nth=0")
        assert opened.value.url.endswith("/documento/documents/summary.pdf")
        opened.value.close()
        page.click("button:has-text('Prendi in lavorazione')")
        page.wait_for_selector("summary:has-text('Accogli')")
        office.until(letter, "in_lavorazione")
        page.click("summary:has-text('Accogli')")
        page.click("button:has-text('Sì, accogli')")
        page.wait_for_selector("text=La pratica è chiusa")
        states = office.until(letter, "accolta")
        assert [state.step for state in states] == [1, 2, 3]
        assert {state.protocollo for state in states} == {received.protocollo}
        page.reload()
        look(visit, "04-pratica-chiusa")
        visit.go(f"/pratica/{unreadable}")
        page.wait_for_selector("text=Questa busta non si può leggere")
        look(visit, "05-non-leggibile")
        visit.go("/?cerca=nessuno")
        look(visit, "06-nessuna")


def test_the_protocol_office_has_the_word(tmp_path, browser):
    """A folder as destination: refused on the page, tried again by its button, received with the office's number."""
    world = World.make(tmp_path / "fleet")
    world.gate()
    register = program._register(BackofficeSettings(data_dir=str(world.recipient_dir)))
    program._accounts(register).add("anna", PASSWORD, OFFICER)
    register.close()
    shared = tmp_path / "protocollo"
    shared.mkdir()
    office = Office(world)
    office.start("destination=folder", f"folder.path={shared}", "folder.ask_every_s=0.2")
    try:
        letter = office.send()
        place = shared / letter
        until(place.is_dir, "the letter in the folder")
        with Visit(browser, office.url) as visit:
            page = visit.page
            visit.go("/")
            page.fill("#name", "anna")
            page.fill("#password", PASSWORD)
            page.keyboard.press("Enter")
            page.wait_for_selector("h1:has-text('Pratiche')")
            visit.go(f"/pratica/{letter}")
            assert "Al protocollo" in page.inner_text("main")
            look(visit, "07-al-protocollo")
            drop(place / "rifiuto.txt", "Manca il modulo firmato")
            until(lambda: "Manca il modulo" in (page.reload(), page.inner_text("main"))[1], "the refusal")
            look(visit, "08-non-protocollata")
            visit.go("/")
            assert "Non protocollata" in page.inner_text("table.register")
            look(visit, "09-elenco-non-protocollata")
            visit.go(f"/pratica/{letter}")
            assert office.states(letter) == []
            (place / "rifiuto.txt").unlink()
            drop(place / "protocollo.txt", "BL-2026-0000042")
            page.focus("button:has-text('Riprova a protocollare')")
            page.keyboard.press("Enter")
            (received,) = office.until(letter, "ricevuta")
            assert received.protocollo == "BL-2026-0000042"
            page.reload()
            assert "BL-2026-0000042" in page.inner_text("main")
    finally:
        office.end()
        world.close()


def drop(path, text):
    fresh = path.with_suffix(".in-arrivo")
    fresh.write_text(text)
    os.utime(fresh, (1_700_000_000, 1_700_000_000))
    fresh.rename(path)


def test_documents_and_pages_are_for_officers_only(office):
    letter = office.send()
    office.until(letter, "ricevuta")
    session = office.world.session()
    session.cert = None
    path = f"{office.url}/pratica/{letter}/documento/documents/summary.pdf"
    assert session.get(path, allow_redirects=False).status_code == 303
    session.post(f"{office.url}/login", data={"name": "anna", "password": PASSWORD})
    pdf = session.get(path)
    assert (pdf.headers["Content-Type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    assert pdf.headers["Cache-Control"] == "no-store"
    assert session.get(f"{office.url}/pratica/{letter}/documento/manifest.json").status_code == 404
    assert session.get(f"{office.url}/pratica/{letter}/documento/../../x").status_code == 404
    move = {"stato": "in_lavorazione", "step": "1"}
    assert session.post(f"{office.url}/pratica/{letter}/stato", data=move).status_code == 403
    page = session.get(f"{office.url}/pratica/{letter}").text
    move["csrf"] = re.search(r'name="csrf" value="([^"]+)"', page).group(1)
    assert (
        session.post(f"{office.url}/pratica/{letter}/stato", data=move | {"stato": "ricevuta"}).status_code
        == 400
    )
    assert session.post(f"{office.url}/pratica/{letter}/stato", data=move).status_code == 200
    again = session.post(f"{office.url}/pratica/{letter}/stato", data=move)
    assert again.status_code == 409
    assert "già cambiato" in again.text


def test_killed_at_any_moment_every_letter_has_one_number(office):
    """kill -9 of the whole process while letters are arriving: at once, and when the first of two was heard of."""
    letters = []
    for round_ in range(3):
        letters += [office.send(), office.send()]
        if round_:
            office.until(letters[-2], "ricevuta")
        office.end(signal.SIGKILL)
        office.start()
    numbers = []
    for letter in letters:
        states = office.until(letter, "ricevuta")
        assert [state.step for state in states] == [1]
        numbers.append(states[0].protocollo)
    assert len(set(numbers)) == len(letters)
    ordinals = sorted(int(number[-7:]) for number in numbers)
    assert ordinals == list(range(ordinals[0], ordinals[0] + len(letters))), "and none is skipped"


def test_the_command_line(tmp_path):
    def run(*words, given=""):
        command = [sys.executable, "-m", "fleet.backoffice", "--set", f"data_dir={tmp_path / 'b'}", *words]
        return subprocess.run(
            command, cwd=ROOT, input=given, capture_output=True, text=True, timeout=30, check=False
        )

    early = run("run")
    assert (early.returncode, early.stdout) == (1, "")
    assert "backoffice.keys_missing" in early.stderr
    first = run("init")
    assert first.returncode == 0
    made = (tmp_path / "b" / "recipient.json").read_bytes()
    again = run("init")
    assert (again.returncode, (tmp_path / "b" / "recipient.json").read_bytes()) == (0, made)
    assert run("user", "add", "anna", given=PASSWORD + "\n").stdout == "added anna\n"
    assert (tmp_path / "b" / "opening.key.pem").stat().st_mode & 0o777 == 0o600
    bad = run("join", "--certificate", str(tmp_path / "none"), "--authority", str(tmp_path / "none"))
    assert bad.returncode == 1


def test_a_folder_that_is_not_named_is_asked_for(tmp_path):
    words = ("--set", f"data_dir={tmp_path / 'b'}", "--set", "destination=folder")
    for act, code in (("init", 0), ("run", 1)):
        command = [sys.executable, "-m", "fleet.backoffice", *words, act]
        end = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
        assert end.returncode == code
    assert "folder.path" in end.stderr


def test_it_ends_when_asked(office):
    assert office.end() == 0
    office.start()
