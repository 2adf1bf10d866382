"""The fleet's side of enrolment as a client sees it: EST (RFC 7030) and the belongings."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

import msgspec
import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from contracts.errors import Problem, WhoCanAct
from contracts.settled import settled
from provisioning.errors import FleetRefused, FleetUnreached, FleetUntrusted, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.messages.enrolment import KeyUse
    from provisioning.ground import Ground

TIMEOUT_S: Final = (10.0, 60.0)
ANSWER_LIMIT_BYTES: Final = 262_144


class FleetDoor:
    """The gate, believed only if the pinned authority vouches for it."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        if not ground.fleet_url.startswith("https://"):
            raise ProvisioningError("the fleet's address must begin with https://")
        self._root = ground.fleet_url.rstrip("/")

    def enrol(self, use: KeyUse, request: x509.CertificateSigningRequest) -> x509.Certificate:
        """A first certificate for the token (RFC 7030 §4.2.1). The same key again gets the same certificate.

        Raises:
            FleetUnreached, FleetUntrusted, FleetRefused: as they say.
        """
        if not self._ground.token:
            raise ProvisioningError("this step needs the one-time token of the box: give --token")
        credentials = base64.b64encode(f"{self._ground.box}:{self._ground.token}".encode()).decode()
        body = self._ask(
            "POST",
            f"/.well-known/est/{use.value}/simpleenroll",
            data=base64.encodebytes(request.public_bytes(Encoding.DER)),
            headers={"Content-Type": "application/pkcs10", "Authorization": f"Basic {credentials}"},
        )
        try:
            return pkcs7.load_der_pkcs7_certificates(base64.b64decode(body))[0]
        except (ValueError, binascii.Error, IndexError) as why:
            raise ProvisioningError("the fleet's answer is not a certificate") from why

    def belongings(self, certificate: str, key: str) -> bytes:
        """Belongings as JSON, for the link certificate just given.

        Raises:
            FleetUnreached, FleetUntrusted, FleetRefused: as they say.
        """
        return self._ask("GET", "/enrolment/v1/belongings", cert=(certificate, key))

    def _ask(
        self,
        method: str,
        path: str,
        *,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        cert: tuple[str, str] | None = None,
    ) -> bytes:
        with requests.Session() as session:
            session.trust_env = False  # no proxy, no netrc, no other authority from this machine's settings
            session.verify = str(self._ground.fleet_ca)
            try:
                answer = session.request(
                    method,
                    self._root + path,
                    data=data,
                    headers=dict(headers or {}),
                    cert=cert,
                    timeout=TIMEOUT_S,
                    allow_redirects=False,
                    stream=True,
                )
                body: bytes = answer.raw.read(ANSWER_LIMIT_BYTES + 1, decode_content=True)
            except requests.exceptions.SSLError as why:
                raise FleetUntrusted("the fleet's certificate is not vouched for by --fleet-ca") from why
            except (requests.exceptions.RequestException, OSError) as why:
                raise FleetUnreached(f"the fleet does not answer ({type(why).__name__})") from why
        if len(body) > ANSWER_LIMIT_BYTES:
            raise ProvisioningError("the fleet's answer is too long")
        if answer.status_code != requests.codes.ok:
            raise _refusal(answer.status_code, body)
        return body


def _refusal(status: int, body: bytes) -> FleetRefused:
    try:
        problem = msgspec.json.decode(body, type=settled(Problem))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return FleetRefused(f"provisioning.http_{status}", WhoCanAct.OPERATOR, "", status)
    return FleetRefused(problem.code, problem.who, problem.message, status)
