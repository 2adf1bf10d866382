"""A box that was provisioned by hand, a broker, a gate, a desk behind a real socket: the agent's world."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socketserver
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from appliance.outbox.store import Outbox
from contracts import codec, topics
from contracts.desk_api import door
from contracts.desk_api.status import Blink, DeskFacts, LinkFacts, Nothing, StatusDoor
from contracts.envelope import Purpose, public_key_text, sign_statement
from contracts.identity import fingerprint, make_id, shard_of
from contracts.messages.enrolment import Belongings, Site
from contracts.messages.letters import Label
from contracts.messages.orders import Order, OrderKind
from contracts.messages.report import ClockHealth, DeviceHealth, SittingHealth, Stored
from contracts.topics import Down
from tests.peers.certificates import HOST, Authority
from tests.peers.mosquitto import Broker, Fleet
from tests.peers.post import Gate

BOX = "pue0a074prova"
SITE = "a074-1"
HEX32 = "0" * 64
CALLS = door.calls(StatusDoor)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def new_id() -> str:
    return make_id(now_ms(), secrets.token_bytes(10))


class Desk:
    """A status door that is really listened on. Back: `busy`, `facts`, `blinks`, `links`, `claims`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.busy = False
        self.blinks: list[int] = []
        self.links: list[LinkFacts] = []
        self.claims = 0
        self.changed = threading.Condition(threading.RLock())
        self.devices = [DeviceHealth(kind="printer", driver="simulated", condition="ready")]
        self._server: socketserver.ThreadingUnixStreamServer | None = None
        self._held: set = set()

    def facts(self, _request: Nothing) -> DeskFacts:
        return DeskFacts(
            software="prova",
            devices=self.devices,
            sitting=SittingHealth(active=self.busy, idle_s=3, completed_today=2, abandoned_today=0),
            clock=ClockHealth(trusted=True, why="synchronized"),
            quiet=bool(self.claims),
        )

    def tell_link(self, request: LinkFacts) -> Nothing:
        self.links.append(request)
        return Nothing()

    def blink(self, request: Blink) -> Nothing:
        self.blinks.append(request.seconds)
        return Nothing()

    def start(self) -> None:
        desk = self
        self.path.unlink(missing_ok=True)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format, *args) -> None:  # noqa: A002
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                name = self.path.removeprefix("/v1/")
                if name == "quiet":
                    self._quiet()
                    return
                with desk.changed:
                    answer = door.encode_body(getattr(desk, name)(door.read_request(CALLS[name], body)))
                    desk.changed.notify_all()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def _quiet(self) -> None:
                word = b"busy\n" if desk.busy else b"granted\n"
                self.close_connection = True
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                line = b"%x\r\n%s\r\n" % (len(word), word)
                if desk.busy:
                    self.wfile.write(line + b"0\r\n\r\n")
                    return
                with desk.changed:  # counted before it is granted: who reads the word may count at once
                    desk.claims += 1
                    desk._held.add(self.connection)
                    desk.changed.notify_all()
                self.wfile.write(line)
                self.connection.recv(1)  # until the agent lets go, or the desk dies
                with desk.changed:
                    desk.claims -= 1
                    desk._held.discard(self.connection)
                    desk.changed.notify_all()

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

            def handle_error(self, request, client_address) -> None:
                pass

        self._server = Server(str(self.path), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def die(self) -> None:
        """As a process dies: every connection ends, nobody listens."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
            self.path.unlink(missing_ok=True)
            for sock in list(self._held):
                sock.shutdown(2)

    def wait_for(self, question, what: str, within_s: float = 20.0) -> None:
        with self.changed:
            if not self.changed.wait_for(question, within_s):
                raise AssertionError(f"{what}: not within {within_s:g} s")


class Program:
    """The agent as a process."""

    def __init__(self, world: World, **settings: object) -> None:
        given = {
            "state_dir": world.state,
            "run_dir": world.run,
            "log_level": "debug",
            "health_every_s": 1,
            "order_retry_s": 0.1,
            "link.first_spread_s": 0.1,
            "link.retry_base_s": 0.1,
            "link.retry_cap_s": 0.5,
            "link.will_delay_s": 0,
            "link.keepalive_s": 5,
            "post.poll_s": 0.05,
            "post.retry_base_s": 0.1,
            "post.retry_cap_s": 0.5,
            "post.states_every_s": 1.0,
            "post.chunk_bytes": 4096,
        } | settings
        arguments = [part for key, value in given.items() for part in ("--set", f"{key}={_toml(value)}")]
        self.log = (world.folder / "agent.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "appliance.agent", *arguments],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env={k: v for k, v in os.environ.items() if not k.startswith("PUE_")},
        )
        assert self.process.stdout is not None
        self.ready = self.process.stdout.readline()
        assert self.ready == f"ready agent {BOX}\n", (world.folder / "agent.log").read_text()

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(10)
        self.process.stdout.close()
        self.log.close()
        return code


def _toml(value: object) -> str:
    return json.dumps(value) if isinstance(value, list | int | float) else str(value)


class World:
    """Everything around one box."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state, self.run = folder / "state", folder / "run"
        self.run.mkdir()
        self.authority = Authority(folder / "ca")
        self.broker = Broker(folder / "broker", self.authority)
        self.gate = Gate(folder / "gate", self.authority)
        self.desk = Desk(self.run / "status.sock")
        self.fleet: Fleet | None = None
        self.programs: list[Program] = []
        self.authority.issue_files(BOX, self.state / "identity" / "link", unit="link")
        self.lay_belongings()
        self.outbox = Outbox(self.state / "outbox" / "outbox.db")

    def lay_belongings(self, **changes: object) -> None:
        known = {
            "box": BOX,
            "shard": shard_of(BOX),
            "site": Site(site=SITE, istat="075002", comune="Prova", provincia="LE"),
            "authority": self.authority.pem.decode(),
            "recipient": self.authority.pem.decode(),
            "fleet_key": public_key_text(self.gate.fleet_key.public_key()),
            "recipient_key": public_key_text(self.gate.recipient_key.public_key()),
            "broker_host": HOST,
            "broker_port": self.broker.port,
            "post_url": self.gate.url,
        } | changes
        path = self.state / "identity" / "belongings.json"
        path.write_bytes(codec.encode(Belongings(**known)))

    def agent(self, **settings: object) -> Program:
        self.programs.append(Program(self, **settings))
        return self.programs[-1]

    # ---- letters

    def letter(self, size: int = 20_000, *, deadline: int | None = None) -> Label:
        """Put a letter of invented bytes into the outbox."""
        sealed = secrets.token_bytes(size)
        label = Label(
            letter=new_id(),
            number="A074-1/2026/000001",
            box=BOX,
            site=SITE,
            recipient=HEX32,
            practice="auu.2026-01",
            taken_at=now_ms(),
            time_trusted=True,
            deadline=deadline,
            size_bytes=size,
            sha256=fingerprint(sealed),
        )
        self.outbox.add(label, sealed, practice_name="Assegno unico")
        return label

    def word(self, letter: str) -> str:
        return self.outbox.row(letter).word.value

    # ---- orders

    def order(self, kind: OrderKind = OrderKind.PING, *, within_s: float = 60, **fields: object) -> Order:
        known = {
            "order": new_id(),
            "box": BOX,
            "kind": kind,
            "issued_at": now_ms(),
            "deadline": now_ms() + int(within_s * 1000),
            "by": "operatore",
        } | fields
        return Order(**known)

    def signed(self, order: Order) -> bytes:
        return codec.encode(sign_statement(order, Purpose.ORDER, self.gate.fleet_key))

    def give(self, order: Order, *, retain: bool = False) -> None:
        self.fleet.say(topics.topic(BOX, Down.ORDER), self.signed(order), retain=retain)

    # ---- reports

    def heard(self, subject: topics.Up) -> list[dict]:
        topic = topics.topic(BOX, subject)
        return [json.loads(payload) for heard, payload, _ in self.fleet.heard if heard == topic]

    def wait_for(self, subject: topics.Up, question, what: str, within_s: float = 20.0) -> dict:
        def found(_heard):
            return next((report for report in self.heard(subject) if question(report)), None)

        return self.fleet.wait_for(found, what, within_s)

    def store_up_to(self, seq: int) -> None:
        self.fleet.say(topics.topic(BOX, Down.STORED), codec.encode(Stored(seq=seq)))

    def states_of(self, order: Order) -> list[str]:
        told: list[str] = []
        for report in self.heard(topics.Up.RESULT):
            if report["order"] == order.order and report["state"] not in told:
                told.append(report["state"])
        return told

    def wait_for_state(self, order: Order, state: str, within_s: float = 20.0) -> dict:
        return self.wait_for(
            topics.Up.RESULT,
            lambda report: report["order"] == order.order and report["state"] == state,
            f"order {state}",
            within_s,
        )

    def end(self) -> None:
        for program in self.programs:
            if program.process.poll() is None:
                program.kill()
        if self.fleet is not None:
            self.fleet.close()
        self.desk.die()
        self.outbox.close()
        self.gate.close()
        self.broker.stop()


@pytest.fixture
def bare_world(tmp_path):
    """Nobody listens yet."""
    world = World(tmp_path)
    yield world
    world.end()


@pytest.fixture
def world(bare_world):
    """Broker, gate, fleet and desk stand; the agent does not run yet."""
    bare_world.broker.start()
    bare_world.desk.start()
    bare_world.fleet = Fleet(bare_world.broker)
    with bare_world.gate:
        yield bare_world
        for program in bare_world.programs:
            if program.process.poll() is None:
                program.kill()
