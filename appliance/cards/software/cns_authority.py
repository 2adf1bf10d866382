"""An invented issuer of CNS certificates. As the invented State: known to every demo, never to a box in service."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.cards.trust import Purpose, TrustAnchor

_SEED = b"invented issuer of cards"
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_VALID_FROM = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_VALID_TO = datetime.datetime(2050, 1, 1, tzinfo=datetime.UTC)


@dataclasses.dataclass(frozen=True, repr=False)
class InventedCnsAuthority:
    """Its key follows from a seed: desk and card in two processes know the same one."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def anchor(self) -> TrustAnchor:
        return TrustAnchor.from_der(self.certificate.public_bytes(serialization.Encoding.DER), Purpose.CNS)

    def certify(
        self, common_name: str, public: rsa.RSAPublicKey, begins: datetime.datetime, ends: datetime.datetime
    ) -> bytes:
        """DER of a holder's certificate."""
        subject = _name("ESEMPIO - ente inventato per prove", common_name)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.certificate.subject)
            .public_key(public)
            .serial_number(int.from_bytes(hashlib.sha256(common_name.encode()).digest()[:8], "big") | 1)
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.DER)


def make_cns_authority(seed: bytes = _SEED) -> InventedCnsAuthority:
    """The invented issuer; another seed makes one nobody believes."""
    number = int.from_bytes(hashlib.sha512(seed).digest(), "big") % (_ORDER - 1) + 1
    key = ec.derive_private_key(number, ec.SECP256R1())
    name = _name("ESEMPIO - ente inventato per prove", "ESEMPIO CA Cittadini")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(hashlib.sha256(seed).digest()[:8], "big") | 1)
        .not_valid_before(_VALID_FROM)
        .not_valid_after(_VALID_TO)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return InventedCnsAuthority(key, certificate)


def _name(organisation: str, common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "IT"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
