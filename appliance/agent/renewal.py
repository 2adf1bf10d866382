"""Renewal of the link certificate: asked of the fleet by EST (RFC 7030 §4.2.2) long before the old one ends.

The key stays, so that one file changes, at once and whole: a box whose key and certificate do not fit each other
after a power cut would need a visit. The desk's certificate is not ours: its key is on the other side of the house.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import http.client
import logging
import threading
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID

from appliance.agent.probes import certificate_days
from appliance.agent.tls import client_tls
from appliance.runtime.files import StorageError, read_bounded, write_atomic
from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from appliance.agent.identity import LinkFiles
    from appliance.agent.reports import Reports
    from contracts.messages.enrolment import Belongings

log = logging.getLogger(__name__)

PATH: Final = "/.well-known/est/link/simplereenroll"
_ANSWER_LIMIT_BYTES: Final = 65_536
_TIMEOUT_S: Final = 30.0


class RenewalFailed(PueError):
    """The link certificate could not be renewed; it is tried again, and the old one stands."""

    code = "certificate.renewal_failed"
    who = WhoCanAct.OPERATOR


class Renewal:
    """A worker's body: looks now and then, and renews in time.

    Args:
        belongings: name, authority and address of the fleet.
        files: of the link identity.
        reports: takes the event when it failed or was done.
        renewed: called after the new certificate is in place.
        now: the hour of the box.
        chance: spreads the boxes of one delivery.
        before_days: renew when fewer days are left.
        look_every_s: how often.
    """

    def __init__(
        self,
        belongings: Belongings,
        files: LinkFiles,
        *,
        reports: Reports,
        renewed: Callable[[], None],
        now: Callable[[], dt.datetime],
        chance: random.Random,
        before_days: float = 30.0,
        look_every_s: float = 21_600.0,
    ) -> None:
        self._belongings, self._files, self._reports = belongings, files, reports
        self._renewed, self._now, self._chance = renewed, now, chance
        self._before_days, self._look_every_s = before_days, look_every_s
        self._bell = threading.Event()

    def wake(self) -> None:
        """Look up: somebody asked to stop."""
        self._bell.set()

    def run(self, stopping: threading.Event) -> None:
        """The body of the renewal's worker."""
        while not stopping.is_set():
            self._look()
            self._bell.wait(self._chance.uniform(0.5, 1.0) * self._look_every_s)

    def _look(self) -> None:
        try:
            if certificate_days.read(self._files.certificate, self._now()) >= self._before_days:
                return
            until = self.renew()
        except PueError as why:
            log.warning("renewal: %s", why)
            self._tell("certificate.renewal_failed", "warning", why.code)
            return
        log.info("the link certificate is good until %s", until.date())
        self._tell("certificate.renewed", "info", until.date().isoformat())
        self._renewed()

    def renew(self) -> dt.datetime:
        """Ask for a new certificate for the same key, judge it, put it in place; until when it is good.

        Raises:
            RenewalFailed, IdentityUnusable, StorageError: the old certificate stands.
        """
        key = self._key()
        name = [
            x509.NameAttribute(NameOID.COMMON_NAME, self._belongings.box),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "link"),
        ]
        request = x509.CertificateSigningRequestBuilder(x509.Name(name)).sign(key, hashes.SHA256())
        try:
            answer = base64.b64decode(self._ask(base64.encodebytes(request.public_bytes(Encoding.DER))))
            certificate = pkcs7.load_der_pkcs7_certificates(answer)[0]
        except (ValueError, binascii.Error, IndexError) as why:
            raise RenewalFailed("the fleet's answer is not a certificate") from why
        self._judge(certificate, key)
        write_atomic(self._files.certificate, certificate.public_bytes(Encoding.PEM), mode=0o644)
        return certificate.not_valid_after_utc

    def _key(self) -> ec.EllipticCurvePrivateKey:
        try:
            pem = read_bounded(self._files.key, limit_bytes=16_384)
            key = serialization.load_pem_private_key(pem, password=None)
        except (StorageError, ValueError, TypeError) as why:
            raise RenewalFailed("the link key cannot be read") from why
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise RenewalFailed("the link key is not on a curve")
        return key

    def _ask(self, body: bytes) -> bytes:
        gate = urlsplit(self._belongings.post_url)
        tls = client_tls(self._belongings.authority, self._files.certificate, self._files.key)
        connection = http.client.HTTPSConnection(
            gate.hostname or "", gate.port or 443, timeout=_TIMEOUT_S, context=tls
        )
        try:
            connection.request("POST", PATH, body=body, headers={"Content-Type": "application/pkcs10"})
            response = connection.getresponse()
            answer = response.read(_ANSWER_LIMIT_BYTES)
        except (OSError, http.client.HTTPException) as why:
            raise RenewalFailed(f"the fleet does not answer ({type(why).__name__})") from why
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise RenewalFailed(f"the fleet answered HTTP {response.status}", status=response.status)
        return answer

    def _judge(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        names = [str(part.value) for part in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        if certificate.public_key() != key.public_key() or names != [self._belongings.box]:
            raise RenewalFailed("the new certificate is for another key or box")
        if certificate_days.days(certificate, self._now()) < self._before_days:
            raise RenewalFailed("the new certificate ends too soon")
        authorities = x509.load_pem_x509_certificates(self._belongings.authority.encode())
        if not any(_vouches(authority, certificate) for authority in authorities):
            raise RenewalFailed("the new certificate is not of this fleet")

    def _tell(self, key: str, severity: str, fact: str) -> None:
        try:
            self._reports.event(key, severity=severity, fact=fact)
        except PueError as why:
            log.warning("event not kept: %s", why.code)


def _vouches(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
