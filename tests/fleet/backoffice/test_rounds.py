"""One letter, one number: the rounds end at every step there is and begin again from the disk."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from contracts import codec, envelope
from contracts.envelope import Purpose, Statement
from contracts.errors import PueError
from contracts.messages.letters import RESERVED, LetterState, LetterWord
from contracts.practices import terms
from fleet.backoffice.gate import GateRefused, GateUnreachable, HttpsGate
from fleet.backoffice.opening import Opener
from fleet.backoffice.register import Announced, MoveRefused, Register, Stage
from fleet.backoffice.rounds import Rounder, Rounds
from fleet.clock import SettableClock, unix_ms
from tests.fleet.backoffice.dossiers import dossier
from tests.fleet.intake.test_road import create, send
from tests.fleet.intake.world import World
from tests.peers.waiting import until


class PowerCut(BaseException):
    """The machine is off at this moment."""


class Tray:
    """A gate in memory that can lose the power at the n-th call, before or after the call took effect."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Announced, bytes]] = []
        self.said: list[str] = []
        self.cut_at: int | None = None
        self.after = False
        self.calls = 0

    def _call(self, act):
        self.calls += 1
        now = self.calls == self.cut_at
        if now and not self.after:
            raise PowerCut
        answer = act()
        if now:
            raise PowerCut
        return answer

    def letters(self, after):
        return self._call(lambda: [a for a, _ in self.waiting if a.cursor > after][:1])

    def sealed(self, label):
        return self._call(lambda: next(s for a, s in self.waiting if a.label.letter == label.letter))

    def post_state(self, statement):
        self._call(lambda: self.said.append(statement))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World.make(tmp_path_factory.mktemp("fleet"))
    yield world
    world.close()


@pytest.fixture
def clock():
    return SettableClock(dt.datetime.now(dt.UTC))


class Desk:
    """The recipient's side on its disk; `again()` is a restart."""

    def __init__(self, world, folder, tray, clock) -> None:
        self.world, self.folder, self.tray, self.clock = world, folder, tray, clock
        self.open()

    def open(self) -> None:
        self.register = Register(
            self.folder / "register.db",
            self.world.recipient.statement,
            office="Ufficio di prova",
            sede="2500",
        )
        (self.folder / "fleet-ca.pem").write_text(self.world.authority.pem)
        self.opener = Opener(self.world.recipient, self.folder)
        self.rounds = Rounds(self.register, self.opener, self.tray, self.clock)

    def again(self) -> None:
        self.register.close()
        self.open()

    def states(self) -> list[LetterState]:
        key = self.world.recipient.statement.public_key()
        return [
            envelope.read_statement(
                codec.decode(Statement, text.encode()), LetterState, Purpose.LETTER_STATE, key
            )
            for text in self.tray.said
        ]


@pytest.fixture
def desk(world, tmp_path, clock):
    desk = Desk(world, tmp_path, Tray(), clock)
    yield desk
    desk.register.close()


def add(desk, content=None, *, manifest=None, **label):
    world = desk.world
    letter = world.new_id()
    sealed = world.seal(content if content is not None else dossier(letter, **(manifest or {})))
    label = world.label(sealed, letter=letter, **label)
    cursor = len(desk.tray.waiting) + 1
    desk.tray.waiting.append((Announced(cursor, label, unix_ms(desk.clock.now())), sealed))
    return letter


def test_a_letter_gets_its_number_and_its_term(desk):
    letter = add(desk)
    desk.rounds.once()
    entry = desk.register.entry(letter)
    assert re.fullmatch(r"INPS\.2500\.\d\d/\d\d/\d{4}\.0000001", entry.protocollo)
    (state,) = desk.states()
    assert (state.word, state.step, state.protocollo) == (LetterWord.RECEIVED, 1, entry.protocollo)
    assert state.office == "Ufficio di prova"
    day = dt.datetime.strptime(entry.protocollo[10:20], "%d/%m/%Y").replace(tzinfo=dt.UTC).date()
    assert dt.date.fromisoformat(state.answer_by) - day == dt.timedelta(days=55)
    assert (entry.citizen, entry.practice_name) == ("PROVA BIANCA", "Disoccupazione (NASpI)")


