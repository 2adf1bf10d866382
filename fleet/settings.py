"""Settings of every process of the fleet: one TOML, `--set`, `PUE_FLEET_…`; refused or taken as a whole."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from contracts.settings import Effective, SettingsError, load_settings

ENV_PREFIX: Final = "PUE_FLEET_"
MAX_FILE_BYTES: Final = 65_536

Port = Annotated[int, Meta(ge=0, le=65_535)]
"""0 = choose a free one, write it to ``data_dir/ports.json`` and keep it at the next start."""

Seconds = Annotated[int, Meta(ge=0, le=31_536_000)]
Many = Annotated[int, Meta(ge=1, le=10_000_000)]
Name = Annotated[str, Meta(min_length=1, max_length=253)]


class Gate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The HTTPS door for boxes and recipients.

    Attributes:
        threads: requests served at once.
        max_body_bytes: bound of one request's body; letters arrive in parts below it.
    """

    listen: Name = "127.0.0.1"
    port: Port = 8443
    threads: Annotated[int, Meta(ge=1, le=256)] = 16
    max_body_bytes: Many = 1_048_576


class Broker(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The MQTT broker: mosquitto as our child, or one that others run (`program` empty).

    Attributes:
        program: path or name of mosquitto; empty = somebody else runs the broker with our config.
        max_queued_messages: kept per client that is away. The ingest's own queue needs room for an outage:
            mosquitto drops silently beyond it.
    """

    program: str = "mosquitto"
    listen: Name = "127.0.0.1"
    port: Port = 8883
    max_queued_messages: Many = 200_000
    max_queued_bytes: Annotated[int, Meta(ge=1_000_000, le=68_719_476_736)] = 536_870_912
    max_connections: Annotated[int, Meta(ge=-1, le=1_000_000)] = -1
    session_days: Annotated[int, Meta(ge=1, le=365)] = 14


class Console(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The operators' page. `enabled` false leaves it to another machine.

    Attributes:
        behind_https: a proxy in front speaks HTTPS; cookies are then marked secure, its forwarded words believed.
    """

    enabled: bool = True
    listen: Name = "127.0.0.1"
    port: Port = 8480
    behind_https: bool = False


class Enrolment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tokens and certificates.

    Attributes:
        token_hours: a one-time token that was never used dies after this.
        token_window_s: after its first success a token only finishes what it began, this long.
        crl_days: life of a revocation list. An expired list locks every box out.
        crl_refresh_hours: how old a list may grow before it is written anew.
    """

    token_hours: Annotated[int, Meta(ge=1, le=720)] = 72
    token_window_s: Annotated[int, Meta(ge=60, le=86_400)] = 3_600
    box_days: Annotated[int, Meta(ge=1, le=825)] = 365
    server_days: Annotated[int, Meta(ge=1, le=825)] = 365
    crl_days: Annotated[int, Meta(ge=1, le=30)] = 7
    crl_refresh_hours: Annotated[int, Meta(ge=1, le=168)] = 24


class Ingest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reading the boxes' reports.

    Attributes:
        batch: reports in one transaction, at most.
        session_hours: how long the broker queues for a worker that is away.
        gap_patience_s: a report number missing for this long while later ones came is given up, and said.
        heartbeat_s: how often a worker writes that it lives, and liveness is judged.
    """

    batch: Annotated[int, Meta(ge=1, le=10_000)] = 500
    session_hours: Annotated[int, Meta(ge=1, le=8_760)] = 168
    gap_patience_s: Seconds = 900
    heartbeat_s: Annotated[float, Meta(ge=0.05, le=60)] = 2.0


class Liveness(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When silence means something; factors of a box's own interval plus a margin in seconds."""

    late_factor: Annotated[float, Meta(ge=1, le=100)] = 1.5
    offline_factor: Annotated[float, Meta(ge=1, le=100)] = 3.0
    margin_s: Seconds = 20
    lost_after_s: Seconds = 259_200
    grace_s: Seconds = 120


class Boxes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """First twin of a new box, and the words said to all."""

    health_every_s: Annotated[int, Meta(ge=1, le=86_400)] = 300
    keepalive_s: Annotated[int, Meta(ge=5, le=3_600)] = 60
    reconnect_spread_s: Annotated[int, Meta(ge=0, le=3_600)] = 20


class FleetSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fleet server as configured.

    Attributes:
        data_dir: keys, database, broker's folder, ports.json. Created with mode 0700.
        database_url: SQLAlchemy URL; empty = SQLite in `data_dir`.
        public_hosts: names and addresses boxes reach us by; the first one is written into their belongings,
            all are in the servers' certificates.
    """

    data_dir: Annotated[str, Meta(min_length=1, max_length=1000)] = "/var/lib/pue-fleet"
    database_url: Annotated[str, Meta(max_length=1000, extra={"secret": True})] = ""
    public_hosts: Annotated[list[Name], Meta(min_length=1, max_length=16)] = msgspec.field(
        default_factory=lambda: ["localhost", "127.0.0.1"]
    )
    recipient_file: Annotated[str, Meta(max_length=1000)] = ""
    gate: Gate = Gate()
    broker: Broker = Broker()
    console: Console = Console()
    enrolment: Enrolment = Enrolment()
    ingest: Ingest = Ingest()
    liveness: Liveness = Liveness()
    boxes: Boxes = Boxes()

    @property
    def folder(self) -> Path:
        """`data_dir` as a path."""
        return Path(self.data_dir)

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.folder / 'fleet.db'}"


def load(
    *,
    file: Path | None = None,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Effective[FleetSettings]:
    """The effective settings.

    Raises:
        SettingsError: the file cannot be read, a key is unknown, a value is out of range.
    """
    return load_settings(
        FleetSettings,
        file=(str(file), _read(file)) if file is not None else None,
        environ=os.environ if environ is None else environ,
        prefix=ENV_PREFIX,
        overrides=overrides,
    )


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as why:
        raise SettingsError(f"settings file {file} cannot be read: {why.strerror}", key="") from why
    if len(data) > MAX_FILE_BYTES:
        raise SettingsError(f"settings file {file} is larger than {MAX_FILE_BYTES} bytes", key="")
    return data
