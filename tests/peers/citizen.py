"""Answers that an invented citizen could give to any practice: right for their kind, the shortest way through."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from contracts.practices.model import Field, FieldKind, Practice

ROME = ZoneInfo("Europe/Rome")
CHILDREN = ("RSSMRA85T10A562S", "RSSMRA85T10A56NH")
LATELY_DAYS = 3
OF_A_KIND = {
    FieldKind.CODICE_FISCALE: CHILDREN[0],
    FieldKind.CF_PIVA: "01234567897",
    FieldKind.IBAN: "IT60 X054 2811 1010 0000 0123 456",
    FieldKind.TEXT: "Ditta Inventata",
    FieldKind.AMOUNT: "1.200,50",
    FieldKind.COMUNE: "Agliè",
    FieldKind.CAP: "10011",
    FieldKind.ADDRESS: "Via delle Prove 1",
    FieldKind.PHONE: "333 000 0001",
    FieldKind.EMAIL: "prova@esempio.it",
    FieldKind.BOOL: "false",
    FieldKind.PROTOCOL: "INPS-ISEE-2026-000000001",
    FieldKind.MONTH: "03/2026",
    FieldKind.YEAR: "2025",
    FieldKind.NUMBER: "50",
}
FROM_THE_CARD = frozenset({"codice_fiscale", "cognome", "nome", "sesso", "data_nascita", "comune_nascita"})


def answers_for(practice: Practice, *, whole: bool = False) -> dict[str, list[str]]:
    """What is asked of everybody, or with `whole` all that may be answered; nothing that the card says.

    Of a choice the last option is taken for `whole`, else the first, so that rules are met both ways.
    """
    return {
        field.name: [_answer(field, last=whole)]
        for field in practice.fields()
        if field.name not in FROM_THE_CARD and (field.required or whole)
    }


def _answer(field: Field, *, last: bool) -> str:
    if field.kind is FieldKind.CHOICE:
        return field.options[-1 if last else 0].value
    if field.kind is FieldKind.DATE:
        lately = dt.datetime.now(ROME).date() - dt.timedelta(days=LATELY_DAYS)
        return f"{lately:%d/%m/%Y}"
    return OF_A_KIND[field.kind]
