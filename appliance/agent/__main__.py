"""PROCESS 2 of the box: the agent. Who talks to whom is read in `wire`; nothing here decides anything."""

from __future__ import annotations

import argparse
import logging
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.agent.acts.all import acts
from appliance.agent.bell import BelledWorker
from appliance.agent.bringing import Bringer, BringRules, R
from appliance.agent.carry_out import OrderBook
from appliance.agent.desk_door import DeskDoor
from appliance.agent.gate_files import GateFiles
from appliance.agent.identity import (
    link_files,
    os_name,
    prove_identity,
    read_belongings,
    read_certificate,
    software_version,
)
from appliance.agent.link.backoff import Backoff
from appliance.agent.link.mqtt import Address, MqttLink
from appliance.agent.link.port import Words
from appliance.agent.post import Keys, Post
from appliance.agent.probes import uptime
from appliance.agent.probes.all import Ground, probes
from appliance.agent.renewal import Renewal
from appliance.agent.reports import Reports
from appliance.agent.road import Road
from appliance.agent.rounds import Rounds
from appliance.agent.settings import AgentSettings
from appliance.agent.store import Store
from appliance.agent.switchboard import Switchboard
from appliance.agent.tls import client_tls
from appliance.agent.twin import Twin
from appliance.outbox.store import Outbox
from appliance.runtime.clock import SystemClock
from appliance.runtime.logs import set_up_logging
from appliance.runtime.release_files import CATALOGUE, ReleaseKind
from appliance.runtime.settings import load_settings
from appliance.runtime.systemd import Notifier
from appliance.runtime.trust_files import TRUST
from appliance.runtime.workers import WorkerGroup, ZombieWorker
from contracts import codec, topics
from contracts.desk_api.status import LinkFacts
from contracts.envelope import public_key_from_text
from contracts.errors import PueError
from contracts.identity import make_id
from contracts.messages.orders import OrderKind
from contracts.messages.report import Birth, Goodbye
from contracts.messages.twin import Desired

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

GOODBYE_S = 2.0
STOP_S = 3.0


