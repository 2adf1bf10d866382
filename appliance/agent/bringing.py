"""A release's way to the box: fetched when the twin asks for a newer one, proven, and laid where the desk reads.

Nothing that comes over the line is believed but the fleet's signature. Whatever fails, the bundle that lies there
stays; a bundle that went bad on the disk is fetched again.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import msgspec

from appliance.agent.gate_files import FetchFailed
from appliance.agent.link.backoff import Backoff
from appliance.runtime.files import StorageFull, storage_error, sync_dir
from appliance.runtime.release_files import (
    PUBLIC_FILE,
    STATEMENT_LIMIT_BYTES,
    ReleaseKind,
    make_release_folder,
)
from contracts.errors import PueError
from contracts.messages.releases import Release
from contracts.messages.report import EventState

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from appliance.agent.gate_files import GateFiles
    from appliance.agent.reports import Reports

log = logging.getLogger(__name__)

ROOM_BYTES: Final = 64 * 1024 * 1024
"""Left free for letters: they come before a new bundle."""

R = TypeVar("R", bound=Release)


def trouble_of(kind: ReleaseKind[R]) -> str:
    """Key of the event while the wanted bundle cannot be brought; its fact `code` says why."""
    return f"{kind.name}.not_brought"


class BringRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of a bundle's way.

    Attributes:
        spread_s: a bundle that was just published is fetched within so many seconds, each box at its own moment:
            some thousand boxes with some million bytes each must leave the gate time for letters.
        retry_base_s: ceiling of the first pause after a failure; it doubles.
        retry_cap_s: no pause is longer.
        look_every_s: how often the bundle on the disk is proven again.
        timeout_s: of each operation of the socket.
    """

    spread_s: float = 3_600.0
    retry_base_s: float = 10.0
    retry_cap_s: float = 3_600.0
    look_every_s: float = 21_600.0
    timeout_s: float = 30.0


