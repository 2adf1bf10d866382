"""Published releases, with their bytes and the statement that was signed over them."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from fleet.database import Base


class ReleaseRow(Base):
    """A release as it was published; never changed afterwards.

    Attributes:
        statement: canonical JSON of the signed description: made once, always the same bytes.
        bundle: the bytes; read only when they are asked for.
        published_by: the operator's user name.
    """

    __abstract__ = True

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    dated: Mapped[dt.date] = mapped_column(sa.Date())
    origin: Mapped[str] = mapped_column(sa.String(120))
    sha256: Mapped[str] = mapped_column(sa.String(64))
    size_bytes: Mapped[int]
    statement: Mapped[str] = mapped_column(sa.Text)
    bundle: Mapped[bytes] = mapped_column(sa.LargeBinary, deferred=True)
    published_at: Mapped[dt.datetime]
    published_by: Mapped[str] = mapped_column(sa.String(40))


class TrustReleaseRow(ReleaseRow):
    """A trust bundle."""

    __tablename__ = "trust_releases"


class CatalogueReleaseRow(ReleaseRow):
    """A catalogue of practices."""

    __tablename__ = "catalogue_releases"
