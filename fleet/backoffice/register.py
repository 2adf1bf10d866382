"""The recipient's register: which letters came, their *protocollo*, their states. One SQLite file.

A letter goes through its stages, each committed before the next begins: announced (its label is known), held (its
sealed bytes are on our disk), then registered or unreadable. Where the body has a register of its own, a letter stands
between held and registered in its hand-over (`handing`), or waits for an officer (`stopped`). The protocol number and
the first signed state are written in one transaction, so a crash repeats the same words and never gives a second
number (DPR 445/2000 art. 53: the number is given once and never changed).
"""

from __future__ import annotations

import datetime as dt
import enum
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from contracts import codec
from contracts.envelope import Purpose, sign_statement
from contracts.errors import PueError
from contracts.messages.letters import RESERVED, Label, LetterState, LetterWord
from contracts.practices import terms
from contracts.settled import settled
from fleet.database import Database
from fleet.faces import accounts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from sqlalchemy import orm

ROME: Final = ZoneInfo("Europe/Rome")
"""Terms and registers of an Italian office run in its own time."""

LIST_LIMIT: Final = 200
metadata = sa.MetaData()
ACCOUNT_TABLES: Final = accounts.define(metadata)
_letters = sa.Table(
    "letter",
    metadata,
    sa.Column("letter", sa.String(36), primary_key=True),
    sa.Column("cursor", sa.Integer, nullable=False, unique=True),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("arrived_ms", sa.BigInteger, nullable=False),
    sa.Column("stage", sa.String(20), nullable=False, index=True),
    sa.Column("word", sa.String(30), nullable=False, default=""),
    sa.Column("step", sa.Integer, nullable=False, default=0),
    sa.Column("code", sa.String(120), nullable=False, default=""),
    sa.Column("protocollo", sa.String(60), unique=True),
    sa.Column("year", sa.Integer),
    sa.Column("ordinal", sa.Integer),
    sa.Column("registered_ms", sa.BigInteger),
    sa.Column("citizen", sa.String(200), nullable=False, default=""),
    sa.Column("practice_name", sa.String(200), nullable=False, default=""),
    sa.Column("answer_by", sa.String(10)),
    sa.UniqueConstraint("year", "ordinal"),
)
_states = sa.Table(
    "state",
    metadata,
    sa.Column("letter", sa.String(36), sa.ForeignKey("letter.letter"), primary_key=True),
    sa.Column("step", sa.Integer, primary_key=True),
    sa.Column("word", sa.String(30), nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(40), nullable=False),
    sa.Column("statement", sa.Text, nullable=False),
    sa.Column("posted_ms", sa.BigInteger, index=True),
)
_handovers = sa.Table(
    "handover",
    metadata,
    sa.Column("letter", sa.String(36), sa.ForeignKey("letter.letter"), primary_key=True),
    sa.Column("opened", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, default=0),
    sa.Column("taken", sa.Boolean, nullable=False, default=False),
    sa.Column("next_ms", sa.BigInteger, nullable=False, default=0),
    sa.Column("code", sa.String(120), nullable=False, default=""),
    sa.Column("reason", sa.String(300), nullable=False, default=""),
)

MOVES: Final[dict[LetterWord, tuple[LetterWord, ...]]] = {
    LetterWord.RECEIVED: (LetterWord.IN_PROGRESS,),
    LetterWord.IN_PROGRESS: (LetterWord.MORE_NEEDED, LetterWord.ACCEPTED, LetterWord.REJECTED),
    LetterWord.MORE_NEEDED: (LetterWord.IN_PROGRESS, LetterWord.REJECTED),
}
"""What an officer may say next. What is not here is final, or waits for the register."""


class Stage(enum.StrEnum):
    """How far a letter has come on our side."""

    ANNOUNCED = "announced"
    HELD = "held"
    HANDING = "handing"
    """Opened, and on its way into the body's own register."""
    STOPPED = "stopped"
    """The body's register refused it or cannot be reached: an officer must act."""
    REGISTERED = "registered"
    UNREADABLE = "unreadable"


