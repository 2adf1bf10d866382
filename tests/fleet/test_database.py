"""The schema moves forward, hours stay aware, and two processes take turns."""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import exc

from fleet.database import MIGRATIONS, Database, DatabaseUnavailable
from fleet.registry import boxes, timeline
from fleet.registry.tables import SiteRow
from fleet.settings import Boxes
from fleet.tables import whole_schema

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def database(tmp_path):
    opened = Database(f"sqlite:///{tmp_path / 'fleet.db'}", busy_timeout_s=0.2)
    opened.upgrade()
    yield opened
    opened.close()


def test_from_nothing_to_the_newest_step_and_again(tmp_path):
    fresh = Database(f"sqlite:///{tmp_path / 'new.db'}")
    assert fresh.revision() is None
    fresh.upgrade()
    newest = fresh.revision()
    fresh.upgrade()
    assert fresh.revision() == newest == ScriptDirectory(str(MIGRATIONS)).get_current_head()
    fresh.close()


def test_the_steps_make_exactly_the_tables_the_rooms_declare(tmp_path):
    fresh = Database(f"sqlite:///{tmp_path / 'new.db'}")
    fresh.upgrade()
    fresh.close()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'new.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, whole_schema()) == []
    engine.dispose()


def test_a_database_of_a_newer_program_is_refused(database):
    with database.write() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999_future'"))
    with pytest.raises(DatabaseUnavailable, match="newer program"):
        database.upgrade()


def test_a_block_that_raises_leaves_nothing(database):
    def fail() -> None:
        with database.write() as session:
            boxes.add_site(session, "a074-1", now=NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.read() as session:
        assert session.scalars(sa.select(SiteRow)).all() == []


def test_a_writer_waits_for_another_one_but_not_for_ever(database):
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with database.write():
            inside.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait(10)
    with database.read() as session:  # a reader waits for nobody
        assert session.scalars(sa.select(SiteRow)).all() == []
    try:
        with pytest.raises(DatabaseUnavailable, match="locked"), database.write():
            pass
    finally:
        leave.set()
        holder.join(10)
    with database.write() as session:
        boxes.add_site(session, "a074-1", now=NOON)


def test_hours_come_back_aware_whatever_zone_they_went_in(database):
    rome = timezone(timedelta(hours=1))
    with database.write() as session:
        boxes.add_site(session, "a074-1", now=NOON.astimezone(rome))
    with database.read() as session:
        assert session.get(SiteRow, "a074-1").created_at == NOON
        assert session.get(SiteRow, "a074-1").created_at.tzinfo is UTC
    with pytest.raises(exc.StatementError, match="aware"), database.write() as session:
        timeline.note(session, "x", timeline.Kind.BOX, "c", at=datetime(2026, 1, 1))  # noqa: DTZ001 - the point


def test_what_is_committed_is_on_disk(database, tmp_path):
    with database.write() as session:
        boxes.add_box(session, "a074-1", now=NOON, first=Boxes())
        assert session.execute(sa.text("PRAGMA synchronous")).scalar() == 2  # FULL
        assert session.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
        assert session.execute(sa.text("PRAGMA foreign_keys")).scalar() == 1


def test_a_file_that_is_no_database_is_refused_with_a_sentence(tmp_path: Path):
    path = tmp_path / "fleet.db"
    path.write_bytes(b"this is not a database, it is a sentence of more than a hundred bytes" * 3)
    broken = Database(f"sqlite:///{path}")
    with pytest.raises(
        (DatabaseUnavailable, sqlite3.DatabaseError, exc.DatabaseError), match="not a database"
    ):
        broken.upgrade()
    broken.close()
