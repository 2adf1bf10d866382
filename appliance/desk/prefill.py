"""Facts of the document → answers that may stand in the form before the clerk types.

Only what reads as a proper answer is put in; the rest the clerk asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.desk.answers import Wrong, read
from contracts.practices.model import Answers, Practice, Prefill

if TYPE_CHECKING:
    import datetime as dt

    from appliance.desk.sitting import Citizen

_NATIONALITIES: Final = {"ITA": "italiana"}
_SEXES: Final = {"F": "f", "M": "m"}


def prefilled(practice: Practice, citizen: Citizen | None, today: dt.date) -> Answers:
    """Canonical answers for the fields of a practice that ask for a fact of the document."""
    if citizen is None:
        return {}
    facts = {
        Prefill.CODICE_FISCALE: citizen.codice_fiscale,
        Prefill.SURNAME: citizen.surname,
        Prefill.NAME: citizen.name,
        Prefill.SEX: _SEXES.get(citizen.sex, ""),
        Prefill.BIRTH_DATE: citizen.birth_date,
        Prefill.BIRTH_PLACE: citizen.birth_place,
        Prefill.NATIONALITY: _NATIONALITIES.get(citizen.nationality, citizen.nationality),
        Prefill.ADDRESS: citizen.address,
        Prefill.ADDRESS_COMUNE: citizen.address_comune,
    }
    answers: Answers = {}
    for field in practice.fields():
        text = facts.get(field.prefill, "") if field.prefill is not None else ""
        found = read(field, text, today) if text.strip() else Wrong("answer.required")
        if not isinstance(found, Wrong):
            answers[field.name] = [found]
    return answers
