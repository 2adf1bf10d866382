"""The letter box between desk and post: what was put in is durable, and leaves only when somebody else has it.

The desk adds; the agent sends, and writes down receipts and states. Both may crash at any byte: every
change is one transaction, and doing it twice is doing it once.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from typing import TYPE_CHECKING, Any, Final

import msgspec

from appliance.outbox import database
from appliance.outbox.errors import LetterErased, LetterMismatch, LetterUnknown
from appliance.runtime.clock import utc_now
from contracts import codec
from contracts.errors import InvalidMessage
from contracts.identity import fingerprint
from contracts.messages.letters import Label, LetterRow, LetterState, LetterWord, Receipt
from contracts.messages.report import OutboxHealth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

_RECIPIENT_HAS_IT: Final = frozenset(
    {
        LetterWord.RECEIVED,
        LetterWord.IN_PROGRESS,
        LetterWord.MORE_NEEDED,
        LetterWord.ACCEPTED,
        LetterWord.REJECTED,
    }
)
_SAYABLE: Final = _RECIPIENT_HAS_IT | {LetterWord.UNREADABLE}
_WAITING: Final = "word = 'salvata' AND refused = ''"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A letter that waits for the road.

    Attributes:
        attempt: of the last try, 0 before the first.
    """

    label: Label
    practice_name: str
    added_at_ms: int
    attempt: int