class LetterMissing(PueError):
    """No such letter in this register."""

    code = "register.no_letter"
    http_status = 404


class MoveRefused(PueError):
    """The state cannot follow the present one, or somebody else has moved it since the page was drawn."""

    code = "register.move_refused"


class NumberTaken(PueError):
    """The body's register answered with a number that another letter has."""

    code = "register.number_taken"


class Announced(msgspec.Struct, frozen=True):
    """A letter the gate holds for us. `arrived_ms`: when its last byte reached the fleet."""

    cursor: int
    label: Label
    arrived_ms: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the register. `word` is None until something was said about the letter."""

    letter: str
    cursor: int
    label: Label
    arrived_ms: int
    stage: Stage
    word: LetterWord | None
    step: int
    code: str
    protocollo: str | None
    registered_ms: int | None
    citizen: str
    practice_name: str
    answer_by: str | None

    def moves(self) -> tuple[LetterWord, ...]:
        """States that may follow."""
        return MOVES.get(self.word, ()) if self.word else ()


class Said(msgspec.Struct, frozen=True):
    """A state in the history of a letter."""

    step: int
    word: LetterWord
    at_ms: int
    by: str
    posted: bool


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What the register writes down of an opened dossier.

    Attributes:
        answer_days: the body's term, None if the law sets none.
        working_days: only days on which offices are open count.
    """

    citizen: str
    practice_name: str
    answer_days: int | None
    working_days: bool = False


class Handing(msgspec.Struct, frozen=True, kw_only=True):
    """How far the hand-over to the body's register has come.

    Attributes:
        opened: what will be written down with the number.
        attempt: tries begun, written before each is made.
        taken: handed over whole; only the number is missing.
        next_ms: when to try or to ask again.
        code: what stands in the way, empty if nothing does.
        reason: words of the other side, for the officer only.
    """

    opened: Opened
    attempt: int
    taken: bool
    next_ms: int
    code: str
    reason: str


def _due(day: dt.date, opened: Opened) -> dt.date | None:
    if opened.answer_days is None:
        return None
    if opened.working_days:
        return terms.working_days_later(day, opened.answer_days)
    return day + dt.timedelta(days=opened.answer_days)


