"""The recipient's three keys: one opens letters, one signs states, one speaks TLS to the fleet's gate.

``init`` makes them once; what the fleet must know of them lies in ``recipient.json`` and holds no secret.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from contracts.envelope import public_key_text
from contracts.errors import PueError, WhoCanAct

RSA_BITS: Final = 3072
CERTIFICATE_LIFE: Final = dt.timedelta(days=3653)
OPENING_KEY: Final = "opening.key.pem"
OPENING_CERTIFICATE: Final = "opening.cert.pem"
STATEMENT_KEY: Final = "statement.key.pem"
CLIENT_KEY: Final = "client.key.pem"
CLIENT_CERTIFICATE: Final = "client.cert.pem"
AUTHORITY: Final = "fleet-ca.pem"
RECIPIENT: Final = "recipient.json"


class KeysMissing(PueError):
    """A key or certificate is not there or cannot be read; the sentence names the file."""

    code = "backoffice.keys_missing"
    who = WhoCanAct.OPERATOR


class KeysExist(PueError):
    """Keys are never overwritten: letters sealed for the old ones could not be opened any more."""

    code = "backoffice.keys_exist"
    who = WhoCanAct.OPERATOR


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """What ``pue-fleet recipient add`` reads."""

    name: str
    certificate_pem: str
    verification_key: str
    client_csr_pem: str


class Keys(msgspec.Struct, frozen=True):
    """What opens letters and signs states."""

    opening: rsa.RSAPrivateKey
    certificate: x509.Certificate
    statement: Ed25519PrivateKey


def create(root: Path, name: str, now: dt.datetime) -> Recipient:
    """Make the keys and write them under `root`, readable by the owner only.

    Raises:
        KeysExist: there are some already.
    """
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (root / RECIPIENT).exists():
        raise KeysExist(f"{root / RECIPIENT} is already there: the keys stay as they are")
    opening = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    certificate = _self_signed(opening, name, now)
    statement, client = Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
    recipient = Recipient(
        name=name,
        certificate_pem=certificate.public_bytes(Encoding.PEM).decode(),
        verification_key=public_key_text(statement.public_key()),
        client_csr_pem=_request(client, name).public_bytes(Encoding.PEM).decode(),
    )
    for file, key in ((OPENING_KEY, opening), (STATEMENT_KEY, statement), (CLIENT_KEY, client)):
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write(root / file, pem)
    write(root / OPENING_CERTIFICATE, recipient.certificate_pem.encode())
    # Last, so that an interrupted init is simply done again.
    write(root / RECIPIENT, msgspec.json.format(msgspec.json.encode(recipient), indent=2))
    return recipient


def _self_signed(key: rsa.RSAPrivateKey, name: str, now: dt.datetime) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=True,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + CERTIFICATE_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _request(key: ec.EllipticCurvePrivateKey, name: str) -> x509.CertificateSigningRequest:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "recipient"),
        ]
    )
    return x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())


def load(root: Path) -> Keys:
    """The keys of `create`.

    Raises:
        KeysMissing: one of them is not there or is another kind of key.
    """
    opening = load_pem_private_key(_read(root / OPENING_KEY), None)
    statement = load_pem_private_key(_read(root / STATEMENT_KEY), None)
    certificate = x509.load_pem_x509_certificate(_read(root / OPENING_CERTIFICATE))
    if not isinstance(opening, rsa.RSAPrivateKey) or not isinstance(statement, Ed25519PrivateKey):
        raise KeysMissing(f"{root}: the opening key is RSA and the statement key is Ed25519")
    return Keys(opening, certificate, statement)


def authorities(root: Path) -> list[x509.Certificate]:
    """The fleet's certificate authorities, old and new.

    Raises:
        KeysMissing: the recipient has not joined a fleet yet.
    """
    return x509.load_pem_x509_certificates(_read(root / AUTHORITY))


def join(root: Path, certificate: Path, authority: Path) -> None:
    """Take over what the fleet issued: the TLS client certificate and the authority's bundle.

    Raises:
        KeysMissing: a file cannot be read, or the certificate is not for our client key.
    """
    client = load_pem_private_key(_read(root / CLIENT_KEY), None)
    issued, bundle = _read(certificate), _read(authority)
    try:
        ours = x509.load_pem_x509_certificate(issued).public_key() == client.public_key()
        x509.load_pem_x509_certificates(bundle)
    except ValueError:
        raise KeysMissing("what the fleet issued must be PEM certificates") from None
    if not ours:
        raise KeysMissing(
            f"{certificate} is not for this recipient's key: add recipient.json to the fleet again"
        )
    write(root / AUTHORITY, bundle)
    write(root / CLIENT_CERTIFICATE, issued)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as why:
        raise KeysMissing(
            f"{path}: {why.strerror}. See: python -m fleet.backoffice --help", file=str(path)
        ) from None


def write(path: Path, data: bytes) -> None:
    """Write a file whole and durable, readable by its owner only: it is there entire or not at all."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
