"""What a practice is: steps of fields, attachments, deadlines and the words around them.

A practice is data, dated (`valido_dal`/`valido_al`), and never a constant in code. A draft
keeps the version it was begun with.
"""

from __future__ import annotations

import datetime as dt
import enum
from typing import Annotated

import msgspec
from msgspec import Meta

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
    PROTOCOL = "protocol"


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
    """One page of questions. `block` names a shared list of fields put before its own."""

    id: Ident
    title: Text
    say_aloud: Text
    block: str = ""
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
    """The last day: so many days after the date given in a field."""

    id: Ident
    days: Annotated[int, Meta(ge=0, le=3_660)]
    after: Ident
    says: Text


class AnswerTerm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Days the body has to answer, where the rule comes from, and what silence means."""

    days: Annotated[int, Meta(ge=0, le=730)]
    source: Text
    silence: Text


class Practice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A case of the catalogue, in one of its dated versions."""

    id: Ident
    version: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}(-\d{2})?$")]
    valido_dal: dt.date
    valido_al: dt.date | None = None
    name: Text
    summary: Text
    body: Text
    who: Text
    source: Text
    special_category: bool = False
    steps: list[Step]
    attachments: list[Attachment] = []
    deadlines: list[Deadline] = []
    answer_term: AnswerTerm | None = None
    declarations: list[Text] = []
    states: list[Text] = []

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

    def last_day(self, answers: Answers) -> tuple[Deadline, dt.date] | None:
        """The nearest deadline, or None where no dated answer sets one."""
        dated = [
            (deadline, dt.date.fromisoformat(values[0]) + dt.timedelta(days=deadline.days))
            for deadline in self.deadlines
            if (values := answers.get(deadline.after))
        ]
        return min(dated, key=lambda pair: pair[1], default=None)
