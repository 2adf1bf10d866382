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
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from appliance.cards import curves, tlv
from appliance.cards.passive_authentication import CARD_SECURITY_TYPE
from appliance.cards.software import certificates, der
from appliance.cards.software.certificates import Validity
from appliance.cards.software.security_object import Writing, security_object
from appliance.cards.software.signed_message import signed_message
from appliance.cards.software.state_keys import CurveStateKey, RsaStateKey, StateKey
from appliance.cards.trust import TrustStore

DEFAULT_SEED = b"invented authority of the demo"
_AUTHORITY_VALIDITY = Validity(
    datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), datetime.datetime(2050, 1, 1, tzinfo=datetime.UTC)
)


class KeyKind(enum.StrEnum):
    """What an invented State signs with; the real Italian ones are RSA, with PSS since 2020."""

    EC = "ec"
    RSA = "rsa"
    RSA_PSS = "rsa_pss"
    EC_EXPLICIT = "ec_explicit"
    """The curve spelled out in numbers, as a third of the world's authorities do."""
    EC_PLAIN = "ec_plain"
    """Signatures as r and s side by side."""
    EC_BRAINPOOL_224 = "ec_brainpool_224"
    """A curve the usual library does not have."""


_CURVES = {
    KeyKind.EC: "secp256r1",
    KeyKind.EC_EXPLICIT: "brainpoolP256r1",
    KeyKind.EC_PLAIN: "brainpoolP256r1",
    KeyKind.EC_BRAINPOOL_224: "brainpoolP224r1",
}


@dataclasses.dataclass(frozen=True, repr=False)
class InventedAuthority:
    kind: KeyKind
    authority_certificate: x509.Certificate
    signer_key: StateKey
    signer_certificate: x509.Certificate
    writing: Writing
    authority_key: StateKey

    @property
    def anchor_der(self) -> bytes:
        return self.authority_certificate.public_bytes(serialization.Encoding.DER)

    def trust_store(self, dated: datetime.date | None = None) -> TrustStore:
        """A store that believes this authority and nobody else; by default as old as its document signer."""
        day = dated or self.signer_certificate.not_valid_before_utc.date()
        return TrustStore.from_certificates(
            [self.anchor_der], origin="autorità inventata", version=1, dated=day
        )

    def security_object(self, groups: Mapping[int, bytes]) -> bytes:
        """EF.SOD over these data groups."""
        certificate, sid = self._signer()
        return security_object(groups, self.writing, self.signer_key, certificate, sid)

    def card_security(self, security_infos: bytes) -> bytes:
        """EF.CardSecurity over a SET OF SecurityInfo."""
        certificate, sid = self._signer()
        return signed_message(
            CARD_SECURITY_TYPE,
            security_infos,
            key=self.signer_key,
            certificates=[certificate],
            sid=sid,
            ber=self.writing.ber,
        )

    def _signer(self) -> tuple[bytes, bytes]:
        """The document signer's certificate and how a message names it, both DER."""
        certificate = self.signer_certificate.public_bytes(serialization.Encoding.DER)
        content = tlv.parse_one(certificate, 0x30).children()[0]
        serial, issuer = content.children()[1].raw, content.children()[3].raw
        return certificate, der.sequence(issuer, serial)


def make_test_authority(
    *,
    now: datetime.datetime,
    seed: bytes = DEFAULT_SEED,
    kind: KeyKind = KeyKind.EC,
    country: str = "IT",
    signer_days: int = 4200,
    hash_name: str = "sha256",
    writing: Writing | None = None,
) -> InventedAuthority:
    """An invented State ready to sign.

    Args:
        now: aware; the document signer's certificate begins thirty days before.
        seed: same seed, same authority (EC only; RSA keys are new each time).
        kind: what it signs with.
        country: two letters in its certificates; empty leaves them out.
        signer_days: life of the document signer's certificate.
        hash_name: of its signatures: ``sha1`` to ``sha512``.
        writing: how its security objects are written; the hash of the data groups is chosen there.
    """
    root_key, signer_key = (_key(kind, seed, label, hash_name) for label in (b"authority", b"signer"))
    root_name = certificates.name(country, "ESEMPIO Country Signing Authority")
    root = certificates.certificate(
        subject=root_name,
        key=root_key,
        issuer=root_name,
        issuer_key=root_key,
        serial=_serial(seed + b"authority"),
        validity=_AUTHORITY_VALIDITY,
        authority=True,
    )
    begins = now.astimezone(datetime.UTC).replace(microsecond=0) - datetime.timedelta(days=30)
    signer = certificates.certificate(
        subject=certificates.name(country, "ESEMPIO Document Signer"),
        key=signer_key,
        issuer=root_name,
        issuer_key=root_key,
        serial=_serial(seed + b"signer"),
        validity=Validity(begins, begins + datetime.timedelta(days=signer_days)),
        authority=False,
    )
    return InventedAuthority(
        kind,
        x509.load_der_x509_certificate(root),
        signer_key,
        x509.load_der_x509_certificate(signer),
        writing or Writing(),
        root_key,
    )


def _key(kind: KeyKind, seed: bytes, label: bytes, hash_name: str) -> StateKey:
    if kind in (KeyKind.RSA, KeyKind.RSA_PSS):
        return RsaStateKey(rsa.generate_private_key(65537, 2048), hash_name, pss=kind is KeyKind.RSA_PSS)
    curve = next(curve for curve in curves.CURVES if curve.name == _CURVES[kind])
    number = int.from_bytes(hashlib.sha512(seed + b"/" + label).digest(), "big") % (curve.n - 1) + 1
    return CurveStateKey(
        curve, number, hash_name, explicit=kind is KeyKind.EC_EXPLICIT, plain=kind is KeyKind.EC_PLAIN
    )


def _serial(seed: bytes) -> int:
    return int.from_bytes(hashlib.sha256(seed).digest()[:8], "big") | 1
