"""Sites, boxes, their tokens and certificates, recipients, and the one timeline everybody writes into."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from fleet.database import Base


class SiteRow(Base):
    """A desk's place. `site` is the key of contracts.identity.SiteName."""

    __tablename__ = "sites"

    site: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    istat: Mapped[str] = mapped_column(sa.String(6), index=True)
    comune: Mapped[str] = mapped_column(sa.String(120))
    provincia: Mapped[str] = mapped_column(sa.String(2), index=True)
    region: Mapped[str] = mapped_column(sa.String(60))
    office: Mapped[str] = mapped_column(sa.String(120), default="")
    latitude: Mapped[float]
    longitude: Mapped[float]
    created_at: Mapped[datetime]


class BoxRow(Base):
    """A box: its place, its desired twin, and where it is in its life.

    `life` grows by one whenever the box is enrolled with a token: its report numbers begin anew then.
    """

    __tablename__ = "boxes"

    box: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    site: Mapped[str] = mapped_column(sa.ForeignKey("sites.site"), index=True)
    shard: Mapped[str] = mapped_column(sa.String(2))
    state: Mapped[str] = mapped_column(sa.String(16))
    life: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    enrolled_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
    twin_rev: Mapped[int] = mapped_column(default=0)
    health_every_s: Mapped[int]
    keepalive_s: Mapped[int]


class DesiredOfAllRow(Base):
    """What every box shall have, whichever it is: a name of the twin and its number. Boxes added later get it too."""

    __tablename__ = "desired_of_all"

    name: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    value: Mapped[int]
    changed_at: Mapped[datetime | None]


class TokenRow(Base):
    """A one-time enrolment token; only its SHA-256 is kept."""

    __tablename__ = "enrolment_tokens"

    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    box: Mapped[str] = mapped_column(sa.ForeignKey("boxes.box"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    first_used_at: Mapped[datetime | None]
    link_fingerprint: Mapped[str | None] = mapped_column(sa.String(64))
    desk_fingerprint: Mapped[str | None] = mapped_column(sa.String(64))


class CertificateRow(Base):
    """Every certificate our authority ever issued. What is not here is not ours."""

    __tablename__ = "certificates"

    fingerprint: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    serial: Mapped[str] = mapped_column(sa.String(40), unique=True)
    cn: Mapped[str] = mapped_column(sa.String(64), index=True)
    ou: Mapped[str] = mapped_column(sa.String(16))
    public_key: Mapped[str] = mapped_column(sa.String(64))
    pem: Mapped[str] = mapped_column(sa.Text)
    issued_at: Mapped[datetime]
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    why: Mapped[str] = mapped_column(sa.String(40), default="")


class RecipientRow(Base):
    """A body letters are sealed for: its certificate and the key that verifies its states."""

    __tablename__ = "recipients"

    name: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    certificate_pem: Mapped[str] = mapped_column(sa.Text)
    fingerprint: Mapped[str] = mapped_column(sa.String(64), index=True)
    verification_key: Mapped[str] = mapped_column(sa.String(120))
    added_at: Mapped[datetime]
    current: Mapped[bool]


class TimelineRow(Base):
    """One line in the life of a box, in the order the fleet learned of it."""

    __tablename__ = "timeline"

    entry: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    box: Mapped[str] = mapped_column(sa.String(32))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(sa.String(16))
    code: Mapped[str] = mapped_column(sa.String(120))
    severity: Mapped[str] = mapped_column(sa.String(16), default="info")
    ref: Mapped[str] = mapped_column(sa.String(40), default="")
    facts: Mapped[dict[str, Any]]

    __table_args__ = (sa.Index("ix_timeline_box_entry", "box", "entry"),)
