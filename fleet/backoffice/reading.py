"""A dossier as an officer reads it: words for people made from a manifest whose shape may be older or newer than we.

Nothing is invented: a field the manifest lacks is left out, one we do not know is shown under its own name.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import msgspec

from contracts.practices.catalogue import Catalogue, PracticeUnknown
from contracts.practices.model import Field, FieldKind, Practice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fleet.backoffice.dossier import Document, Dossier

Line = tuple[str, str]
MAX_TERM_DAYS: Final = 730
_CITIZEN: Final = {
    "surname": "Cognome",
    "name": "Nome",
    "birth_date": "Nato/a il",
    "birth_place": "Luogo di nascita",
    "sex": "Sesso",
    "nationality": "Cittadinanza",
    "codice_fiscale": "Codice fiscale",
    "address": "Indirizzo",
    "address_comune": "Comune di residenza",
    "document_kind": "Documento",
    "document_number": "Numero del documento",
    "document_expiry": "Scadenza del documento",
    "issuing_state": "Stato che l'ha rilasciato",
}
_HOW: Final = {
    "by_chip": "Con il chip del documento, letto e verificato dallo sportello",
    "by_sight": "A vista dall'impiegato, dal documento mostrato: il chip non è stato verificato",
}
_SIGNED: Final = {
    "paper": "Firma autografa sul riepilogo stampato, davanti all'impiegato",
    "pen": "Firma a mano sullo schermo dello sportello, davanti all'impiegato",
    "cannot_sign": "Dichiarazione raccolta dall'impiegato: la persona non può firmare (DPR 445/2000, art. 4)",
}
_TOLD: Final = {
    "read": "Letta ad alta voce dall'impiegato prima di cominciare",
    "handed": "Consegnata su carta prima di cominciare",
}
MOST_NOTICES: Final = 8
_NOT_HELD: Final = "Non è tra i documenti: la firma non è legata a un riepilogo che si può leggere"
_VERDICT: Final = {
    "verified": "Documento verificato",
    "chip_unproven": "Documento letto, ma il chip non ha provato di essere l'originale",
    "not_verified": "Documento non verificato",
    "refused": "Documento rifiutato",
}
_UNCHECKED: Final = {
    "not_checked.theft": "Denuncia di furto o smarrimento del documento",
    "not_checked.revocation": "Revoca del certificato dello Stato che ha firmato i dati",
    "not_checked.revocation_since": "Revoca del certificato che ha firmato i dati, dopo il giorno dell'ultimo elenco",
    "not_checked.chip": "Originalità del chip",
    "not_checked.signature": "Firma dello Stato sui dati del documento",
    "not_checked.validity": "Scadenza del documento: l'ora dello sportello non era certa",
    "not_checked.photo": "Fotografia del chip: non disponibile",
}
"""Codes of the box' verdict; one we do not know is shown as it is."""


class Section(msgspec.Struct, frozen=True):
    """A heading and its lines."""

    title: str
    lines: list[Line]


class Paper(msgspec.Struct, frozen=True):
    """A document of the dossier as a row: where it is, what it is called, what can be said of it."""

    path: str
    title: str
    size_bytes: int
    pages: int | None
    is_pdf: bool
    sha256: str


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page of one dossier."""

    citizen: list[Line]
    sections: list[Section]
    papers: list[Paper]
    identified: list[Line]
    unchecked: list[str]
    declarations: list[str]


def citizen_of(dossier: Dossier) -> str:
    """Surname and name, as the register writes them; empty where the manifest has none."""
    who = _table(dossier.manifest, "citizen")
    return " ".join(part for part in (_text(who.get("surname")), _text(who.get("name"))) if part)


def practice_of(dossier: Dossier, key: str, catalogue: Catalogue) -> str:
    """Name of the practice: what the manifest says, else what our catalogue says."""
    known = _known(_text(dossier.manifest.get("practice")) or key, catalogue)
    return _text(dossier.manifest.get("practice_name")) or (known.name if known else key)


def term_of(dossier: Dossier, key: str, catalogue: Catalogue) -> tuple[int | None, bool]:
    """The body's term in days, and whether only working days count: what the manifest says, else our catalogue."""
    said = _table(dossier.manifest, "answer_term")
    days = said.get("days")
    if isinstance(days, int) and 0 <= days <= MAX_TERM_DAYS:
        return days, said.get("working") is True
    known = _known(_text(dossier.manifest.get("practice")) or key, catalogue)
    term = known.answer_term if known else None
    return (term.days, term.working) if term else (None, False)


