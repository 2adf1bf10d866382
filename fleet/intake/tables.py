"""Letters by their outside, and the states their recipients signed."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from fleet.database import Base


class LetterRow(Base):
    """One letter. Its bytes are a file; here is what the road may know of it.

    Attributes:
        recipient: name in the book. A recipient may change its key while letters for the old one are on the road.
        cursor: running number for its recipient, given when the letter is whole; None while it comes in.
        receipt: the signed receipt as canonical JSON: made once, always the same bytes.
        duplicates: how often the box offered it again after it was whole (ModI non-repudiation).
        delivered_at: when the recipient said it has it; the bytes may go some time after.
    """

    __tablename__ = "letters"

    letter: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    box: Mapped[str] = mapped_column(sa.String(32))
    recipient: Mapped[str] = mapped_column(sa.String(64))
    label: Mapped[str] = mapped_column(sa.Text)
    size_bytes: Mapped[int]
    sha256: Mapped[str] = mapped_column(sa.String(64))
    attempt: Mapped[int]
    duplicates: Mapped[int] = mapped_column(default=0)
    begun_at: Mapped[datetime]
    complete_at: Mapped[datetime | None]
    cursor: Mapped[int | None]
    receipt: Mapped[str | None] = mapped_column(sa.Text)
    delivered_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]

    __table_args__ = (
        sa.Index("ix_letters_recipient_cursor", "recipient", "cursor", unique=True),
        sa.Index("ix_letters_box_complete", "box", "complete_at"),
        sa.Index("ix_letters_delivered_at", "delivered_at"),
    )


class LetterStateRow(Base):
    """A state of a letter, as signed. `cursor` runs per box, so that a box asks for what it has not seen."""

    __tablename__ = "letter_states"

    box: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    cursor: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    letter: Mapped[str] = mapped_column(sa.ForeignKey("letters.letter"))
    step: Mapped[int]
    word: Mapped[str] = mapped_column(sa.String(30))
    at: Mapped[datetime]
    statement: Mapped[str] = mapped_column(sa.Text)

    __table_args__ = (sa.Index("ix_letter_states_letter_step", "letter", "step", unique=True),)


class CounterRow(Base):
    """A running number without gaps: the row's lock orders those who draw, so a reader misses none."""

    __tablename__ = "intake_counters"

    name: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    value: Mapped[int]
