"""A whole fleet on loopback, each process started and killed by itself, and boxes made of openssl and paho."""

from __future__ import annotations

import base64
import json
import os
import queue
import signal
import ssl
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import paho.mqtt.client as paho
import requests
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from contracts import codec, topics
from contracts.identity import make_id
from contracts.messages.report import Birth, Certificate, Health, Memory, Processor, Stored
from contracts.topics import Down, Up
from fleet.clock import SystemClock, unix_ms
from fleet.database import Database
from fleet.enrolment.authority import Authority
from fleet.enrolment.keys import keys_folder
from fleet.link import broker
from fleet.registry import boxes, certificates
from fleet.registry.certificates import Unit
from fleet.serve import material, ports
from fleet.settings import FleetSettings, load
from tests.peers.waiting import until

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
SITE = "a074-1"
BOOT = "0badc0de"


@dataclass
class House:
    """The fleet's folder and its processes."""

    folder: Path
    extra: list[str] = field(default_factory=list)
    settings: FleetSettings = None
    database: Database = None
    authority: Authority = None
    children: dict[str, subprocess.Popen] = field(default_factory=dict)

    def __post_init__(self) -> None:
        chosen = ports.choose(load(overrides=self.overrides, environ={}).value)
        self.settings = chosen
        self.database = Database(chosen.url)
        self.authority = material.prepare(chosen, self.database, SystemClock())

    @property
    def overrides(self) -> list[str]:
        doors = [f"{door}.port=0" for door in ports.DOORS]
        return [f"data_dir={self.folder}", "ingest.heartbeat_s=0.1", *doors, *self.extra]

    @property
    def words(self) -> list[str]:
        return [word for pair in self.overrides for word in ("--set", pair)]

    @property
    def ca(self) -> Path:
        return keys_folder(self.folder) / "authority.pem"

    # ---- processes

    def start_broker(self) -> None:
        place = material.broker_material(self.settings)
        file = broker.prepare(self.settings.broker, self.folder / "broker", place)
        self._start("broker", ["mosquitto", "-c", str(file)])
        probe = material.post(self.settings, broker.PROBE_NAME)
        broker.self_test(
            probe.host,
            probe.port,
            authority=probe.authority,
            certificate=probe.certificate,
            key=probe.key,
            timeout_s=20,
        )

    def start(self, name: str) -> None:
        """Start ``ingest`` or ``gate``; returns when it says it is ready."""
        child = self._start(name, [sys.executable, "-m", "fleet", name, *self.words])
        ready = threading.Event()

        def read() -> None:
            with child.stdout as stream:
                for line in stream:
                    if line.startswith("ready"):
                        ready.set()

        threading.Thread(target=read, daemon=True).start()
        until(lambda: ready.is_set() or child.poll() is not None, f"{name} is ready")
        assert child.poll() is None

    def _start(self, name: str, argv: list[str]) -> subprocess.Popen:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PUE_")}
        log = (self.folder / f"{name}.log").open("ab")
        with log:
            child = subprocess.Popen(
                argv, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.children[name] = child
        return child

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        child = self.children.pop(name)
        child.send_signal(number)
        child.wait(10)
        child.stdout.close()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def close(self) -> None:
        for name in ("gate", "ingest", "broker"):
            if name in self.children:
                self.kill(name, signal.SIGTERM)
        self.database.close()

    # ---- people

    def person(self, cn: str, unit: Unit = Unit.LINK) -> tuple[str, str]:
        """Certificate and key files for a name, written in the book."""
        folder = self.folder / "people" / f"{cn}-{unit}"
        folder.mkdir(parents=True, exist_ok=True)
        make_request(folder, cn)
        request = material.request.from_est_body((folder / "csr.pem").read_bytes())
        now = datetime.now(UTC)
        key = material.request.proven_key(request, cn=cn)
        certificate = self.authority.certify(key, cn=cn, ou=unit, days=30, now=now)
        with self.database.write() as session:
            certificates.record(session, certificate, cn=cn, ou=unit, now=now)
        (folder / "cert.pem").write_bytes(certificate.public_bytes(material.Encoding.PEM))
        return str(folder / "cert.pem"), str(folder / "key.pem")

    def box(self, name: str | None = None) -> str:
        """A box in the book, enrolled."""
        now = datetime.now(UTC)
        with self.database.write() as session:
            box = boxes.add_box(session, SITE, now=now, first=self.settings.boxes, name=name)
            boxes.begin_life(session, box, now=now)
        return box

    def expected_box(self) -> tuple[str, str]:
        """A box that still has to come, and its token."""
        now = datetime.now(UTC)
        with self.database.write() as session:
            box = boxes.add_box(session, SITE, now=now, first=self.settings.boxes)
            return box, boxes.new_token(session, box, now=now, life=timedelta(hours=1))

    def peer(self, box: str, **how) -> BoxPeer:
        return BoxPeer(self, box, *self.person(box), **how)

    # ---- the gate

    def url(self, path: str) -> str:
        return f"https://{HOST}:{self.settings.gate.port}{path}"

    def enrol(self, box: str, token: str, use: str, csr: bytes) -> requests.Response:
        return requests.post(
            self.url(f"/.well-known/est/{use}/simpleenroll"),
            data=base64.b64encode(csr),
            auth=(box, token),
            headers={"Content-Type": "application/pkcs10"},
            verify=str(self.ca),
            timeout=20,
        )

    def query(self, statement):
        with self.database.read() as session:
            return list(session.execute(statement))


def make_request(folder: Path, cn: str, curve: str = "prime256v1") -> bytes:
    """Key and PKCS #10 request by openssl alone; DER."""
    folder.mkdir(parents=True, exist_ok=True)
    key, csr = folder / "key.pem", folder / "csr.pem"
    openssl("ecparam", "-name", curve, "-genkey", "-noout", "-out", str(key))
    openssl("req", "-new", "-key", str(key), "-subj", f"/CN={cn}", "-out", str(csr))
    return openssl("req", "-in", str(csr), "-outform", "DER")


def openssl(*words: str, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *words], input=data, capture_output=True, check=True).stdout


