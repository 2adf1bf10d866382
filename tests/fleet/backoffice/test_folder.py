"""Handed over through a folder: there whole or not at all, once, and received only when a number came back."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from lxml import etree

from contracts.messages.letters import RESERVED, LetterWord
from fleet.backoffice import destinations
from fleet.backoffice.destinations import folder as folder_module
from fleet.backoffice.destinations.folder import FolderDestination
from fleet.backoffice.destinations.port import NotANumber, protocollo, reason
from fleet.backoffice.destinations.segnatura import Body
from fleet.backoffice.register import Register, Stage
from fleet.backoffice.rounds import Rounds
from tests.fleet.backoffice.dossiers import PDF, dossier
from tests.fleet.backoffice.dossiers import manifest as dossier_manifest
from tests.fleet.backoffice.test_rounds import Desk, PowerCut, Tray, add, clock, world  # noqa: F401 - fixtures
from tests.fleet.intake.world import zipped

XSD = Path(destinations.__file__).with_name("segnatura.xsd")
NS = {"p": "http://www.agid.gov.it/protocollo/"}


class FolderDesk(Desk):
    """A recipient whose numbers come from the protocol office."""

    max_attempts = 20

    def open(self) -> None:
        super().open()
        self.office = self.folder / "protocollo"
        self.office.mkdir(exist_ok=True)
        self.destination = FolderDestination(self.office, Body("Ente di prova", "ente_prova", "AOO01"))
        self.rounds = Rounds(
            self.register,
            self.opener,
            self.tray,
            self.clock,
            self.destination,
            max_attempts=self.max_attempts,
        )

    def drop(self, letter, name, data, *, age_s=60):
        path = self.office / letter / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        moment = self.clock.now().timestamp() - age_s
        os.utime(path, (moment, moment))

    def later(self, seconds_s=3600):
        self.clock.advance(seconds_s)
        self.rounds.once()


@pytest.fixture
def desk(world, tmp_path, clock):  # noqa: F811
    desk = FolderDesk(world, tmp_path, Tray(), clock)
    yield desk
    desk.register.close()


def test_nothing_is_said_until_the_number_is_there(desk):
    letter = add(desk)
    desk.rounds.once()
    assert desk.register.entry(letter).stage is Stage.HANDING
    assert desk.states() == []
    desk.drop(letter, "protocollo.txt", "INPS.2500.28/11/2026.0001234\r\n")
    desk.later()
    (state,) = desk.states()
    assert (state.word, state.protocollo) == (LetterWord.RECEIVED, "INPS.2500.28/11/2026.0001234")
    assert desk.register.entry(letter).answer_by == state.answer_by
    desk.later()
    assert len(desk.states()) == 1


def test_what_lies_in_the_folder(desk):
    letter = add(desk)
    desk.rounds.once()
    place = desk.office / letter
    names = sorted(str(p.relative_to(place)) for p in place.rglob("*") if p.is_file())
    assert names == [
        "Segnatura.xml",
        "documenti/01-summary.pdf",
        "documenti/02-01-altro.pdf",
        "manifest.json",
    ]
    table = json.loads((place / "manifest.json").read_text())
    assert (table["letter"], table["attempt"], table["dossier"]["citizen"]["surname"]) == (letter, 1, "PROVA")
    for row in table["documents"]:
        assert hashlib.sha256((place / row["file"]).read_bytes()).hexdigest() == row["sha256"]
    assert place.stat().st_mode & 0o070 == 0o070
    assert place.stat().st_mode & 0o002 == 0


def test_the_segnatura_follows_the_published_structure(desk):
    letter = add(desk)
    desk.rounds.once()
    place = desk.office / letter
    tree = etree.parse(place / "Segnatura.xml")
    etree.XMLSchema(etree.parse(XSD)).assertValid(tree)
    root = tree.getroot()
    assert root.tag == "{http://www.agid.gov.it/protocollo/}SegnaturaInformatica"
    assert dict(root.attrib) == {"versione": "3.0.0", "lang": "it"}
    assert root.findtext(".//p:NumeroRegistrazione", namespaces=NS) == "0000001"
    assert root.findtext(".//p:Mittente//p:CodiceIPAAmministrazione", namespaces=NS) == "c_a074"
    papers = root.findall(".//p:DocumentoPrimario", NS) + root.findall(".//p:Allegato", NS)
    for paper in papers:
        want = hashlib.sha256((place / paper.get("nomeFile")).read_bytes()).digest()
        assert paper.findtext("p:Impronta", namespaces=NS) == base64.b64encode(want).decode()
    assert len(papers) == 2
    assert b"PROVA" not in (place / "Segnatura.xml").read_bytes()


def test_the_schema_can_say_no(desk):
    letter = add(desk)
    desk.rounds.once()
    good = (desk.office / letter / "Segnatura.xml").read_bytes()
    schema = etree.XMLSchema(etree.parse(XSD))
    for old, new in (
        (b"3.0.0", b"2.0.0"),
        (b"SHA-256", b"MD5"),
        (b">0000001<", b">1<"),
        (b' lang="it"', b""),
    ):
        assert old in good
        assert not schema.validate(etree.fromstring(good.replace(old, new)).getroottree())


def test_a_reserved_practice_is_not_named_in_the_segnatura(desk):
    letter = add(desk, practice=RESERVED)
    desk.rounds.once()
    assert b"NASpI" not in (desk.office / letter / "Segnatura.xml").read_bytes()


def test_hostile_names_and_titles_stay_names_and_titles(desk):
    files = {"protocollo.txt": b"9999999", "documents/a.pdf": PDF, "documents/A.pdf/x.pdf": PDF}
    letter = desk.world.new_id()
    table = dossier_manifest(letter, files)
    for row in table["documents"]:
        row["title"] = "a\x00\x1b<b>&\u202e\ufffe" * 200
    content = zipped({"manifest.json": json.dumps(table).encode()} | files)
    sealed = desk.world.seal(content)
    label = desk.world.label(sealed, letter=letter)
    announced = folder_announced(desk, label)
    desk.tray.waiting.append((announced, sealed))
    desk.rounds.once()
    desk.later()
    assert desk.register.entry(letter).stage is Stage.HANDING, "a document is never the office's word"
    etree.XMLSchema(etree.parse(XSD)).assertValid(etree.parse(desk.office / letter / "Segnatura.xml"))


def folder_announced(desk, label):
    from fleet.backoffice.register import Announced
    from fleet.clock import unix_ms

    return Announced(len(desk.tray.waiting) + 1, label, unix_ms(desk.clock.now()))


@pytest.mark.parametrize("cut_at", range(1, 13))
def test_power_cut_at_any_write_leaves_it_whole_or_not_there(desk, cut_at, monkeypatch):
    letter = add(desk)
    calls = 0

    def counted(act):
        def inner(*args):
            nonlocal calls
            calls += 1
            if calls == cut_at:
                raise PowerCut
            return act(*args)

        return inner

    with monkeypatch.context() as patch:
        for name in ("_write", "_sync"):
            patch.setattr(folder_module, name, counted(getattr(folder_module, name)))
        patch.setattr(Register, "taken", counted(Register.taken))
        patch.setattr(Path, "rename", counted(Path.rename))
        try:
            desk.rounds.once()
        except PowerCut:
            place = desk.office / letter
            assert not place.exists() or len([*place.rglob("*.*")]) == 4
    desk.again()
    desk.later()
    desk.drop(letter, "protocollo.txt", "7/2026")
    desk.later()
    assert [p.name for p in desk.office.iterdir()] == [letter]
    (state,) = desk.states()
    assert state.protocollo == "7/2026"


def test_power_cut_while_the_number_is_written_down(desk, monkeypatch):
    letter = add(desk)
    desk.rounds.once()
    desk.drop(letter, "protocollo.txt", "7/2026")
    desk.clock.advance(3600)
    with monkeypatch.context() as patch:
        patch.setattr(Register, "_say", lambda *_a, **_k: (_ for _ in ()).throw(PowerCut))
        with pytest.raises(PowerCut):
            desk.rounds.once()
    desk.again()
    assert desk.register.entry(letter).protocollo is None
    desk.later()
    assert [s.protocollo for s in desk.states()] == ["7/2026"]


def test_half_a_number_is_not_read(desk):
    letter = add(desk)
    desk.rounds.once()
    desk.drop(letter, "protocollo.txt", "INPS.25", age_s=-3599)
    desk.later()
    assert desk.states() == []
    desk.drop(letter, "protocollo.txt", "INPS.2500.28/11/2026.0001234", age_s=60)
    desk.later()
    assert desk.states()[0].protocollo.endswith("1234")


def test_the_day_of_the_register_is_the_day_of_the_term(desk, clock):  # noqa: F811
    import datetime as dt

    letter = add(desk)
    desk.rounds.once()
    day = clock.now().date() - dt.timedelta(days=2)
    desk.drop(letter, "protocollo.txt", f"12\r\n{day:%d/%m/%Y}\r\n".encode("utf-16"))
    desk.later()
    assert desk.register.entry(letter).answer_by == (day + dt.timedelta(days=55)).isoformat()


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("protocollo.txt", "non ancora", "destination.not_a_number"),
        ("protocollo.txt", "1" * 61, "destination.not_a_number"),
        ("protocollo.txt", "12\n31/02/2026", "destination.not_a_number"),
        ("protocollo.txt", "12\n01/01/2099", "destination.not_a_number"),
        ("protocollo.txt", b"12\xff\xfe", "destination.word_unreadable"),
        ("protocollo.txt", "1" * 5000, "destination.word_unreadable"),
        ("rifiuto.txt", "Manca la\nfirma", "destination.refused"),
    ],
)
def test_an_odd_word_stops_the_letter_until_an_officer_acts(desk, name, data, code):
    letter = add(desk)
    desk.rounds.once()
    desk.drop(letter, name, data)
    desk.later()
    assert desk.register.entry(letter).stage is Stage.STOPPED
    assert desk.register.handing(letter).code == code
    assert desk.states() == []
    (desk.office / letter / name).unlink()
    desk.drop(letter, "protocollo.txt", "12/2026")
    desk.later()
    assert desk.states() == [], "not before the officer says so"
    desk.register.try_again(letter)
    desk.later()
    assert desk.states()[0].protocollo == "12/2026"


@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
def test_a_word_that_is_no_file(desk, kind):
    letter = add(desk)
    desk.rounds.once()
    path = desk.office / letter / "protocollo.txt"
    {
        "link": lambda: path.symlink_to("/etc/hostname"),
        "pipe": lambda: os.mkfifo(path),
        "directory": path.mkdir,
    }[kind]()
    desk.later()
    assert desk.register.handing(letter).code == "destination.word_unreadable"


def test_a_number_of_another_letter_is_not_given_twice(desk):
    first, second = add(desk), add(desk)
    desk.rounds.once()
    desk.rounds.once()
    for letter in (first, second):
        desk.drop(letter, "protocollo.txt", "12/2026")
    desk.later()
    stages = {desk.register.entry(first).stage, desk.register.entry(second).stage}
    assert stages == {Stage.REGISTERED, Stage.STOPPED}
    assert len(desk.states()) == 1


def test_a_share_that_is_away_is_waited_for_and_not_made(desk):
    letter = add(desk)
    shutil.rmtree(desk.office)
    desk.rounds.once()
    handing = desk.register.handing(letter)
    assert (handing.code, handing.attempt) == ("destination.folder_enoent", 1)
    assert not desk.office.exists()
    desk.rounds.once()
    assert desk.register.handing(letter).attempt == 1, "not before its time"
    desk.office.mkdir()
    desk.later()
    assert desk.register.handing(letter).taken


def test_tries_have_an_end(desk):
    desk.max_attempts = 3
    desk.again()
    letter = add(desk)
    shutil.rmtree(desk.office)
    for _ in range(5):
        desk.later()
    assert desk.register.entry(letter).stage is Stage.STOPPED
    assert desk.register.handing(letter).code == "destination.too_many_attempts"
    assert desk.register.handing(letter).attempt == 3


def test_waiting_for_the_number_is_no_try(desk):
    desk.max_attempts = 2
    desk.again()
    letter = add(desk)
    for _ in range(6):
        desk.later()
    assert (desk.register.handing(letter).attempt, desk.register.entry(letter).stage) == (1, Stage.HANDING)


def test_a_letter_taken_out_of_the_folder_is_not_put_there_again(desk):
    letter = add(desk)
    desk.rounds.once()
    shutil.rmtree(desk.office / letter)
    desk.later()
    assert desk.register.handing(letter).code == "destination.letter_gone"
    assert not (desk.office / letter).exists()


def test_a_dossier_without_papers_needs_somebody(desk):
    letter = desk.world.new_id()
    content = zipped({"manifest.json": json.dumps(dossier_manifest(letter, {})).encode()})
    sealed = desk.world.seal(content)
    desk.tray.waiting.append((folder_announced(desk, desk.world.label(sealed, letter=letter)), sealed))
    desk.rounds.once()
    assert desk.register.handing(letter).code == "destination.no_segnatura"


def test_unreadable_letters_never_reach_the_office(desk):
    add(desk, content=b"no zip at all")
    add(desk, content=dossier(desk.world.new_id()))
    desk.rounds.once()
    desk.rounds.once()
    assert [*desk.office.iterdir()] == []


def test_numbers_and_reasons():
    assert protocollo(" INPS.2500.28/11/2026.0000001\n") == "INPS.2500.28/11/2026.0000001"
    for text in ("", " ", "abc", "1\n2", "1" * 61, "1;2", "<1>", "1é"):
        with pytest.raises(NotANumber):
            protocollo(text)
    assert reason("a\r\nb\u202ec\x1b" + "x" * 400).startswith("a b c")
    assert len(reason("x" * 400)) == 300
