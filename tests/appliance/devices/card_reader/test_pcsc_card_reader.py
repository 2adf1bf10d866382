"""What only the PC/SC driver can meet: services that die, other programs, two interfaces, cards that speak T=0."""

from __future__ import annotations

import contextlib
import datetime
import queue
import subprocess
import sys
import threading
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smartcard import scard

from appliance.cards.errors import CardGone, CardUnreadable
from appliance.cards.reading import read_and_judge
from appliance.cards.software.shelf import issue
from appliance.cards.software.trusted import demo_trust
from appliance.cards.steps import Can, IdentityRead
from appliance.cards.verdict import Instant
from appliance.devices.card_reader import pcsc_session
from appliance.devices.card_reader.pcsc import PcscCardReader, list_readers
from appliance.devices.card_reader.pcsc_session import failed, simple_tlv
from appliance.devices.card_reader.port import (
    UNSUITED,
    CardReaderError,
    NoService,
    Presence,
    ReaderBusy,
    ReaderDenied,
    ReaderGone,
)
from appliance.devices.port import Condition
from contracts.desk_api.clerk import VerdictKind
from tests.peers.pcscd import measured_reader, pcscd, plugged_reader

__all__ = ["pcscd"]
PATIENCE_S = 10.0
NOW = datetime.datetime(2026, 11, 23, 10, 0, tzinfo=datetime.UTC)
TRUST = demo_trust(NOW)
INSTANT = Instant(NOW, trusted=True)
FIRST, SECOND = "Virtual PCD 00 00", "Virtual PCD 00 01"
SELECT = bytes.fromhex("00A4040C07A0000002471001")
CHALLENGE = bytes.fromhex("0084000008")
# Another program: says what came of its wish to talk with the card, and keeps the card until its input ends.
STRANGER = """
import sys
from smartcard import scard
_, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
result, card, protocol = scard.SCardConnect(context, sys.argv[1], scard.SCARD_SHARE_SHARED, scard.SCARD_PROTOCOL_T1)
print(result == scard.SCARD_S_SUCCESS, flush=True)
sys.stdin.read()
if result == scard.SCARD_S_SUCCESS:
    scard.SCardDisconnect(card, scard.SCARD_RESET_CARD)
"""


@pytest.fixture
def reader_of():
    made = []

    def make(**settings):
        reader = PcscCardReader.from_settings(settings)
        states = queue.Queue()
        reader.watch(states.put)
        reader.open()
        made.append(reader)
        return reader, states

    yield make
    for reader in made:
        reader.close()


class Mute:
    """A card that is asked and does not come to an answer until it is taken away."""

    opens_with = Can("123456")

    def __init__(self):
        self.atr = issue("cie_aes", NOW).atr
        self.taken_away = threading.Event()

    def reset(self):
        pass

    def transmit(self, raw):
        self.taken_away.wait()
        raise CardGone("taken away")


def test_a_card_that_never_answers_is_left(pcscd, reader_of, monkeypatch):
    """PC/SC itself would wait for ever; taking the card away frees the reader for the next one."""
    monkeypatch.setattr(pcsc_session, "ANSWER_LIMIT_S", 0.3)
    reader, _ = reader_of(reader=FIRST)
    # the service may still see the card of the test before
    assert reader._place.wait_until(lambda found: found is Presence.EMPTY, PATIENCE_S)
    mute = Mute()
    with pcscd.insert(mute):
        assert reader.wait_for_card(PATIENCE_S)
        with pytest.raises(CardUnreadable) as caught, reader.connect() as session:
            read_and_judge(session, Can("123456"), TRUST, INSTANT)
        assert caught.value.facts["reason"] == "too_slow"
        with pytest.raises(ReaderBusy):
            reader.connect()
        mute.taken_away.set()
    assert reader.wait_for_removal(PATIENCE_S)
    with pcscd.insert(issue("cie_aes", NOW)):
        assert reader.wait_for_card(PATIENCE_S)
        with reader.connect() as session:
            _, verdict = read_and_judge(session, Can("123456"), TRUST, INSTANT)
    assert verdict.kind is VerdictKind.VERIFIED