class Agent:
    """All parts, plugged together."""

    def __init__(self, settings: AgentSettings, stopping: threading.Event) -> None:
        state, chance = Path(settings.state_dir), random.SystemRandom()
        self.belongings = mine = read_belongings(state)
        self._files, self._settings = link_files(state), settings
        self._clock = clock = SystemClock(state / "agent" / "clock.floor")
        self._boot = boot = uptime.boot(Path(settings.proc))
        self._connection = ""
        fleet_key = public_key_from_text(mine.fleet_key)
        keys = Keys(fleet_key, public_key_from_text(mine.recipient_key))
        prove_identity(mine.authority, self._files)

        store = Store(state / "agent" / "reports.db")
        reports = Reports(
            store,
            state / "agent" / "seq.reserved",
            boot=boot,
            now_ms=self.now_ms,
            limit_bytes=settings.reports_limit_bytes,
        )
        outbox = Outbox(state / "outbox" / "outbox.db")
        door = DeskDoor(Path(settings.run_dir) / "status.sock")
        self.board = board = Switchboard(mine.box, boot=boot, now_ms=self.now_ms)
        road = Road(mine.post_url, self._tls, timeout_s=settings.post.timeout_s, heard=board.heard_fleet)
        self.post = Post(mine.box, outbox, road, keys, reports=reports, rules=settings.post, chance=chance)
        self.orders = OrderBook(
            mine.box,
            fleet_key,
            store=store,
            reports=reports,
            door=door,
            acts=acts(Path(settings.proc), door, settings.restart_command, stopping),
            clock=clock,
            state_dir=state,
            boot=boot,
            busy_retry_s=settings.order_retry_s,
        )
        rules = settings.link
        twin = Twin(
            store,
            Desired(rev=0, health_every_s=settings.health_every_s, keepalive_s=rules.keepalive_s),
        )
        self.link = MqttLink(
            mine.box,
            Address(
                mine.broker_host,
                mine.broker_port,
                rules.connect_timeout_s,
                rules.session_expiry_s,
                rules.will_delay_s,
            ),
            tls=self._tls,
            words=self._words,
            filters=topics.down_filters(mine.box),
            on_event=board.hear,
            backoff=Backoff(
                chance, spread_s=rules.first_spread_s, base_s=rules.retry_base_s, cap_s=rules.retry_cap_s
            ),
            keepalive_s=twin.desired.keepalive_s,
        )
        ground = Ground(
            proc=Path(settings.proc),
            sys=Path(settings.sys),
            state=state,
            certificate=self._files.certificate,
            broker=(mine.broker_host, mine.broker_port),
            clock=clock,
            outbox=outbox,
            door=door,
            fleet_key=fleet_key,
        )
        self.rounds = Rounds(
            probes(ground),
            reports=reports,
            door=door,
            line=self._line,
            every_s=board.health_every_s,
            now_ms=self.now_ms,
            boot=boot,
            software=software_version(),
        )
        self.renewal = Renewal(
            mine,
            self._files,
            reports=reports,
            renewed=self.link.renew,
            now=clock.now,
            chance=chance,
            before_days=settings.renew_before_days,
            look_every_s=settings.renew_look_every_s,
        )

        def bringer(kind: ReleaseKind[R], rules: BringRules, wanted: Callable[[], int]) -> Bringer[R]:
            gate = GateFiles(mine.post_url, self._tls, timeout_s=rules.timeout_s)
            folder = kind.folder(state)
            return Bringer(
                kind, folder, fleet_key, gate, wanted=wanted, reports=reports, chance=chance, rules=rules
            )

        self.trust = bringer(TRUST, settings.trust, lambda: twin.desired.trust_version)
        self.catalogue = bringer(CATALOGUE, settings.catalogue, lambda: twin.desired.catalogue_version)
        board.on_twin = self._twin_changed
        board.connect(
            self.link, reports=reports, orders=self.orders, post=self.post, twin=twin, rounds=self.rounds
        )

    def workers(self) -> WorkerGroup:
        """The threads; each dies with the process or the process with it."""
        group = WorkerGroup(stop_timeout_s=STOP_S)
        parts = (
            ("board", self.board),
            ("link", self.link),
            ("rounds", self.rounds),
            ("orders", self.orders),
            ("post", self.post),
            ("renewal", self.renewal),
            ("trust", self.trust),
            ("catalogue", self.catalogue),
        )
        for name, part in parts:
            group.add(BelledWorker(name, part.run, part.wake))
        return group

    def goodbye(self) -> bool:
        """Say why we go; whether the broker heard it."""
        word = Goodbye(ts=self.now_ms(), boot=self._boot, connection=self._connection, why="stop")
        return self.link.goodbye(codec.encode(word), GOODBYE_S)

    def now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    def raise_floor(self) -> None:
        self._clock.raise_floor()

    def _twin_changed(self) -> None:
        self.trust.wake()
        self.catalogue.wake()

    def _tls(self) -> ssl.SSLContext:
        return client_tls(self.belongings.authority, self._files.certificate, self._files.key)

    def _words(self) -> Words:
        self._connection = connection = make_id(self.now_ms(), os.urandom(10))
        now_ms = self.now_ms()
        birth = Birth(
            ts=now_ms,
            boot=self._boot,
            connection=connection,
            site=self.belongings.site.site,
            software=software_version(),
            os=os_name(),
            certificate=read_certificate(self._files.certificate),
            can=[kind.value for kind in OrderKind],
        )
        will = Goodbye(ts=now_ms, boot=self._boot, connection=connection, why="link")
        topic = topics.topic(self.belongings.box, topics.Up.STATUS)
        return Words(connection, topic, codec.encode(birth), codec.encode(will))

    def _line(self) -> LinkFacts:
        why = self.post.waiting_why
        return LinkFacts(connected=self.link.connected, heard_s=self.board.heard_s(), waiting_why=why)


def serve(settings: AgentSettings) -> int:
    """Run until asked to stop."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    agent = Agent(settings, stopping)
    group = agent.workers()
    notifier = Notifier()
    group.start()
    notifier.ready()
    print(f"ready agent {agent.belongings.box}", flush=True)
    pause_s = notifier.watchdog_every_s or 3600.0
    floor_s = 0.0
    while not stopping.wait(pause_s):
        if notifier.watchdog_every_s:
            notifier.alive()
        if time.monotonic() - floor_s > 3600.0:
            agent.raise_floor()
            floor_s = time.monotonic()
    notifier.stopping()
    agent.goodbye()
    try:
        group.stop()
    except ZombieWorker as why:
        # A handshake with a broker that does not answer cannot be hurried; nothing of ours depends on it.
        log.warning("%s", why)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The program's door."""
    parser = argparse.ArgumentParser(prog="pue-box agent", description="Talks to the fleet for this box.")
    parser.add_argument("--config", type=Path, help="TOML file")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides")
    parser.add_argument("action", nargs="*", help="`config show` prints the effective settings")
    given = parser.parse_args(arguments)
    if given.action not in ([], ["config", "show"]):
        parser.error("the only words known here are: config show")
    try:
        effective = load_settings(
            AgentSettings, file=given.config, prefix="PUE_AGENT_", overrides=given.overrides
        )
        if given.action:
            print(effective.show(), end="")
            return 0
        set_up_logging(effective.value.log_level, json_lines=effective.value.log_json)
        return serve(effective.value)
    except PueError as why:
        print(f"pue-box agent: {why} [{why.code}]", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