class BoxPeer:
    """A box on the wire, as plain as paho makes it."""

    def __init__(
        self, house: House, box: str, certificate: str, key: str, *, client_id: str | None = None
    ) -> None:
        self.box, self.heard, self.acks = box, queue.Queue(), queue.Queue()
        self.connected, self.gone = threading.Event(), threading.Event()
        self.refused: list[str] = []
        self.connection = new_id()
        context = ssl.create_default_context(cafile=str(house.ca))
        context.load_cert_chain(certificate, key)
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=client_id or box, protocol=paho.MQTTv5
        )
        self.client.tls_set_context(context)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = lambda *_: self.gone.set()
        self.client.on_message = lambda _c, _d, m: self.heard.put((m.topic, bytes(m.payload), m.retain))
        self.client.on_publish = lambda _c, _d, mid, reason, _p: self.acks.put((mid, str(reason)))
        self.port = house.settings.broker.port

    def _on_connect(self, _client, _data, _flags, reason, _props) -> None:
        if reason.is_failure:
            self.refused.append(str(reason))
        else:
            # A killed broker may have forgotten the subscriptions of its last second.
            if self.box.isalnum():
                own = topics.down_filters(self.box)
                self.client.subscribe([(text, SubscribeOptions(qos=1)) for text in own])
            self.connected.set()

    def __enter__(self) -> Self:
        ask = Properties(PacketTypes.CONNECT)
        ask.SessionExpiryInterval = 600
        self.client.connect(HOST, self.port, keepalive=20, clean_start=False, properties=ask)
        self.client.loop_start()
        assert self.connected.wait(20), self.refused
        return self

    def __exit__(self, *_) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def say(self, subject: Up, message, *, retain: bool = False) -> None:
        payload = message if isinstance(message, bytes) else codec.encode(message)
        self.client.publish(topics.topic(self.box, subject), payload, qos=1, retain=retain)

    def birth(self) -> Birth:
        message = birth(self.connection)
        self.say(Up.STATUS, message, retain=True)
        return message

    def wait_for(self, subject: Down, within_s: float = 20):
        """The next payload on one of our topics (others are put aside)."""
        while True:
            topic, payload, _ = self.heard.get(timeout=within_s)
            if topic == topics.topic(self.box, subject):
                return payload

    def wait_stored(self, seq: int) -> None:
        while codec.decode(Stored, self.wait_for(Down.STORED)).seq < seq:
            pass


def new_id() -> str:
    return make_id(unix_ms(datetime.now(UTC)), os.urandom(10))


def now_ms() -> int:
    return unix_ms(datetime.now(UTC))


def birth(connection: str) -> Birth:
    return Birth(
        ts=now_ms(),
        boot=BOOT,
        connection=connection,
        site=SITE,
        software="0.1.0",
        os="Debian (prova)",
        certificate=Certificate(not_before=0, not_after=now_ms(), fingerprint="0" * 64),
        can=["ping"],
    )


def health(seq: int, **more) -> Health:
    return Health(
        ts=now_ms(),
        boot=BOOT,
        seq=seq,
        uptime_s=seq,
        processor=Processor(load_ratio=0.25, temperature_c=41.5),
        memory=Memory(total_bytes=4 << 30, available_bytes=1 << 30),
        **more,
    )


def as_json(text: bytes | str) -> dict:
    return json.loads(text)
