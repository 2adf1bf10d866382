"""The book of boxes and sites: who stands where, and in which state of life."""

from __future__ import annotations

import enum
import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from contracts import places
from contracts.errors import PueError, WhoCanAct
from contracts.identity import BoxName, SiteName, box_name, shard_of, site_name
from contracts.messages.enrolment import Site
from contracts.messages.twin import Desired
from fleet.link import outbound
from fleet.registry import timeline
from fleet.registry.tables import BoxRow, DesiredOfAllRow, SiteRow, TokenRow
from fleet.settings import Boxes

ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"
"""32 letters and digits a person reads aloud without doubt: no 0, o, 1, l."""

NAME_LENGTH: Final = 12

TOKEN_LENGTH: Final = 26
"""26 of 32 letters: 130 bits."""


class BoxUnknown(PueError):
    """No box of this name is in the book."""

    code = "fleet.box_unknown"


class BoxExists(PueError):
    """A box of this name is already in the book."""

    code = "fleet.box_exists"


class SiteUnknown(PueError):
    """The site's comune is not in the list of comuni."""

    code = "fleet.site_unknown"


class TokenRefused(PueError):
    """The enrolment token is wrong, used up or too old. Who asks learns no more than that."""

    code = "enrolment.token_refused"
    who = WhoCanAct.OPERATOR


class BoxState(enum.StrEnum):
    """Life of a box in the book."""

    EXPECTED = "expected"
    """A token was made; nobody has come with it yet."""
    ENROLLED = "enrolled"
    RETIRED = "retired"
    """Its certificates are revoked; it never comes back under this name."""


class Wanted(enum.StrEnum):
    """What all boxes shall have in one version; the values are fields of the twin."""

    TRUST = "trust_version"
    CATALOGUE = "catalogue_version"


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """A box as other rooms see it.

    Attributes:
        trust_asked_at: since when all boxes shall have the present trust bundle; `catalogue_asked_at` likewise.
    """

    box: BoxName
    site: Site
    region: str
    state: BoxState
    life: int
    shard: str
    latitude: float
    longitude: float
    created_at: datetime
    enrolled_at: datetime | None
    desired: Desired
    trust_asked_at: datetime | None = None
    catalogue_asked_at: datetime | None = None


def random_text(length: int, choose: Callable[[str], str] = secrets.choice) -> str:
    """Readable letters from a source of randomness given by the caller."""
    return "".join(choose(ALPHABET) for _ in range(length))


def add_site(session: Session, name: SiteName, *, office: str = "", now: datetime) -> Site:
    """Write a site in the book, or find it there.

    Raises:
        InvalidName: not a site name.
        SiteUnknown: no comune has this Belfiore code.
    """
    site_name(name)
    row = session.get(SiteRow, name)
    if row is None:
        belfiore = name.partition("-")[0].upper()
        comune = next((c for c in places.comuni() if c.belfiore == belfiore), None)
        if comune is None:
            msg = f"no comune has the Belfiore code {belfiore}: look it up in contracts/data/comuni.csv"
            raise SiteUnknown(msg, site=name)
        row = SiteRow(
            site=name,
            istat=comune.istat,
            comune=comune.name,
            provincia=comune.provincia,
            region=comune.region,
            office=office,
            latitude=comune.latitude,
            longitude=comune.longitude,
            created_at=now,
        )
        session.add(row)
        session.flush()
    elif office:
        row.office = office
    return _site(row)


def add_box(
    session: Session,
    site: SiteName,
    *,
    now: datetime,
    first: Boxes,
    name: str | None = None,
    office: str = "",
) -> BoxName:
    """Write a new box in the book, with its first twin.

    Raises:
        InvalidName: the name or the site is not of the grammar.
        BoxExists: the name is taken.
        SiteUnknown: the site's comune does not exist.
    """
    add_site(session, site, office=office, now=now)
    chosen = box_name(name) if name else random_text(NAME_LENGTH)
    if session.get(BoxRow, chosen) is not None:
        msg = f"there is already a box {chosen}; choose another name or leave it out"
        raise BoxExists(msg, box=chosen)
    row = BoxRow(
        box=chosen,
        site=site,
        shard=shard_of(chosen),
        state=BoxState.EXPECTED.value,
        life=0,
        created_at=now,
        twin_rev=1,
        health_every_s=first.health_every_s,
        keepalive_s=first.keepalive_s,
    )
    session.add(row)
    session.flush()
    outbound.publish_twin(session, chosen, _desired(row, _of_all(session)), now=now)
    timeline.note(session, chosen, timeline.Kind.BOX, "created", at=now, facts={"site": site})
    return chosen


def new_token(session: Session, box: BoxName, *, now: datetime, life: timedelta) -> str:
    """Make the one-time token of a box; the tokens before it die. The text is shown once, never kept.

    Raises:
        BoxUnknown: no such box, or it is retired.
    """
    row = _row(session, box)
    if row.state == BoxState.RETIRED:
        msg = f"box {box} is retired: make a new box"
        raise BoxUnknown(msg, box=box)
    session.execute(sa.delete(TokenRow).where(TokenRow.box == box))
    token = random_text(TOKEN_LENGTH)
    session.add(TokenRow(token_hash=token_hash(token), box=box, created_at=now, expires_at=now + life))
    timeline.note(session, box, timeline.Kind.BOX, "token_made", at=now)
    return token


