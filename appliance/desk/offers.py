"""What was read on a page held against the form: the same, another, or new. Only where there is no doubt which field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from contracts.desk_api.clerk import Fit
from contracts.practices.model import Field, FieldKind

if TYPE_CHECKING:
    from appliance.desk.sitting import PageFacts
    from contracts.practices.model import Answers, Practice

KINDS: Final = {
    "iban": FieldKind.IBAN,
    "codice_fiscale": FieldKind.CODICE_FISCALE,
    "protocol": FieldKind.PROTOCOL,
}
"""Dates and amounts are not offered: a page holds many, and none says which the form means."""


class Offer(msgspec.Struct, frozen=True):
    """One finding and the field it fits. `number` is its place among the page's findings."""

    number: int
    field: Field
    fit: Fit


def offers(practice: Practice, answers: Answers, page: PageFacts) -> list[Offer]:
    """What the page says of the form's single fields.

    A value the form holds already anywhere is the same there. Another value is offered only where the form has exactly one
    field of its kind to hold it, and the page exactly one value of that kind: two would make somebody guess.
    """
    found = []
    for number, finding in enumerate(page.found):
        kind = KINDS.get(finding.kind)
        fields = [one for one in asked(practice, answers) if one.kind is kind]
        holding = [one for one in fields if finding.value in answers.get(one.name, [])]
        alone = len({other.value for other in page.found if other.kind == finding.kind}) == 1
        if holding:
            found.append(Offer(number, holding[0], Fit.SAME))
        elif alone and len(fields) == 1 and fields[0].repeat == 1 and fields[0].prefill is None:
            found.append(Offer(number, fields[0], Fit.OTHER if answers.get(fields[0].name) else Fit.NEW))
    return found


def asked(practice: Practice, answers: Answers) -> list[Field]:
    """All fields the practice asks with these answers."""
    return [field for step in practice.steps for field in practice.asked(step, answers)]
