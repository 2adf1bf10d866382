"""Pieces of the desk's wiring that are more than a line: its stores, its devices, its trust."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import logging
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from argon2 import PasswordHasher

from appliance.cards.trust import empty
from appliance.cards.trust_sources import named_store
from appliance.desk.belongings import read_belongings
from appliance.desk.catalogues import Catalogues
from appliance.desk.desk import Desk, Shelf
from appliance.desk.settings import DeskSettings, driver_of
from appliance.desk.trust import Believed
from appliance.devices.panel.port import Colour, Light, Panel
from appliance.devices.port import Condition, Device, DeviceError, DeviceKind
from appliance.devices.registry import make_device
from appliance.outbox.store import Outbox
from appliance.runtime.clock import SystemClock, ntp_synchronized
from appliance.runtime.files import make_private_dir
from appliance.runtime.release_files import CATALOGUE
from appliance.runtime.trust_files import TRUST
from appliance.vault.clerks import Clerks
from appliance.vault.drafts import Drafts
from appliance.vault.journal import Journal
from appliance.vault.keystore import FileKeyStore, open_data_key
from appliance.vault.numbers import Ordinals
from contracts.envelope import public_key_from_text
from contracts.errors import PueError

if TYPE_CHECKING:
    from appliance.cards.trust import TrustStore
    from appliance.desk.published import Note
    from appliance.runtime.clock import Clock

log = logging.getLogger(__name__)


def derived(key: bytes, purpose: str) -> bytes:
    """A key for one purpose out of the vault's data key (HKDF's expand step, RFC 5869 §2.3, one block)."""
    return hmac.new(key, f"pue {purpose}".encode() + b"\x01", hashlib.sha256).digest()


def open_clock(state: Path, settings: DeskSettings) -> SystemClock:
    """The machine's clock; its floor survives in the vault's folder."""
    believed = settings.simulate if settings.believe_clock is None else settings.believe_clock
    synchronized = (lambda: True) if believed else ntp_synchronized
    return SystemClock(state / "vault" / "clock.floor", synchronized=synchronized)


def open_shelf(state: Path, clock: Clock) -> tuple[Shelf, bytes]:
    """The desk's stores and the vault's data key; what is damaged is set aside and noted in the journal.

    Raises:
        StorageError, VaultError, OutboxError: the desk cannot work on this disk at all.
    """
    vault = make_private_dir(state / "vault")
    journal = Journal(vault / "journal.jsonl", now=clock.now)
    key, lost = open_data_key(vault / "data.key", FileKeyStore(vault / "keystore.key"))
    outbox = Outbox(state / "outbox" / "outbox.db", now=clock.now)
    with contextlib.suppress(PueError):  # a full disk must not keep the desk from saying so
        journal.write("desk.started", pid=os.getpid())
        if lost:
            journal.write("vault.key_lost")
        if outbox.set_aside is not None:
            journal.write("outbox.set_aside", saved=outbox.saved_from_damage)
    shelf = Shelf(
        drafts=Drafts(vault / "drafts", derived(key, "drafts")),
        receipts=Drafts(vault / "receipts", derived(key, "receipts")),
        journal=journal,
        numbers=Ordinals(vault / "numbers.json"),
        outbox=outbox,
        free_bytes=lambda: shutil.disk_usage(state).free,
    )
    return shelf, key


def open_clerks(state: Path, settings: DeskSettings, clock: Clock) -> Clerks:
    """Clerks with this box's cost of a PIN."""
    cost = settings.pin_cost
    hasher = PasswordHasher(time_cost=cost.time, memory_cost=cost.memory_kib, parallelism=cost.lanes)
    vault = state / "vault"
    return Clerks(vault / "clerks.json", vault / "voucher", now=clock.now, hasher=hasher)


def make_devices(settings: DeskSettings) -> dict[DeviceKind, Device]:
    """All devices as the settings choose them, not yet open.

    Raises:
        DeviceError: an unknown driver or settings that are not its own.
    """
    return {kind: make_device(kind, *driver_of(settings, kind)) for kind in DeviceKind}


def open_trust(state: Path, settings: DeskSettings, clock: Clock, note: Note) -> Believed:
    """Whom the box believes about documents, now and after the next bundle is published.

    Raises:
        StorageError, InvalidTrustBundle: a bundle is named in the settings and cannot be used.
    """
    identity = state / "identity"
    return Believed(
        TRUST.folder(state),
        state / "vault" / "trust.floor",
        fleet_key=lambda: public_key_from_text(read_belongings(identity).fleet_key),
        given=given_trust(settings, clock),
        note=note,
    )


def noted(journal: Journal) -> Note:
    """Writes into the journal before there is a desk; what cannot be written stops nothing."""

    def note(what: str, **facts: str | int | bool) -> None:
        with contextlib.suppress(PueError):
            journal.write(what, **facts)

    return note


def open_catalogues(state: Path, note: Note) -> Catalogues:
    """The practices citizens are served by, now and after the next catalogue is published.

    Raises:
        StorageError: there is no place for copies.
    """
    identity, vault = state / "identity", state / "vault"
    return Catalogues(
        CATALOGUE.folder(state),
        vault / "catalogue.floor",
        vault / "catalogues",
        fleet_key=lambda: public_key_from_text(read_belongings(identity).fleet_key),
        note=note,
    )


def given_trust(settings: DeskSettings, clock: Clock) -> TrustStore:
    """Whom the box believes while the fleet has published nothing.

    Raises:
        StorageError, InvalidTrustBundle: a bundle is named and cannot be used.
    """
    if settings.trust:
        return named_store(Path(settings.trust), clock.now().date())
    if driver_of(settings, DeviceKind.CARD_READER)[0] == "simulated":
        from appliance.cards.software.trusted import demo_trust

        return demo_trust(clock.now())
    return empty(clock.now().date())


def show_mood(desk: Desk, devices: dict[DeviceKind, Device], panel: Panel) -> None:
    """The light: blue with a citizen, yellow when a device needs somebody, green otherwise."""
    waiting = (DeviceKind.CARD_READER, DeviceKind.PRINTER, DeviceKind.CAMERA)
    trouble = any(devices[kind].state().condition is Condition.TROUBLE for kind in waiting)
    colour = Colour.YELLOW if trouble else Colour.BLUE if desk.sitting else Colour.GREEN
    with contextlib.suppress(DeviceError):
        panel.show(Light(colour))
