"""Letters outside their seal: label, receipt, and the states that flow back.

Nothing here can name a citizen: the road knows a letter by its id and its weight.
"""

from __future__ import annotations

import enum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from contracts.codec import Message
from contracts.identity import BoxName, Fingerprint, LetterId, SiteName
from contracts.messages.report import Count, Short, UnixMs

MAX_LETTER_BYTES = 33_554_432
"""32 MiB: a hundred bi-tonal pages and some in colour; an hour on a 75 kbit/s line."""


RESERVED: Final = "riservata"
"""What a label and all that stands outside a letter say instead of a practice of a special category (GDPR art. 9)."""


class Label(Message, frozen=True, kw_only=True):
    """The outside of a sealed letter.

    Attributes:
        letter: unique id; the road is idempotent by it.
        number: the box's provisional register number.
        recipient: fingerprint of the certificate the letter is sealed for.
        practice: catalogue id and version, or `RESERVED`.
        taken_at: when the citizen's case was taken at the desk.
        time_trusted: whether the box could believe its clock then.
        deadline: when the practice expires, if it does; never of a reserved one, whose days would tell which it is.
        size_bytes: of the sealed letter.
        sha256: of the sealed letter.
        attempt: retry counter of the sender, from 1 (ModI non-repudiation).
    """

    v: int = 1
    letter: LetterId
    number: Short
    box: BoxName
    site: SiteName
    recipient: Fingerprint
    practice: Short
    taken_at: UnixMs
    time_trusted: bool
    deadline: UnixMs | None = None
    size_bytes: Annotated[int, Meta(ge=1, le=MAX_LETTER_BYTES)]
    sha256: Fingerprint
    attempt: Annotated[int, Meta(ge=1)] = 1


class Receipt(Message, frozen=True, kw_only=True):
    """The intake's word that it has the letter on its disk. Signed as a statement.

    It is not the recipient's protocol: it says *trasmessa*, never *ricevuta*.
    """

    v: int = 1
    letter: LetterId
    box: BoxName
    sha256: Fingerprint
    size_bytes: Count
    received_at: UnixMs
    duplicate: bool = False


class LetterWord(enum.StrEnum):
    """The four words a clerk reads, and what follows them. Same word on screen, paper and log."""

    DRAFT = "bozza"
    SAVED = "salvata"
    SENT = "trasmessa"
    RECEIVED = "ricevuta"
    IN_PROGRESS = "in_lavorazione"
    MORE_NEEDED = "integrazione_richiesta"
    ACCEPTED = "accolta"
    REJECTED = "respinta"
    UNREADABLE = "non_leggibile"
    """The recipient could not open or verify the letter: the clerk must be told, and who can act."""


class LetterState(Message, frozen=True, kw_only=True):
    """A state of one letter, said and signed by the recipient.

    Attributes:
        step: order of states of this letter, from 1; an older one never overwrites a newer.
        protocollo: number, date and office, given once and never changed.
        office: the office that answers, as printed on the receipt.
        answer_by: date (ISO 8601) by which the body must answer, if the law sets one.
    """

    v: int = 1
    letter: LetterId
    step: Annotated[int, Meta(ge=1)]
    word: LetterWord
    at: UnixMs
    protocollo: Annotated[str, Meta(max_length=60)] | None = None
    office: Short = ""
    answer_by: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    code: Short = ""


class SignedState(Message, frozen=True, kw_only=True):
    """A `LetterState` in the recipient's statement, with the intake's running number.

    Attributes:
        cursor: ask for states after this number and you miss none.
        statement: `contracts.envelope.Statement` as canonical JSON text.
    """

    cursor: Annotated[int, Meta(ge=1)]
    statement: Annotated[str, Meta(max_length=16_384)]


class StatePage(Message, frozen=True, kw_only=True):
    """Answer to "what changed for my letters after cursor N"; empty when nothing did."""

    v: int = 1
    states: list[SignedState] = []
    more: bool = False


class LetterRow(msgspec.Struct, frozen=True, kw_only=True):
    """A letter as the clerk may still see it: label, state, receipt. Never what is inside.

    Attributes:
        code: empty, or why it goes no further: the road refused it, or the recipient said so.
    """

    letter: LetterId
    number: Short
    practice_name: Short
    taken_at: UnixMs
    word: LetterWord
    word_at: UnixMs
    protocollo: Short = ""
    office: Short = ""
    answer_by: Short = ""
    deadline: UnixMs | None = None
    receipt_printed: bool = False
    code: Short = ""
