"""certificates: the fleet vouches for both keys (EST simpleenroll with the one-time token)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from contracts.messages.enrolment import KeyUse
from provisioning.errors import OtherBox, ProvisioningError, StepNotVerified
from provisioning.est import FleetDoor
from provisioning.files import write_private
from provisioning.steps.keys import load_key

if TYPE_CHECKING:
    from provisioning.ground import Ground
    from provisioning.steps.port import Facts


class Certificates:
    """CN is the box, OU is what the key is for. A certificate is written only after it was checked."""

    def check(self, ground: Ground) -> bool:
        return all(ground.certificate_file(use).exists() for use in KeyUse)

    def do(self, ground: Ground) -> str:
        door = FleetDoor(ground)
        for use in KeyUse:
            if ground.certificate_file(use).exists():
                continue
            key = load_key(ground.key_file(use))
            names = [
                x509.NameAttribute(NameOID.COMMON_NAME, ground.box),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, use.value),
            ]
            request = x509.CertificateSigningRequestBuilder(x509.Name(names)).sign(key, hashes.SHA256())
            certificate = door.enrol(use, request)
            _judge(ground, use, certificate)
            write_private(ground.certificate_file(use), certificate.public_bytes(Encoding.PEM), mode=0o644)
        return ""

    def verify(self, ground: Ground) -> Facts:
        facts: Facts = {}
        for use in KeyUse:
            try:
                certificate = x509.load_pem_x509_certificate(ground.certificate_file(use).read_bytes())
            except (OSError, ValueError) as why:
                raise StepNotVerified(f"the {use.value} certificate cannot be read") from why
            _judge(ground, use, certificate)
            facts[f"{use.value}_certificate"] = certificate.fingerprint(hashes.SHA256()).hex()
            facts[f"{use.value}_until"] = certificate.not_valid_after_utc.isoformat()
        return facts


def _judge(ground: Ground, use: KeyUse, certificate: x509.Certificate) -> None:
    """Our key, our name, the right use, vouched for by the pinned authority, and not over.

    Raises:
        OtherBox: it names another box.
        StepNotVerified: anything else.
    """
    if certificate.public_key() != load_key(ground.key_file(use)).public_key():
        raise StepNotVerified(f"the {use.value} certificate is for another key")
    if _names(certificate, NameOID.COMMON_NAME) != [ground.box]:
        raise OtherBox(f"the {use.value} certificate names another box: this folder is not for {ground.box}")
    if _names(certificate, NameOID.ORGANIZATIONAL_UNIT_NAME) != [use.value]:
        raise StepNotVerified(f"the {use.value} certificate is for another use")
    if certificate.not_valid_after_utc <= dt.datetime.now(dt.UTC):
        raise StepNotVerified(f"the {use.value} certificate has ended: remove it and enrol with a new token")
    if not any(_vouches(authority, certificate) for authority in _authorities(ground)):
        raise StepNotVerified(f"the {use.value} certificate is not signed by the fleet's authority")


def _names(certificate: x509.Certificate, kind: x509.ObjectIdentifier) -> list[str]:
    return [str(name.value) for name in certificate.subject.get_attributes_for_oid(kind)]


def _authorities(ground: Ground) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(ground.fleet_ca.read_bytes())
    except (OSError, ValueError) as why:
        raise ProvisioningError("--fleet-ca is not a PEM file of certificates") from why


def _vouches(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
