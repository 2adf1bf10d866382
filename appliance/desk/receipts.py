"""The receipt: what was handed in here, when, what happens next, and that it is not the decision.

Content follows art. 18-bis and art. 8 L. 241/1990. One document for thermal paper and for A4. Its facts
hold no name and no codice fiscale: the paper is in the citizen's hand, the number finds the case.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.desk import wording
from appliance.desk.summary_words import IDENTIFIED, told
from appliance.devices.printer.receipt import (
    Big,
    Block,
    Code,
    Line,
    Pair,
    ReceiptDocument,
    Rule,
    Small,
    Title,
)
from contracts.desk_api.clerk import Identified, SignatureWay
from contracts.messages.letters import LetterWord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.desk.dossier import Part
    from appliance.desk.sitting import Sitting
    from contracts.desk_api.clerk import DeadlineView, LetterRow
    from contracts.messages.enrolment import Belongings
    from contracts.practices.model import Practice

HASH_SIGNS: Final = 12
_BODIES: Final = {"INPS": ("l'INPS", "dall'INPS"), "COMUNE": ("il Comune", "dal Comune")}
NOT_THE_DECISION: Final = "Questa ricevuta non è il provvedimento."


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A document named on the receipt."""

    title: str
    pages: int
    sha256: str


class ReceiptFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All a receipt says that the letter's label does not; kept so that it can be printed again."""

    v: int = 1
    letter: str
    number: str
    body: str
    practice_name: str
    taken_at: int
    time_trusted: bool
    comune: str
    office: str = ""
    identified: Identified
    signature: SignatureWay
    clerk: str
    documents: list[Listed] = []
    answer_days: int | None = None
    answer_in_working_days: bool = False
    answer_source: str = ""
    silence: str = ""
    deadline_day: str = ""
    deadline_says: str = ""
    deadline_of_days: int = 0
    told: str = ""
    code: str = ""


def facts_of(
    state: Sitting,
    practice: Practice,
    belongings: Belongings,
    parts: Sequence[Part],
    deadline: DeadlineView | None,
    code: str,
) -> ReceiptFacts:
    """Of a signed sitting. `code` is the text of the QR."""
    assert state.identified is not None
    assert state.signature is not None
    term = practice.term(state.answers)
    return ReceiptFacts(
        letter=state.letter,
        number=state.number,
        body=practice.body,
        practice_name=practice.name,
        taken_at=state.signed_ms or state.changed_ms,
        time_trusted=state.time_trusted,
        comune=belongings.site.comune,
        office=belongings.site.office,
        identified=state.identified,
        signature=state.signature,
        clerk=state.attested_by,
        documents=[
            Listed(title=part.document.title, pages=part.document.pages, sha256=part.document.sha256)
            for part in parts
        ],
        answer_days=term.days if term else None,
        answer_in_working_days=term.working if term else False,
        answer_source=term.source if term else "",
        silence=term.silence if term else "",
        deadline_day=deadline.day if deadline else "",
        deadline_says=deadline.deadline.says if deadline else "",
        deadline_of_days=deadline.deadline.days if deadline else 0,
        told=told(state, practice.body),
        code=code,
    )


def qr_text(box: str, number: str, taken_at: int, key: bytes) -> str:
    """``PUE1|box|number|seconds|sign``: finds the case again, names nobody.

    The last part is 64 bits of HMAC-SHA-256 under this desk's own key: the desk that gave the paper can tell
    whether it did. It is no signature for others.
    """
    said = f"PUE1|{box}|{number}|{taken_at // 1000}"
    return f"{said}|{hmac.new(key, said.encode(), hashlib.sha256).hexdigest()[:16]}"


def at_risk(row: LetterRow) -> bool:
    """As long as the body has not got it, a last day is at risk."""
    return row.word in (LetterWord.DRAFT, LetterWord.SAVED, LetterWord.SENT)


def receipt(
    facts: ReceiptFacts, row: LetterRow, today: dt.date, *, elsewhere: Sequence[str] = ()
) -> ReceiptDocument:
    """The paper, in the words of the letter's present state.

    Args:
        facts: kept when the letter was sealed.
        row: the letter now.
        today: in Italy.
        elsewhere: where else to go, if the road may open too late for the last day.
    """
    blocks: list[Block] = [
        Title(f"Comune di {facts.comune}"),
        Line("Sportello per i servizi INPS" if facts.body == "INPS" else "Sportello"),
        Rule(),
        Line("Ricevuta della domanda"),
        Big(facts.number),
        Pair("Domanda", facts.practice_name),
        Pair("Per", facts.body),
        Pair("Presentata", wording.moment_words(facts.taken_at)),
    ]
    if not facts.time_trusted:
        blocks.append(Small("L'ora dello sportello non era certa: fa fede quella dell'ente che riceve."))
    blocks += [
        Rule(),
        *_state(facts, row),
        *_deadline(facts, row, today, elsewhere),
        Rule(),
        *_term(facts, row),
    ]
    blocks += [Pair("Identificazione", _identified(facts)), Pair("Operatore", facts.clerk)]
    if facts.office:
        blocks.append(Pair("Ufficio", facts.office))
    blocks += [Rule(), Line("Documenti:"), *[_listed(one) for one in facts.documents], Rule()]
    blocks += [
        Small("Per sapere a che punto è la domanda mostri questo codice allo sportello, o dica il numero."),
        Code(facts.code),
        *([Small(facts.told)] if facts.told else []),
        Small("Può vedere gli atti e averne copia presso l'ente che decide (legge 241/1990, articolo 10)."),
        Line(NOT_THE_DECISION),
    ]
    return ReceiptDocument(facts.number, tuple(blocks))


