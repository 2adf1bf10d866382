"""Whom this desk believes about documents: the published bundle where one lies there and holds, else what it was given.

A new bundle is taken when a sitting begins, or when the agent asks how the desk is while nobody sits there; never
under a citizen's card.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.cards.trust_sources import published_store
from appliance.desk.published import Published
from appliance.runtime.trust_files import TRUST
from contracts.desk_api.status import TrustUse
from contracts.messages.releases import TrustRelease

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.cards.trust import TrustStore
    from appliance.desk.published import KeyOfFleet, Note


class Believed(Published[TrustRelease, "TrustStore"]):
    """The trust store in use, and why a published one is not. Arguments as `Published`."""

    def __init__(
        self, folder: Path, floor: Path, *, fleet_key: KeyOfFleet, given: TrustStore, note: Note
    ) -> None:
        super().__init__(TRUST, folder, floor, fleet_key=fleet_key, given=given, note=note)
        self._sitting = ""
        self.look()

    def during(self, sitting: str) -> TrustStore:
        """The store for this sitting; the pointer file is looked at once, when the sitting first asks."""
        with self._lock:
            if sitting != self._sitting:
                self._sitting = sitting
                self._look()
            return self._thing

    @property
    def use(self) -> TrustUse:
        """What is in use, for the report."""
        with self._lock:
            return TrustUse(
                version=self._thing.version, dated=self._thing.listed.isoformat(), code=self._code
            )

    def _open(self, raw: bytes, release: TrustRelease) -> TrustStore:
        del raw
        return published_store(self._folder, release)

    def _day(self, thing: TrustStore, release: TrustRelease) -> str:
        del release
        return thing.dated.isoformat()
