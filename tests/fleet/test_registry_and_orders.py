"""The book of boxes, its CSV, and the life of an order, without any wire."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts import codec
from contracts.envelope import Purpose, Statement, read_statement
from contracts.errors import InvalidName
from contracts.messages.orders import Order, OrderKind, OrderState, Precondition, Result
from contracts.messages.report import Birth, Certificate
from contracts.topics import Up
from fleet.database import Database
from fleet.health import board
from fleet.health.liveness import Life
from fleet.link.router import Arrival
from fleet.link.tables import OutboundRow
from fleet.orders import book
from fleet.orders.tables import OrderRow
from fleet.registry import boxes, table_files, timeline
from fleet.registry.boxes import ALPHABET, BoxExists, BoxUnknown, SiteUnknown, TokenRefused
from fleet.registry.table_files import TableRefused
from fleet.settings import Boxes, Liveness
from tests.fleet.fleet_house import BOOT, new_id

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
HOUR = timedelta(hours=1)


@pytest.fixture
def database(tmp_path):
    opened = Database(f"sqlite:///{tmp_path / 'fleet.db'}")
    opened.upgrade()
    yield opened
    opened.close()


def add(session, **how):
    return boxes.add_box(session, "a074-1", now=NOON, first=Boxes(), **how)


def enrolled(session):
    box = add(session)
    boxes.begin_life(session, box, now=NOON)
    return box


def test_a_name_is_readable_and_a_place_is_known(database):
    with database.write() as session:
        names = {add(session) for _ in range(20)}
        box = boxes.get(session, next(iter(names)))
    assert len(names) == 20
    assert all(len(name) == 12 and set(name) <= set(ALPHABET) for name in names)
    assert not set("01lo") & set(ALPHABET)
    assert (box.site.comune, box.site.istat, box.site.provincia) == ("Agliè", "001001", "TO")


@pytest.mark.parametrize(
    ("site", "name", "why"),
    [
        ("a074", None, InvalidName),
        ("z999-1", None, SiteUnknown),
        ("a074-1", "Maiuscole000", InvalidName),
        ("a074-1", "scatolauno22", BoxExists),
    ],
)
def test_what_cannot_be_written_in_the_book(database, site, name, why):
    with database.write() as session:
        add(session, name="scatolauno22")
    with pytest.raises(why), database.write() as session:
        boxes.add_box(session, site, now=NOON, first=Boxes(), name=name)


def test_a_new_token_ends_the_one_before_and_a_retired_box_gets_none(database):
    with database.write() as session:
        box = add(session)
        first = boxes.new_token(session, box, now=NOON, life=HOUR)
        second = boxes.new_token(session, box, now=NOON, life=HOUR)
        with pytest.raises(TokenRefused):
            boxes.find_token(session, box, first, now=NOON, window=HOUR)
        assert boxes.find_token(session, box, second, now=NOON, window=HOUR).box == box
        with pytest.raises(TokenRefused):
            boxes.find_token(session, box, second, now=NOON + HOUR, window=HOUR)
        boxes.retire(session, box, now=NOON)
        with pytest.raises(TokenRefused):
            boxes.find_token(session, box, second, now=NOON, window=HOUR)
        with pytest.raises(BoxUnknown):
            boxes.new_token(session, box, now=NOON, life=HOUR)


def test_boxes_out_and_in_as_csv(database):
    text = "site,name,office\r\nA074-1,scatolauno22,=Ufficio\r\nh501-2,,\r\n"
    with database.write() as session:
        made = table_files.add_all(session, table_files.read(text), now=NOON, first=Boxes(), life=HOUR)
        out = list(csv.DictReader(io.StringIO(table_files.export(boxes.every(session)))))
    assert [row.site for row in made] == ["a074-1", "h501-2"]
    assert [row["comune"] for row in out] == ["Agliè", "Roma"]
    assert out[0]["office"] == "'=Ufficio"  # a spreadsheet must not run it


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "first line"),
        ("comune\nRoma\n", "first line"),
        ("site\na074-1\nqui\n", "line 3"),
        ('site\n"a074-1\n', "line"),
    ],
)
def test_a_bad_file_names_its_line(text, sentence):
    with pytest.raises(TableRefused, match=sentence):
        table_files.read(text)


def test_one_bad_row_and_nothing_is_taken(database):
    rows = table_files.read("site\na074-1\nz999-1\n")
    with pytest.raises(SiteUnknown), database.write() as session:
        table_files.add_all(session, rows, now=NOON, first=Boxes(), life=HOUR)
    with database.read() as session:
        assert boxes.every(session) == []


# ---- orders


def give(session, box, **how):
    how = {"life": HOUR, **how}
    return book.give(
        session, box, OrderKind.IDENTIFY, by="prova", key=KEY, now=NOON, random=bytes(10), seconds=5, **how
    )


def tell(session, box, order, seq, state, *, at=NOON, code=""):
    message = Result(ts=1, boot=BOOT, seq=seq, order=order, state=state, code=code)
    book.on_result(
        session,
        Arrival(box=box, life=1, subject=Up.RESULT, message=message, received_at=at, retained=False),
    )


def test_only_a_box_at_work_takes_orders_and_only_for_a_bounded_time(database):
    with database.write() as session:
        with pytest.raises(book.OrderRefused):
            give(session, add(session))
        box = enrolled(session)
        for life in (timedelta(0), timedelta(days=8)):
            with pytest.raises(book.OrderRefused):
                give(session, box, life=life)
        order = give(session, box, preconditions=[Precondition.IDLE_DESK])
        assert (order.state, order.deadline) == (OrderState.QUEUED, NOON + HOUR)


def test_an_older_step_never_overwrites_a_newer_one(database):
    with database.write() as session:
        box = enrolled(session)
        order = give(session, box).order
        tell(session, box, order, 3, OrderState.RUNNING)
        tell(session, box, order, 2, OrderState.RECEIVED)
        assert book.get(session, order).state is OrderState.RUNNING
        tell(session, box, order, 4, OrderState.FAILED, code="desk.away")
        tell(session, box, order, 5, OrderState.RUNNING)
        assert (book.get(session, order).state, book.get(session, order).code) == (
            OrderState.FAILED,
            "desk.away",
        )
        book.on_sent(session, f"order:{order}", NOON)
        assert book.get(session, order).state is OrderState.FAILED


def connect(session, box, *, at=NOON, retained=False):
    validity = Certificate(not_before=1, not_after=2, fingerprint="ab" * 32)
    message = Birth(
        ts=1, boot=BOOT, connection=new_id(), site="a074-1", software="1", os="x", certificate=validity
    )
    book.on_birth(
        session,
        Arrival(box=box, life=1, subject=Up.STATUS, message=message, received_at=at, retained=retained),
    )


def queued(session):
    return session.scalars(sa.select(OutboundRow.ref).where(OutboundRow.ref != "")).all()


def test_what_was_sent_and_never_answered_goes_out_again_when_the_box_connects(database):
    with database.write() as session:
        box = enrolled(session)
        order = give(session, box).order
        book.on_sent(session, f"order:{order}", NOON)
        before = len(queued(session))
        connect(session, box, retained=True)
        connect(session, box, at=NOON + 2 * HOUR)
        assert len(queued(session)) == before
        connect(session, box)
        assert queued(session)[before:] == [f"order:{order}"]
        tell(session, box, order, 1, OrderState.RECEIVED)
        connect(session, box)
        assert len(queued(session)) == before + 1


def test_a_restart_of_the_desk_always_waits_for_the_citizen(database):
    with database.write() as session:
        box = enrolled(session)
        order = book.give(
            session, box, OrderKind.RESTART_DESK, by="prova", key=KEY, now=NOON, random=bytes(10), life=HOUR
        )
        statement = codec.decode(Statement, session.get(OrderRow, order.order).statement.encode())
        signed = read_statement(statement, Order, Purpose.ORDER, KEY.public_key())
        assert signed.preconditions == [Precondition.IDLE_DESK]


def test_an_order_of_another_box_is_not_answered_for(database):
    with database.write() as session:
        order = give(session, enrolled(session)).order
        other = enrolled(session)
        with pytest.raises(book.OrderUnknown):
            tell(session, other, order, 1, OrderState.SUCCEEDED)
        with pytest.raises(book.OrderUnknown):
            tell(session, other, new_id(), 1, OrderState.SUCCEEDED)


def test_no_answer_by_the_deadline_is_expired_but_the_boxs_own_word_counts_more(database):
    with database.write() as session:
        box = enrolled(session)
        order = give(session, box).order
        assert book.expire(session, NOON + HOUR) == 0
        assert book.expire(session, NOON + HOUR + book.EXPIRY_MARGIN) == 1
        seen = book.get(session, order)
        assert (seen.state, seen.code) == (OrderState.EXPIRED, "orders.no_answer")
        tell(session, box, order, 1, OrderState.SUCCEEDED, at=NOON + 2 * HOUR)
        assert book.get(session, order).state is OrderState.SUCCEEDED
        lines = [line.code for line in timeline.lines(session, box) if line.kind is timeline.Kind.ORDER]
    assert lines == ["succeeded", "expired", "queued"]


def test_what_was_begun_in_time_may_end_late(database):
    with database.write() as session:
        box = enrolled(session)
        order = give(session, box).order
        tell(session, box, order, 1, OrderState.RUNNING)
        assert book.expire(session, NOON + HOUR + book.EXPIRY_MARGIN) == 0
        assert book.expire(session, NOON + HOUR + book.RUNNING_MARGIN) == 1


# ---- verdicts written down


def test_verdicts_are_written_once_when_they_change_and_never_while_we_are_deaf(database):
    rules = Liveness()
    with database.write() as session:
        box = enrolled(session)
        assert board.judge_all(session, NOON, None, rules) == {}
        board.judge_all(session, NOON, NOON - HOUR, rules)
        row = board.latest(session, box, NOON)
        row.heard_at = NOON
        assert board.judge_all(session, NOON, NOON - HOUR, rules) == {box: Life.ONLINE}
        assert board.judge_all(session, NOON, NOON - HOUR, rules) == {}
        later = NOON + timedelta(hours=2)
        assert board.judge_all(session, later, NOON - HOUR, rules) == {box: Life.OFFLINE}
        seen = board.light(session, box)
        assert (seen.life, seen.life_since) == (Life.OFFLINE, later)
        assert [one.box.box for one in board.board(session)] == [box]
        words = [line.code for line in timeline.lines(session, box) if line.kind is timeline.Kind.LIVENESS]
    assert words == ["offline", "online"]