class Register:
    """The register and the signed states it has to post.

    Args:
        path: the SQLite file.
        key: signs states.
        office: words printed on the clerk's receipt.
        sede: four digits inside the number.
    """

    def __init__(self, path: Path, key: Ed25519PrivateKey, *, office: str, sede: str) -> None:
        self.db = Database(f"sqlite:///{path}")
        self._key, self._office, self._sede = key, office, sede
        with self.db.write() as db:
            metadata.create_all(db.connection())

    def close(self) -> None:
        self.db.close()

    # --- from the gate ----------------------------------------------------------------

    def cursor(self) -> int:
        """Up to which running number of the gate every label is known."""
        with self.db.read() as db:
            return db.scalar(sa.select(sa.func.coalesce(sa.func.max(_letters.c.cursor), 0))) or 0

    def announce(self, letters: Sequence[Announced]) -> None:
        """Note letters of the gate; those already known stay as they are."""
        with self.db.write() as db:
            for one in letters:
                known = sa.select(_letters.c.letter).where(_letters.c.letter == one.label.letter)
                if db.execute(known).first() is None:
                    db.execute(
                        sa.insert(_letters).values(
                            letter=one.label.letter,
                            cursor=one.cursor,
                            label=codec.encode(one.label).decode(),
                            arrived_ms=one.arrived_ms,
                            stage=Stage.ANNOUNCED,
                        )
                    )

    def hold(self, letter: str) -> None:
        """The sealed bytes are on our disk."""
        with self.db.write() as db:
            db.execute(
                sa.update(_letters)
                .where(_letters.c.letter == letter, _letters.c.stage == Stage.ANNOUNCED)
                .values(stage=Stage.HELD)
            )

    def at_stage(self, stage: Stage) -> list[Entry]:
        """Letters at this stage, oldest first."""
        query = sa.select(_letters).where(_letters.c.stage == stage).order_by(_letters.c.cursor)
        with self.db.read() as db:
            return [_entry(row) for row in db.execute(query)]

    # --- what is said -----------------------------------------------------------------

    def register(self, letter: str, opened: Opened, now: dt.datetime) -> Entry:
        """Give the *protocollo* and say RECEIVED; a letter that has its number keeps it."""
        with self.db.write() as db:
            entry = _one(db, letter)
            if entry.protocollo is not None:
                return entry
            day = now.astimezone(ROME).date()
            newest = sa.select(sa.func.max(_letters.c.ordinal)).where(_letters.c.year == day.year)
            ordinal = (db.scalar(newest) or 0) + 1
            number = {
                "protocollo": f"INPS.{self._sede}.{day:%d/%m/%Y}.{ordinal:07d}",
                "year": day.year,
                "ordinal": ordinal,
            }
            _enter(db, letter, opened, number, at=now)
            return self._say(db, letter, LetterWord.RECEIVED, now, by="registro")

    # --- the hand-over to the body's own register -------------------------------------

    def begin_handover(self, letter: str, opened: Opened) -> None:
        """The letter is open and goes to the body's register from now on; the term runs from the number's day."""
        with self.db.write() as db:
            if db.execute(sa.select(_handovers).where(_handovers.c.letter == letter)).first() is None:
                row = {"letter": letter, "opened": msgspec.json.encode(opened).decode()}
                db.execute(sa.insert(_handovers).values(**row))
            names = {"citizen": opened.citizen[:200], "practice_name": opened.practice_name[:200]}
            db.execute(
                sa.update(_letters)
                .where(_letters.c.letter == letter, _letters.c.stage == Stage.HELD)
                .values(stage=Stage.HANDING, **names)
            )

    def to_hand_over(self, now: dt.datetime) -> list[tuple[Entry, Handing]]:
        """Letters whose next try is due, oldest first."""
        query = (
            sa.select(_letters, *_HANDING)
            .join(_handovers, _handovers.c.letter == _letters.c.letter)
            .where(_letters.c.stage == Stage.HANDING, _handovers.c.next_ms <= _ms(now))
            .order_by(_letters.c.cursor)
        )
        with self.db.read() as db:
            return [(_entry(row), _handing(row)) for row in db.execute(query)]

    def handing(self, letter: str) -> Handing | None:
        """The hand-over of a letter; None where there is none."""
        query = sa.select(*_HANDING).where(_handovers.c.letter == letter)
        with self.db.read() as db:
            row = db.execute(query).first()
        return _handing(row) if row is not None else None

    def count_attempt(self, letter: str) -> int:
        """Write down that a try begins; which one it is."""
        with self.db.write() as db:
            here = _handovers.c.letter == letter
            db.execute(sa.update(_handovers).where(here).values(attempt=_handovers.c.attempt + 1))
            return db.scalar(sa.select(_handovers.c.attempt).where(here)) or 0

    def taken(self, letter: str, ask_at: dt.datetime) -> None:
        """The other side has it whole; ask for the number then."""
        self._note(letter, taken=True, next_ms=_ms(ask_at), code="", reason="")

    def wait(self, letter: str, until: dt.datetime, code: str) -> None:
        """Nothing to be had now; `code` is what stands in the way."""
        self._note(letter, next_ms=_ms(until), code=code, reason="")

    def stop(self, letter: str, code: str, reason: str = "") -> None:
        """An officer must act; the desk is told nothing, because nothing is decided."""
        with self.db.write() as db:
            values = {"code": code, "reason": reason[:300]}
            db.execute(sa.update(_handovers).where(_handovers.c.letter == letter).values(**values))
            db.execute(
                sa.update(_letters)
                .where(_letters.c.letter == letter, _letters.c.stage == Stage.HANDING)
                .values(stage=Stage.STOPPED)
            )

    def _note(self, letter: str, **values: object) -> None:
        with self.db.write() as db:
            db.execute(sa.update(_handovers).where(_handovers.c.letter == letter).values(**values))

    def register_as(
        self, letter: str, opened: Opened, protocollo: str, *, at: dt.datetime, now: dt.datetime
    ) -> Entry:
        """Write the number the body gave at `at`, and say RECEIVED; a letter that has its number keeps it.

        Raises:
            NumberTaken: another letter has this number.
        """
        with self.db.write() as db:
            entry = _one(db, letter)
            if entry.protocollo is not None:
                return entry
            if db.execute(sa.select(_letters.c.letter).where(_letters.c.protocollo == protocollo)).first():
                raise NumberTaken("this protocol number is another letter's", letter=letter)
            _enter(db, letter, opened, {"protocollo": protocollo}, at=at)
            db.execute(sa.delete(_handovers).where(_handovers.c.letter == letter))
            return self._say(db, letter, LetterWord.RECEIVED, now, by="protocollo")

    def set_aside(self, letter: str, code: str, now: dt.datetime) -> Entry:
        """Say UNREADABLE with the code of what is wrong; said once for the same code."""
        with self.db.write() as db:
            entry = _one(db, letter)
            if entry.stage is Stage.REGISTERED or (entry.stage is Stage.UNREADABLE and entry.code == code):
                return entry
            values = {"stage": Stage.UNREADABLE, "code": code}
            db.execute(sa.update(_letters).where(_letters.c.letter == letter).values(**values))
            return self._say(db, letter, LetterWord.UNREADABLE, now, by="registro", code=code)

    def try_again(self, letter: str) -> None:
        """Put an unreadable letter back before the opener, a stopped one on its way again with its tries counted anew.

        E.g. after the fleet's new authority was installed, or the body's register was mended.
        """
        with self.db.write() as db:
            stopped = (_letters.c.letter == letter) & (_letters.c.stage == Stage.STOPPED)
            if db.execute(sa.select(_letters.c.letter).where(stopped)).first():
                anew = {"attempt": 0, "next_ms": 0, "code": "", "reason": ""}
                db.execute(sa.update(_handovers).where(_handovers.c.letter == letter).values(**anew))
                db.execute(sa.update(_letters).where(stopped).values(stage=Stage.HANDING))
            db.execute(
                sa.update(_letters)
                .where(_letters.c.letter == letter, _letters.c.stage == Stage.UNREADABLE)
                .values(stage=Stage.HELD)
            )

    def move(self, letter: str, word: LetterWord, *, seen_step: int, by: str, now: dt.datetime) -> Entry:
        """An officer's decision.

        Raises:
            MoveRefused: it may not follow, or `seen_step` is no longer the newest.
        """
        with self.db.write() as db:
            entry = _one(db, letter)
            if entry.step != seen_step:
                raise MoveRefused("somebody has changed this state since the page was drawn", step=entry.step)
            if word not in entry.moves():
                raise MoveRefused(f"{word} cannot follow {entry.word}")
            return self._say(db, letter, word, now, by=by)

    def _say(
        self, db: orm.Session, letter: str, word: LetterWord, now: dt.datetime, *, by: str, code: str = ""
    ) -> Entry:
        entry = _one(db, letter)
        step = entry.step + 1
        state = LetterState(
            letter=letter,
            step=step,
            word=word,
            at=_ms(now),
            protocollo=entry.protocollo,
            office=self._office,
            # Outside the letter nobody shall tell from the length of a term which practice it was.
            answer_by=None if entry.label.practice == RESERVED else entry.answer_by,
            code=code,
        )
        statement = codec.encode(sign_statement(state, Purpose.LETTER_STATE, self._key)).decode()
        row = {
            "letter": letter,
            "step": step,
            "word": word,
            "at_ms": _ms(now),
            "by": by,
            "statement": statement,
        }
        db.execute(sa.insert(_states).values(**row))
        db.execute(sa.update(_letters).where(_letters.c.letter == letter).values(word=word, step=step))
        return _one(db, letter)

    def unposted(self) -> list[tuple[str, int, str]]:
        """Signed states the gate has not confirmed: letter, step, statement; in the order they were said."""
        query = (
            sa.select(_states).where(_states.c.posted_ms.is_(None)).order_by(_states.c.at_ms, _states.c.step)
        )
        with self.db.read() as db:
            return [(row.letter, row.step, row.statement) for row in db.execute(query)]

    def posted(self, letter: str, step: int, now: dt.datetime) -> None:
        """The gate has this state on its disk."""
        with self.db.write() as db:
            here = (_states.c.letter == letter) & (_states.c.step == step)
            db.execute(sa.update(_states).where(here).values(posted_ms=_ms(now)))

    # --- for the officer's page -------------------------------------------------------

    def entry(self, letter: str) -> Entry:
        """One row.

        Raises:
            LetterMissing: there is none.
        """
        with self.db.read() as db:
            return _one(db, letter)

    def entries(self, word: LetterWord | None = None, text: str = "") -> list[Entry]:
        """The newest rows, of one state or of all, whose citizen, number or practice holds `text`."""
        query = sa.select(_letters).order_by(_letters.c.cursor.desc()).limit(LIST_LIMIT)
        if word is not None:
            query = query.where(_letters.c.word == word)
        if text:
            columns = (_letters.c.citizen, _letters.c.protocollo, _letters.c.practice_name)
            query = query.where(sa.or_(*(c.icontains(text, autoescape=True) for c in columns)))
        with self.db.read() as db:
            return [_entry(row) for row in db.execute(query)]

    def counts(self) -> dict[LetterWord, int]:
        """How many letters stand at each state."""
        query = (
            sa.select(_letters.c.word, sa.func.count()).where(_letters.c.word != "").group_by(_letters.c.word)
        )
        with self.db.read() as db:
            return {LetterWord(word): count for word, count in db.execute(query)}

    def history(self, letter: str) -> list[Said]:
        """All states of a letter, oldest first."""
        query = sa.select(_states).where(_states.c.letter == letter).order_by(_states.c.step)
        with self.db.read() as db:
            rows = db.execute(query).all()
        return [Said(r.step, LetterWord(r.word), r.at_ms, r.by, r.posted_ms is not None) for r in rows]


