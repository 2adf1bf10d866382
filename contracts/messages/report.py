"""What a box says of itself: birth, goodbye, will, health, events, and the fleet's watermark."""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta

from contracts.codec import Message
from contracts.identity import BoxName, LetterId, SiteName

Count = Annotated[int, Meta(ge=0)]
Ratio = Annotated[float, Meta(ge=0, le=1)]
UnixMs = Annotated[int, Meta(ge=0, lt=1 << 48)]
Short = Annotated[str, Meta(max_length=120)]


class Head(Message, frozen=True, kw_only=True):
    """What stands on every message of a box.

    Attributes:
        v: major version of the schema.
        ts: box clock, milliseconds since 1970. The server judges by its own clock.
        boot: first eight hex digits of the kernel's boot id.
        seq: number of this report; per box, persisted, never reused; 0 where it is not kept.
    """

    v: Annotated[int, Meta(ge=1)] = 1
    ts: UnixMs
    boot: Annotated[str, Meta(pattern=r"^[0-9a-f]{8}$")]
    seq: Count = 0


class Presence(enum.StrEnum):
    """Words of the status topic."""

    ONLINE = "online"
    OFFLINE = "offline"


class Certificate(Message, frozen=True, kw_only=True):
    """Validity of the box's link certificate."""

    not_before: UnixMs
    not_after: UnixMs
    fingerprint: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class Birth(Head, frozen=True, kw_only=True):
    """First word of a connection (status topic, retained).

    Attributes:
        connection: epoch of this connection; the will carries the same, and a will whose
            epoch is not the current one is old news and is ignored.
        software: version of the product.
        os: pretty name of the operating system.
        can: orders this box understands.
    """

    presence: Presence = Presence.ONLINE
    connection: LetterId
    site: SiteName
    software: Short
    os: Short
    certificate: Certificate
    can: list[Short] = []


class Goodbye(Head, frozen=True, kw_only=True):
    """Last word of a connection: said on a planned stop, or left as the will.

    Attributes:
        why: ``link`` (the will), ``stop``, ``restart``, ``reboot``.
    """

    presence: Presence = Presence.OFFLINE
    connection: LetterId
    why: Short


class Processor(Message, frozen=True, kw_only=True):
    """Load of the processor; temperature in degrees Celsius where a sensor exists."""

    load_ratio: Ratio
    temperature_c: float | None = None
    throttled: bool | None = None


class Memory(Message, frozen=True, kw_only=True):
    """Bytes of memory."""

    total_bytes: Count
    available_bytes: Count


class Disk(Message, frozen=True, kw_only=True):
    """The disk that holds the outbox."""

    total_bytes: Count
    free_bytes: Count
    read_only: bool = False


class Network(Message, frozen=True, kw_only=True):
    """The line as the box sees it. No address leaves the box."""

    kind: Short
    up: bool
    rtt_ms: float | None = None
    sent_bytes: Count = 0
    received_bytes: Count = 0


class DeviceHealth(Message, frozen=True, kw_only=True):
    """State of one device kind; `code` is a stable word such as ``printer.paper_out``."""

    kind: Short
    driver: Short
    condition: Short
    code: Short = ""


class OutboxHealth(Message, frozen=True, kw_only=True):
    """Letters on the box, in numbers only."""

    waiting: Count
    oldest_s: Count
    bytes: Count
    sent: Count
    refused: Count
    nearest_deadline: UnixMs | None = None


class ClockHealth(Message, frozen=True, kw_only=True):
    """Whether the box may believe its clock."""

    trusted: bool
    why: Short
    skew_ms: int | None = None


class SittingHealth(Message, frozen=True, kw_only=True):
    """The desk's day in numbers. Never who, never what."""

    active: bool
    idle_s: Count
    completed_today: Count
    abandoned_today: Count


class TrustHealth(Message, frozen=True, kw_only=True):
    """The published trust bundle on this box: what lies there, and what the desk makes of it.

    Attributes:
        held: version that lies on the box under the fleet's signature; 0 = none.
        used: version the desk judges documents by; None while the desk says nothing.
        dated: day (ISO 8601) of the bundle in use; empty while the desk says nothing.
        code: why the desk refuses what lies there; empty when it does not.
    """

    held: Count = 0
    used: Count | None = None
    dated: Short = ""
    code: Short = ""


class CatalogueHealth(Message, frozen=True, kw_only=True):
    """The published catalogue of practices on this box: what lies there, and what the desk makes of it.

    Attributes:
        held: version that lies on the box under the fleet's signature; 0 = none.
        used: version citizens are served by, 0 = the one of the software; None while the desk says nothing.
        code: why the desk refuses what lies there; empty when it does not.
    """

    held: Count = 0
    used: Count | None = None
    code: Short = ""


class Health(Head, frozen=True, kw_only=True):
    """The report of a box, every `health_every_s` of its twin.

    A probe that failed leaves its part `None` and its name with a reason in `failed`.
    """

    uptime_s: Count
    processor: Processor | None = None
    memory: Memory | None = None
    disk: Disk | None = None
    network: Network | None = None
    devices: list[DeviceHealth] = []
    outbox: OutboxHealth | None = None
    clock: ClockHealth | None = None
    sitting: SittingHealth | None = None
    trust: TrustHealth | None = None
    catalogue: CatalogueHealth | None = None
    certificate_days: float | None = None
    software: Short = ""
    desk_up: bool = True
    failed: dict[str, Short] = {}


class EventState(enum.StrEnum):
    """Life of an event key."""

    RAISED = "raised"
    CLEARED = "cleared"
    INFO = "info"


class Event(Head, frozen=True, kw_only=True):
    """Something happened on the box that an operator may want to know at once.

    Attributes:
        key: de-duplicates: the same key raised twice is one trouble (``printer.paper_out``).
    """

    key: Short
    state: EventState
    severity: Short = "info"
    facts: dict[str, str | int | float | bool | None] = {}


class Stored(Message, frozen=True, kw_only=True):
    """The watermark (``down/stored``): all reports up to `seq` are on the fleet's disk."""

    v: int = 1
    seq: Count


class Notice(Message, frozen=True, kw_only=True):
    """Words of the fleet to every box (retained).

    Attributes:
        server_time: fleet clock; a hint for skew, never a time source.
        reconnect_spread_s: spread the next connection over this many seconds.
        health_every_at_least_s: back-pressure: nobody reports faster than this.
    """

    v: int = 1
    server_time: UnixMs
    reconnect_spread_s: Count = 20
    health_every_at_least_s: Count = 0


class Nudge(Message, frozen=True, kw_only=True):
    """Fetch what changed (``letters``)."""

    v: int = 1
    what: Short
    box: BoxName
