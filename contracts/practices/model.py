"""What a practice is: steps of fields, attachments, deadlines and the words around them.

A practice is data, dated (`valido_dal`/`valido_al`), and never a constant in code. A draft
keeps the version it was begun with.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from contracts.practices import terms

Ident = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Text = Annotated[str, Meta(min_length=1, max_length=600)]
Answers = dict[str, list[str]]
"""Canonical answers by field name; a field that does not repeat holds one value, unanswered none."""

MAX_REPEAT = 20
MAX_VALUE_CHARS = 400


class FieldKind(enum.StrEnum):
    """Types of answer. Their canonical text is what travels in the dossier."""

    CODICE_FISCALE = "codice_fiscale"
    CF_PIVA = "cf_piva"
    """A codice fiscale or an eleven-digit *partita IVA*."""
    IBAN = "iban"
    TEXT = "text"
    DATE = "date"
    """Canonical: ISO 8601 (RFC 3339 full-date); on screen ``gg/mm/aaaa``."""
    AMOUNT = "amount"
    """Euro, canonical with a point and two decimals."""
    COMUNE = "comune"
    """Canonical: name as in the places table, upper case abroad countries included."""
    CAP = "cap"
    ADDRESS = "address"
    PHONE = "phone"
    """Canonical: E.164."""
    EMAIL = "email"
    BOOL = "bool"
    """Canonical: ``true`` or ``false``."""
    CHOICE = "choice"
    """Canonical: the option's value. Asked more than once and in no group, it is a list to tick."""
    PROTOCOL = "protocol"
    MONTH = "month"
    """Canonical: ISO 8601 year and month; on screen ``mm/aaaa``."""
    YEAR = "year"
    """Canonical: four digits."""
    NUMBER = "number"
    """Not negative, canonical with a point and no more decimals than were given."""


class Prefill(enum.StrEnum):
    """Facts of the verified card that may stand in a field before the clerk types."""

    CODICE_FISCALE = "codice_fiscale"
    SURNAME = "surname"
    NAME = "name"
    SEX = "sex"
    BIRTH_DATE = "birth_date"
    BIRTH_PLACE = "birth_place"
    NATIONALITY = "nationality"
    ADDRESS = "address"
    ADDRESS_COMUNE = "address_comune"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Holds when the first value of `field` is (or is not) one of the listed."""

    field: Ident
    one_of: list[str] = []
    none_of: list[str] = []

    def holds(self, answers: Answers) -> bool:
        """Whether the rule holds for these answers; an unanswered field meets no `one_of`."""
        value = next(iter(answers.get(self.field, [])), "")
        if self.one_of:
            return value in self.one_of
        return bool(value) and value not in self.none_of


class Option(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One choice: the value that travels and the words people read."""

    value: Ident
    label: Text


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One question.

    Attributes:
        repeat: how often it may be answered (1 = once). Fields of one `group` repeat together.
        read_back: shown to the citizen, large, before signing.
        when: asked only if the rule holds.
    """

    name: Ident
    kind: FieldKind
    label: Text
    help: str = ""
    required: bool = True
    repeat: Annotated[int, Meta(ge=1, le=MAX_REPEAT)] = 1
    group: str = ""
    options: list[Option] = []
    when: Rule | None = None
    prefill: Prefill | None = None
    read_back: bool = False


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One page of questions.

    Attributes:
        block: names a shared list of fields put before its own.
        groups: what one round of each repeated group is called.
    """

    id: Ident
    title: Text
    say_aloud: Text
    block: str = ""
    groups: dict[Ident, Text] = {}
    fields: list[Field] = []


