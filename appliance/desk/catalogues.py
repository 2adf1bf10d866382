"""Which practices this desk serves: the published catalogue where one lies there and holds, else the software's own.

A draft keeps the catalogue it began with. So the desk keeps a copy of each catalogue it takes, one file in its own
folder, and forgets it once it is neither in use nor named by a draft. A file is the signed statement, a line's end and
the bundle: written at once or not at all, and proven again each time it is opened.
"""

from __future__ import annotations

import contextlib
import logging
import re
from typing import TYPE_CHECKING, Final

from appliance.desk.published import Published
from appliance.runtime.files import make_private_dir, read_bounded, write_atomic
from appliance.runtime.release_files import CATALOGUE, STATEMENT_LIMIT_BYTES
from contracts import codec
from contracts.desk_api.status import CatalogueUse
from contracts.envelope import Statement
from contracts.errors import PueError
from contracts.messages.releases import MAX_CATALOGUE_BYTES, CatalogueRelease
from contracts.practices.bundle import open_catalogue
from contracts.practices.catalogue import Catalogue, CatalogueInvalid, shipped

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from appliance.desk.published import KeyOfFleet, Note

log = logging.getLogger(__name__)

_COPY: Final = re.compile(r"([1-9]\d{0,9})\.catalogue")
_LINE_END: Final = b"\n"


class Catalogues(Published[CatalogueRelease, Catalogue]):
    """The catalogue in use, and those that drafts began with.

    Args:
        folder: ``state/catalogue``, written by the agent.
        floor: the desk's own file for the highest version it has used.
        kept: the desk's own folder of copies.
        fleet_key, note: as `Published`.

    Raises:
        StorageError: the folder of copies cannot be made.
    """

    def __init__(self, folder: Path, floor: Path, kept: Path, *, fleet_key: KeyOfFleet, note: Note) -> None:
        super().__init__(CATALOGUE, folder, floor, fleet_key=fleet_key, given=shipped(), note=note)
        self._kept = make_private_dir(kept)
        self._opened: dict[int, Catalogue] = {0: shipped()}
        self._take_up()
        self.look()

    @property
    def current(self) -> tuple[int, Catalogue]:
        """Version and catalogue that a sitting chooses from; version 0 is the software's own."""
        with self._lock:
            return self._version, self._thing

    @property
    def use(self) -> CatalogueUse:
        """What is in use, for the report."""
        with self._lock:
            return CatalogueUse(version=self._version, code=self._code)

    def of(self, version: int) -> Catalogue:
        """The catalogue a draft began with; the one in use where that one's copy does not open any more."""
        with self._lock:
            if version not in self._opened:
                try:
                    self._opened[version] = self._read(version)[0]
                except PueError as why:
                    log.warning("the kept catalogue %d does not open: %s", version, why.code)
                    self._note("catalogue.not_kept", version=version, code=why.code)
                    return self._thing
            return self._opened[version]

    def forget_all_but(self, named: AbstractSet[int]) -> None:
        """Erase the copies that no draft names. Newer ones than the one in use are of no use and go as well."""
        with self._lock:
            needed = {*named, self._version, 0}
            for version in self._copies():
                if version not in needed:
                    with contextlib.suppress(OSError):
                        self._copy(version).unlink(missing_ok=True)
                        self._note("catalogue.forgotten", version=version)
            self._opened = {known: thing for known, thing in self._opened.items() if known in needed}

    # ---- under the lock

    def _take_up(self) -> None:
        """After a start: the newest copy that opens, whatever lies in the agent's folder."""
        for version in sorted(self._copies(), reverse=True):
            try:
                self._thing, self._version = self._read(version)
            except PueError as why:
                log.warning("the kept catalogue %d does not open: %s", version, why.code)
                continue
            self._opened[self._version] = self._thing
            return

    def _open(self, raw: bytes, release: CatalogueRelease) -> Catalogue:
        bundle = CATALOGUE.read_bundle(self._folder, release)
        catalogue = _parsed(bundle)
        statement = codec.encode(codec.decode(Statement, raw, limit=STATEMENT_LIMIT_BYTES))
        write_atomic(self._copy(release.version), statement + _LINE_END + bundle)
        self._opened[release.version] = catalogue
        return catalogue

    def _read(self, version: int) -> tuple[Catalogue, int]:
        limit = STATEMENT_LIMIT_BYTES + len(_LINE_END) + MAX_CATALOGUE_BYTES
        statement, _, bundle = read_bounded(self._copy(version), limit_bytes=limit).partition(_LINE_END)
        release = CATALOGUE.read_release(statement, self._fleet_key())
        CATALOGUE.prove(bundle, release)
        if release.version != version:
            raise CATALOGUE.refused("the kept catalogue is another version", version=version)
        return _parsed(bundle), version

    def _copies(self) -> list[int]:
        try:
            found = [_COPY.fullmatch(entry.name) for entry in self._kept.iterdir()]
        except OSError:
            return []
        return [int(name[1]) for name in found if name]

    def _copy(self, version: int) -> Path:
        return self._kept / f"{version}.catalogue"


def _parsed(bundle: bytes) -> Catalogue:
    try:
        return open_catalogue(bundle)
    except PueError:
        raise
    except Exception as error:
        # One odd file in a catalogue the fleet signed must not end every desk of the country at its start.
        log.exception("a catalogue broke its reader")
        raise CatalogueInvalid("the catalogue cannot be read") from error
