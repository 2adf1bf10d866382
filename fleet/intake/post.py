"""The post office's book: a letter begins, grows, is whole and receipted; its recipient takes it and says states.

Order of acts when a letter becomes whole: bytes on disk, file under its own name, then one transaction that gives
the running number and the signed receipt. A crash between them is mended by whoever asks for the letter next.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, cast

import msgspec
import sqlalchemy as sa
from sqlalchemy import exc

from contracts import codec
from contracts.envelope import Purpose, Statement, public_key_from_text, read_statement, sign_statement
from contracts.errors import PueError, WhoCanAct
from contracts.identity import LetterId
from contracts.messages.letters import (
    Label,
    LetterState,
    LetterWord,
    Receipt,
    SignedState,
    StatePage,
)
from fleet.clock import unix_ms
from fleet.intake.tables import CounterRow, LetterRow, LetterStateRow
from fleet.intake.tus import WrongOffset
from fleet.link import outbound
from fleet.registry import timeline
from fleet.registry.tables import RecipientRow

if TYPE_CHECKING:
    from typing import IO

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from sqlalchemy.orm import Session

    from contracts.identity import BoxName
    from fleet.clock import Clock
    from fleet.database import Database
    from fleet.intake.shelf import Shelf, Source

STATES_PAGE: Final = 20
"""A page of states stays below the bound of a message: a statement has about 700 bytes."""

LETTERS_PAGE: Final = 200


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one box may ask of the post, and how long bytes stay.

    Attributes:
        open_per_box: letters of one box that may be coming in at once.
        keep_days: sealed bytes after the recipient said it has them.
        abandon_days: a letter that began and never ended.
    """

    open_per_box: int = 8
    keep_days: int = 30
    abandon_days: int = 60


class LetterUnknown(PueError):
    """The post has no such letter of this box or for this recipient."""

    code = "letter.unknown"
    http_status = 404


class NotYet(PueError):
    """The letter is not whole yet: there is no receipt."""

    code = "letter.incomplete"
    who = WhoCanAct.WAIT
    http_status = 404


class Conflict(PueError):
    """The same id with other bytes: one of the two is a mistake, and the first stays."""

    code = "letter.conflict"
    who = WhoCanAct.TECHNICIAN
    http_status = 409


class WrongBytes(PueError):
    """The bytes that came are not those of the label: the upload begins again."""

    code = "letter.wrong_hash"
    who = WhoCanAct.WAIT
    http_status = 422


class NotYourLetter(PueError):
    """The label names another box than the certificate."""

    code = "letter.not_your_box"
    who = WhoCanAct.TECHNICIAN
    http_status = 403


class RecipientUnknown(PueError):
    """Nobody this fleet serves can open the letter."""

    code = "letter.unknown_recipient"
    http_status = 422


class TooManyOpen(PueError):
    """Finish the letters begun before beginning more."""

    code = "intake.too_many_open"
    who = WhoCanAct.WAIT
    http_status = 429


class Gone(PueError):
    """The letter was delivered and its bytes have been erased."""

    code = "letter.erased"
    http_status = 410


class StateConflict(PueError):
    """Another state with this step was said before, or a later one."""

    code = "letter.state_conflict"
    http_status = 409


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a letter stands: bytes on disk, bytes in all, whether it has its receipt."""

    letter: LetterId
    held_bytes: int
    size_bytes: int
    complete: bool


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A letter for a recipient: running number, label, when its last byte arrived (ms since 1970)."""

    cursor: int
    label: Label
    arrived_at: int


