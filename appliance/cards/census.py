"""The certificates of a list one by one: which can be rested upon, and what is the matter with the others.

Whoever signed the list vouches for each; this looks whether the certificate itself can do its work. Measured on the
German and Dutch lists of 2026: all are readable, a third of the German are links whose first half may be missing,
and some authorities write that they are none (cA false) while their key usage says they are.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
from collections.abc import Callable, Iterable, Sequence

from asn1crypto import x509

from appliance.cards import signatures
from appliance.cards.anchors import InvalidTrustBundle, Purpose, TrustAnchor
from appliance.cards.errors import ASN1_FAULTS, CardError, MalformedData, Unsupported

OnProgress = Callable[[int, int], None]
"""Called with how many are done and how many there are."""


class Standing(enum.StrEnum):
    SELF_SIGNED = "self_signed"
    LINK = "link"
    """Signed by another authority of the same list: the old key vouches for the new one."""
    VOUCHED = "vouched"
    """Signed by one that is not in the list, or in a way this box cannot check: only the list's word stands for it."""
    UNSUPPORTED_KEY = "unsupported_key"
    """Readable, with a key of a kind this box cannot use."""
    UNREADABLE = "unreadable"
    WRONG_SIGNATURE = "wrong_signature"
    """Its own signature, or that of the authority whose key it names, does not hold."""
    NO_AUTHORITY = "no_authority"
    """Neither key usage nor basic constraints let it sign certificates."""


BELIEVED = frozenset({Standing.SELF_SIGNED, Standing.LINK, Standing.VOUCHED, Standing.UNSUPPORTED_KEY})
"""Kept as anchors. One with an unsupported key verifies nothing, but lets the verdict say what was missing."""
UNUSABLE = frozenset(Standing) - {Standing.SELF_SIGNED, Standing.LINK, Standing.VOUCHED}


@dataclasses.dataclass(frozen=True)
class Examined:
    """One certificate. `anchor` is None where it is not to be believed."""

    sha256: str
    country: str
    standing: Standing
    anchor: TrustAnchor | None = dataclasses.field(repr=False)


def examine(
    certificates: Sequence[bytes],
    purpose: Purpose,
    others: Iterable[TrustAnchor] = (),
    on_progress: OnProgress | None = None,
) -> list[Examined]:
    """All certificates of one list, in its order.

    Args:
        certificates: DER.
        purpose: what they are to be believed for.
        others: anchors already believed that may have signed some.
        on_progress: hears how far it is.
    """
    read = [_read(der, purpose) for der in certificates]
    by_name: dict[str, list[TrustAnchor]] = {}
    for anchor in (*others, *(one.anchor for one in read if one.anchor is not None)):
        by_name.setdefault(anchor.certificate.subject.hashable, []).append(anchor)
    found = []
    for place, one in enumerate(read):
        if on_progress is not None:
            on_progress(place, len(read))
        found.append(_judged(one, by_name))
    if on_progress is not None:
        on_progress(len(read), len(read))
    return found


def _read(der: bytes, purpose: Purpose) -> Examined:
    sha256 = hashlib.sha256(der).hexdigest()
    country = ""
    try:
        country = TrustAnchor.outlined(der, purpose).country
        anchor = TrustAnchor.from_der(der, purpose)
    except InvalidTrustBundle:
        return Examined(sha256, country, Standing.UNREADABLE, None)
    return Examined(sha256, country, Standing.VOUCHED, anchor)


def _judged(one: Examined, by_name: dict[str, list[TrustAnchor]]) -> Examined:
    if one.anchor is None:
        return one
    try:
        standing = _standing(one.anchor, by_name)
    except (CardError, *ASN1_FAULTS):
        standing = Standing.UNREADABLE
    anchor = one.anchor if standing in BELIEVED else None
    return dataclasses.replace(one, standing=standing, anchor=anchor)


def _standing(anchor: TrustAnchor, by_name: dict[str, list[TrustAnchor]]) -> Standing:
    certificate = anchor.certificate
    if not _may_sign_certificates(certificate):
        return Standing.NO_AUTHORITY
    if not _key_supported(certificate):
        return Standing.UNSUPPORTED_KEY
    named = certificate.authority_key_identifier
    own = certificate.subject.hashable == certificate.issuer.hashable and named in (
        None,
        certificate.key_identifier,
    )
    answers = [signed_by(certificate, certificate)] if own else []
    if True in answers:
        return Standing.SELF_SIGNED
    answers += [
        signed_by(certificate, other.certificate)
        for other in by_name.get(certificate.issuer.hashable, [])
        if other.der != anchor.der and (named is None or other.key_identifier == named)
    ]
    if True in answers:
        return Standing.LINK
    names_a_key_we_have = (own or named is not None) and bool(answers)
    return Standing.WRONG_SIGNATURE if names_a_key_we_have and None not in answers else Standing.VOUCHED


def _may_sign_certificates(certificate: x509.Certificate) -> bool:
    usage, constraints = certificate.key_usage_value, certificate.basic_constraints_value
    if usage is not None:
        return "key_cert_sign" in usage.native
    return constraints is None or bool(constraints["ca"].native)


def _key_supported(certificate: x509.Certificate) -> bool:
    key = certificate.public_key
    try:
        if key.algorithm == "ec":
            curve = signatures.curve_of(key)
            curve.decode(key["public_key"].native)
            return True
        if signatures.is_rsa(key):
            signatures.rsa_numbers(key)
            return True
    except (Unsupported, MalformedData):
        return False
    return False


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool | None:
    """Whether that key signed it; None where this box cannot tell."""
    try:
        return signatures.verify(
            issuer.public_key,
            certificate["signature_algorithm"],
            None,
            certificate["tbs_certificate"].dump(),
            certificate["signature_value"].native,
        )
    except Unsupported:
        return None
    except (MalformedData, *ASN1_FAULTS):
        return False
