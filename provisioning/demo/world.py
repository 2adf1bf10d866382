"""One fleet, one recipient, one box and its line: prepared once in a folder, started, stopped, broken on purpose.

Everything runs as its own program with its own settings file, exactly as in the field; only the devices are simulated
and every port is a free one of this machine. The journey tests stand on the same class.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import socket
import tempfile
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from contracts import codec
from contracts.desk_api import clerk, door
from contracts.messages.enrolment import Belongings
from provisioning.demo.doors import post
from provisioning.demo.line import Line
from provisioning.demo.processes import Program, ProgramFailed, run

if TYPE_CHECKING:
    from collections.abc import Iterator

SITE = "a074-1"
CLERK = ("anna", "Anna Prova", "271828")
OPERATOR = ("operator", "una barca sul lago quieto")
OFFICER = ("funzionaria", "la luna sopra il mulino")

_DEVICES = {
    "card_reader": {"driver": "simulated", "delay_s": 0.02},
    "camera": {"driver": "simulated"},
    "barcode": {"driver": "simulated"},
    "panel": {"driver": "simulated"},
}


class World:
    """The demo's world.

    Args:
        folder: where everything is kept; a second start finds it again.
        quick: short intervals for tests instead of a visitor's pace.
    """

    def __init__(self, folder: Path, *, quick: bool = False) -> None:
        self.folder = folder
        self.quick = quick
        self.logs = folder / "logs"
        # A unix socket's path has at most 107 bytes, and a visitor's folder may be deep.
        self.run_dir = Path(tempfile.mkdtemp(prefix="pue-run-"))
        self.state_dir = folder / "box" / "state"
        self.printed = folder / "box" / "printed"
        self.lines: list[Line] = []
        self.urls: dict[str, str] = {}
        self.fleet = self._program("fleet", ["-m", "fleet", "serve", *self.config("fleet")])
        self.backoffice = self._program(
            "backoffice", ["-m", "fleet.backoffice", *self.config("backoffice"), "run"]
        )
        self.desk = self._program("desk", ["-m", "appliance.desk", *self.config("desk")])
        self.agent = self._program("agent", ["-m", "appliance.agent", *self.config("agent")])
        self.web = self._program("web", ["-m", "web_local", *self.config("web")])

    @property
    def programs(self) -> list[Program]:
        """All programs, in the order in which they start."""
        return [self.fleet, self.backoffice, self.desk, self.agent, self.web]

    @property
    def box(self) -> str:
        """Name of the box."""
        return self._belongings().box

    # ---- life

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Prepare what is missing and start everything."""
        for step in self.steps():
            del step

    def steps(self) -> Iterator[str]:
        """The same, saying before each part what comes."""
        yield "fleet: authority, database"
        self._fleet_once()
        yield "fleet: broker, gate, console"
        self.urls |= dict(word.split("=", 1) for word in self.fleet.start().split() if "=" in word)
        yield "recipient: its own keys, its own door"
        self._backoffice_once()
        self.urls["backoffice"] = _first_url(self.backoffice.start())
        yield "box: name, keys, certificates"
        self._box_once()
        self._lay_line()
        yield "box: desk, agent, clerk's page"
        self.desk.start()
        self._clerk_once()
        self.agent.start()
        self.urls["clerk"] = _first_url(self.web.start())

    def stop(self) -> None:
        """Stop everything that was started, last first."""
        for program in reversed(self.programs):
            with contextlib.suppress(ProgramFailed):
                program.stop()
        for line in self.lines:
            line.close()
        self.lines = []
        shutil.rmtree(self.run_dir, ignore_errors=True)

    # ---- what a visitor or a test does to it

    def cut_line(self) -> None:
        """Unplug the town hall."""
        for line in self.lines:
            line.cut()

    def mend_line(self) -> None:
        """Plug it in again."""
        for line in self.lines:
            line.mend()

    def ask_desk(self, call: str, request: msgspec.Struct) -> Any:
        """One call at the clerk's door.

        Raises:
            RemoteProblem: the desk refused.
        """
        known = door.calls(clerk.ClerkDoor)[call]
        status, body = self._post("clerk.sock", door.path_of(known), door.encode_body(request))
        return door.read_answer(known, status, body)

    def play(self, device: str, deed: str, **arguments: str | int) -> None:
        """One deed on a simulated device.

        Raises:
            ProgramFailed: the desk refused it.
        """
        body = json.dumps({"device": device, "do": deed, "with": arguments}).encode()
        status, said = self._post("world.sock", "/v1/do", body)
        if status != http.client.OK:
            raise ProgramFailed(f"the desk refused {device} {deed}: {said[:200]!r}", program="desk")

    # ---- the parts, each made once

    def _fleet_once(self) -> None:
        self._write(
            "fleet",
            {
                "data_dir": str(self.folder / "fleet"),
                "gate": {"port": 0},
                "broker": {"port": 0},
                "console": {"port": 0},
                "boxes": {
                    "health_every_s": 2 if self.quick else 10,
                    "keepalive_s": 10,
                    "reconnect_spread_s": 0,
                },
                "liveness": {"margin_s": 2 if self.quick else 15, "grace_s": 3},
            },
        )
        if self._done("fleet"):
            return
        run(["-m", "fleet", "init", *self.config("fleet")])
        user, password = OPERATOR
        run(
            ["-m", "fleet.console", *self.config("fleet"), "user", "add", user, "--role", "admin"],
            said=f"{password}\n",
        )
        self._mark("fleet")

    def _backoffice_once(self) -> None:
        self._write(
            "backoffice",
            {
                "data_dir": str(self.folder / "backoffice"),
                "office": "INPS, sede di prova",
                "sede": "8100",
                "listen_port": self._port("backoffice"),
                "gate_url": self.urls["gate"],
                "fetch_every_s": 0.5 if self.quick else 2.0,
            },
        )
        if self._done("backoffice"):
            return
        card = self.folder / "backoffice" / "recipient.json"
        run(["-m", "fleet.backoffice", *self.config("backoffice"), "init"])
        issued = self.folder / "backoffice" / "issued"
        run(["-m", "fleet", "recipient", "add", str(card), "--out", str(issued), *self.config("fleet")])
        run(
            [
                *("-m", "fleet.backoffice", *self.config("backoffice"), "join"),
                *("--certificate", str(issued / "client.cert.pem")),
                *("--authority", str(issued / "fleet-ca.pem")),
            ]
        )
        user, password = OFFICER
        run(
            ["-m", "fleet.backoffice", *self.config("backoffice"), "user", "add", user],
            said=f"{password}\n",
        )
        self._mark("backoffice")

    def _box_once(self) -> None:
        if self._done("box"):
            return
        added = json.loads(
            run(["-m", "fleet", "box", "add", "--site", SITE, "--json", *self.config("fleet")])
        )
        enrolled = json.loads(
            run(
                [
                    *("-m", "provisioning.cli", "enrol", "--fleet", self.urls["gate"]),
                    *("--fleet-ca", str(self.folder / "fleet" / "keys" / "authority.pem")),
                    *("--box", added["box"], "--state-dir", str(self.state_dir), "--json"),
                ],
                environ={"PUE_PROVISION_TOKEN": added["token"]},
            )
        )
        (self.folder / "voucher").write_text(enrolled["voucher"], "utf-8")
        self._mark("box")

    def _lay_line(self) -> None:
        """Put a relay that can be cut between the box and the fleet's two ports."""
        self.printed.mkdir(parents=True, exist_ok=True)
        for part in ("desk", "agent", "web"):
            self._write(part, self._box_settings()[part])
        belongings = self._belongings()
        gate, queue = (urllib.parse.urlsplit(self.urls[door]) for door in ("gate", "broker"))
        post, broker = Line(gate.port or 0), Line(queue.port or 0)
        self.lines = [post, broker]
        moved = msgspec.structs.replace(
            belongings, broker_port=broker.port, post_url=f"https://{gate.hostname}:{post.port}/post/v1"
        )
        self._belongings_path.write_bytes(codec.encode(moved))

    def _box_settings(self) -> dict[str, dict[str, Any]]:
        places = {"state_dir": str(self.state_dir), "run_dir": str(self.run_dir)}
        devices = _DEVICES | {"printer": {"driver": "simulated", "folder": str(self.printed)}}
        pace = {
            "first_spread_s": 0.1,
            "retry_base_s": 0.2,
            "retry_cap_s": 2.0 if self.quick else 5.0,
            "will_delay_s": 1,
        }
        restart = ["sh", "-c", 'kill -TERM "$(cat "$0")"', str(self.desk.pid_file)]
        desk: dict[str, Any] = places | {"simulate": True, "believe_clock": True, "devices": devices}
        if self.quick:
            desk |= {"pin_cost": {"time": 1, "memory_kib": 64, "lanes": 1}}
        return {
            "desk": desk,
            "agent": places
            | {
                "restart_command": restart,
                "health_every_s": 2 if self.quick else 10,
                "link": pace,
                "order_retry_s": 0.5,
                "trust": {"spread_s": 0.2 if self.quick else 5.0},
                "catalogue": {"spread_s": 0.2 if self.quick else 5.0},
                "post": {
                    "poll_s": 0.5,
                    "retry_base_s": 0.5,
                    "retry_cap_s": 3.0,
                    "states_every_s": 5.0 if self.quick else 30.0,
                },
            },
            "web": {
                "run_dir": str(self.run_dir),
                "listen": f"127.0.0.1:{self._port('web')}",
                "assistance": "il numero 000 000",
            },
        }

    def _clerk_once(self) -> None:
        reception = self.ask_desk("knock", clerk.Knock())
        if reception.clerks:
            return
        user, name, pin = CLERK
        voucher = (self.folder / "voucher").read_text("utf-8")
        self.ask_desk("first_clerk", clerk.FirstClerk(user=user, name=name, pin=pin, voucher=voucher))

    # ---- small things

    @property
    def _belongings_path(self) -> Path:
        return self.state_dir / "identity" / "belongings.json"

    def _belongings(self) -> Belongings:
        return codec.decode(Belongings, self._belongings_path.read_bytes(), limit=1_000_000)

    def _program(self, name: str, argv: list[str]) -> Program:
        return Program(name, argv, self.logs)

    def config(self, part: str) -> list[str]:
        """`--config` of one program, to run its other commands in this world."""
        return ["--config", str(self.folder / f"{part}.toml")]

    def _write(self, part: str, tree: dict[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{part}.toml").write_bytes(msgspec.toml.encode(tree))

    def _port(self, part: str) -> int:
        """A free port, chosen once: a page that was open must be there again after its program fell."""
        kept = self.folder / f".{part}-port"
        if not kept.exists():
            with socket.create_server(("127.0.0.1", 0)) as probe:
                kept.write_text(str(probe.getsockname()[1]), "ascii")
        return int(kept.read_text("ascii"))

    def _done(self, part: str) -> bool:
        return (self.folder / f".{part}-made").exists()

    def _mark(self, part: str) -> None:
        (self.folder / f".{part}-made").touch()

    def _post(self, name: str, path: str, body: bytes) -> tuple[int, bytes]:
        try:
            return post(self.run_dir / name, path, body, limit=door.MAX_ANSWER_BYTES)
        except OSError as why:
            raise door.DoorClosed("the desk does not answer") from why


def _first_url(said: str) -> str:
    """The URL in what a program says after ``ready``."""
    for word in said.replace('"', " ").split():
        if word.startswith(("http://", "https://")):
            return word.rstrip("/,}")
    raise ProgramFailed(f"no address in {said!r}", program="")
