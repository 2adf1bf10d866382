"""Invented States and what they publish, for tests of trust."""

from __future__ import annotations

import datetime
import functools

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from appliance.cards import master_list, trust_renewal
from appliance.cards.software.authority import KeyKind, make_test_authority
from appliance.cards.software.lists import write_master_list
from appliance.cards.trust import empty

NOW = datetime.datetime(2026, 11, 23, 10, 0, tzinfo=datetime.UTC)
NOBODY = empty(datetime.date(1970, 1, 1))


@functools.cache
def state(country="DE", kind=KeyKind.EC):
    return make_test_authority(now=NOW, seed=country.encode(), country=country, kind=kind)


def anchors(*countries):
    return [state(country).anchor_der for country in countries]


def days_ago(days):
    return NOW - datetime.timedelta(days=days)


def pinned(one):
    return master_list.x509.Certificate.load(one.anchor_der)


def offered(publisher="DE", countries=("DE", "IT"), days=30, **options):
    return master_list.open_master_list(
        write_master_list(state(publisher), anchors(*countries), days_ago(days), **options)
    )


def take(present, given, publisher="DE", **options):
    return trust_renewal.take_master_list(present, given, pinned(state(publisher)), NOW, **options)


def certificate(
    curve=None, *, subject="one", issuer=None, key=None, issuer_key=None, authority=True, aki=False, ends=None
):
    """One made by `cryptography`, which knows nothing of our writers; gives (DER, key)."""
    key = key or ec.generate_private_key(curve or ec.SECP256R1())
    issuer_key = issuer_key or key
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer or subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(days_ago(900))
        .not_valid_after(ends or days_ago(-900))
        .add_extension(
            x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if aki:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(Encoding.DER), key


def _name(word):
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "XY"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"ESEMPIO {word}"),
        ]
    )