class Post:
    """The intake.

    Args:
        database: the fleet's memory.
        shelf: the letters' files.
        key: the fleet's key; signs receipts.
        clock: the server's hour.
        limits: bounds.
    """

    def __init__(
        self,
        database: Database,
        shelf: Shelf,
        *,
        key: Ed25519PrivateKey,
        clock: Clock,
        limits: Limits | None = None,
    ) -> None:
        self._db, self._shelf, self._key, self._clock = database, shelf, key, clock
        self._limits = limits or Limits()

    # --- from boxes -------------------------------------------------------------------

    def begin(self, label: Label, box: BoxName) -> Standing:
        """Write a letter in the book, or find it there.

        Args:
            label: as the box sent it.
            box: name on the certificate of the connection.

        Raises:
            NotYourLetter, RecipientUnknown, Conflict, TooManyOpen, ShelfFull: nothing was written.
        """
        if label.box != box:
            raise NotYourLetter("the label names another box than the certificate", letter=label.letter)
        known = self._find(label.letter)
        if known is None:
            self._shelf.check_room(label.size_bytes)
            self._sweep()
            try:
                with self._db.write() as session:
                    self._insert(session, label)
            except exc.IntegrityError:
                known = self._find(label.letter)
                if known is None:
                    raise
        if known is not None:
            self._again(known, label)
        return self.standing(label.letter, box)

    def _insert(self, session: Session, label: Label) -> None:
        recipients = sa.select(RecipientRow.name).where(RecipientRow.fingerprint == label.recipient)
        recipient = session.scalars(recipients).first()
        if recipient is None:
            raise RecipientUnknown("no recipient of this fleet can open this letter", letter=label.letter)
        unfinished = sa.select(sa.func.count()).where(
            LetterRow.box == label.box, LetterRow.complete_at.is_(None)
        )
        if (session.scalar(unfinished) or 0) >= self._limits.open_per_box:
            raise TooManyOpen("finish the letters begun first", limit=self._limits.open_per_box)
        session.add(
            LetterRow(
                letter=label.letter,
                box=label.box,
                recipient=recipient,
                label=codec.encode(label).decode(),
                size_bytes=label.size_bytes,
                sha256=label.sha256,
                attempt=label.attempt,
                begun_at=self._clock.now(),
            )
        )

    def _again(self, known: LetterRow, label: Label) -> None:
        """The box offers a letter that is in the book."""
        first = codec.decode(Label, known.label.encode())
        same = (first.box, first.sha256, first.size_bytes, first.recipient)
        if same != (label.box, label.sha256, label.size_bytes, label.recipient):
            raise Conflict("there is another letter with this id", letter=label.letter)
        with self._db.write() as session:
            row = session.get(LetterRow, label.letter)
            assert row is not None
            row.attempt = max(row.attempt, label.attempt)
            if row.complete_at is not None:
                row.duplicates += 1

    def standing(self, letter: LetterId, box: BoxName) -> Standing:
        """How a letter stands; one whose bytes are all here is finished first.

        Raises:
            LetterUnknown: the box has begun no such letter.
        """
        row = self._of_box(letter, box)
        if row.complete_at is not None:
            return Standing(
                letter=letter, held_bytes=row.size_bytes, size_bytes=row.size_bytes, complete=True
            )
        held = self._shelf.length(letter)
        if held >= row.size_bytes:
            # Whoever was writing died between the last byte and the book.
            with self._shelf.hold(letter) as part:
                self._finish(row, part)
            return self.standing(letter, box)
        return Standing(letter=letter, held_bytes=held, size_bytes=row.size_bytes, complete=False)

    def take(self, letter: LetterId, box: BoxName, *, offset: int, source: Source, at_most_bytes: int) -> int:
        """Take a piece.

        Returns:
            The new offset; equal to the size when the letter is whole, durable and in the book.

        Raises:
            WrongOffset: somebody else was faster.
            Busy: somebody else is writing.
            WrongBytes: all bytes came and they are the wrong ones; the offset is 0 again.
            ShelfFull: see `Standing` for what was kept.
        """
        row = self._of_box(letter, box)
        if row.complete_at is not None:
            return row.size_bytes
        with self._shelf.hold(letter) as part:
            if part.tell() != offset:
                raise WrongOffset("the upload stands elsewhere", offset=part.tell(), given=offset)
            length = self._shelf.append(part, source, at_most_bytes)
            if length >= row.size_bytes:
                self._finish(row, part)
            return length

    def _finish(self, row: LetterRow, part: IO[bytes]) -> None:
        letter = row.letter
        if not self._shelf.whole(letter) and not self._shelf.finish(letter, part, row.sha256):
            raise WrongBytes("the bytes are not those of the label: begin again", letter=letter)
        with self._db.write() as session:
            self._enter(session, letter)
        self._shelf.tidy(letter)

    def _enter(self, session: Session, letter: LetterId) -> None:
        """The letter is whole: number, receipt, a line in the box's life. Once."""
        row = session.get(LetterRow, letter)
        assert row is not None
        if row.complete_at is not None:
            return
        now = self._clock.now()
        row.complete_at = now
        row.cursor = _next(session, f"letters:{row.recipient}")
        receipt = Receipt(
            letter=letter, box=row.box, sha256=row.sha256, size_bytes=row.size_bytes, received_at=unix_ms(now)
        )
        row.receipt = codec.encode(sign_statement(receipt, Purpose.RECEIPT, self._key)).decode()
        line = timeline.Kind.LETTERS
        timeline.note(
            session, row.box, line, "received", at=now, ref=letter, facts={"size_bytes": row.size_bytes}
        )

    def receipt(self, letter: LetterId, box: BoxName) -> str:
        """The signed receipt of a whole letter, canonical JSON.

        Raises:
            LetterUnknown, NotYet: there is none.
        """
        if not self.standing(letter, box).complete:
            raise NotYet("the letter is not whole yet", letter=letter)
        return cast("str", self._of_box(letter, box).receipt)

    def states(self, box: BoxName, after: int) -> StatePage:
        """States of this box' letters after a running number, oldest first."""
        query = (
            sa.select(LetterStateRow)
            .where(LetterStateRow.box == box, LetterStateRow.cursor > after)
            .order_by(LetterStateRow.cursor)
            .limit(STATES_PAGE + 1)
        )
        with self._db.read() as session:
            signed = [
                SignedState(cursor=row.cursor, statement=row.statement) for row in session.scalars(query)
            ]
        return StatePage(states=signed[:STATES_PAGE], more=len(signed) > STATES_PAGE)

    # --- from recipients --------------------------------------------------------------

    def waiting(self, recipient: str, after: int, limit: int) -> list[Waiting]:
        """Whole letters for a recipient after a running number, oldest first."""
        with self._db.read() as session:
            query = (
                sa.select(LetterRow)
                .where(LetterRow.recipient == recipient)
                .where(LetterRow.cursor > after)
                .order_by(LetterRow.cursor)
                .limit(max(1, min(limit, LETTERS_PAGE)))
            )
            return [
                Waiting(
                    cursor=cast("int", row.cursor),
                    label=codec.decode(Label, row.label.encode()),
                    arrived_at=unix_ms(cast("dt.datetime", row.complete_at)),
                )
                for row in session.scalars(query)
            ]

    def sealed(self, letter: LetterId, recipient: str) -> IO[bytes]:
        """The sealed bytes of a letter, open for reading.

        Raises:
            LetterUnknown: not for this recipient.
            Gone: delivered long ago.
        """
        with self._db.read() as session:
            erased_at = self._for_recipient(session, letter, recipient).erased_at
        if erased_at is not None:
            raise Gone("the letter was delivered and its bytes are erased", letter=letter)
        return self._shelf.open(letter)

    def say(self, statement: Statement, recipient: str) -> None:
        """Keep a state a recipient has signed, and nudge the box. The same statement twice is once.

        Raises:
            StatementRefused: not signed by this recipient.
            LetterUnknown: the letter is not this recipient's.
            StateConflict: the step is not newer than those said before.
        """
        now = self._clock.now()
        with self._db.write() as session:
            key = public_key_from_text(_recipient(session, recipient).verification_key)
            state = read_statement(statement, LetterState, Purpose.LETTER_STATE, key)
            row = self._for_recipient(session, state.letter, recipient)
            text = codec.encode(statement).decode()
            if _said_already(session, state, text):
                return
            session.add(
                LetterStateRow(
                    box=row.box,
                    cursor=_next(session, f"states:{row.box}"),
                    letter=state.letter,
                    step=state.step,
                    word=state.word.value,
                    at=now,
                    statement=text,
                )
            )
            if state.word is LetterWord.RECEIVED and row.delivered_at is None:
                row.delivered_at = now
            outbound.nudge(session, row.box, "letters", now=now)
            timeline.note(session, row.box, timeline.Kind.LETTERS, state.word.value, at=now, ref=state.letter)

    # --- housekeeping -----------------------------------------------------------------

    def _sweep(self) -> None:
        """Erase what was delivered long ago and what was abandoned; a few at a time, when a new letter begins."""
        now = self._clock.now()
        old = now - dt.timedelta(days=self._limits.keep_days)
        stale = now - dt.timedelta(days=self._limits.abandon_days)
        delivered = sa.select(LetterRow).where(LetterRow.delivered_at < old, LetterRow.erased_at.is_(None))
        begun = sa.select(LetterRow).where(LetterRow.complete_at.is_(None), LetterRow.begun_at < stale)
        with self._db.read() as session:
            gone = [row.letter for row in session.scalars(delivered.limit(20))]
            left = [row.letter for row in session.scalars(begun.limit(20))]
        if not gone and not left:
            return
        with self._db.write() as session:
            session.execute(sa.update(LetterRow).where(LetterRow.letter.in_(gone)).values(erased_at=now))
            # A letter that became whole meanwhile is not abandoned.
            lost = sa.delete(LetterRow).where(LetterRow.letter.in_(left), LetterRow.complete_at.is_(None))
            left = list(session.scalars(lost.returning(LetterRow.letter)))
        for letter in [*gone, *left]:
            self._shelf.erase(letter)

    def _find(self, letter: LetterId) -> LetterRow | None:
        with self._db.read() as session:
            row = session.get(LetterRow, letter)
            if row is not None:
                session.expunge(row)
            return row

    def _of_box(self, letter: LetterId, box: BoxName) -> LetterRow:
        row = self._find(letter)
        if row is None or row.box != box:
            raise LetterUnknown("this box has begun no such letter")
        return row

    def _for_recipient(self, session: Session, letter: LetterId, recipient: str) -> LetterRow:
        row = session.get(LetterRow, letter)
        if row is None or row.complete_at is None or row.recipient != recipient:
            raise LetterUnknown("there is no such letter for this recipient")
        return row


def _recipient(session: Session, name: str) -> RecipientRow:
    row = session.get(RecipientRow, name)
    if row is None:
        raise RecipientUnknown("the book holds no recipient of this name: `pue-fleet recipient add`")
    return row


def _said_already(session: Session, state: LetterState, text: str) -> bool:
    query = sa.select(LetterStateRow).where(LetterStateRow.letter == state.letter)
    newest = session.scalars(query.order_by(LetterStateRow.step.desc()).limit(1)).first()
    if newest is None or newest.step < state.step:
        return False
    same = session.scalars(query.where(LetterStateRow.step == state.step)).first()
    if same is None or same.statement != text:
        raise StateConflict("a state with this step, or a later one, was said before", step=newest.step)
    return True


def _next(session: Session, name: str) -> int:
    """Draw a running number; the row stays locked until the caller's transaction ends."""
    drawn = (
        sa.update(CounterRow)
        .where(CounterRow.name == name)
        .values(value=CounterRow.value + 1)
        .returning(CounterRow.value)
        .execution_options(synchronize_session=False)
    )
    value = session.scalar(drawn)
    if value is None:
        session.add(CounterRow(name=name, value=1))
        session.flush()
        return 1
    return value
