"""An invented State: a country signing authority and a document signer that sign software cards.

Not a secret and never to be trusted by a box in service: its keys follow from a seed, so that a box and a card
made in different processes know each other without sharing a file.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import hashlib
from collections.abc import Mapping

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from appliance.cards import tlv
from appliance.cards.security_infos import tlv_oid
from appliance.cards.trust import TrustStore

DEFAULT_SEED = b"invented authority of the demo"
_ORGANISATION = "ESEMPIO - stato inventato per prove"
_FOUNDED = datetime.date(2020, 1, 1)
_VALID_FROM = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_VALID_TO = datetime.datetime(2050, 1, 1, tzinfo=datetime.UTC)
_OID_SIGNED_DATA = "1.2.840.113549.1.7.2"
_OID_SECURITY_OBJECT = "2.23.136.1.1.1"
_OID_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_OID_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_OID_SHA256 = "2.16.840.1.101.3.4.2.1"

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class KeyKind(enum.StrEnum):
    """What an invented State signs with; the real Italian ones are RSA, with PSS since 2020."""

    EC = "ec"
    RSA = "rsa"
    RSA_PSS = "rsa_pss"


@dataclasses.dataclass(frozen=True, repr=False)
class InventedAuthority:
    kind: KeyKind
    authority_certificate: x509.Certificate
    signer_key: PrivateKey
    signer_certificate: x509.Certificate

    @property
    def anchor_der(self) -> bytes:
        return self.authority_certificate.public_bytes(serialization.Encoding.DER)

    def trust_store(self, dated: datetime.date = _FOUNDED) -> TrustStore:
        """A store that believes this authority and nobody else."""
        return TrustStore.from_certificates(
            [self.anchor_der], origin="autorità inventata", version=1, dated=dated
        )

    def security_object(self, groups: Mapping[int, bytes]) -> bytes:
        """EF.SOD over these data groups."""
        algorithm = tlv.build(0x30, _oid(_OID_SHA256))
        entries = b"".join(
            tlv.build(0x30, _integer(number) + tlv.build(0x04, hashlib.sha256(data).digest()))
            for number, data in sorted(groups.items())
        )
        content = tlv.build(0x30, _integer(0) + algorithm + tlv.build(0x30, entries))
        return tlv.build(0x77, self._signed_data(content))

    def _signed_data(self, content: bytes) -> bytes:
        """RFC 5652 §5.1, one signer."""
        algorithm = tlv.build(0x30, _oid(_OID_SHA256))
        certificate = self.signer_certificate.public_bytes(serialization.Encoding.DER)
        inner = tlv.build(0x30, _oid(_OID_SECURITY_OBJECT) + tlv.build(0xA0, tlv.build(0x04, content)))
        signed = tlv.build(
            0x30,
            _integer(3)
            + tlv.build(0x31, algorithm)
            + inner
            + tlv.build(0xA0, certificate)
            + tlv.build(0x31, self._signer_info(content)),
        )
        return tlv.build(0x30, _oid(_OID_SIGNED_DATA) + tlv.build(0xA0, signed))

    def _signer_info(self, content: bytes) -> bytes:
        def attribute(oid: str, value: bytes) -> bytes:
            return tlv.build(0x30, _oid(oid) + tlv.build(0x31, value))

        attributes = b"".join(
            sorted(
                (
                    attribute(_OID_CONTENT_TYPE, _oid(_OID_SECURITY_OBJECT)),
                    attribute(_OID_MESSAGE_DIGEST, tlv.build(0x04, hashlib.sha256(content).digest())),
                )
            )
        )
        signer = self.signer_certificate
        sid = tlv.build(0x30, signer.issuer.public_bytes() + _integer(signer.serial_number))
        return tlv.build(
            0x30,
            _integer(1)
            + sid
            + tlv.build(0x30, _oid(_OID_SHA256))
            + tlv.build(0xA0, attributes)
            + self._signature_algorithm()
            + tlv.build(0x04, self._sign(tlv.build(0x31, attributes))),
        )

    def _signature_algorithm(self) -> bytes:
        if self.kind is KeyKind.EC:
            return tlv.build(0x30, _oid("1.2.840.10045.4.3.2"))
        if self.kind is KeyKind.RSA:
            return tlv.build(0x30, _oid("1.2.840.113549.1.1.11") + tlv.build(0x05, b""))
        digest = tlv.build(0x30, _oid(_OID_SHA256))
        mask = tlv.build(0x30, _oid("1.2.840.113549.1.1.8") + digest)
        parameters = tlv.build(0xA0, digest) + tlv.build(0xA1, mask) + tlv.build(0xA2, _integer(32))
        return tlv.build(0x30, _oid("1.2.840.113549.1.1.10") + tlv.build(0x30, parameters))

    def _sign(self, message: bytes) -> bytes:
        if isinstance(self.signer_key, ec.EllipticCurvePrivateKey):
            return self.signer_key.sign(message, ec.ECDSA(hashes.SHA256()))
        if self.kind is KeyKind.RSA_PSS:
            return self.signer_key.sign(
                message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()
            )
        return self.signer_key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def make_test_authority(
    *,
    now: datetime.datetime,
    seed: bytes = DEFAULT_SEED,
    kind: KeyKind = KeyKind.EC,
    country: str = "IT",
    signer_days: int = 4200,
) -> InventedAuthority:
    """An invented State ready to sign.

    Args:
        now: aware; the document signer's certificate begins thirty days before.
        seed: same seed, same authority (EC only; RSA keys are new each time).
        kind: what it signs with.
        country: two letters in its certificates.
        signer_days: life of the document signer's certificate.
    """
    root_key, signer_key = (_key(kind, seed, label) for label in (b"authority", b"signer"))
    root_name = _name(country, "ESEMPIO Country Signing Authority")
    root = (
        _builder(root_name, root_name, root_key, seed + b"authority")
        .not_valid_before(_VALID_FROM)
        .not_valid_after(_VALID_TO)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
    )
    begins = now.replace(microsecond=0) - datetime.timedelta(days=30)
    signer = (
        _builder(_name(country, "ESEMPIO Document Signer"), root_name, signer_key, seed + b"signer")
        .not_valid_before(begins)
        .not_valid_after(begins + datetime.timedelta(days=signer_days))
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False
        )
        .add_extension(_usage(authority=False), critical=True)
    )
    shape = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if kind is KeyKind.RSA_PSS else None
    return InventedAuthority(
        kind,
        root.sign(root_key, hashes.SHA256(), rsa_padding=shape),
        signer_key,
        signer.sign(root_key, hashes.SHA256(), rsa_padding=shape),
    )


def _key(kind: KeyKind, seed: bytes, label: bytes) -> PrivateKey:
    if kind is not KeyKind.EC:
        return rsa.generate_private_key(65537, 2048)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    number = int.from_bytes(hashlib.sha512(seed + b"/" + label).digest(), "big") % (order - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1())


def _name(country: str, common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, country),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANISATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: PrivateKey, seed: bytes) -> x509.CertificateBuilder:
    serial = int.from_bytes(hashlib.sha256(seed).digest()[:8], "big") | 1
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
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


def _oid(dotted: str) -> bytes:
    return tlv.build(0x06, tlv_oid(dotted))


def _integer(value: int) -> bytes:
    return tlv.build(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))