def token_hash(token: str) -> str:
    """What is kept of a token. 130 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_token(session: Session, box: str, token: str, *, now: datetime, window: timedelta) -> TokenRow:
    """The token's row, if it may still be used.

    Raises:
        TokenRefused: unknown, of another box, too old, or used longer ago than its window.
    """
    row = session.get(TokenRow, token_hash(token))
    usable = row is not None and row.box == box and now < row.expires_at
    if row is None or not usable or (row.first_used_at and now >= row.first_used_at + window):
        msg = "the enrolment token is wrong, used or too old: make a new one with `pue-fleet box token`"
        raise TokenRefused(msg)
    return row


def get(session: Session, box: str) -> Box:
    """One box.

    Raises:
        BoxUnknown: no such box.
    """
    row = _row(session, box)
    site = session.get(SiteRow, row.site)
    assert site is not None
    return _box(row, site, _of_all(session))


def every(session: Session) -> list[Box]:
    """All boxes, by comune and site."""
    query = (
        sa.select(BoxRow, SiteRow)
        .join(SiteRow, BoxRow.site == SiteRow.site)
        .order_by(SiteRow.comune, BoxRow.site, BoxRow.box)
    )
    of_all = _of_all(session)
    return [_box(row, site, of_all) for row, site in session.execute(query)]


def set_desired(
    session: Session,
    box: str,
    *,
    now: datetime,
    health_every_s: int | None = None,
    keepalive_s: int | None = None,
) -> Desired:
    """Change the twin of a box; it is published, retained, with the transaction.

    Raises:
        BoxUnknown: no such box.
    """
    row = _row(session, box)
    row.health_every_s = health_every_s or row.health_every_s
    row.keepalive_s = keepalive_s or row.keepalive_s
    row.twin_rev += 1
    desired = _desired(row, _of_all(session))
    outbound.publish_twin(session, box, desired, now=now)
    timeline.note(session, box, timeline.Kind.TWIN, "desired", at=now, facts={"rev": row.twin_rev})
    return desired


def wanted(session: Session, what: Wanted, *, lock: bool = False) -> int:
    """The version all boxes shall have; 0 = none was published. `lock` keeps other writers away until the end."""
    row = session.get(DesiredOfAllRow, what.value, with_for_update=lock)
    return 0 if row is None else row.value


def want(session: Session, what: Wanted, version: int, *, now: datetime) -> int:
    """Every box shall have this version: all twins are published anew. How many boxes that are."""
    session.merge(DesiredOfAllRow(name=what.value, value=version, changed_at=now))
    session.flush()
    rows = session.scalars(sa.select(BoxRow).where(BoxRow.state != BoxState.RETIRED.value)).all()
    of_all = _of_all(session)
    for row in rows:
        row.twin_rev += 1
        outbound.publish_twin(session, row.box, _desired(row, of_all), now=now)
        timeline.note(
            session,
            row.box,
            timeline.Kind.TWIN,
            "desired",
            at=now,
            facts={"rev": row.twin_rev, what.value: version},
        )
    return len(rows)


def begin_life(session: Session, box: str, *, now: datetime) -> int:
    """The box was enrolled with a token: its report numbers begin anew. Returns the new life."""
    row = _row(session, box)
    row.life += 1
    row.state = BoxState.ENROLLED.value
    row.enrolled_at = now
    timeline.note(session, box, timeline.Kind.BOX, "enrolled", at=now, facts={"life": row.life})
    return row.life


def retire(session: Session, box: str, *, now: datetime) -> None:
    """End the life of a box in the book. Revoking its certificates is the authority's act."""
    row = _row(session, box)
    row.state = BoxState.RETIRED.value
    row.retired_at = now
    session.execute(sa.delete(TokenRow).where(TokenRow.box == box))
    timeline.note(session, box, timeline.Kind.BOX, "retired", at=now, severity="warning")


def _row(session: Session, box: str) -> BoxRow:
    row = session.get(BoxRow, box)
    if row is None:
        msg = f"no box {box[:40]!r} is in the book: `pue-fleet box list` shows them"
        raise BoxUnknown(msg, box=box[:40])
    return row


def _of_all(session: Session) -> dict[str, DesiredOfAllRow]:
    return {row.name: row for row in session.scalars(sa.select(DesiredOfAllRow))}


def _version(of_all: dict[str, DesiredOfAllRow], what: Wanted) -> int:
    row = of_all.get(what.value)
    return 0 if row is None else row.value


def _desired(row: BoxRow, of_all: dict[str, DesiredOfAllRow]) -> Desired:
    return Desired(
        rev=row.twin_rev,
        health_every_s=row.health_every_s,
        keepalive_s=row.keepalive_s,
        trust_version=_version(of_all, Wanted.TRUST),
        catalogue_version=_version(of_all, Wanted.CATALOGUE),
    )


def _site(row: SiteRow) -> Site:
    return Site(site=row.site, istat=row.istat, comune=row.comune, provincia=row.provincia, office=row.office)


def _box(row: BoxRow, site: SiteRow, of_all: dict[str, DesiredOfAllRow]) -> Box:
    trust, catalogue = of_all.get(Wanted.TRUST), of_all.get(Wanted.CATALOGUE)
    return Box(
        box=row.box,
        site=_site(site),
        region=site.region,
        state=BoxState(row.state),
        life=row.life,
        shard=row.shard,
        latitude=site.latitude,
        longitude=site.longitude,
        created_at=row.created_at,
        enrolled_at=row.enrolled_at,
        desired=_desired(row, of_all),
        trust_asked_at=trust.changed_at if trust else None,
        catalogue_asked_at=catalogue.changed_at if catalogue else None,
    )
