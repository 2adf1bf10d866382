"""Releases of every kind: taken, signed, and asked of every box."""

from __future__ import annotations

import datetime as dt
from typing import Final

import msgspec
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from contracts import codec
from contracts.envelope import Purpose, sign_statement
from contracts.errors import InvalidMessage, PueError, WhoCanAct
from contracts.identity import fingerprint
from contracts.messages.releases import (
    MAX_CATALOGUE_BYTES,
    MAX_TRUST_BYTES,
    CatalogueRelease,
    Release,
    TrustRelease,
)
from fleet.registry import boxes
from fleet.registry.boxes import Wanted
from fleet.releases.tables import CatalogueReleaseRow, ReleaseRow, TrustReleaseRow

MAX_NAME_CHARS: Final = 40


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of release.

    Attributes:
        says: what it is called in sentences.
        wanted: its name among what all boxes shall have.
    """

    says: str
    release: type[Release]
    purpose: Purpose
    row: type[ReleaseRow]
    wanted: Wanted
    limit_bytes: int


TRUST: Final = Kind(
    says="trust bundle",
    release=TrustRelease,
    purpose=Purpose.TRUST_RELEASE,
    row=TrustReleaseRow,
    wanted=Wanted.TRUST,
    limit_bytes=MAX_TRUST_BYTES,
)
CATALOGUE: Final = Kind(
    says="catalogue",
    release=CatalogueRelease,
    purpose=Purpose.CATALOGUE_RELEASE,
    row=CatalogueReleaseRow,
    wanted=Wanted.CATALOGUE,
    limit_bytes=MAX_CATALOGUE_BYTES,
)


class ReleaseRefused(PueError):
    """The release cannot be published as it is; the sentence says what to change."""

    code = "releases.refused"
    who = WhoCanAct.OPERATOR


class ReleaseUnknown(PueError):
    """No release has this version."""

    code = "releases.unknown"
    who = WhoCanAct.OPERATOR
    http_status = 404


class ReleaseView(msgspec.Struct, frozen=True, kw_only=True):
    """A release as operators see it.

    Attributes:
        current: whether it is the one all boxes shall have.
    """

    version: int
    dated: dt.date
    origin: str
    sha256: str
    size_bytes: int
    published_at: dt.datetime
    published_by: str
    current: bool


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What came of publishing: the release, and how many boxes are asked to take it."""

    release: ReleaseView
    boxes: int


def publish(
    kind: Kind,
    session: Session,
    bundle: bytes,
    *,
    version: int,
    dated: dt.date,
    origin: str,
    by: str,
    key: Ed25519PrivateKey,
    now: dt.datetime,
) -> Published:
    """Sign a bundle and ask all boxes to take it, with the caller's transaction.

    Args:
        session: of `Database.write()`.
        bundle: the bytes, at most `kind.limit_bytes`.
        version: above every version published before.
        dated: the day the bundle was made; not before the last one's, not in the future (UTC).
        origin: where it comes from, for people.
        by: the operator's user name.
        key: the fleet's signing key.
        now: the hour.

    Raises:
        ReleaseRefused: nothing was published.
    """
    last = boxes.wanted(session, kind.wanted, lock=True)
    _check(kind, session, bundle, version=version, dated=dated, last=last, today=now.date())
    given = {
        "version": version,
        "dated": dated.isoformat(),
        "sha256": fingerprint(bundle),
        "size_bytes": len(bundle),
        "origin": origin.strip(),
    }
    try:
        release = codec.from_plain(kind.release, given)
    except InvalidMessage as why:
        raise ReleaseRefused(f"not a release: {why}", version=version) from None
    row = kind.row(
        version=version,
        dated=dated,
        origin=release.origin,
        sha256=release.sha256,
        size_bytes=release.size_bytes,
        statement=codec.encode(sign_statement(release, kind.purpose, key)).decode(),
        bundle=bundle,
        published_at=now,
        published_by=by[:MAX_NAME_CHARS],
    )
    session.add(row)
    session.flush()
    asked = boxes.want(session, kind.wanted, version, now=now)
    return Published(release=_view(row, version), boxes=asked)


def every(kind: Kind, session: Session) -> list[ReleaseView]:
    """All releases, newest first, without their bytes."""
    current = boxes.wanted(session, kind.wanted)
    rows = session.scalars(sa.select(kind.row).order_by(kind.row.version.desc()))
    return [_view(row, current) for row in rows]


def statement(kind: Kind, session: Session, version: int) -> str:
    """The signed description of a release.

    Raises:
        ReleaseUnknown: there is none of this version.
    """
    return _row(kind, session, version).statement


def bundle(kind: Kind, session: Session, version: int) -> tuple[str, bytes]:
    """SHA-256 and bytes of a release.

    Raises:
        ReleaseUnknown: there is none of this version.
    """
    row = _row(kind, session, version)
    return row.sha256, row.bundle


def _check(
    kind: Kind, session: Session, given: bytes, *, version: int, dated: dt.date, last: int, today: dt.date
) -> None:
    if not given or len(given) > kind.limit_bytes:
        raise ReleaseRefused(
            f"a {kind.says} has between 1 and {kind.limit_bytes} bytes", size_bytes=len(given)
        )
    if version <= last:
        msg = f"version {last} is published already: a new release needs a higher one"
        raise ReleaseRefused(msg, version=version, last=last)
    if dated > today:
        msg = f"the bundle's day {dated} lies in the future: today is {today} (UTC)"
        raise ReleaseRefused(msg, dated=dated.isoformat())
    before = session.scalar(sa.select(kind.row.dated).where(kind.row.version == last))
    if before is not None and dated < before:
        msg = f"the bundle's day {dated} is before {before}, the day of version {last}"
        raise ReleaseRefused(msg, dated=dated.isoformat())


def _row(kind: Kind, session: Session, version: int) -> ReleaseRow:
    row = session.get(kind.row, version)
    if row is None:
        raise ReleaseUnknown(f"no {kind.says} of version {version} was published", version=version)
    return row


def _view(row: ReleaseRow, current: int) -> ReleaseView:
    return ReleaseView(
        version=row.version,
        dated=row.dated,
        origin=row.origin,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        published_at=row.published_at,
        published_by=row.published_by,
        current=row.version == current,
    )
