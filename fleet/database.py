"""The fleet's memory: SQLAlchemy over embedded SQLite (default) or PostgreSQL, moved forward by Alembic.

Two ways in, and the difference is said at the call: `read()` never waits for a writer, `write()` takes the
writer's place at once (SQLite: ``BEGIN IMMEDIATE``), so that two processes wait for each other, bounded,
instead of failing half way through a transaction.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import event, exc, orm

from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection, Dialect

MIGRATIONS: Final = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_S: Final = 10.0
_WRITE: Final = "pue_write"


class DatabaseUnavailable(PueError):
    """The database cannot be reached, is full, locked for too long, or not the one this program knows."""

    code = "fleet.database_unavailable"
    who = WhoCanAct.OPERATOR


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware hour in UTC; SQLite keeps it without the zone, the reader gets it back aware."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive hours: they are always a mistake."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "the database takes aware hours only"
            raise ValueError(msg)
        moved = value.astimezone(UTC)
        return moved.replace(tzinfo=None) if dialect.name == "sqlite" else moved

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(orm.DeclarativeBase):
    """Parent of every table of the fleet; rooms declare theirs in their own `tables.py`."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own declaration
        datetime: UtcDateTime(),
        dict[str, Any]: sa.JSON(),
        list[str]: sa.JSON(),
        int: sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
    }


class Database:
    """One engine, two kinds of session.

    Args:
        url: SQLAlchemy URL. ``sqlite:////absolute/path`` or ``postgresql+psycopg://…``.
        busy_timeout_s: how long a writer waits for another one.
    """

    def __init__(self, url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self.url = url
        self._engine = _engine(url, busy_timeout_s)
        self._reading = orm.sessionmaker(self._engine, expire_on_commit=False)
        self._writing = orm.sessionmaker(
            self._engine.execution_options(**{_WRITE: True}), expire_on_commit=False
        )

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    @contextlib.contextmanager
    def read(self) -> Iterator[orm.Session]:
        """A session that sees one consistent moment and changes nothing.

        Raises:
            DatabaseUnavailable: the database cannot be read now.
        """
        with _translated(), self._reading() as session:
            yield session

    @contextlib.contextmanager
    def write(self) -> Iterator[orm.Session]:
        """A transaction: durable when the block ends, undone when it raises.

        Raises:
            DatabaseUnavailable: locked for longer than the bound, disk full, connection lost.
        """
        with _translated(), self._writing.begin() as session:
            session.connection()  # begins now, not at the first statement
            yield session

    def upgrade(self) -> None:
        """Bring the schema to the newest step; does nothing when it is there. Safe from several processes.

        Raises:
            DatabaseUnavailable: the database belongs to a newer program, or cannot be written.
        """
        with _translated(), self._engine.execution_options(**{_WRITE: True}).begin() as connection:
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as why:
                msg = (
                    f"the database's schema is not one this program knows: {why}. Install the newer program."
                )
                raise DatabaseUnavailable(msg) from why

    def revision(self) -> str | None:
        """The migration the schema stands at; None when empty."""
        with _translated(), self._engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def close(self) -> None:
        """Return all connections."""
        self._engine.dispose()


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, exc.InternalError) as why:
        # (Integrity, data and programming errors pass: they are facts about the data.)
        # Only the driver's own words: SQLAlchemy's text would show the statement's values.
        raise DatabaseUnavailable(f"{type(why.orig).__name__}: {why.orig}") from None


def _engine(url: str, busy_timeout_s: float) -> sa.Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return sa.create_engine(
            parsed, pool_pre_ping=True, pool_size=10, max_overflow=10, hide_parameters=True
        )
    engine = sa.create_engine(
        parsed, connect_args={"timeout": busy_timeout_s, "check_same_thread": False}, hide_parameters=True
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own idea of when a transaction begins would make BEGIN IMMEDIATE impossible.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
