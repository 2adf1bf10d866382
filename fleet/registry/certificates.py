"""The book of certificates: what our authority issued, to whom, and what was taken back."""

from __future__ import annotations

import enum
from datetime import datetime

import msgspec
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy.orm import Session

from contracts.identity import Fingerprint, fingerprint
from fleet.registry.tables import CertificateRow


class Unit(enum.StrEnum):
    """OU of a certificate: what its holder may do."""

    LINK = "link"
    """A box's agent: broker and gate."""
    DESK = "desk"
    """A box's desk: signs letters, opens no door."""
    RECIPIENT = "recipient"
    """A body that fetches its letters at the gate."""
    FLEET = "fleet"
    """Our own processes: broker only."""


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate as the book knows it."""

    fingerprint: Fingerprint
    serial: str
    cn: str
    ou: Unit
    public_key: str
    pem: str
    not_before: datetime
    not_after: datetime
    revoked_at: datetime | None
    why: str


def public_key_print(key: object) -> str:
    """SHA-256 of a public key's SubjectPublicKeyInfo, to know a key again."""
    return fingerprint(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))  # type: ignore[attr-defined]


def record(
    session: Session, certificate: x509.Certificate, *, cn: str, ou: Unit, now: datetime
) -> Fingerprint:
    """Write a certificate in the book; in the same transaction in which it is given away."""
    mark = fingerprint(certificate.public_bytes(Encoding.DER))
    session.add(
        CertificateRow(
            fingerprint=mark,
            serial=f"{certificate.serial_number:x}",
            cn=cn,
            ou=ou.value,
            public_key=public_key_print(certificate.public_key()),
            pem=certificate.public_bytes(Encoding.PEM).decode(),
            issued_at=now,
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )
    )
    session.flush()
    return mark


def find(session: Session, mark: str) -> Issued | None:
    """A certificate by its fingerprint; None if we never issued it."""
    row = session.get(CertificateRow, mark)
    return _issued(row) if row is not None else None


def of(session: Session, cn: str, ou: Unit | None = None) -> list[Issued]:
    """All certificates of a name, newest first."""
    query = sa.select(CertificateRow).where(CertificateRow.cn == cn)
    if ou is not None:
        query = query.where(CertificateRow.ou == ou.value)
    newest_first = query.order_by(CertificateRow.issued_at.desc(), CertificateRow.not_after.desc())
    return [_issued(row) for row in session.scalars(newest_first)]


def revoke(session: Session, cn: str, *, ou: Unit | None = None, why: str, now: datetime) -> int:
    """Take back every valid certificate of a name (or of one of its units). Returns how many."""
    change = (
        sa.update(CertificateRow)
        .where(CertificateRow.cn == cn, CertificateRow.revoked_at.is_(None))
        .values(revoked_at=now, why=why[:40])
    )
    if ou is not None:
        change = change.where(CertificateRow.ou == ou.value)
    return int(getattr(session.execute(change), "rowcount", 0))


def revoked(session: Session, *, now: datetime) -> list[Issued]:
    """What belongs on the revocation list: taken back and not yet expired by itself."""
    query = sa.select(CertificateRow).where(
        CertificateRow.revoked_at.is_not(None), CertificateRow.not_after > now
    )
    return [_issued(row) for row in session.scalars(query.order_by(CertificateRow.revoked_at))]


def _issued(row: CertificateRow) -> Issued:
    return Issued(
        fingerprint=row.fingerprint,
        serial=row.serial,
        cn=row.cn,
        ou=Unit(row.ou),
        public_key=row.public_key,
        pem=row.pem,
        not_before=row.not_before,
        not_after=row.not_after,
        revoked_at=row.revoked_at,
        why=row.why,
    )
