"""The bodies letters are sealed for. What the fleet knows of them is public."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from typing import Annotated, Final

import msgspec
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec import Meta
from sqlalchemy.orm import Session

from contracts.errors import PueError, WhoCanAct
from contracts.identity import fingerprint
from contracts.settled import settled
from fleet.registry.tables import RecipientRow

MAX_FILE_BYTES: Final = 65_536
KEY_BYTES: Final = 32
_LIKE_A_CLIENT: Final = re.compile(r"[a-z0-9]+$|fleet-")
"""The name becomes a user name at the broker: no box's, none of our own processes'."""


class RecipientRefused(PueError):
    """The recipient's file does not hold what it must."""

    code = "fleet.recipient_refused"


class NoRecipient(PueError):
    """No recipient is known yet: a box could not seal a letter for anybody."""

    code = "fleet.no_recipient"
    who = WhoCanAct.OPERATOR
    http_status = 503


class RecipientFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a recipient hands over, as JSON (`pue-fleet backoffice init` writes it). No secret is in it.

    Attributes:
        certificate_pem: RSA certificate letters are sealed for.
        verification_key: base64 of the Ed25519 key its states are signed with.
        client_csr_pem: PKCS #10 for its TLS client certificate at the gate; may be missing.
    """

    name: Annotated[str, Meta(min_length=1, max_length=40)]
    certificate_pem: Annotated[str, Meta(max_length=16_384)]
    verification_key: Annotated[str, Meta(max_length=120)]
    client_csr_pem: Annotated[str, Meta(max_length=16_384)] = ""
    client_csr: Annotated[str, Meta(max_length=16_384)] = ""


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient in the book."""

    name: str
    certificate_pem: str
    fingerprint: str
    verification_key: str
    current: bool


def read_file(data: bytes) -> RecipientFile:
    """Parse and check a recipient's file.

    Raises:
        RecipientRefused: not JSON, a part is missing, the certificate is not RSA, the key is no key.
    """
    if len(data) > MAX_FILE_BYTES:
        msg = f"a recipient's file is at most {MAX_FILE_BYTES} bytes"
        raise RecipientRefused(msg)
    try:
        given = msgspec.json.decode(data, type=settled(RecipientFile))
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise RecipientRefused(f"not a recipient's file: {why}") from None
    if _LIKE_A_CLIENT.match(given.name) or not given.name.isprintable() or set(given.name) & set("+#/"):
        msg = (
            "a recipient's name must not look like a box (add a space, a dash or a capital) and has no + # /"
        )
        raise RecipientRefused(msg)
    _certificate(given.certificate_pem)
    try:
        right = len(base64.b64decode(given.verification_key, validate=True)) == KEY_BYTES
    except (binascii.Error, ValueError):
        right = False
    if not right:
        msg = "verification_key must be base64 of an Ed25519 public key (32 bytes)"
        raise RecipientRefused(msg)
    return given


def add(session: Session, given: RecipientFile, *, now: datetime) -> Recipient:
    """Write a recipient in the book; it becomes the one new belongings name."""
    certificate = _certificate(given.certificate_pem)
    session.execute(sa.update(RecipientRow).values(current=False))
    row = session.get(RecipientRow, given.name)
    if row is None:
        row = RecipientRow(name=given.name, added_at=now)
        session.add(row)
    row.certificate_pem = given.certificate_pem
    row.fingerprint = fingerprint(certificate.public_bytes(Encoding.DER))
    row.verification_key = given.verification_key
    row.current = True
    session.flush()
    return _recipient(row)


def current(session: Session) -> Recipient:
    """The recipient new letters are sealed for.

    Raises:
        NoRecipient: there is none.
    """
    row = session.scalars(sa.select(RecipientRow).where(RecipientRow.current)).first()
    if row is None:
        msg = "no recipient is known: `pue-fleet recipient add FILE` with the file its back office made"
        raise NoRecipient(msg)
    return _recipient(row)


def every(session: Session) -> list[Recipient]:
    """All recipients ever known; letters on the road may still be sealed for an older one."""
    return [_recipient(row) for row in session.scalars(sa.select(RecipientRow).order_by(RecipientRow.name))]


def _certificate(pem: str) -> x509.Certificate:
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        key = certificate.public_key()
    except ValueError:
        msg = "certificate_pem is not a certificate"
        raise RecipientRefused(msg) from None
    if not isinstance(key, rsa.RSAPublicKey):
        msg = "the recipient's certificate must hold an RSA key: letters are enveloped for it"
        raise RecipientRefused(msg)
    return certificate


def _recipient(row: RecipientRow) -> Recipient:
    return Recipient(
        name=row.name,
        certificate_pem=row.certificate_pem,
        fingerprint=row.fingerprint,
        verification_key=row.verification_key,
        current=row.current,
    )
