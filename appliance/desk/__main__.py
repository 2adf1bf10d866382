"""The desk, wired: ``python -m appliance.desk --config desk.toml``."""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, cast

from appliance.capture.darkroom import Darkroom
from appliance.desk import wiring
from appliance.desk.belongings import read_belongings, read_sealing, site_of
from appliance.desk.desk import Desk
from appliance.desk.doors import Doorway
from appliance.desk.eye import Eye
from appliance.desk.logins import Logins
from appliance.desk.pages import Pages
from appliance.desk.perform import Hands, Tools
from appliance.desk.road import Road
from appliance.desk.scanning import Scanning
from appliance.desk.service import ClerkService, Staff
from appliance.desk.settings import DeskSettings
from appliance.desk.status import StatusService
from appliance.desk.tending import Tending
from appliance.desk.world import WorldDoor, WorldService
from appliance.devices.camera.live import Live
from appliance.devices.camera.port import FOCUSING
from appliance.devices.card_reader.port import CardReader, Presence
from appliance.devices.port import DeviceKind
from appliance.runtime.logs import set_up_logging
from appliance.runtime.memory import give_large_blocks_back
from appliance.runtime.settings import Effective, load_settings
from appliance.runtime.systemd import Notifier
from appliance.runtime.workers import Worker, WorkerGroup
from contracts.desk_api.clerk import ClerkDoor
from contracts.desk_api.status import StatusDoor
from contracts.errors import PueError

if TYPE_CHECKING:
    from appliance.devices.barcode.port import Barcode
    from appliance.devices.camera.port import Camera
    from appliance.devices.panel.port import Panel
    from appliance.devices.printer.port import Printer

SLOW_NICENESS = 10
"""Reading what pages say must never make a clerk wait."""


def run(settings: DeskSettings) -> int:
    """Serve until told to stop. 0: told to; 1: a part could not end."""
    state, doors = Path(settings.state_dir), Path(settings.run_dir)
    identity, software = state / "identity", metadata.version("pue-box")
    clock = wiring.open_clock(state, settings)
    shelf, key = wiring.open_shelf(state, clock)
    devices = wiring.make_devices(settings)
    reader, camera = (
        cast("CardReader", devices[DeviceKind.CARD_READER]),
        cast("Camera", devices[DeviceKind.CAMERA]),
    )
    scanner = cast("Barcode", devices[DeviceKind.BARCODE])
    printer, panel = cast("Printer", devices[DeviceKind.PRINTER]), cast("Panel", devices[DeviceKind.PANEL])
    desk = Desk(
        shelf,
        clock=clock,
        catalogues=wiring.open_catalogues(state, wiring.noted(shelf.journal)),
        belongings=lambda: read_belongings(identity),
        random=os.urandom,
        pseudonym_key=wiring.derived(key, "pseudonyms"),
        draft_days=settings.draft_days,
    )
    bright, slow = Darkroom(), Darkroom(niceness=SLOW_NICENESS)
    trust = wiring.open_trust(state, settings, clock, desk.note)
    desk.hands = Hands(
        Tools(
            reader=reader,
            camera=camera,
            printer=printer,
            pages=Pages(
                shelf.drafts,
                bright,
                slow,
                px_per_mm=settings.paper.px_per_mm,
                languages=tuple(settings.paper.languages),
            ),
            outbox=shelf.outbox,
            trust=trust,
            clock=clock,
            belongings=lambda: read_belongings(identity),
            sealing=lambda: read_sealing(identity),
            practice=desk.practice,
            notice=desk.notice,
            reads=desk.reads,
            keep_receipt=desk.keep_receipt,
            receipt_key=wiring.derived(key, "receipt codes"),
            software=software,
        ),
        desk.happened,
    )
    live = Live(camera)
    eye = Eye(
        live,
        bright,
        sitting=lambda: desk.sitting,
        notice=desk.noticed,
        page_id=desk.page_id,
        focusing=lambda: camera.state().code == FOCUSING,
    )
    logins = Logins(monotonic_s=clock.monotonic_s, idle_lock_s=settings.idle_lock_s)
    road = Road(monotonic_s=clock.monotonic_s)
    staff = Staff(
        desk=desk,
        hands=desk.hands,
        clerks=wiring.open_clerks(state, settings, clock),
        logins=logins,
        outbox=shelf.outbox,
        road=road,
        devices=devices,
        camera=camera,
        eye=eye,
        clock=clock,
        site=lambda: site_of(identity),
        card_present=lambda: reader.presence() is Presence.CARD,
        software=software,
        idle_lock_s=settings.idle_lock_s,
        act_wait_s=settings.act_wait_s,
    )
    status = StatusService(desk, road, devices, panel, clock, trust, software)
    tending = Tending(desk, logins, shelf.outbox, clock, devices, panel, settings, (bright, slow))
    doors.mkdir(parents=True, exist_ok=True)
    doorways = [
        Doorway(doors / "clerk.sock", ClerkDoor, ClerkService(staff), group=settings.groups.clerk),
        Doorway(
            doors / "status.sock",
            StatusDoor,
            status,
            group=settings.groups.status,
            claim=desk.claim_quiet,
            release=desk.release_quiet,
        ),
    ]
    if settings.simulate:
        doorways.append(Doorway(doors / "world.sock", WorldDoor, WorldService(devices)))

    workers = WorkerGroup()
    news = workers.add(Worker("desk-news"))
    workers.add(tending.worker)
    workers.add(live.worker)
    workers.add(Worker("desk-eye", body=eye.body))
    for doorway in doorways:
        workers.add(Worker("desk-door", body=doorway.serve))
    desk.resume()
    asked_to_stop = _stop_line()
    with desk.hands.workers, workers:
        for device in devices.values():
            device.watch(lambda _: desk.bell.ring())
        scanner.on_scan(Scanning(news, desk.noticed, logins.somebody_awake))
        reader.watch_card(lambda found: tending.card_noticed(news, present=found is Presence.CARD))
        for device in devices.values():
            device.open()
        notifier = Notifier()
        notifier.ready("serving")
        sys.stdout.write("ready desk\n")
        sys.stdout.flush()
        while not select.select([asked_to_stop], [], [], notifier.watchdog_every_s or 10.0)[0]:
            if not workers.late(60.0) and not desk.hands.workers.late(120.0):
                notifier.alive()
        notifier.stopping()
        for device in devices.values():
            device.close()
    bright.close()
    slow.close()
    shelf.outbox.close()
    shelf.journal.close()
    return 0


def _stop_line() -> int:
    """A descriptor that becomes readable when the process is asked to end.

    The kernel may hand a signal to any thread, and an event's wait in this one would then sleep on; a pipe wakes it.
    """
    line, bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return line


def main(argv: list[str] | None = None) -> int:
    """0 ended when told; 1 could not run, with a reason; 2 wrong use."""
    parser = argparse.ArgumentParser(prog="pue-box desk", description=__doc__)
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML settings")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides")
    parser.add_argument(
        "command", nargs="*", metavar="config show", help="print the effective settings and end"
    )
    arguments = parser.parse_args(argv)
    if arguments.command not in ([], ["config", "show"]):
        parser.error("the only command is: config show")
    try:
        effective: Effective[DeskSettings] = load_settings(
            DeskSettings, file=arguments.config, prefix="PUE_DESK_", overrides=arguments.overrides
        )
        if arguments.command:
            print(effective.show(), end="")
            return 0
        set_up_logging(effective.value.log_level, json_lines=effective.value.log_json)
        give_large_blocks_back()
        return run(effective.value)
    except PueError as error:
        print(f"desk: {error} ({error.code})", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
