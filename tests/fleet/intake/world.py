"""A fleet's gate on loopback with real certificates, one box and one recipient; the gate is a process of its own."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import msgspec
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from contracts import codec, envelope
from contracts.identity import fingerprint, make_id
from contracts.messages.letters import Label
from fleet.backoffice import keys as recipient_keys
from fleet.clock import unix_ms
from fleet.database import Database
from fleet.enrolment.authority import Authority
from fleet.enrolment.keys import fleet_key, make_fleet_key
from fleet.registry import boxes, certificates, recipients
from fleet.registry.certificates import Unit
from fleet.settings import Boxes

BOX = "prova2box00"
OTHER_BOX = "prova2box01"
SITE = "a074-1"
RECIPIENT = "INPS (prova)"
ROOT = Path(__file__).resolve().parents[3]


def pem_key(key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass
class Person:
    """Somebody with a certificate: a box's link, a box's desk, a recipient."""

    cn: str
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    pair: tuple[str, str]


@dataclass
class World:
    """Everything a test of the post needs. `gate()` starts the server, `kill()` ends it as a power cut would."""

    folder: Path
    database: Database = None
    authority: Authority = None
    link: Person = None
    other_link: Person = None
    desk: Person = None
    recipient_dir: Path = None
    recipient: recipient_keys.Keys = None
    url: str = ""
    process: subprocess.Popen | None = None
    _n: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, folder: Path) -> World:
        self = cls(folder)
        now = dt.datetime.now(dt.UTC)
        make_fleet_key(folder)
        self.authority = Authority.make(folder, now=now)
        (folder / "ca.pem").write_text(self.authority.pem)
        self.database = Database(f"sqlite:///{folder / 'fleet.db'}")
        self.database.upgrade()
        self.recipient_dir = folder / "backoffice"
        given = recipient_keys.create(self.recipient_dir, RECIPIENT, now)
        self.recipient = recipient_keys.load(self.recipient_dir)
        with self.database.write() as session:
            for name in (BOX, OTHER_BOX):
                boxes.add_box(session, SITE, now=now, first=Boxes(), name=name)
            recipients.add(session, recipients.read_file(msgspec.json.encode(given)), now=now)
        self.link = self.person(BOX, Unit.LINK)
        self.other_link = self.person(OTHER_BOX, Unit.LINK)
        self.desk = self.person(BOX, Unit.DESK)
        self._join(given)
        return self

    def person(self, cn: str, unit: Unit) -> Person:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.certify(key.public_key(), cn, unit)
        files = self.folder / f"{cn}-{unit}.pem", self.folder / f"{cn}-{unit}.key"
        files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
        files[1].write_bytes(pem_key(key))
        return Person(cn, key, certificate, (str(files[0]), str(files[1])))

    def certify(self, public_key, cn: str, unit: Unit) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        certificate = self.authority.certify(public_key, cn=cn, ou=unit, days=30, now=now)
        with self.database.write() as session:
            certificates.record(session, certificate, cn=cn, ou=unit, now=now)
        return certificate

    def _join(self, given: recipient_keys.Recipient) -> None:
        request = x509.load_pem_x509_csr(given.client_csr_pem.encode())
        issued = self.certify(request.public_key(), RECIPIENT, Unit.RECIPIENT)
        (self.folder / "issued.pem").write_bytes(issued.public_bytes(Encoding.PEM))
        recipient_keys.join(self.recipient_dir, self.folder / "issued.pem", self.folder / "ca.pem")

    # --- the server -------------------------------------------------------------------

    def gate(self, **environment: str) -> str:
        """Start the gate on a free port; its URL."""
        server_key = ec.generate_private_key(ec.SECP256R1())
        server = self.authority.certify_server(
            server_key.public_key(), hosts=["127.0.0.1"], days=2, now=dt.datetime.now(dt.UTC)
        )
        (self.folder / "server.pem").write_bytes(server.public_bytes(Encoding.PEM))
        (self.folder / "server.key").write_bytes(pem_key(server_key))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fleet.intake.serve_gate", str(self.folder)],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        line = self.process.stdout.readline()
        assert line.startswith("ready "), line
        self.url = line.split()[-1]
        return self.url

    def kill(self) -> None:
        """kill -9 of the gate's whole process group."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=10)
        if self.process is not None:
            self.process.stdout.close()
        self.process = None

    def close(self) -> None:
        self.kill()
        self.database.close()

    # --- letters ----------------------------------------------------------------------

    def new_id(self) -> str:
        self._n += 1
        return make_id(1_800_000_000_000 + self._n, self._n.to_bytes(10, "big"))

    def seal(self, content: bytes) -> bytes:
        return envelope.seal(
            content,
            signer=self.desk.key,
            certificate=self.desk.certificate,
            recipient=self.recipient.certificate,
        )

    def label(self, sealed: bytes, letter: str | None = None, **other) -> Label:
        facts = {
            "letter": letter or self.new_id(),
            "number": "A074-1/2026/000001",
            "box": BOX,
            "site": SITE,
            "recipient": fingerprint(self.recipient.certificate.public_bytes(Encoding.DER)),
            "practice": "naspi@2026-01",
            "taken_at": unix_ms(dt.datetime.now(dt.UTC)),
            "time_trusted": True,
            "size_bytes": len(sealed),
            "sha256": fingerprint(sealed),
        }
        return Label(**(facts | other))

    def session(self, person: Person | None = None) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.cert = (person or self.link).pair
        session.verify = str(self.folder / "ca.pem")
        session.headers["Tus-Resumable"] = "1.0.0"
        return session

    def fleet_public_key(self):
        return fleet_key(self.folder).public_key()


def metadata(label: Label) -> str:
    import base64

    return "label " + base64.b64encode(codec.encode(label)).decode()


def zipped(files: dict[str, bytes]) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()
