"""Whom this desk believes about documents: the published bundle where one lies there and holds, else what it was given.

The agent lays the bundle there, and the desk does not believe the agent: signature, hash and version are checked here,
with the fleet's key of the desk's own belongings. A new bundle is taken when a sitting begins, or when the agent asks
how the desk is while nobody sits there; never under a citizen's card.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.cards.trust_sources import published_store
from appliance.runtime import trust_files
from appliance.runtime.files import StorageMissing, read_bounded, storage_error, write_atomic
from appliance.runtime.trust_files import STATEMENT_LIMIT_BYTES, TrustReleaseOlder
from contracts.desk_api.status import TrustUse
from contracts.envelope import public_key_text
from contracts.errors import PueError
from contracts.settled import settled

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Protocol

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from appliance.cards.trust import TrustStore

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


class _Floor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The highest version this desk has used, per fleet: a box that changes its fleet begins anew."""

    fleet: str
    version: int


class Believed:
    """The trust store in use, and why a published one is not.

    Args:
        folder: ``state/trust``, written by the agent.
        floor: the desk's own file for the highest version it has used.
        fleet_key: whose signature counts.
        given: the store to use until a published one holds.
        note: writes into the journal.
    """

    def __init__(
        self, folder: Path, floor: Path, *, fleet_key: KeyOfFleet, given: TrustStore, note: Note
    ) -> None:
        self._folder, self._floor_file, self._fleet_key, self._note = folder, floor, fleet_key, note
        self._store, self._code, self._version = given, "", 0
        self._lock = threading.Lock()
        self._sitting = ""
        self._mark: object = None
        self.look()

    def during(self, sitting: str) -> TrustStore:
        """The store for this sitting; the pointer file is looked at once, when the sitting first asks."""
        with self._lock:
            if sitting != self._sitting:
                self._sitting = sitting
                self._look()
            return self._store

    def look(self) -> None:
        """Take a newer bundle if one lies there. Not while a citizen sits at the desk."""
        with self._lock:
            self._look()

    @property
    def use(self) -> TrustUse:
        """What is in use, for the report."""
        with self._lock:
            return TrustUse(
                version=self._store.version, dated=self._store.listed.isoformat(), code=self._code
            )

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
            found = (self._folder / trust_files.RELEASE).stat()
        except FileNotFoundError:
            self._mark, self._code = None, ""
            return None
        except OSError as why:
            self._mark = None
            self._code = storage_error(why, self._folder / trust_files.RELEASE, "read").code
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _judge(self) -> None:
        try:
            store, version = self._proven()
        except StorageMissing:
            return
        except PueError as why:
            log.warning("the published trust bundle is refused: %s [%s]", why, why.code)
            self._code = why.code
            self._note("trust.refused", code=why.code)
            return
        self._store, self._version, self._code = store, version, ""
        self._note("trust.taken", version=version, dated=store.dated.isoformat())

    def _proven(self) -> tuple[TrustStore, int]:
        """The pair that lies there, as a store, and its version.

        Raises:
            PueError: it is not one the fleet signed for us, not whole, or older than what was used before.
        """
        raw = read_bounded(self._folder / trust_files.RELEASE, limit_bytes=STATEMENT_LIMIT_BYTES)
        key = self._fleet_key()
        release = trust_files.read_release(raw, key)
        floor = max(self._version, self._floor(key))
        if release.version < floor:
            raise TrustReleaseOlder("an older trust bundle than was used before", used=floor)
        store = published_store(self._folder, release)
        if release.version > floor:
            self._raise_floor(key, release.version)
        return store, release.version

    def _floor(self, key: Ed25519PublicKey) -> int:
        with contextlib.suppress(PueError, msgspec.DecodeError):
            raw = read_bounded(self._floor_file, limit_bytes=_FLOOR_LIMIT_BYTES)
            kept = msgspec.json.decode(raw, type=settled(_Floor))
            return kept.version if kept.fleet == _fleet(key) else 0
        return 0

    def _raise_floor(self, key: Ed25519PublicKey, version: int) -> None:
        # A full disk must not keep the desk from believing better; the floor in memory holds meanwhile.
        with contextlib.suppress(PueError):
            write_atomic(self._floor_file, msgspec.json.encode(_Floor(_fleet(key), version)))


def _fleet(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(public_key_text(key).encode()).hexdigest()