def _state(facts: ReceiptFacts, row: LetterRow) -> list[Block]:
    it, by_it = body_words(facts.body)
    match row.word:
        case LetterWord.DRAFT | LetterWord.SAVED:
            if row.code:
                return [
                    Line(f"PRESA IN CARICO QUI. NON ricevuta {by_it}."),
                    Line(
                        "C'è un problema nella trasmissione. Lo sportello la avviserà: conservi questa ricevuta."
                    ),
                ]
            return [
                Line(f"PRESA IN CARICO QUI. Non ancora ricevuta {by_it}."),
                Small(
                    "La domanda è chiusa e salvata in questo sportello. Parte da sola appena c'è la linea. "
                    "Torni a chiedere la ricevuta con il numero di protocollo."
                ),
            ]
        case LetterWord.SENT:
            return [
                Line(f"TRASMESSA. Non ancora ricevuta {by_it}."),
                Small("La domanda è partita. Torni a chiedere la ricevuta con il numero di protocollo."),
            ]
        case LetterWord.UNREADABLE:
            return [
                Line(f"TRASMESSA, ma {it} non ha potuto leggerla."),
                Line("Torni allo sportello: la domanda va presentata di nuovo."),
            ]
        case _:
            known: list[Block] = [
                Line(f"RICEVUTA {by_it}."),
                Pair("Protocollo", row.protocollo or "in assegnazione"),
            ]
            if row.office:
                known.append(Pair("Ufficio che risponde", row.office))
            return known


def _deadline(facts: ReceiptFacts, row: LetterRow, today: dt.date, elsewhere: Sequence[str]) -> list[Block]:
    if not facts.deadline_day or not at_risk(row):
        return []
    last = dt.date.fromisoformat(facts.deadline_day)
    left = (last - today).days
    blocks: list[Block] = [Line(facts.deadline_says)]
    if left < 0:
        return [*blocks, Line(f"Il termine è scaduto il {wording.day_figures(last)}.")]
    return [
        *blocks,
        Pair("Ultimo giorno", wording.day_figures(last)),
        Line(_how_far(left, facts.deadline_of_days)),
        *_elsewhere(last, elsewhere),
    ]


def _elsewhere(last: dt.date, places: Sequence[str]) -> list[Block]:
    if not places:
        return []
    said = "ATTENZIONE: adesso non c'è la linea. Telefoni o torni qui domani. Se la domanda non è ancora partita, "
    asked = f"la presenti entro il {wording.day_figures(last)} da un'altra parte:"
    return [Line(said + asked), *[Line(f"- {place}") for place in places]]


def _how_far(left: int, of_days: int) -> str:
    if not of_days:
        return (
            "È oggi."
            if left == 0
            else f"Manca{'' if left == 1 else 'no'} {left} giorn{'o' if left == 1 else 'i'}."
        )
    return (
        f"Oggi è il giorno {of_days - left} di {of_days}."
        if left <= of_days
        else "Il termine non è iniziato."
    )


def _begun(words: str) -> str:
    return words[0].upper() + words[1:]


def body_words(body: str) -> tuple[str, str]:
    """The body with its article, and as the one by whom something is done."""
    return _BODIES.get(body, (body, f"da {body}"))


def _term(facts: ReceiptFacts, row: LetterRow) -> list[Block]:
    blocks: list[Block] = []
    if row.answer_by:
        blocks.append(Pair("Risposta entro il", wording.day_figures(dt.date.fromisoformat(row.answer_by))))
    elif facts.answer_days is not None:
        blocks.append(
            Line(
                f"{_begun(body_words(facts.body)[0])} risponde entro {facts.answer_days} giorni"
                f"{' lavorativi' if facts.answer_in_working_days else ''} da quando riceve la domanda."
            )
        )
    if facts.answer_source:
        blocks.append(Small(f"Fonte: {facts.answer_source}."))
    if facts.silence:
        blocks.append(Small(facts.silence))
    return blocks


def _identified(facts: ReceiptFacts) -> str:
    signed = "; non può firmare" if facts.signature is SignatureWay.CANNOT_SIGN else ""
    return f"{IDENTIFIED[facts.identified]}{signed}"


def _listed(one: Listed) -> Block:
    return Small(f"{one.title}, {one.pages} pag., {one.sha256[:HASH_SIGNS]}")
