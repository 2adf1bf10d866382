"""A reading from a shell: the reader by its name, the code from an argument or from standard input, the desk's own path."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TextIO, TypeVar

from appliance.cards.cie_nis import NisEvidence
from appliance.cards.cns import Pin
from appliance.cards.cns_evidence import CnsEvidence
from appliance.cards.evidence import Evidence
from appliance.cards.mrz import MrzKey
from appliance.cards.software.shelf import CardName
from appliance.cards.software.trusted import demo_trust
from appliance.cards.steps import Can, CanAndMrz, IdentityRead, Progress, Secret, Stage
from appliance.cards.trust import InvalidTrustBundle, TrustStore, empty
from appliance.cards.trust_sources import named_store, published_store
from appliance.cards.verdict import Instant, Verdict
from appliance.devices.card_reader.port import CardReaderError, NoCard, NoService, Presence, ReaderGone
from appliance.devices.card_reader.traced import TracedSession
from appliance.runtime.belongings import load_belongings
from appliance.runtime.files import PRIVATE_FILE, StorageError, StorageMissing, read_bounded, storage_error
from appliance.runtime.release_files import RELEASE, STATEMENT_LIMIT_BYTES
from appliance.runtime.trust_files import TRUST
from contracts.envelope import public_key_from_text
from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.cards.reading import OnProgress, Transport
    from appliance.devices.card_reader.port import CardReader, CardSession
    from appliance.runtime.clock import Clock
    from contracts.messages.releases import TrustRelease

SIMULATED: Final = "simulated:"
_TYPED_SIGNS: Final = 64
_MRZ_LINES: Final = 3
_PHOTO_STEP: Final = 0.1

E = TypeVar("E")


class UnknownReader(CardReaderError):
    """No reader is called so."""

    code = "card_reader.unknown"
    who = WhoCanAct.TECHNICIAN


class TrustOutOfReach(PueError):
    """The box has a published trust bundle, and whoever asks may not read what proves it."""

    code = "trust.out_of_reach"
    who = WhoCanAct.TECHNICIAN


class NoSuchSoftwareCard(CardReaderError):
    """Nothing on the shelf is called so."""

    code = "card.no_such_software_card"
    who = WhoCanAct.TECHNICIAN


class FileThere(StorageError):
    """A file of that name is there already; nothing is written over without being told to."""

    code = "storage.exists"


# ---------------------------------------------------------------- what is typed


def typed_secret(can: str | None, lines: list[str] | None) -> Secret | None:
    """The code to open the card with; `-` asks standard input.

    Raises:
        MalformedCode: it cannot be one.
    """
    digits = None if can is None else Can(_typed("CAN: ") if can == "-" else can)
    if lines == ["-"]:
        lines = [line for _ in range(_MRZ_LINES) if (line := _typed("printed line: "))]
    key = None if lines is None else MrzKey.from_lines(lines)
    if digits is not None and key is not None:
        return CanAndMrz(digits, key)
    return digits or key


def typed_pin(pin: str | None) -> Pin | None:
    """From standard input only: arguments are seen by every program of the machine."""
    return None if pin is None else Pin(_typed("PIN: "))


def _typed(prompt: str) -> str:
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass(prompt)[:_TYPED_SIGNS].strip()
    try:
        return sys.stdin.readline(_TYPED_SIGNS + 1).strip()
    except UnicodeDecodeError:
        return ""  # no code holds such signs: whoever takes it refuses it


# ---------------------------------------------------------------- whom it reads, whom it believes


@dataclasses.dataclass(frozen=True)
class Chosen:
    """A reader that is not open yet; `opens_with` is known for software cards only."""

    reader: CardReader
    simulated: bool
    opens_with: Secret | None = None


def choose_reader(name: str, clock: Clock) -> Chosen:
    """By part of its name; ``simulated:CARD`` lays that card on a simulated one.

    Raises:
        NoService, ReaderGone, UnknownReader: there is none, or none of that name.
        ReaderDenied: this user may not talk with cards.
        NoSuchSoftwareCard: the shelf has no such card.
    """
    if name.startswith(SIMULATED):
        from appliance.devices.card_reader.simulated import SimulatedCardReader

        card = name.removeprefix(SIMULATED)
        if card not in set(CardName):
            raise NoSuchSoftwareCard(f"no software card is called {card!r}")
        simulated = SimulatedCardReader(now=clock.now)
        return Chosen(simulated, simulated=True, opens_with=simulated.insert(card).opens_with)
    from appliance.devices.card_reader.pcsc import PcscCardReader, list_readers

    names = [one.name for one in list_readers()]
    if not names:
        raise ReaderGone("there is no card reader")
    if not any(name in one for one in names):
        raise UnknownReader(f"no reader is called {name!r}; there are {', '.join(names)}")
    return Chosen(PcscCardReader.from_settings({"reader": name}), simulated=False)


def trust_from(chosen: Path | None, state: Path, clock: Clock, *, simulated: bool) -> TrustStore:
    """Whom the box itself believes, unless a file is named; software cards have their own invented State.

    Args:
        chosen: a bundle or a PEM file.
        state: the box's state folder, where the fleet's bundle lies.
        clock: gives the day of a list that names none.
        simulated: no real card will be read.

    Raises:
        InvalidTrustBundle: the named file is neither, or cannot be read.
        PueError: a bundle was published, and as it lies there nobody can believe it.
    """
    today = clock.now().date()
    if chosen is not None:
        try:
            return named_store(chosen, today)
        except StorageError as fault:
            raise InvalidTrustBundle(f"the trust file cannot be used: {fault}") from fault
    if simulated:
        return demo_trust(clock.now())
    return _published(state) or empty(today)


def _published(state: Path) -> TrustStore | None:
    """The fleet's bundle, proven as the desk proves it but for the desk's own memory of the highest version.

    None on a machine that was never enrolled or was sent none.
    """
    folder = TRUST.folder(state)
    try:
        if (release := _release(folder, state / "identity")) is None:
            return None
        return published_store(folder, release)
    except StorageError as fault:
        raise TrustOutOfReach(f"the box's own trust bundle cannot be read: {fault}") from fault


def _release(folder: Path, identity: Path) -> TrustRelease | None:
    try:
        raw = read_bounded(folder / RELEASE, limit_bytes=STATEMENT_LIMIT_BYTES)
    except StorageMissing:
        return None
    return TRUST.read_release(raw, public_key_from_text(load_belongings(identity).fleet_key))


# ---------------------------------------------------------------- the reading


AnyEvidence = Evidence | CnsEvidence | NisEvidence
Reading = Callable[["Transport", Chosen, TrustStore, Instant, "OnProgress"], tuple[E, Verdict]]
"""`reading.read_and_judge` or its sister, in this order of arguments."""


def read_once(
    chosen: Chosen,
    trust: TrustStore,
    clock: Clock,
    wait_s: float,
    reading: Reading[E],
    *,
    trace: TextIO | None,
    on_progress: OnProgress,
) -> tuple[tuple[E, Verdict], dict[str, float]]:
    """Open, wait for a card, read it once, close.

    Args:
        chosen: not open yet.
        trust: whom we believe.
        clock: by whose hour the card is judged.
        wait_s: how long a card may take to come.
        reading: what is done with the session.
        trace: where the redacted conversation goes.
        on_progress: hears how far it is.

    Returns:
        What `reading` gave, and seconds from the first command: ``first_name_s`` (where a name came), ``whole_s``.
    """
    times: dict[str, float] = {}

    def timed(step: Progress | IdentityRead) -> None:
        if isinstance(step, IdentityRead):
            times["first_name_s"] = round(time.monotonic() - begin_s, 3)
        on_progress(step)

    reader = chosen.reader
    reader.open()
    try:
        if not reader.wait_for_card(wait_s):
            raise _why_no_card(reader, wait_s)
        begin_s = time.monotonic()
        with _maybe_traced(reader.connect(), reader.name, trace) as session:
            instant = Instant(clock.now(), clock.trusted().trusted)
            result = reading(session, chosen, trust, instant, timed)
        times["whole_s"] = round(time.monotonic() - begin_s, 3)
    finally:
        reader.close()
    return result, times


def _why_no_card(reader: CardReader, wait_s: float) -> CardReaderError:
    if reader.presence() is not Presence.NO_READER:
        return NoCard(f"no card came within {wait_s:g} seconds")
    if reader.state().code == NoService.code:
        return NoService("the card service went away")
    return ReaderGone("the card reader went away")


def _maybe_traced(session: CardSession, reader: str, trace: TextIO | None) -> CardSession | TracedSession:
    if trace is None:
        return session

    def write(line: str) -> None:
        trace.write(line + "\n")
        trace.flush()  # what led to a failure is worth most

    return TracedSession(session, reader, write)


def refuse_existing(path: Path | None, *, force: bool) -> None:
    """Said before a card is touched, not after.

    Raises:
        FileThere: something of that name is there, and `force` was not said.
    """
    if path is not None and not force and os.path.lexists(path):
        raise FileThere(f"{path.name} is there already", file=path.name)


@contextlib.contextmanager
def new_file(path: Path | None, *, force: bool) -> Iterator[TextIO | None]:
    """A file for its owner alone that was not there before; None for no path.

    Raises:
        FileThere: it is there, and `force` was not said.
        StorageError: it cannot be made.
    """
    if path is None:
        yield None
        return
    try:
        if force:
            path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_FILE)
    except FileExistsError as fault:
        raise FileThere(f"{path.name} is there already", file=path.name) from fault
    except OSError as fault:
        raise storage_error(fault, path, "write") from fault
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        yield file


def write_new(path: Path, data: bytes, *, force: bool) -> None:
    """As `new_file`, at once."""
    with new_file(path, force=force) as file:
        assert file is not None
        file.buffer.write(data)


def narrator(tell: Callable[[str], None], *, show_data: bool) -> OnProgress:
    """Stages and tenths of the photo as lines; the name only where it was asked for."""
    told: set[tuple[Stage, int]] = set()

    def on_progress(step: Progress | IdentityRead) -> None:
        if isinstance(step, IdentityRead):
            if show_data:
                tell(f"{step.surname} {step.given_names}")
            return
        mark = (step.stage, int(step.ratio / _PHOTO_STEP))
        if mark not in told:
            told.add(mark)
            tell(f"{step.stage} {step.ratio:.0%}")

    return on_progress
