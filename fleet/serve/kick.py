"""Ending the live session of a revoked box.

The revocation list stops the next connection, not the present one. But a client id has one session, and our
authority can be the box for a moment: with a certificate of its name that is never given away we take the
session over, erase it, clear what was kept, and leave. The box comes back to a door that knows the list.
"""

from __future__ import annotations

import ssl
import tempfile
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from contracts.identity import BoxName
from contracts.topics import Up, topic
from fleet.database import Database
from fleet.enrolment import keys
from fleet.enrolment.authority import Authority
from fleet.link.broker import PROBE_NAME, BrokerFailed
from fleet.registry import certificates
from fleet.registry.certificates import Issued, Unit
from fleet.serve.material import post
from fleet.settings import FleetSettings

TIMEOUT_S: Final = 10.0
KICKED: Final = "kicked"


def live_no_more(database: Database, new: Sequence[Issued], *, now: datetime) -> list[BoxName]:
    """Boxes among the newly revoked that hold no valid link certificate any more."""
    names = {issued.cn for issued in new if issued.ou is Unit.LINK and issued.why != KICKED}
    with database.read() as session:
        return [
            name
            for name in sorted(names)
            if not any(
                issued.revoked_at is None and issued.not_after > now
                for issued in certificates.of(session, name, Unit.LINK)
            )
        ]


def kick(
    settings: FleetSettings, database: Database, authority: Authority, box: BoxName, *, now: datetime
) -> None:
    """Take over a box's session at the broker and end it.

    Raises:
        BrokerFailed: the broker could not be reached; the list still stops the next connection.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = authority.certify(key.public_key(), cn=box, ou=Unit.LINK, days=1, now=now)
    with tempfile.TemporaryDirectory(dir=keys.keys_folder(settings.folder)) as folder:
        files = Path(folder) / "cert.pem", Path(folder) / "key.pem"
        keys.write_public(files[0], certificate.public_bytes(Encoding.PEM))
        keys.write_private(files[1], keys.pem_of(key))
        _take_over(settings, box, files)
    with database.write() as session:
        # In the book as already taken back, so that it is on the next list: it served once.
        certificates.record(session, certificate, cn=box, ou=Unit.LINK, now=now)
        certificates.revoke(session, box, why=KICKED, now=now)


def _take_over(settings: FleetSettings, box: BoxName, files: tuple[Path, Path]) -> None:
    door = post(settings, PROBE_NAME)
    context = ssl.create_default_context(cafile=str(door.authority))
    context.load_cert_chain(*map(str, files))
    connected, cleared = threading.Event(), threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=box, protocol=paho.MQTTv5)
    client.tls_set_context(context)
    client.on_connect = lambda *_: connected.set()
    client.on_publish = lambda *_: cleared.set()
    try:
        client.connect(door.host, door.port, keepalive=10, clean_start=True)
        client.loop_start()
        if connected.wait(TIMEOUT_S):
            client.publish(topic(box, Up.STATUS), b"", qos=1, retain=True)
            cleared.wait(TIMEOUT_S)
    except OSError as why:
        raise BrokerFailed(f"the broker cannot be reached to end the session of {box}: {why}") from why
    finally:
        client.disconnect()
        client.loop_stop()
    if not cleared.is_set():
        msg = f"the session of {box} could not be ended; the revocation list stops its next connection"
        raise BrokerFailed(msg, box=box)
