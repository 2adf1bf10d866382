"""Settings of the desk. One TOML file, environment ``PUE_DESK_…``, ``--set``."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from appliance.devices.port import DeviceKind

Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class PinCost(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Cost of argon2id; the defaults are RFC 9106's second recommendation."""

    time: Annotated[int, Meta(ge=1, le=20)] = 3
    memory_kib: Annotated[int, Meta(ge=8, le=1_048_576)] = 65_536
    lanes: Annotated[int, Meta(ge=1, le=16)] = 4


class Groups(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unix groups that may knock at each door; empty leaves the socket's group alone."""

    clerk: str = ""
    status: str = ""


class PaperSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the desk knows of its camera and its papers.

    Attributes:
        px_per_mm: of a full picture on the desk's surface, found by calibration; none: sizes are guessed from shapes.
        languages: that papers are read in, as Tesseract names them, the most frequent first.
        rest_s: pictures are worked on by processes of their own, which end when nobody needs them for so long.
    """

    px_per_mm: Annotated[float, Meta(gt=1, lt=60)] | None = None
    languages: Annotated[
        list[Annotated[str, Meta(pattern="^(ita|deu|fra|slv)$")]], Meta(min_length=1, max_length=4)
    ] = msgspec.field(default_factory=lambda: ["ita"])
    rest_s: Seconds = 180


class DeskSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole.

    Attributes:
        state_dir: what survives: identity, vault, outbox.
        run_dir: where the doors are.
        devices: a table for each kind: ``driver`` and the driver's own settings.
        trust: file of the trust bundle for documents; empty believes nobody, or, with simulated cards, their
            invented State.
        simulate: open ``world.sock``, by which simulated devices are played. Never on a box that serves people.
        believe_clock: take the machine's hour as certain. Not set: as `simulate`, because a demo in a container has
            no time daemon to ask. Never on a box that serves people.
        paper: see `PaperSettings`.
        idle_lock_s: without an act of the clerk the page locks after this time.
        forgotten_s: a sitting untouched for so long is laid aside by itself.
        draft_days: drafts are erased so many days after the last change.
        receipt_days: how long the facts of a receipt stay printable.
        act_wait_s: how long a call waits for a device before it answers with what is so far.
    """

    state_dir: str = "/var/lib/pue"
    run_dir: str = "/run/pue"
    devices: dict[DeviceKind, dict[str, Any]] = {}
    trust: str = ""
    simulate: bool = False
    believe_clock: bool | None = None
    groups: Groups = Groups()
    pin_cost: PinCost = PinCost()
    paper: PaperSettings = PaperSettings()
    idle_lock_s: Seconds = 300
    forgotten_s: Seconds = 14_400
    draft_days: Annotated[int, Meta(ge=1, le=90)] = 7
    receipt_days: Annotated[int, Meta(ge=1, le=3_650)] = 365
    act_wait_s: Seconds = 10
    log_level: str = "info"
    log_json: bool = False

    def __post_init__(self) -> None:
        """Refuse a desk that would believe any hour with real citizens.

        Raises:
            ValueError: with what to change.
        """
        if self.believe_clock and not self.simulate:
            raise ValueError(
                "believe_clock is for simulated desks only: set simulate = true, or leave it out"
            )


DEFAULT_DRIVERS = {
    DeviceKind.CARD_READER: "pcsc",
    DeviceKind.PRINTER: "disabled",
    DeviceKind.CAMERA: "disabled",
    DeviceKind.BARCODE: "disabled",
    DeviceKind.PANEL: "disabled",
}


def driver_of(settings: DeskSettings, kind: DeviceKind) -> tuple[str, dict[str, Any]]:
    """The driver's name for a kind of device, and the settings that are the driver's own."""
    table = dict(settings.devices.get(kind, {}))
    return str(table.pop("driver", DEFAULT_DRIVERS[kind])), table