class Attachment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Paper the practice expects.

    Attributes:
        searchable: its text is recognised and laid invisibly under the picture.
    """

    id: Ident
    title: Text
    help: str = ""
    required: bool = False
    searchable: bool = False
    when: Rule | None = None


class Deadline(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The last day: a length of time after a date that is asked, or the same day of every year.

    Attributes:
        after: the date field it counts from; the first day is not counted (c.c. art. 2963, c.p.c. art. 155).
        days, working_days, months, years: the length; working days leave out Saturdays, Sundays and days off.
        by: ``MM-DD``, the last day of a year instead of a length: the first such day on or after the date of
            `after`, or after today where `after` is empty.
        moves: a last day that is a day off moves to the next working day. Only where a source says so: the desk
            warns too early rather than too late.
        when: counts only if the rule holds.
    """

    id: Ident
    after: Ident | None = None
    days: Annotated[int, Meta(ge=0, le=3_660)] = 0
    working_days: Annotated[int, Meta(ge=0, le=365)] = 0
    months: Annotated[int, Meta(ge=0, le=120)] = 0
    years: Annotated[int, Meta(ge=0, le=10)] = 0
    by: Annotated[str, Meta(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")] | None = None
    moves: bool = False
    when: Rule | None = None
    says: Text

    def last_day(self, start: dt.date) -> dt.date:
        """The last good day when the count begins on `start`.

        Raises:
            OverflowError: that is after the year 9999.
        """
        if self.by is not None:
            return terms.next_yearly(start, self.by)
        day = terms.later(start, days=self.days, months=self.months, years=self.years)
        if self.working_days:
            day = terms.working_days_later(day, self.working_days)
        return terms.next_working_day(day) if self.moves else day


class AnswerTerm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Days the body has to answer, where the rule comes from, and what silence means.

    Attributes:
        working: only working days count.
    """

    days: Annotated[int, Meta(ge=0, le=730)]
    working: bool = False
    source: Text
    silence: Text


class OtherTerm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Another number of days to answer, where the answers call for it."""

    when: Rule
    days: Annotated[int, Meta(ge=0, le=730)]


class Worth(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a parameter is worth from one day to another, both included, and who says so."""

    is_: Annotated[str, Meta(min_length=1, max_length=120)] = msgspec.field(name="is")
    valido_dal: dt.date
    valido_al: dt.date | None = None
    source: Text


class Area(enum.StrEnum):
    """Where a practice stands in the clerk's list."""

    WORK = "work"
    FAMILY = "family"
    PENSION = "pension"
    SUPPORT = "support"
    CERTIFICATES = "certificates"
    ACCOUNT = "account"


class State(enum.StrEnum):
    """The states of a case that all bodies' words are told in."""

    DRAFT = "bozza"
    WAITING = "in_coda"
    SENT = "trasmessa"
    RECEIVED = "ricevuta"
    WORKED_ON = "in_lavorazione"
    TO_COMPLETE = "integrazione_richiesta"
    SUSPENDED = "sospesa"
    ACCEPTED = "accolta"
    PARTLY_ACCEPTED = "accolta_parziale"
    REFUSED = "respinta"
    PAID = "in_pagamento"
    LAPSED = "decaduta"
    REVOKED = "revocata"
    WITHDRAWN = "rinunciata"
    CANCELLED = "annullata"
    CLOSED = "chiusa"


class StateWord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A body's own word for a state.

    Attributes:
        means: the state all bodies share.
        label: as it is printed.
        says: what it means for the citizen and what there is to do, in one or two plain sentences.
    """

    means: State
    label: Text
    says: Text


class Practice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A case of the catalogue, in one of its dated versions.

    Attributes:
        body: who decides; `payer` who pays, where that is somebody else.
        special_category: it tells of health, or of anything else of GDPR art. 9: nothing of it leaves the desk in clear.
        good_to_know: sentences for the clerk before the first question; ``{name}`` stands for a parameter.
        parameters: sums, ages and days of the year that change, by name.
        states: names of words in the catalogue's list of states, in the order they may come.
    """

    id: Ident
    version: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}(-\d{2})?$")]
    valido_dal: dt.date
    valido_al: dt.date | None = None
    area: Area
    name: Text
    summary: Text
    body: Text
    payer: Text | None = None
    who: Text
    source: Text
    special_category: bool = False
    good_to_know: list[Text] = []
    parameters: dict[Ident, list[Worth]] = {}
    steps: list[Step]
    attachments: list[Attachment] = []
    deadlines: list[Deadline] = []
    answer_term: AnswerTerm | None = None
    other_terms: list[OtherTerm] = []
    declarations: list[Text] = []
    states: list[Ident] = []

    @property
    def key(self) -> str:
        """``id@version``, as labels and drafts carry it."""
        return f"{self.id}@{self.version}"

    def fields(self) -> list[Field]:
        """All fields, in the order they are asked."""
        return [field for step in self.steps for field in step.fields]

    def asked(self, step: Step, answers: Answers) -> list[Field]:
        """Fields of a step that these answers call for."""
        return [field for field in step.fields if field.when is None or field.when.holds(answers)]

    def papers(self, answers: Answers) -> list[Attachment]:
        """Attachments that these answers call for."""
        return [paper for paper in self.attachments if paper.when is None or paper.when.holds(answers)]

    def last_day(self, answers: Answers, today: dt.date) -> tuple[Deadline, dt.date] | None:
        """The nearest deadline, or None where no answer sets one.

        Args:
            answers: canonical.
            today: where a deadline that returns every year begins to count.

        Raises:
            ValueError: an answer that should be a date is none.
            OverflowError: a last day is after the year 9999.
        """
        dated = [
            (deadline, deadline.last_day(start))
            for deadline in self.deadlines
            if deadline.when is None or deadline.when.holds(answers)
            if (start := _start(deadline, answers, today)) is not None
        ]
        return min(dated, key=lambda pair: pair[1], default=None)

    def term(self, answers: Answers) -> AnswerTerm | None:
        """The body's time to answer this case."""
        if self.answer_term is None:
            return None
        other = next((other for other in self.other_terms if other.when.holds(answers)), None)
        return (
            self.answer_term if other is None else msgspec.structs.replace(self.answer_term, days=other.days)
        )

    def told(self, day: dt.date) -> list[str]:
        """`good_to_know` with the parameters of a day; a sentence with one that has no worth then is left out."""
        worth = {
            name: found.is_
            for name, dated in self.parameters.items()
            if (found := worth_on(dated, day)) is not None
        }
        return [_filled(text, worth) for text in self.good_to_know if set(PLACE.findall(text)) <= set(worth)]


PLACE: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
"""Where a parameter stands in a sentence."""


def worth_on(dated: Sequence[Worth], day: dt.date) -> Worth | None:
    """What a parameter is worth on a day; None where nothing was written down for it."""
    return next(
        (one for one in dated if one.valido_dal <= day and (one.valido_al is None or day <= one.valido_al)),
        None,
    )


def _filled(text: str, worth: Mapping[str, str]) -> str:
    return PLACE.sub(lambda found: worth[found[1]], text)


def _start(deadline: Deadline, answers: Answers, today: dt.date) -> dt.date | None:
    if deadline.after is None:
        return today
    values = answers.get(deadline.after)
    return dt.date.fromisoformat(values[0]) if values else None