def test_a_term_in_working_days_is_counted_so(desk):
    letter = add(
        desk, manifest={"practice": "isee_dsu@2026-01", "answer_term": {"days": 10, "working": True}}
    )
    desk.rounds.once()
    entry = desk.register.entry(letter)
    day = dt.datetime.strptime(entry.protocollo[10:20], "%d/%m/%Y").replace(tzinfo=dt.UTC).date()
    assert dt.date.fromisoformat(entry.answer_by) == terms.working_days_later(day, 10)


def test_the_term_of_a_reserved_practice_stays_in_the_register(desk):
    letter = add(desk, practice=RESERVED)
    desk.rounds.once()
    assert desk.register.entry(letter).answer_by
    (state,) = desk.states()
    assert (state.word, state.answer_by) == (LetterWord.RECEIVED, None)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("cut_at", range(1, 8))
def test_power_cut_at_any_call_gives_one_number_and_the_same_words(desk, cut_at, after):
    letters = [add(desk), add(desk)]
    desk.tray.cut_at, desk.tray.after = cut_at, after
    with pytest.raises(PowerCut):
        desk.rounds.once()
    desk.again()
    desk.rounds.once()
    desk.rounds.once()
    numbers = [desk.register.entry(letter).protocollo for letter in letters]
    assert [number[-7:] for number in numbers] == ["0000001", "0000002"]
    for letter in letters:
        said = {s for s in desk.tray.said if letter in repr(desk_payload(s))}
        assert len(said) == 1, "repeated, if at all, word for word"


def desk_payload(text):
    import base64

    return base64.b64decode(codec.decode(Statement, text.encode()).payload)


def test_power_cut_between_disk_and_register(desk, monkeypatch):
    letter = add(desk)
    for name in ("hold", "register", "posted"):
        with monkeypatch.context() as patch:
            patch.setattr(Register, name, _cut)
            with pytest.raises(PowerCut):
                desk.rounds.once()
        desk.again()
    desk.rounds.once()
    assert desk.register.entry(letter).protocollo.endswith("0000001")
    assert len({*desk.tray.said}) == 1


def _cut(*_args, **_more):
    raise PowerCut


def test_numbers_begin_anew_with_the_year_of_rome(desk, clock):
    first = add(desk)
    desk.rounds.once()
    later = dt.datetime(clock.now().year, 12, 31, 22, 59, tzinfo=dt.UTC)
    entry = desk.register.entry(first)
    desk.register.set_aside(first, "x", clock.now())
    assert desk.register.entry(first).protocollo == entry.protocollo, "a number is never taken away"
    clock.advance((later - clock.now()).total_seconds() + 120)
    second = add(desk)
    desk.tray.waiting[-1] = (
        Announced(2, desk.tray.waiting[-1][0].label, unix_ms(dt.datetime.now(dt.UTC))),
        desk.tray.waiting[-1][1],
    )
    desk.rounds.once()
    assert desk.register.entry(second).protocollo.endswith(f"01/01/{later.year + 1}.0000001")


def test_unreadable_letters_are_said_with_their_code(desk, world):
    cases = {
        add(desk, content=b"no zip at all"): "dossier.damaged",
        add(desk, content=dossier(world.new_id())): "dossier.tampered",
        add(desk, box="altrobox00"): "letter.not_authentic",
    }
    damaged = add(desk)
    announced, sealed = desk.tray.waiting[-1]
    desk.tray.waiting[-1] = (announced, bytes([*sealed[:-9], *bytes(9)]))
    desk.rounds.once()
    states = {state.letter: state for state in desk.states()}
    for letter, code in cases.items():
        assert (states[letter].word, states[letter].code) == (LetterWord.UNREADABLE, code)
        assert desk.register.entry(letter).protocollo is None
    assert states[damaged].word is LetterWord.UNREADABLE
    assert not any("PROVA" in text for text in desk.tray.said)


