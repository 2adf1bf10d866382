"""A fleet's memory with boxes in every state, and the console as a process of its own."""

from __future__ import annotations

import datetime as dt
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import requests
import sqlalchemy as sa

from contracts.messages.orders import OrderKind, OrderState
from fleet.database import Database
from fleet.enrolment.keys import fleet_key, make_fleet_key
from fleet.health.tables import HealthRow, LatestRow, TroubleRow
from fleet.link.tables import HeartbeatRow
from fleet.orders import book
from fleet.orders.tables import OrderRow
from fleet.registry import boxes, timeline
from fleet.registry.tables import TimelineRow
from fleet.registry.timeline import Kind
from fleet.settings import Boxes

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "parola-di-prova-lunga"
GB = 1_000_000_000
READY = {"condition": "ready", "code": "", "driver": "simulated"}
KINDS = ("card_reader", "printer", "camera", "barcode", "panel")


def healthy(**more):
    return {
        "uptime_s": 432_000,
        "processor": {"load_ratio": 0.21, "temperature_c": 52.3, "throttled": False},
        "memory": {"total_bytes": 4 * GB, "available_bytes": 3 * GB},
        "disk": {"total_bytes": 32 * GB, "free_bytes": 21 * GB, "read_only": False},
        "network": {"kind": "ethernet", "up": True, "rtt_ms": 34.0},
        "devices": [{"kind": kind} | READY for kind in KINDS],
        "outbox": {"waiting": 0, "oldest_s": 0, "bytes": 0, "sent": 128, "refused": 0},
        "clock": {"trusted": True, "why": "synchronized"},
        "sitting": {"active": False, "idle_s": 60, "completed_today": 9, "abandoned_today": 1},
        "certificate_days": 301.0,
        "desk_up": True,
        "failed": {},
    } | more


def device(kind, condition, code):
    return [{"kind": k} | (READY if k != kind else {"condition": condition, "code": code}) for k in KINDS]


class Console:
    """The console's process over a database in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_fleet_key(folder)
        self.database = Database(f"sqlite:///{folder / 'fleet.db'}")
        self.database.upgrade()
        self.process: subprocess.Popen | None = None
        self.url = ""

    def command(self, *words: str, given: str = "") -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "fleet.console", "--set", f"data_dir={self.folder}", *words],
            cwd=ROOT,
            input=given,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def start(self) -> str:
        settings = [f"data_dir={self.folder}", "console.port=0"]
        words = [word for pair in settings for word in ("--set", pair)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fleet.console", *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        line = self.process.stdout.readline()
        assert line.startswith("ready console "), line
        self.url = line.split()[-1]
        return self.url

    def stop(self) -> int | None:
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            code = self.process.wait(timeout=5)
        self.process.stdout.close()
        self.process = None
        return code

    def close(self) -> None:
        self.stop()
        self.database.close()

    def session(self, name: str | None = None) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        if name:
            answer = session.post(
                f"{self.url}/login", data={"name": name, "password": PASSWORD}, allow_redirects=False
            )
            assert answer.status_code == 303, answer.text
        return session

    # --- what the other processes would write -------------------------------------------

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def listening(self) -> None:
        """A worker that says it lives, well into the test's future."""
        with self.database.write() as session:
            session.merge(
                HeartbeatRow(
                    process="ingest-0", at=self.now() + dt.timedelta(hours=1), listening_since=self.now()
                )
            )

    def box(
        self, name, site, *, office="", life="online", heard_s=20, enrolled=True, why="", health=None, **birth
    ):
        now = self.now()
        heard = now - dt.timedelta(seconds=heard_s)
        with self.database.write() as session:
            boxes.add_box(session, site, now=now, first=Boxes(), name=name, office=office)
            if not enrolled:
                return
            boxes.begin_life(session, name, now=now)
            if life == "never":
                return
            presence = "offline" if why else "online"
            session.add(
                LatestRow(
                    box=name,
                    heard_at=heard,
                    presence=presence,
                    presence_at=heard,
                    connection="",
                    why=why,
                    birth={"software": "0.1.0", "os": "Debian GNU/Linux 12 (bookworm)"} | birth,
                    health_life=1,
                    health_seq=1,
                    health_received_at=heard,
                    health=healthy() if health is None else health,
                    liveness=life,
                    liveness_since=heard,
                )
            )
            timeline.note(session, name, Kind.BIRTH, "online", at=heard, facts={"software": "0.1.0"})
            if why:
                timeline.note(session, name, Kind.GOODBYE, why, at=heard)

    def say(self, name, **health) -> None:
        """A new report of a box."""
        with self.database.write() as session:
            row = session.get(LatestRow, name)
            row.health = healthy(**health)
            row.heard_at = row.health_received_at = self.now()

    def known(self, name) -> bool:
        with self.database.read() as session:
            return session.get(LatestRow, name) is not None

    def number(self) -> int:
        """Grows with every timeline line: good for names that are not taken."""
        with self.database.read() as session:
            return session.scalar(sa.select(sa.func.max(TimelineRow.entry))) or 1

    def day(self, name, every_s=600) -> None:
        """A day of reports."""
        now = self.now()
        with self.database.write() as session:
            for number in range(86_400 // every_s):
                at = now - dt.timedelta(seconds=every_s * number)
                wave = math.sin(number / 9)
                session.add(
                    HealthRow(
                        box=name, life=1, seq=number + 1, at=at, received_at=at, boot="0a1b2c3d", uptime_s=1,
                        load_ratio=0.25 + 0.2 * abs(wave), temperature_c=50 + 6 * wave,
                        memory_total_bytes=4 * GB, memory_available_bytes=int((2.6 + 0.5 * wave) * GB),
                        devices_bad=0, outbox_waiting=max(0, int(3 * wave)), desk_up=True, failed=0,
                    )
                )  # fmt: skip

    def trouble(self, name, key, severity="warning") -> None:
        with self.database.write() as session:
            session.add(TroubleRow(box=name, key=key, severity=severity, since=self.now(), times=1, facts={}))
            timeline.note(
                session, name, Kind.EVENT, key, at=self.now(), severity=severity, facts={"state": "raised"}
            )

    def order(self, name, kind=OrderKind.PING, state=OrderState.SUCCEEDED, **facts) -> str:
        with self.database.write() as session:
            given = book.give(
                session,
                name,
                kind,
                by="operator",
                key=fleet_key(self.folder),
                now=self.now(),
                random=os.urandom(10),
            )
            row = session.get(OrderRow, given.order)
            row.state, row.facts = state.value, facts
        return given.order

    def whole_fleet(self) -> None:
        """One box in each state an operator meets."""
        self.listening()
        old_letter = {"waiting": 4, "oldest_s": 9_400, "bytes": 1, "sent": 88, "refused": 0}
        self.box("agordoprova1", "a083-1", office="Ufficio anagrafe")
        self.box("belluno1prova", "a757-1", office="Sportello polifunzionale")
        self.box(
            "cortinaprova",
            "a266-1",
            health=healthy(devices=device("printer", "trouble", "printer.paper_out")),
        )
        self.box("auronzoprova", "a501-1", life="late", heard_s=560)
        self.box("feltreprova1", "d530-1", life="offline", heard_s=7_300, why="link")
        self.box("sappadaprova", "i421-1", life="lost", heard_s=5 * 86_400, why="link")
        self.box("sangregorio1", "h938-1", health=healthy(outbox=old_letter))
        self.box("longaroneprv", "m342-1", health=healthy(clock={"trusted": False, "why": "below_floor"}))
        self.box("nuovoprova01", "a206-1", enrolled=False)
        self.box("pieveprova01", "g642-1", life="never")