class Outbox:
    """The store. Safe for many threads of one process and for two processes at once.

    Args:
        path: of the SQLite file; it and its folder are made if missing.
        now: for the stamp "added"; nothing is decided upon it.

    Raises:
        OutboxError: the file cannot be used; a damaged one is no error but `set_aside`.
    """

    def __init__(self, path: Path, *, now: Callable[[], datetime] = utc_now) -> None:
        self._lock = threading.RLock()
        self._now = now
        self._connection, self.set_aside = database.open_database(path)
        self.saved_from_damage = 0
        """Letters proved whole and taken over from a damaged file."""
        if self.set_aside is not None:
            self._take_over(self.set_aside)

    def close(self) -> None:
        """Let go of the file; a second close does nothing."""
        with self._lock:
            self._connection.close()

    # ---- the desk's side --------------------------------------------------------------------------------

    def add(self, label: Label, sealed: bytes, *, practice_name: str) -> None:
        """Put a letter in. Durable when it returns; the same letter again changes nothing.

        Raises:
            LetterMismatch: the bytes are not the label's, or another letter has this id.
            OutboxFull: no room; nothing was stored.
            OutboxError: the disk refused otherwise; nothing was stored.
        """
        _check_bytes(label, sealed)
        with self._change() as connection:
            known = connection.execute(
                "SELECT label FROM letters WHERE letter = ?", (label.letter,)
            ).fetchone()
            if known is not None:
                if codec.decode(Label, known[0]).sha256 != label.sha256:
                    raise LetterMismatch("another letter has this id", letter=label.letter)
                return
            connection.execute(
                "INSERT INTO letters (letter, label, practice_name, added_at_ms, deadline, size_bytes, word, word_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    label.letter,
                    codec.encode(label),
                    practice_name,
                    int(self._now().timestamp() * 1000),
                    label.deadline,
                    label.size_bytes,
                    LetterWord.SAVED.value,
                    label.taken_at,
                ),
            )
            connection.execute("INSERT INTO sealed VALUES (?, ?)", (label.letter, sealed))

    def has(self, letter: str) -> bool:
        """Whether this letter was ever put in."""
        return self._one("SELECT 1 FROM letters WHERE letter = ?", letter) is not None

    def rows(self, limit: int = 200) -> list[LetterRow]:
        """Letters as the clerk may see them, newest first."""
        found = self._all("SELECT * FROM letters ORDER BY letter DESC LIMIT ?", limit)
        return [_clerk_row(row) for row in found]

    def row(self, letter: str) -> LetterRow:
        """One letter as the clerk may see it.

        Raises:
            LetterUnknown: there is none.
        """
        return _clerk_row(self._known(letter))

    def label(self, letter: str) -> Label:
        """The outside of a letter.

        Raises:
            LetterUnknown: there is none.
        """
        return codec.decode(Label, self._known(letter)["label"])

    def mark_receipt_printed(self, letter: str) -> None:
        """Remember that the citizen has paper of it.

        Raises:
            LetterUnknown: there is none.
        """
        with self._change() as connection:
            changed = connection.execute(
                "UPDATE letters SET receipt_printed = 1 WHERE letter = ?", (letter,)
            ).rowcount
            _must(changed, letter)

    # ---- the agent's side -------------------------------------------------------------------------------

    def waiting(self) -> list[Entry]:
        """Letters neither receipted nor refused: nearest deadline first, then the oldest."""
        found = self._all(
            f"SELECT label, practice_name, added_at_ms, attempt FROM letters WHERE {_WAITING}"  # noqa: S608 - a constant
            " ORDER BY deadline IS NULL, deadline, added_at_ms, letter"
        )
        return [
            Entry(
                label=codec.decode(Label, row["label"]),
                practice_name=row["practice_name"],
                added_at_ms=row["added_at_ms"],
                attempt=row["attempt"],
            )
            for row in found
        ]

    def sealed(self, letter: str) -> bytes:
        """The sealed bytes.

        Raises:
            LetterUnknown: there is no such letter.
            LetterErased: the recipient has it and the bytes are gone.
        """
        found = self._one("SELECT bytes FROM sealed WHERE letter = ?", letter)
        if found is not None:
            return bytes(found[0])
        self._known(letter)
        raise LetterErased("the recipient has this letter", letter=letter)

    def begin_attempt(self, letter: str) -> int:
        """Count a try before it is made; the first is 1.

        Raises:
            LetterUnknown: there is no such letter.
        """
        with self._change() as connection:
            found = connection.execute(
                "UPDATE letters SET attempt = attempt + 1 WHERE letter = ? RETURNING attempt", (letter,)
            ).fetchall()
            _must(len(found), letter)
            return int(found[0][0])

    def record_receipt(self, receipt: Receipt, statement: bytes) -> None:
        """The intake has it: *trasmessa*. The bytes stay until the recipient has them.

        Args:
            receipt: already verified by the caller.
            statement: as it came, kept as proof.

        Raises:
            LetterUnknown: no such letter.
            LetterMismatch: the receipt is for other bytes.
        """
        with self._change() as connection:
            row = self._known(receipt.letter)
            if codec.decode(Label, row["label"]).sha256 != receipt.sha256:
                raise LetterMismatch("the receipt speaks of other bytes", letter=receipt.letter)
            connection.execute(
                "UPDATE letters SET receipt = ?, refused = '', refused_who = '' WHERE letter = ?",
                (statement, receipt.letter),
            )
            connection.execute(
                "UPDATE letters SET word = ?, word_at = ? WHERE letter = ? AND word = ?",
                (LetterWord.SENT.value, receipt.received_at, receipt.letter, LetterWord.SAVED.value),
            )

    def record_state(self, state: LetterState, statement: bytes, cursor: int) -> bool:
        """The recipient said something. The cursor moves even when the word is old or not about us.

        Returns:
            Whether it was news. An older step never overwrites a newer one; a *protocollo* never changes.
        """
        with self._change() as connection:
            connection.execute("UPDATE counters SET value = max(value, ?) WHERE name = 'cursor'", (cursor,))
            if state.word not in _SAYABLE:
                return False
            changed = connection.execute(
                "UPDATE letters SET word = ?, word_at = ?, step = ?, state = ?, code = ?,"
                " protocollo = CASE protocollo WHEN '' THEN ? ELSE protocollo END,"
                " office = CASE ? WHEN '' THEN office ELSE ? END,"
                " answer_by = CASE ? WHEN '' THEN answer_by ELSE ? END,"
                " refused = '', refused_who = ''"
                " WHERE letter = ? AND step < ?",
                (
                    *(state.word.value, state.at, state.step, statement, state.code),
                    state.protocollo or "",
                    *(state.office, state.office, state.answer_by or "", state.answer_by or ""),
                    *(state.letter, state.step),
                ),
            ).rowcount
            if changed and state.word in _RECIPIENT_HAS_IT:
                connection.execute("DELETE FROM sealed WHERE letter = ?", (state.letter,))
            return bool(changed)

    def record_refusal(self, letter: str, code: str, who: str) -> None:
        """The road refused the letter for good: it no longer waits, and the clerk sees why.

        Raises:
            LetterUnknown: no such letter.
        """
        with self._change() as connection:
            changed = connection.execute(
                "UPDATE letters SET refused = ?, refused_who = ? WHERE letter = ?", (code, who, letter)
            ).rowcount
            _must(changed, letter)

    def cursor(self) -> int:
        """The running number of the last state heard."""
        return self._counter("cursor")

    # ---- for both ---------------------------------------------------------------------------------------

    def revision(self) -> int:
        """Grows with every change, whichever process made it."""
        return self._counter("revision")

    def health(self, now_ms: int) -> OutboxHealth:
        """The letter box in numbers."""
        waiting = self._all(
            f"SELECT size_bytes, added_at_ms, deadline FROM letters WHERE {_WAITING}"  # noqa: S608 - a constant
        )
        counts = self._all(
            "SELECT sum(word <> 'salvata') AS sent, sum(refused <> '') AS refused FROM letters"
        )[0]
        deadlines = [row["deadline"] for row in waiting if row["deadline"] is not None]
        oldest_ms = min((row["added_at_ms"] for row in waiting), default=now_ms)
        return OutboxHealth(
            waiting=len(waiting),
            oldest_s=max(0, (now_ms - oldest_ms) // 1000),
            bytes=sum(row["size_bytes"] for row in waiting),
            sent=counts["sent"] or 0,
            refused=counts["refused"] or 0,
            nearest_deadline=min(deadlines, default=None),
        )

    # ---- how --------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """One transaction: whole or not at all."""
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("UPDATE counters SET value = value + 1 WHERE name = 'revision'")
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._undo()
                raise database.translate(error) from error
            except BaseException:
                self._undo()
                raise

    def _undo(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _all(self, question: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            try:
                cursor = self._connection.cursor()
                cursor.row_factory = sqlite3.Row
                return cursor.execute(question, values).fetchall()
            except sqlite3.Error as error:
                raise database.translate(error) from error

    def _one(self, question: str, *values: object) -> Any:
        return next(iter(self._all(question, *values)), None)

    def _known(self, letter: str) -> sqlite3.Row:
        row: sqlite3.Row | None = self._one("SELECT * FROM letters WHERE letter = ?", letter)
        if row is None:
            raise LetterUnknown("this outbox holds no such letter", letter=letter)
        return row

    def _counter(self, name: str) -> int:
        return int(self._one("SELECT value FROM counters WHERE name = ?", name)[0])

    def _take_over(self, aside: Path) -> None:
        """Save every letter of a damaged file that its own label proves whole."""
        for row, sealed in database.readable_letters(aside):
            with contextlib.suppress(InvalidMessage, LetterMismatch, TypeError):
                label = codec.decode(Label, row["label"])  # type: ignore[arg-type]
                if sealed is not None:
                    _check_bytes(label, sealed)
                elif row["word"] not in {word.value for word in _RECIPIENT_HAS_IT}:
                    continue  # neither here nor there: only the set-aside file may still tell
                self._take_over_one(row, sealed)
                self.saved_from_damage += 1

    def _take_over_one(self, row: dict[str, object], sealed: bytes | None) -> None:
        columns = list(row)
        places = ", ".join("?" * len(columns))
        with self._change() as connection:
            connection.execute(
                f"INSERT INTO letters ({', '.join(columns)}) VALUES ({places})",  # noqa: S608 - our own column names
                [row[column] for column in columns],
            )
            if sealed is not None:
                connection.execute("INSERT INTO sealed VALUES (?, ?)", (row["letter"], sealed))


def _check_bytes(label: Label, sealed: bytes) -> None:
    if len(sealed) != label.size_bytes or fingerprint(sealed) != label.sha256:
        raise LetterMismatch("the bytes are not the ones the label speaks of", letter=label.letter)


def _must(changed: int, letter: str) -> None:
    if not changed:
        raise LetterUnknown("this outbox holds no such letter", letter=letter)


def _clerk_row(row: sqlite3.Row) -> LetterRow:
    label = codec.decode(Label, row["label"])
    return LetterRow(
        letter=label.letter,
        number=label.number,
        practice_name=row["practice_name"],
        taken_at=label.taken_at,
        word=LetterWord(row["word"]),
        word_at=row["word_at"],
        protocollo=row["protocollo"],
        office=row["office"],
        answer_by=row["answer_by"],
        deadline=label.deadline,
        receipt_printed=bool(row["receipt_printed"]),
        code=row["refused"] or row["code"],
    )
