"""The broker: mosquitto with a configuration of ours, in a private folder.

Every line of the configuration is there because something was lost, stolen or locked out without it; the
reasons stand beside them in `configuration`.
"""

from __future__ import annotations

import getpass
import os
import ssl
import threading
from pathlib import Path
from typing import Any, Final

import msgspec
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from contracts.codec import MAX_MESSAGE_BYTES
from contracts.errors import PueError, WhoCanAct
from contracts.topics import ROOT
from fleet.settings import Broker as BrokerSettings

INGEST_NAME: Final = "fleet-ingest"
"""Common name of a worker is this, a dash and its number. Boxes have no dash in their names."""

PROBE_NAME: Final = "fleet-probe"
PROBE_TOPIC: Final = f"{ROOT}/probe"
WORKERS: Final = 16


class BrokerFailed(PueError):
    """The broker does not answer, or lets in whom it must not."""

    code = "fleet.broker_failed"
    who = WhoCanAct.OPERATOR


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """Files the broker reads. All of them are there before it starts; the list is replaced while it runs."""

    authority: Path
    certificate: Path
    key: Path
    revocation_list: Path


def access_list() -> str:
    """Who may do what: the whole fleet in three patterns, because a topic carries its box's name."""
    lines: list[str] = []
    for number in range(WORKERS):
        lines += [
            f"user {INGEST_NAME}-{number}",
            f"topic read {ROOT}/+/+/up/#",
            f"topic write {ROOT}/+/+/down/#",
            f"topic write {ROOT}/+/+/up/status",  # to clear the kept word of a retired box
            f"topic write {ROOT}/all/down/#",
            "",
        ]
    lines += [
        f"user {PROBE_NAME}",
        f"topic readwrite {PROBE_TOPIC}",
        "",
        f"pattern write {ROOT}/+/%u/up/#",
        f"pattern read {ROOT}/+/%u/down/#",
        f"pattern read {ROOT}/all/down/#",
        "",
    ]
    return "\n".join(lines)


def configuration(settings: BrokerSettings, folder: Path, material: Material) -> str:
    """mosquitto.conf(5), for mosquitto 2.0."""
    return "\n".join(
        [
            "per_listener_settings false",
            "allow_anonymous false",
            f"acl_file {folder / 'acl'}",
            # 1 s: with the default of half an hour a killed broker forgets what it has acknowledged.
            "persistence true",
            f"persistence_location {folder}/",
            "autosave_interval 1",
            # The default of 1000 drops the ingest's queue silently when it is away for a minute.
            f"max_queued_messages {settings.max_queued_messages}",
            f"max_queued_bytes {settings.max_queued_bytes}",
            "max_inflight_messages 1000",
            f"message_size_limit {MAX_MESSAGE_BYTES}",
            f"persistent_client_expiration {settings.session_days}d",
            "set_tcp_nodelay true",
            "connection_messages false",
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            # As root mosquitto would become another user and not reach its own private folder.
            f"user {_own_user()}",
            f"listener {settings.port} {settings.listen}",
            f"max_connections {settings.max_connections}",
            "tls_version tlsv1.2",
            f"cafile {material.authority}",
            f"certfile {material.certificate}",
            f"keyfile {material.key}",
            f"crlfile {material.revocation_list}",
            "require_certificate true",
            "use_identity_as_username true",
            # Otherwise a box could take another box's session by naming its client id.
            "use_username_as_clientid true",
            "",
        ]
    )


def prepare(settings: BrokerSettings, folder: Path, material: Material) -> Path:
    """Write the broker's folder; returns the configuration file for ``mosquitto -c``.

    Args:
        settings: with a real port, never 0.
        folder: private to the broker; its store of queues lives there too.
        material: certificates and revocation list.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in (("acl", access_list()), ("mosquitto.conf", configuration(settings, folder, material))):
        handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w") as stream:
            stream.write(text)
    return folder / "mosquitto.conf"


def self_test(
    host: str, port: int, *, authority: Path, certificate: Path, key: Path, timeout_s: float
) -> None:
    """Say something to ourselves through the broker, as it is now.

    Args:
        host: name or address in the broker's certificate.
        port: of the listener.
        authority: whom to trust.
        certificate: of `PROBE_NAME`.
        key: its key.
        timeout_s: how long the broker may take to start answering.

    Raises:
        BrokerFailed: no echo within the time.
    """
    heard = threading.Event()
    probe = paho.Client(CallbackAPIVersion.VERSION2, client_id=PROBE_NAME, protocol=paho.MQTTv5)
    probe.tls_set(ca_certs=str(authority), certfile=str(certificate), keyfile=str(key))
    probe.reconnect_delay_set(1, 1)
    probe.on_connect = lambda client, *_: client.subscribe(PROBE_TOPIC, qos=1)
    probe.on_subscribe = lambda client, *_: client.publish(PROBE_TOPIC, b"echo", qos=1)

    def on_message(_c: Any, _d: Any, message: paho.MQTTMessage) -> None:
        if message.payload == b"echo":
            heard.set()

    probe.on_message = on_message
    try:
        probe.connect_async(host, port, keepalive=10)
        probe.loop_start()
        answered = heard.wait(timeout_s)
    except (OSError, ssl.SSLError, ValueError) as why:
        raise BrokerFailed(f"the broker cannot be asked: {why}") from why
    finally:
        probe.disconnect()
        probe.loop_stop()
    if not answered:
        msg = f"the broker on port {port} did not pass its self-test within {timeout_s:g} s"
        raise BrokerFailed(msg, port=port)


def _own_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "mosquitto"