class Bringer(Generic[R]):
    """A worker's body: sleeps until the twin changed or a bundle is due.

    Args:
        kind: of release.
        folder: the kind's, in the box's state.
        fleet_key: whose signature counts.
        files: the gate.
        wanted: the version the twin asks for; 0 = none.
        reports: takes the events.
        chance: spreads the boxes.
        rules: see `BringRules`.
    """

    def __init__(
        self,
        kind: ReleaseKind[R],
        folder: Path,
        fleet_key: Ed25519PublicKey,
        files: GateFiles,
        *,
        wanted: Callable[[], int],
        reports: Reports,
        chance: random.Random,
        rules: BringRules,
    ) -> None:
        self._kind, self._path = kind, f"/releases/{kind.name}"
        self._trouble = trouble_of(kind)
        self._folder, self._fleet_key, self._files = folder, fleet_key, files
        self._wanted, self._reports, self._rules = wanted, reports, rules
        self._backoff = Backoff(
            chance, spread_s=rules.spread_s, base_s=rules.retry_base_s, cap_s=rules.retry_cap_s
        )
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._for = 0
        self._due_s = 0.0
        self._told: str | None = None
        """Code of the trouble that is raised; empty: none is; None: an agent before us may have raised one."""

    def wake(self) -> None:
        """Look up: the twin changed, or somebody asked to stop. Any thread."""
        self._bell.set()

    def run(self, stopping: threading.Event) -> None:
        """The body of the worker."""
        self._stopping = stopping
        while not stopping.is_set():
            self._bell.clear()
            if stopping.is_set():  # it may have rung just before
                return
            self._bell.wait(self.step())

    def step(self) -> float:
        """Do what is due; seconds until something is due again."""
        wanted = self._wanted()
        if wanted <= self._held_version():
            self._for = 0
            self._clear()
            return self._rules.look_every_s
        now_s = time.monotonic()
        if wanted != self._for:
            self._for = wanted
            self._backoff.succeeded()
            self._due_s = now_s + self._backoff.next_s()
        if now_s < self._due_s:
            return self._due_s - now_s
        wait_s = self._try(wanted)
        self._due_s = time.monotonic() + wait_s
        return wait_s

    def bring(self, wanted: int) -> bool:
        """Fetch and prove this version and put it in place; False when stopped half way.

        Raises:
            PueError: the old pair stands; a torn download stays for the next try.
        """
        make_release_folder(self._folder)
        raw = self._files.small(f"{self._path}/{wanted}", limit_bytes=STATEMENT_LIMIT_BYTES)
        release = self._kind.read_release(raw, self._fleet_key)
        if release.version != wanted:
            raise self._kind.older("the fleet answered with another version", asked=wanted)
        if release.version < self._signed_version():
            raise self._kind.older("the fleet answered with an older version", asked=wanted)
        if not self._bring_bundle(release):
            return False
        self._kind.lay_release(self._folder, raw, release)
        return True

    # ---- its own

    def _try(self, wanted: int) -> float:
        try:
            if self.bring(wanted):
                if self._told != "":
                    self._told = "?"
                    self._clear()
                self._tell(f"{self._kind.name}.brought", EventState.INFO, "info", version=wanted)
                log.info("%s bundle %d lies on the box", self._kind.name, wanted)
            return 0.0
        except PueError as why:
            log.warning("%s bundle %d: %s [%s]", self._kind.name, wanted, why, why.code)
            if self._told != why.code and self._tell(
                self._trouble, EventState.RAISED, "warning", code=why.code, version=wanted
            ):
                self._told = why.code
            asked_s = why.wait_s if isinstance(why, FetchFailed) else 0.0
            return max(self._backoff.next_s(), asked_s)

    def _held_version(self) -> int:
        """Version of the pair that lies there and holds together; 0 when none does."""
        try:
            release = self._kind.held_release(self._folder, self._fleet_key)
            if release is None:
                return 0
            self._kind.prove_file(self._kind.bundle_path(self._folder, release), release)
        except PueError as why:
            log.warning("the %s bundle on the disk is of no use: %s", self._kind.name, why.code)
            return 0
        return release.version

    def _signed_version(self) -> int:
        """Version of the description that lies there, whatever became of its bundle."""
        try:
            release = self._kind.held_release(self._folder, self._fleet_key)
        except PueError:
            return 0
        return 0 if release is None else release.version

    def _bring_bundle(self, release: R) -> bool:
        whole = self._kind.bundle_path(self._folder, release)
        part = whole.with_suffix(".part")
        self._forget_parts(part)
        with contextlib.suppress(self._kind.damaged):
            self._kind.prove_file(whole, release)  # the same bytes under a new version
            return True
        self._find_room(release)
        try:
            done = self._files.resume(
                f"{self._path}/{release.version}/bundle",
                part,
                size_bytes=release.size_bytes,
                etag=release.sha256,
                go_on=lambda: not self._stopping.is_set(),
            )
            if not done:
                return False
            self._kind.prove_file(part, release)
        except (self._kind.damaged, StorageFull):  # of no use, or in the way of letters
            part.unlink(missing_ok=True)
            raise
        try:
            part.chmod(PUBLIC_FILE)
            part.replace(whole)
            sync_dir(self._folder)
        except OSError as why:
            raise storage_error(why, whole, "write") from why
        return True

    def _forget_parts(self, keep: Path) -> None:
        for part in self._folder.glob("*.part"):
            if part != keep:
                with contextlib.suppress(OSError):
                    part.unlink()

    def _find_room(self, release: R) -> None:
        try:
            free_bytes = shutil.disk_usage(self._folder).free
        except OSError as why:
            raise storage_error(why, self._folder, "read") from why
        if free_bytes < release.size_bytes + ROOM_BYTES:
            raise StorageFull(
                f"too little room for a new {self._kind.name} bundle", needed_bytes=release.size_bytes
            )

    def _clear(self) -> None:
        if self._told and self._tell(self._trouble, EventState.CLEARED, "info"):
            self._told = ""

    def _tell(self, key: str, state: EventState, severity: str, **facts: object) -> bool:
        try:
            self._reports.event(key, state=state, severity=severity, **facts)
        except PueError as why:
            log.warning("event not kept: %s", why.code)
            return False
        return True
