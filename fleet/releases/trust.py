"""Trust bundles: taken, signed, and asked of every box. What is in a bundle is between its maker and the desks."""

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
from contracts.messages.releases import MAX_TRUST_BYTES, TrustRelease
from fleet.registry import boxes
from fleet.releases.tables import TrustReleaseRow

MAX_NAME_CHARS: Final = 40


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
        bundle: the bytes, at most `MAX_TRUST_BYTES`.
        version: above every version published before.
        dated: the day the bundle was made; not before the last one's, not in the future (UTC).
        origin: where its certificates come from, for people.
        by: the operator's user name.
        key: the fleet's signing key.
        now: the hour.

    Raises:
        ReleaseRefused: nothing was published.
    """
    last = boxes.trust_version(session, lock=True)
    _check(session, bundle, version=version, dated=dated, last=last, today=now.date())
    given = {
        "version": version,
        "dated": dated.isoformat(),
        "sha256": fingerprint(bundle),
        "size_bytes": len(bundle),
        "origin": origin.strip(),
    }
    try:
        release = codec.from_plain(TrustRelease, given)
    except InvalidMessage as why:
        raise ReleaseRefused(f"not a release: {why}", version=version) from None
    row = TrustReleaseRow(
        version=version,
        dated=dated,
        origin=release.origin,
        sha256=release.sha256,
        size_bytes=release.size_bytes,
        statement=codec.encode(sign_statement(release, Purpose.TRUST_RELEASE, key)).decode(),
        bundle=bundle,
        published_at=now,
        published_by=by[:MAX_NAME_CHARS],
    )
    session.add(row)
    session.flush()
    asked = boxes.want_trust(session, version, now=now)
    return Published(release=_view(row, version), boxes=asked)


def every(session: Session) -> list[ReleaseView]:
    """All releases, newest first, without their bytes."""
    current = boxes.trust_version(session)
    rows = session.scalars(sa.select(TrustReleaseRow).order_by(TrustReleaseRow.version.desc()))
    return [_view(row, current) for row in rows]


def statement(session: Session, version: int) -> str:
    """The signed description of a release.

    Raises:
        ReleaseUnknown: there is none of this version.
    """
    return _row(session, version).statement


def bundle(session: Session, version: int) -> tuple[str, bytes]:
    """SHA-256 and bytes of a release.

    Raises:
        ReleaseUnknown: there is none of this version.
    """
    row = _row(session, version)
    return row.sha256, row.bundle


def _check(
    session: Session, given: bytes, *, version: int, dated: dt.date, last: int, today: dt.date
) -> None:
    if not given or len(given) > MAX_TRUST_BYTES:
        raise ReleaseRefused(
            f"a trust bundle has between 1 and {MAX_TRUST_BYTES} bytes", size_bytes=len(given)
        )
    if version <= last:
        msg = f"version {last} is published already: a new release needs a higher one"
        raise ReleaseRefused(msg, version=version, last=last)
    if dated > today:
        msg = f"the bundle's day {dated} lies in the future: today is {today} (UTC)"
        raise ReleaseRefused(msg, dated=dated.isoformat())
    before = session.scalar(sa.select(TrustReleaseRow.dated).where(TrustReleaseRow.version == last))
    if before is not None and dated < before:
        msg = f"the bundle's day {dated} is before {before}, the day of version {last}"
        raise ReleaseRefused(msg, dated=dated.isoformat())


def _row(session: Session, version: int) -> TrustReleaseRow:
    row = session.get(TrustReleaseRow, version)
    if row is None:
        raise ReleaseUnknown(f"no trust bundle of version {version} was published", version=version)
    return row


def _view(row: TrustReleaseRow, current: int) -> ReleaseView:
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
