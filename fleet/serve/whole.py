"""`pue-fleet serve`: which programs make a whole fleet, in which order, and what is looked after meanwhile."""

from __future__ import annotations

import importlib.util
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from fleet.clock import Clock, SystemClock
from fleet.database import Database
from fleet.enrolment.keys import sole_server
from fleet.link import broker
from fleet.registry import recipients
from fleet.serve import kick, material, ports
from fleet.serve.supervisor import START_S, Duty, Program, Supervisor
from fleet.settings import FleetSettings, SettingsError

LIST_CHECK_S: Final = 2.0


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """Where a served fleet is reached; `console` is empty when there is none."""

    gate: str
    broker: str
    console: str


def run(
    settings: FleetSettings, arguments: Sequence[str], *, as_json: bool, say: Callable[[str], None]
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        settings: as configured; ports of 0 are chosen here.
        arguments: ``--config``/``--set`` as given to us, for the children.
        as_json: also print one JSON line with the addresses.
        say: where sentences go.

    Raises:
        FleetRuns, StartFailed, BrokerFailed, KeysUnavailable, DatabaseUnavailable: and nothing of ours is
            left running.
    """
    with sole_server(settings.folder):
        _run(settings, arguments, as_json=as_json, say=say)


def _run(
    settings: FleetSettings, arguments: Sequence[str], *, as_json: bool, say: Callable[[str], None]
) -> None:
    clock = SystemClock()
    settings = ports.choose(settings)
    database = Database(settings.url)
    authority = material.prepare(settings, database, clock)
    _take_recipient(settings, database, clock)
    supervisor = Supervisor(_programs(settings, arguments), clock=clock, say=say)

    def refresh_list() -> None:
        now = clock.now()
        new = material.refresh_revoked(settings, database, authority, now=now)
        if new is None:
            return
        # First the list, then the session: who is sent away must find the door shut.
        supervisor.signal("broker", signal.SIGHUP)
        for box in kick.live_no_more(database, new, now=now):
            kick.kick(settings, database, authority, box, now=now)

    def end(_signal: int, _frame: Any) -> None:
        supervisor.stop()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        supervisor.start()
        _announce(settings, as_json=as_json)
        supervisor.watch([Duty(every_s=LIST_CHECK_S, run=refresh_list)])
    finally:
        database.close()


def has_console() -> bool:
    """Whether the console's program is part of this installation."""
    return bool(
        importlib.util.find_spec("fleet.console") and importlib.util.find_spec("fleet.console.__main__")
    )


def _programs(settings: FleetSettings, arguments: Sequence[str]) -> list[Program]:
    real = [f"{door}.port={getattr(settings, door).port}" for door in ports.DOORS]
    given = [*arguments, *(word for pair in real for word in ("--set", pair))]
    python = [sys.executable, "-m"]
    programs = [
        Program(name="ingest", argv=[*python, "fleet", "ingest", *given]),
        Program(name="gate", argv=[*python, "fleet", "gate", *given]),
    ]
    if settings.broker.program:
        programs.insert(0, _broker(settings))
    if settings.console.enabled and has_console():
        programs.append(Program(name="console", argv=[*python, "fleet.console", *given]))
    return programs


def _broker(settings: FleetSettings) -> Program:
    file = broker.prepare(settings.broker, settings.folder / "broker", material.broker_material(settings))
    probe = material.post(settings, broker.PROBE_NAME)

    def answers() -> None:
        broker.self_test(
            probe.host,
            probe.port,
            authority=probe.authority,
            certificate=probe.certificate,
            key=probe.key,
            timeout_s=START_S,
        )

    return Program(name="broker", argv=[settings.broker.program, "-c", str(file)], check=answers)


def _take_recipient(settings: FleetSettings, database: Database, clock: Clock) -> None:
    if not settings.recipient_file:
        return
    path = Path(settings.recipient_file)
    try:
        given = recipients.read_file(path.read_bytes())
    except OSError as why:
        raise SettingsError(
            f"recipient_file {path} cannot be read: {why.strerror}", key="recipient_file"
        ) from why
    with database.write() as session:
        recipients.add(session, given, now=clock.now())


def _announce(settings: FleetSettings, *, as_json: bool) -> None:
    host = settings.public_hosts[0]
    console = settings.console.enabled and has_console()
    whole = Whole(
        gate=f"https://{host}:{settings.gate.port}",
        broker=f"mqtts://{host}:{settings.broker.port}",
        console=f"http://{material.own_host(settings.console.listen)}:{settings.console.port}"
        if console
        else "",
    )
    if as_json:
        print(msgspec.json.encode(whole).decode(), flush=True)  # noqa: T201 - the promise of `--json`
    print(f"ready fleet gate={whole.gate} broker={whole.broker} console={whole.console}", flush=True)  # noqa: T201 - the promise of every process