def test_an_unreadable_letter_can_become_readable(desk):
    letter = add(desk)
    (desk.folder / "fleet-ca.pem").write_bytes(
        desk.world.recipient.certificate.public_bytes(envelope.Encoding.PEM)
    )
    desk.rounds.once()
    assert desk.register.entry(letter).code == "letter.not_authentic"
    (desk.folder / "fleet-ca.pem").write_text(desk.world.authority.pem)
    desk.register.try_again(letter)
    desk.rounds.once()
    assert [(s.step, s.word) for s in desk.states()] == [
        (1, LetterWord.UNREADABLE),
        (2, LetterWord.RECEIVED),
    ]


def test_states_grow_one_by_one_and_two_officers_do_not_collide(desk, clock):
    letter = add(desk)
    desk.rounds.once()
    desk.register.move(letter, LetterWord.IN_PROGRESS, seen_step=1, by="anna", now=clock.now())
    with pytest.raises(MoveRefused):
        desk.register.move(letter, LetterWord.MORE_NEEDED, seen_step=1, by="ugo", now=clock.now())
    desk.register.move(letter, LetterWord.ACCEPTED, seen_step=2, by="ugo", now=clock.now())
    with pytest.raises(MoveRefused):
        desk.register.move(letter, LetterWord.REJECTED, seen_step=3, by="ugo", now=clock.now())
    desk.rounds.once()
    assert [(s.step, s.word.value) for s in desk.states()] == [
        (1, "ricevuta"),
        (2, "in_lavorazione"),
        (3, "accolta"),
    ]
    assert [(s.by, s.posted) for s in desk.register.history(letter)][1:] == [("anna", True), ("ugo", True)]


def test_one_letter_that_cannot_be_had_does_not_stop_the_others(desk):
    first, second = add(desk), add(desk)
    _announced, _sealed = desk.tray.waiting[0]
    get = desk.tray.sealed

    def sealed_or_not(label):
        if label.letter == first:
            raise GateRefused("gone")
        return get(label)

    desk.tray.sealed = sealed_or_not
    with pytest.raises(GateRefused):
        desk.rounds.once()
    assert desk.register.entry(first).stage is Stage.ANNOUNCED
    assert desk.register.entry(second).stage is Stage.HELD
    desk.tray.sealed = get
    desk.rounds.once()
    assert desk.register.entry(first).stage is desk.register.entry(second).stage is Stage.REGISTERED


def test_the_round_maker_says_what_stops_it_and_goes_on(desk):
    def away(_after):
        raise GateUnreachable("away")

    letters, desk.tray.letters = desk.tray.letters, away
    rounder = Rounder(desk.rounds, desk.clock, every_s=60, died=lambda: None)
    rounder.start()
    until(lambda: rounder.health.trouble is not None, "a word of the rounds")
    assert rounder.health.trouble.code == "gate.unreachable"
    desk.tray.letters = letters
    letter = add(desk)
    rounder.wake()
    until(lambda: rounder.health.good_ms is not None, "a word of the rounds")
    rounder.stop()
    rounder.join(5)
    assert desk.register.entry(letter).protocollo


def test_over_the_real_gate(world, tmp_path, clock):
    """From tus to protocollo and back to the box, over mTLS, with the gate killed in between."""
    world.gate()
    letter = world.new_id()
    sealed = world.seal(dossier(letter))
    label = world.label(sealed, letter=letter)
    session = world.session()
    url = create(world, label, session).headers["Location"]
    assert send(session, url, sealed, 0).status_code == 204
    desk = Desk(world, tmp_path, HttpsGate(world.url, world.recipient_dir), clock)
    desk.rounds.announce()
    desk.rounds.fetch()
    world.kill()
    desk.rounds.open()
    with pytest.raises(PueError) as refused:
        desk.rounds.post()
    assert refused.value.code == "gate.unreachable"
    url = world.gate()
    desk.tray = HttpsGate(url, world.recipient_dir)
    desk.again()
    desk.rounds.once()
    page = world.session().get(f"{url}/post/v1/states?after=0").json()
    (signed,) = page["states"]
    state = envelope.read_statement(
        codec.decode(Statement, signed["statement"].encode()),
        LetterState,
        Purpose.LETTER_STATE,
        world.recipient.statement.public_key(),
    )
    assert (state.letter, state.word) == (letter, LetterWord.RECEIVED)
    assert desk.register.entry(letter).protocollo == state.protocollo
    desk.register.close()
    world.kill()
