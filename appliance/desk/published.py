"""What the fleet published and this desk uses: the release that lies there where it holds, else the last good one.

The agent lays a release there, and the desk does not believe the agent: signature, hash and version are checked here,
with the fleet's key of the desk's own belongings, and no version below the highest one ever used is taken.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import msgspec

from appliance.runtime.files import StorageMissing, read_bounded, storage_error, write_atomic
from appliance.runtime.release_files import RELEASE, STATEMENT_LIMIT_BYTES, ReleaseKind
from contracts.envelope import public_key_text
from contracts.errors import PueError
from contracts.messages.releases import Release
from contracts.settled import settled

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Protocol

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    class Note(Protocol):
        """Writes a line of the journal."""

        def __call__(self, what: str, **facts: str | int | bool) -> None: ...

    class KeyOfFleet(Protocol):
        """The fleet's key, read from the belongings when it is needed: they may come after the desk started."""

        def __call__(self) -> Ed25519PublicKey: ...


log = logging.getLogger(__name__)

_FLOOR_LIMIT_BYTES: Final = 4_096
_LOOKS: Final = 2
"""The agent may lay a newer pair between our two reads; then the second look finds it."""

R = TypeVar("R", bound=Release)
T = TypeVar("T")


class _Floor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The highest version this desk has used, per fleet: a box that changes its fleet begins anew."""

    fleet: str
    version: int


class Published(Generic[R, T]):
    """The thing in use, and why a published one is not. A subclass says how a release is opened.

    Args:
        kind: of release.
        folder: the kind's in the box's state, written by the agent.
        floor: the desk's own file for the highest version it has used.
        fleet_key: whose signature counts.
        given: in use until a published one holds.
        note: writes into the journal.
    """

    def __init__(
        self, kind: ReleaseKind[R], folder: Path, floor: Path, *, fleet_key: KeyOfFleet, given: T, note: Note
    ) -> None:
        self._kind = kind
        self._folder, self._floor_file, self._fleet_key, self._note = folder, floor, fleet_key, note
        self._thing, self._code, self._version = given, "", 0
        self._lock = threading.RLock()
        self._mark: object = None

    def look(self) -> None:
        """Take a newer release if one lies there. Not while a citizen sits at the desk."""
        with self._lock:
            self._look()

    def _open(self, raw: bytes, release: R) -> T:
        """The thing of a release that is well signed and new enough.

        Raises:
            PueError: its bytes are not what it speaks of, or make no such thing.
        """
        raise NotImplementedError

    def _day(self, thing: T, release: R) -> str:
        """What the journal says of its age."""
        del thing
        return release.dated.isoformat()

    # ---- under the lock

    def _look(self) -> None:
        for _ in range(_LOOKS):
            mark = self._pointer_mark()
            if mark is None or mark == self._mark:
                return
            self._mark = mark
            self._judge()
            if not self._code:
                return

    def _pointer_mark(self) -> object:
        """What changes whenever the agent lays a pair; None while none lies there."""
        try:
            found = (self._folder / RELEASE).stat()
        except FileNotFoundError:
            self._mark, self._code = None, ""
            return None
        except OSError as why:
            self._mark = None
            self._code = storage_error(why, self._folder / RELEASE, "read").code
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _judge(self) -> None:
        try:
            thing, release = self._proven()
        except StorageMissing:
            return
        except PueError as why:
            log.warning("the published %s is refused: %s [%s]", self._kind.name, why, why.code)
            self._code = why.code
            self._note(f"{self._kind.name}.refused", code=why.code)
            return
        self._thing, self._version, self._code = thing, release.version, ""
        self._note(f"{self._kind.name}.taken", version=release.version, dated=self._day(thing, release))

    def _proven(self) -> tuple[T, R]:
        """What lies there, opened, and its description.

        Raises:
            PueError: it is not one the fleet signed for us, not whole, or older than what was used before.
        """
        raw = read_bounded(self._folder / RELEASE, limit_bytes=STATEMENT_LIMIT_BYTES)
        key = self._fleet_key()
        release = self._kind.read_release(raw, key)
        floor = max(self._version, self._floor(key))
        if release.version < floor:
            raise self._kind.older(f"an older {self._kind.name} than was used before", used=floor)
        thing = self._open(raw, release)
        if release.version > floor:
            self._raise_floor(key, release.version)
        return thing, release

    def _floor(self, key: Ed25519PublicKey) -> int:
        with contextlib.suppress(PueError, msgspec.DecodeError):
            raw = read_bounded(self._floor_file, limit_bytes=_FLOOR_LIMIT_BYTES)
            kept = msgspec.json.decode(raw, type=settled(_Floor))
            return kept.version if kept.fleet == _fleet(key) else 0
        return 0

    def _raise_floor(self, key: Ed25519PublicKey, version: int) -> None:
        # A full disk must not keep the desk from what is newer; the floor in memory holds meanwhile.
        with contextlib.suppress(PueError):
            write_atomic(self._floor_file, msgspec.json.encode(_Floor(_fleet(key), version)))


def _fleet(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(public_key_text(key).encode()).hexdigest()