_HANDING: Final = tuple(c.label(f"handing_{c.name}") for c in _handovers.c)


def _handing(row: sa.Row[Any]) -> Handing:
    return Handing(
        opened=msgspec.json.decode(row.handing_opened, type=settled(Opened)),
        attempt=row.handing_attempt,
        taken=row.handing_taken,
        next_ms=row.handing_next_ms,
        code=row.handing_code,
        reason=row.handing_reason,
    )


def _enter(db: orm.Session, letter: str, opened: Opened, number: dict[str, Any], *, at: dt.datetime) -> None:
    due = _due(at.astimezone(ROME).date(), opened)
    db.execute(
        sa.update(_letters)
        .where(_letters.c.letter == letter)
        .values(
            stage=Stage.REGISTERED,
            registered_ms=_ms(at),
            citizen=opened.citizen[:200],
            practice_name=opened.practice_name[:200],
            answer_by=due.isoformat() if due else None,
            **number,
        )
    )


def _one(db: orm.Session, letter: str) -> Entry:
    row = db.execute(sa.select(_letters).where(_letters.c.letter == letter)).first()
    if row is None:
        raise LetterMissing("this register holds no such letter")
    return _entry(row)


def _entry(row: sa.Row[Any]) -> Entry:
    return Entry(
        letter=row.letter,
        cursor=row.cursor,
        label=codec.decode(Label, row.label.encode()),
        arrived_ms=row.arrived_ms,
        stage=Stage(row.stage),
        word=LetterWord(row.word) if row.word else None,
        step=row.step,
        code=row.code,
        protocollo=row.protocollo,
        registered_ms=row.registered_ms,
        citizen=row.citizen,
        practice_name=row.practice_name,
        answer_by=row.answer_by,
    )


def _ms(at: dt.datetime) -> int:
    return int(at.timestamp() * 1000)