def read(dossier: Dossier, key: str, catalogue: Catalogue) -> Reading:
    """The dossier in words.

    Args:
        dossier: as unpacked.
        key: of the practice, from the label.
        catalogue: gives questions their words; a practice it does not hold is shown by its field names.
    """
    manifest = dossier.manifest
    practice = _known(_text(manifest.get("practice")) or key, catalogue)
    return Reading(
        citizen=list(_lines(_table(manifest, "citizen"), _CITIZEN)),
        sections=_sections(_table(manifest, "answers"), practice),
        papers=[_paper(document, practice) for document in dossier.documents],
        identified=list(_identified(dossier)),
        unchecked=_unchecked(manifest),
        declarations=_texts(manifest.get("declarations"))
        or (list(practice.declarations) if practice else []),
    )


def _known(key: str, catalogue: Catalogue) -> Practice | None:
    try:
        return catalogue.get(key)
    except PracticeUnknown:
        return None


def _identified(dossier: Dossier) -> Iterable[Line]:
    manifest = dossier.manifest
    yield from _informed(_table(manifest, "informed"))
    known, attested = _table(manifest, "identification"), _table(manifest, "attestation")
    if how := _text(known.get("how")):
        yield "Come", _HOW.get(how, how)
    if reason := _text(known.get("reason")):
        yield "Perché a vista", reason
    if verdict := _text(known.get("verdict")):
        yield "Esito del controllo", _VERDICT.get(verdict, verdict)
    if signature := _text(attested.get("signature")):
        yield "Firma", _SIGNED.get(signature, signature)
    if shown := _text(_table(attested, "on_screen").get("shown_sha256")):
        held = next((one.path for one in dossier.documents if one.sha256 == shown), "")
        yield "Riepilogo letto prima di firmare", held or _NOT_HELD
    if cause := _text(attested.get("cause")):
        yield "Causa dell'impedimento", cause
    if clerk := _text(attested.get("clerk")):
        yield "Impiegato (pseudonimo)", clerk


def _informed(told: dict[str, Any]) -> Iterable[Line]:
    if how := _text(told.get("how")):
        yield "Informativa sui dati", _TOLD.get(how, how)
    listed = told.get("notices")
    keys = (
        [_text(one.get("notice")) for one in listed if isinstance(one, dict)]
        if isinstance(listed, list)
        else []
    )
    if any(keys):
        yield "Testi dell'informativa", ", ".join(key for key in keys[:MOST_NOTICES] if key)


def _unchecked(manifest: dict[str, Any]) -> list[str]:
    codes = _texts(_table(manifest, "identification").get("not_checked"))
    return [_UNCHECKED.get(code, code) for code in codes]


def _sections(answers: dict[str, Any], practice: Practice | None) -> list[Section]:
    left = {name: _texts(value) for name, value in answers.items()}
    sections = []
    for step in practice.steps if practice else []:
        lines = [
            (field.label, ", ".join(_shown(field, value) for value in left.pop(field.name)))
            for field in step.fields
            if left.get(field.name)
        ]
        if lines:
            sections.append(Section(step.title, lines))
    rest = [(name, ", ".join(values)) for name, values in left.items() if values]
    if rest:
        sections.append(Section("Altre risposte", rest))
    return sections


def _shown(field: Field, value: str) -> str:
    if field.kind is FieldKind.CHOICE:
        return next((option.label for option in field.options if option.value == value), value)
    return _WRITTEN.get(field.kind, str)(value)


def italian_date(text: str) -> str:
    """``gg/mm/aaaa`` of an ISO date; the text itself when it is none."""
    try:
        return f"{dt.date.fromisoformat(text):%d/%m/%Y}"
    except ValueError:
        return text


_WRITTEN: Final[Mapping[FieldKind, Callable[[str], str]]] = {
    FieldKind.BOOL: lambda value: {"true": "Sì", "false": "No"}.get(value, value),
    FieldKind.DATE: italian_date,
    FieldKind.MONTH: lambda value: "/".join(reversed(value.split("-"))),
    FieldKind.AMOUNT: lambda value: f"{value.replace('.', ',')} €",
    FieldKind.NUMBER: lambda value: value.replace(".", ","),
    FieldKind.IBAN: lambda value: " ".join(value[i : i + 4] for i in range(0, len(value), 4)),
}


def _paper(document: Document, practice: Practice | None) -> Paper:
    facts = document.facts
    title = _text(facts.get("title"))
    attachment = _text(facts.get("kind"))
    if not title and practice:
        title = next((paper.title for paper in practice.attachments if paper.id == attachment), "")
    pages = facts.get("pages")
    return Paper(
        path=document.path,
        title=title or attachment or document.path,
        size_bytes=len(document.content),
        pages=pages if isinstance(pages, int) else None,
        is_pdf=document.content.startswith(b"%PDF-"),
        sha256=document.sha256,
    )


def _lines(facts: dict[str, Any], words: dict[str, str]) -> Iterable[Line]:
    for key, label in words.items():
        if value := _text(facts.get(key)):
            yield label, italian_date(value)


def _table(facts: dict[str, Any], key: str) -> dict[str, Any]:
    value = facts.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value.strip()[:600] if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    if isinstance(value, list):
        return [text for one in value if (text := _text(one))]
    return [text] if (text := _text(value)) else []