def test_no_reader_of_that_name(pcscd, reader_of):
    reader, states = reader_of(reader="Lettore che non esiste")
    state = states.get(timeout=PATIENCE_S)
    assert (state.condition, state.code) == (Condition.ABSENT, ReaderGone.code)
    assert reader.name == ""
    with pytest.raises(ReaderGone):
        reader.connect()


def test_the_second_reader_is_chosen_by_name(pcscd, reader_of):
    reader, states = reader_of(reader="00 01")
    assert states.get(timeout=PATIENCE_S).condition is Condition.READY
    assert reader.name == "Virtual PCD 00 01"


def test_a_service_that_starts_later(pcscd, reader_of):
    pcscd.stop()
    reader, states = reader_of()
    assert states.get(timeout=PATIENCE_S).code == NoService.code
    pcscd.start()
    assert states.get(timeout=PATIENCE_S).condition is Condition.READY
    assert reader.name.startswith("Virtual PCD")


@contextlib.contextmanager
def stranger(reader=FIRST):
    """A client of the service in another process; gives whether it reached the card."""
    program = subprocess.Popen(
        [sys.executable, "-c", STRANGER, reader], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield program.stdout.readline().strip() == "True"
    finally:
        program.communicate(timeout=10)


@contextlib.contextmanager
def laid(pcscd, reader, card, slot=0):
    """The card on the reader, and gone again before the next one comes: the service looks every 400 ms."""
    assert reader._place.wait_until(lambda found: found is Presence.EMPTY, PATIENCE_S)
    with pcscd.insert(card, slot):
        assert reader.wait_for_card(PATIENCE_S)
        yield card
    assert reader.wait_for_removal(PATIENCE_S)


def presences_of(reader):
    heard = queue.Queue()
    reader.watch_card(heard.put)
    return heard


def test_the_card_is_taken_where_it_lies(pcscd, reader_of):
    """A reader with two interfaces is two readers to the service; the settings fit both."""
    reader, _ = reader_of(reader="Virtual PCD")
    assert reader._place.wait_until(lambda found: found is Presence.EMPTY, PATIENCE_S)
    heard = presences_of(reader)
    for slot, name in ((1, SECOND), (0, FIRST), (1, SECOND)):
        with laid(pcscd, reader, issue("cie", NOW), slot):
            assert heard.get(timeout=PATIENCE_S) is Presence.CARD
            assert reader.name == name
            with reader.connect() as session:
                assert session.transmit(SELECT) == b"\x90\x00"
        assert heard.get(timeout=PATIENCE_S) is Presence.EMPTY


def test_with_two_cards_the_first_stays_and_then_the_other_is_a_new_one(pcscd, reader_of):
    reader, _ = reader_of(reader="Virtual PCD")
    assert reader._place.wait_until(lambda found: found is Presence.EMPTY, PATIENCE_S)
    second = pcscd.insert(issue("cie", NOW), 1)
    assert reader.wait_for_card(PATIENCE_S)
    heard = presences_of(reader)
    with pcscd.insert(issue("cie_aldo", NOW), 0):
        with reader.connect() as session:
            session.transmit(SELECT)
        assert reader.name == SECOND
        # the other interface has noticed its card by now, or will: either way ours is the second one
        second.remove()
        assert heard.get(timeout=PATIENCE_S) is Presence.EMPTY
        assert heard.get(timeout=PATIENCE_S) is Presence.CARD
        assert reader.name == FIRST


def test_a_service_that_dies_in_the_middle_of_a_reading_and_comes_back(pcscd, reader_of):
    reader, states = reader_of(reader=FIRST)
    card = issue("cie", NOW)
    assert reader._place.wait_until(lambda found: found is Presence.EMPTY, PATIENCE_S)
    slot = pcscd.insert(card)
    assert reader.wait_for_card(PATIENCE_S)

    def kill(step):
        if isinstance(step, IdentityRead):
            pcscd.kill()

    with reader.connect() as session:
        with pytest.raises((CardGone, ReaderGone)):
            read_and_judge(session, Can(card.can), TRUST, INSTANT, kill)
        with pytest.raises(CardGone):
            session.transmit(SELECT)
    slot.remove()
    while states.get(timeout=PATIENCE_S).code != NoService.code:
        pass
    with pytest.raises(ReaderGone):
        reader.connect()
    pcscd.start()
    with laid(pcscd, reader, card), reader.connect() as session:
        _, verdict = read_and_judge(session, Can(card.can), TRUST, INSTANT)
    assert verdict.kind is VerdictKind.VERIFIED


@pytest.mark.parametrize("name", ["Lettore d'identità".encode(), b"Citt\xe0", b"Red \x1b[31m"])
def test_a_reader_whose_name_cannot_be_asked_for_is_none_and_breaks_nothing(pcscd, reader_of, name):
    pcscd.stop()
    reader, states = reader_of()
    assert states.get(timeout=PATIENCE_S).code == NoService.code
    pcscd.start(name)
    assert states.get(timeout=PATIENCE_S).code == ReaderGone.code
    assert list_readers() == []
    assert reader.name == ""
    pcscd.stop()


def test_a_name_with_spaces_and_signs(pcscd, reader_of):
    pcscd.stop()
    pcscd.start(b"Marca (c) X-1 [CCID Interface]")
    reader, states = reader_of(reader="X-1 [CCID Interface] 00 01")
    assert states.get(timeout=PATIENCE_S).condition is Condition.READY
    with laid(pcscd, reader, issue("cie", NOW), 1), reader.connect() as session:
        assert session.transmit(SELECT) == b"\x90\x00"
    pcscd.stop()


def test_a_reader_is_pulled_out_and_put_back_while_the_service_runs(pcscd, reader_of, tmp_path):
    pcscd.stop()
    pcscd.start(drivers=plugged_reader(tmp_path))
    reader, states = reader_of(reader="Virtual PCD")
    assert states.get(timeout=PATIENCE_S).condition is Condition.READY
    with laid(pcscd, reader, issue("cie", NOW)):
        session = reader.connect()
        assert session.transmit(SELECT) == b"\x90\x00"
        pcscd.plug(into=False)
        assert (
            next(s.code for s in iter(partial(states.get, timeout=PATIENCE_S), None) if s.code)
            == ReaderGone.code
        )
        assert reader.presence() is Presence.NO_READER
        with pytest.raises(CardReaderError):
            session.transmit(SELECT)
        session.close()
        with pytest.raises(ReaderGone):
            reader.connect()
    pcscd.plug(into=True)
    assert states.get(timeout=PATIENCE_S).condition is Condition.READY
    with laid(pcscd, reader, issue("cie", NOW)), reader.connect() as session:
        assert session.transmit(SELECT) == b"\x90\x00"
    pcscd.stop()


@pytest.mark.parametrize(("most_bytes", "is_long"), [(0, False), (255, False), (256, True), (65544, True)])
def test_a_reader_that_says_how_long_a_command_it_carries(pcscd, reader_of, tmp_path, most_bytes, is_long):
    """The clerk is warned of one for short commands, and it reads all the same; 0 is said by readers without long ones."""
    pcscd.stop()
    pcscd.start(driver=measured_reader(tmp_path, most_bytes))
    assert list_readers()[0].long_commands is is_long
    reader, _ = reader_of(reader=FIRST)
    with laid(pcscd, reader, issue("cie_aes", NOW)) as card:
        with reader.connect() as session:
            assert session.max_command_bytes == (65544 if is_long else 261)
            _, verdict = read_and_judge(session, Can(card.can), TRUST, INSTANT)
        state = reader.state()
    assert verdict.kind is VerdictKind.VERIFIED
    expected = (Condition.READY, "") if is_long else (Condition.WARNING, UNSUITED)
    assert (state.condition, state.code) == expected
    pcscd.stop()


def test_nobody_else_comes_near_the_card_during_a_reading(pcscd, reader_of):
    reader, _ = reader_of(reader=FIRST)
    reached: list[bool] = []

    def let_in(step):
        if isinstance(step, IdentityRead):
            with stranger() as reach:
                reached.append(reach)

    with laid(pcscd, reader, issue("cie", NOW)) as card, reader.connect() as session:
        _, verdict = read_and_judge(session, Can(card.can), TRUST, INSTANT, let_in)
    assert reached == [False]
    assert verdict.kind is VerdictKind.VERIFIED


def test_a_card_that_another_program_holds_is_busy_and_comes_back_fresh(pcscd, reader_of):
    reader, _ = reader_of(reader=FIRST)
    with laid(pcscd, reader, issue("cie", NOW)):
        with reader.connect() as session:
            session.transmit(SELECT)
        with stranger() as reached:
            assert reached
            with pytest.raises(ReaderBusy):
                reader.connect()
        with reader.connect() as session:
            assert session.transmit(CHALLENGE) == b"\x69\x85", "nothing of an earlier talk is left"


class SpeaksT0:
    """A contact card as the wire of T=0 shows it: no expected length behind data, answers fetched in pieces."""

    opens_with = None
    atr = bytes.fromhex("3B02") + b"T0"

    def __init__(self, card):
        self._card = card
        self._waiting = b""

    def reset(self):
        self._card.reset()

    def transmit(self, raw):
        header, size = raw[:4], raw[4] if len(raw) > 4 else 0
        if len(raw) > 5 and len(raw) != 5 + size:
            return b"\x67\x00"
        if raw[1] == 0xC0:
            piece, self._waiting = self._waiting[: size or 256], self._waiting[size or 256 :]
            return piece + self._status()
        if len(raw) > 5:  # case 3 or 4: the card knows which, and keeps its answer for later
            answer = self._card.transmit(raw + (b"\x00" if header[1] == 0xA4 else b""))
            self._waiting = answer[:-2]
            return self._status() if answer[-2:] == b"\x90\x00" else answer[-2:]
        answer = self._card.transmit(raw)
        if len(raw) == 5 and answer[-2:] == b"\x90\x00" and 0 < len(answer) - 2 < (size or 256):
            return bytes([0x6C, len(answer) - 2])
        return answer

    def _status(self):
        return bytes([0x61, min(len(self._waiting), 255)]) if self._waiting else b"\x90\x00"


def test_a_card_that_speaks_t0_is_read_in_short_commands(pcscd, reader_of):
    reader, states = reader_of(reader=FIRST)
    with laid(pcscd, reader, SpeaksT0(issue("cns", NOW))), reader.connect() as session:
        assert (session.max_command_bytes, session.max_response_bytes) == (261, 258)
        evidence, verdict = read_and_judge(session, None, TRUST, INSTANT)
    assert evidence.technical[0] == "card: cns"
    assert verdict.kind is VerdictKind.CHIP_UNPROVEN
    while not states.empty():
        assert states.get().condition is Condition.READY, (
            "the reader carries long commands; the card does not"
        )


def test_the_list_of_readers(pcscd, reader_of):
    reader, _ = reader_of(reader=SECOND)
    with laid(pcscd, reader, issue("cie", NOW), 1):
        assert [(one.name, one.card) for one in list_readers()] == [(FIRST, False), (SECOND, True)]
        with reader.connect():
            assert list_readers()[1].long_commands is None, "somebody else holds it"


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (scard.SCARD_W_SECURITY_VIOLATION, ReaderDenied),
        (scard.SCARD_E_SHARING_VIOLATION, ReaderBusy),
        (scard.SCARD_W_RESET_CARD, CardGone),
        (scard.SCARD_W_REMOVED_CARD, CardGone),
        (scard.SCARD_E_READER_UNAVAILABLE, ReaderGone),
        (scard.SCARD_E_SERVICE_STOPPED, NoService),
        (scard.SCARD_W_UNRESPONSIVE_CARD, CardUnreadable),
        (scard.SCARD_F_INTERNAL_ERROR, CardReaderError),
    ],
)
def test_what_the_service_says_becomes_an_error_that_says_who_can_act(result, error):
    found = failed(result, "trying")
    assert type(found) is error
    assert found.facts["pcsc"] == f"{result & 0xFFFFFFFF:08X}"


def test_no_list_without_a_service(pcscd):
    pcscd.stop()
    with pytest.raises(NoService):
        list_readers()


def test_closing_is_quick_though_nothing_happens(pcscd, reader_of):
    import time

    reader, states = reader_of()
    states.get(timeout=PATIENCE_S)
    begin_s = time.monotonic()
    reader.close()
    assert time.monotonic() - begin_s < 2


@given(st.dictionaries(st.integers(0, 255), st.binary(max_size=20), max_size=8), st.binary(max_size=1))
def test_reader_properties_are_read_and_a_cut_tail_is_left_out(properties, tail):
    raw = b"".join(bytes([tag, len(value)]) + value for tag, value in properties.items())
    assert simple_tlv(raw + tail) == properties
