"""A fleet's enrolment door as small as the rules allow: EST by one-time token, belongings by certificate."""

from __future__ import annotations

import base64
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs7

from contracts import codec
from contracts.envelope import public_key_text
from contracts.errors import Problem, WhoCanAct
from contracts.identity import shard_of
from contracts.messages.enrolment import Belongings, Site
from tests.peers.certificates import HOST, Authority


class EnrolmentDoor:
    """Back: `token`, `lose_answers` (issue, then hang up), `units` asked, `belongings_of` may be changed."""

    def __init__(self, folder: Path, authority: Authority, *, box: str, token: str) -> None:
        self.authority, self.box, self.token = authority, box, token
        self.lose_answers = 0
        self.renewals = 0
        self.renewed_days: float = 365
        self.renewed_name = box
        self.issued: dict[str, tuple[bytes, bytes]] = {}
        self.asked: list[str] = []
        self.wrong_unit = False
        self.belongings: dict[str, object] = {}
        fleet, recipient = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        self.given = {
            "box": box,
            "shard": shard_of(box),
            "site": Site(site="a074-1", istat="075002", comune="Prova", provincia="LE"),
            "authority": authority.pem.decode(),
            "recipient": authority.pem.decode(),
            "fleet_key": public_key_text(fleet.public_key()),
            "recipient_key": public_key_text(recipient.public_key()),
            "broker_host": HOST,
            "broker_port": 8883,
            "post_url": f"https://{HOST}:8443/post/v1",
        }
        certificate, key = authority.issue_files("gate", folder, server=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(authority.path)
        context.verify_mode = ssl.CERT_OPTIONAL
        self._server = ThreadingHTTPServer((HOST, 0), _handler(self))
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a line that breaks is the subject of a test, not news
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://{HOST}:{self._server.server_address[1]}"

    def enrol(self, label: str, authorization: str, body: bytes) -> tuple[int, bytes]:
        self.asked.append(label)
        if authorization != "Basic " + base64.b64encode(f"{self.box}:{self.token}".encode()).decode():
            problem = Problem(code="enrolment.token_refused", who=WhoCanAct.OPERATOR, message="wrong token")
            return 401, codec.encode(problem)
        request = x509.load_der_x509_csr(base64.b64decode(body))
        assert request.is_signature_valid
        key = request.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        if label not in self.issued:
            unit = "desk" if self.wrong_unit else label
            pem, _ = self.authority.issue(self.box, unit=unit, public_key=request.public_key())
            self.issued[label] = (key, pem)
        assert self.issued[label][0] == key, "the token served for another key"
        certificate = x509.load_pem_x509_certificate(self.issued[label][1])
        return 200, base64.encodebytes(pkcs7.serialize_certificates([certificate], Encoding.DER))

    def renew(self, shown: bytes | None, body: bytes) -> tuple[int, bytes]:
        """RFC 7030 §4.2.2, for who shows a certificate of ours."""
        if shown is None:
            return 401, codec.encode(Problem(code="gate.certificate_missing", who=WhoCanAct.TECHNICIAN))
        request = x509.load_der_x509_csr(base64.b64decode(body))
        assert request.is_signature_valid
        pem, _ = self.authority.issue(
            self.renewed_name, unit="link", public_key=request.public_key(), days=self.renewed_days
        )
        self.renewals += 1
        certificate = x509.load_pem_x509_certificate(pem)
        return 200, base64.encodebytes(pkcs7.serialize_certificates([certificate], Encoding.DER))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(peer: EnrolmentDoor) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

        def do_POST(self) -> None:
            label = self.path.split("/")[3]
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.endswith("/simplereenroll"):
                status, answer = peer.renew(self.connection.getpeercert(binary_form=True), body)
            else:
                status, answer = peer.enrol(label, self.headers.get("Authorization", ""), body)
            if status == 200 and peer.lose_answers:
                peer.lose_answers -= 1
                self.close_connection = True
                self.connection.shutdown(2)
                return
            self._answer(status, answer)

        def do_GET(self) -> None:
            shown: Any = self.connection.getpeercert()
            if not shown:
                self._answer(
                    401, codec.encode(Problem(code="gate.certificate_missing", who=WhoCanAct.TECHNICIAN))
                )
            else:
                self._answer(200, codec.encode(Belongings(**(peer.given | peer.belongings))))

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
