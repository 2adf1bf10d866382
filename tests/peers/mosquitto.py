"""A real mosquitto in a private folder on a free loopback port, with mutual TLS and the fleet's access list."""

from __future__ import annotations

import signal
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Self

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.peers.certificates import HOST, Authority
from tests.peers.waiting import free_port, listens, until

FLEET = "fleet-ingest"
_CONFIG = """
user root
per_listener_settings false
listener {port} {host}
cafile {folder}/ca.pem
certfile {folder}/broker/cert.pem
keyfile {folder}/broker/key.pem
require_certificate true
tls_version tlsv1.2
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {folder}/acl
persistence true
persistence_location {folder}/
autosave_interval 1
autosave_on_changes true
max_inflight_messages 100
max_queued_messages 0
message_size_limit 65536
set_tcp_nodelay true
log_dest file {folder}/mosquitto.log
log_type all
"""
_ACCESS = f"""
user {FLEET}
topic readwrite pue/#

pattern write pue/v1/+/%u/up/#
pattern read pue/v1/+/%u/down/#
pattern read pue/v1/all/down/#
"""


class Broker:
    """One broker; it can be killed and started again on the same port with the same memory."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.folder, self.authority = folder, authority
        self.port = free_port()
        folder.mkdir(parents=True)
        (folder / "ca.pem").write_bytes(authority.pem)
        authority.issue_files("broker", folder / "broker", server=True)
        (folder / "acl").write_text(_ACCESS)
        (folder / "acl").chmod(0o600)
        (folder / "mosquitto.conf").write_text(_CONFIG.format(folder=folder, port=self.port, host=HOST))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["/usr/sbin/mosquitto", "-c", str(self.folder / "mosquitto.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: listens(self.port), f"mosquitto listens: {self.log()[-400:]}")

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(10)
            self.process = None

    def log(self) -> str:
        path = self.folder / "mosquitto.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Fleet:
    """The fleet's ear and mouth at the broker: everything heard is kept, in order."""

    def __init__(self, broker: Broker, *, name: str = FLEET) -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self.changed = threading.Condition()
        certificate, key = broker.authority.issue_files(name, broker.folder / name)
        context = ssl.create_default_context(cafile=str(broker.authority.path))
        context.load_cert_chain(certificate, key)
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=name, protocol=paho.MQTTv5)
        self.client.tls_set_context(context)
        self.client.on_connect = lambda client, *_: client.subscribe("pue/v1/+/+/up/#", qos=1)
        subscribed = threading.Event()
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.on_message = self._on_message
        ask = Properties(PacketTypes.CONNECT)
        ask.SessionExpiryInterval = 600
        self.client.reconnect_delay_set(min_delay=1, max_delay=1)
        self.client.connect(HOST, broker.port, clean_start=False, properties=ask)
        self.client.loop_start()
        assert subscribed.wait(10)

    def _on_message(self, _client, _userdata, message) -> None:
        with self.changed:
            self.heard.append((message.topic, bytes(message.payload), message.retain))
            self.changed.notify_all()

    def say(self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: int | None = None) -> None:
        until(self.client.is_connected, "the fleet is back at the broker")
        properties = Properties(PacketTypes.PUBLISH)
        if expiry_s is not None:
            properties.MessageExpiryInterval = expiry_s
        self.client.publish(topic, payload, qos=1, retain=retain, properties=properties).wait_for_publish(10)

    def wait_for(self, question, what: str, within_s: float = 20.0):
        """Wait until `question(heard)` is true."""
        with self.changed:
            if not self.changed.wait_for(lambda: question(self.heard), within_s):
                raise AssertionError(f"{what}: not within {within_s:g} s; heard {self.heard[-5:]}")
            return question(self.heard)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
