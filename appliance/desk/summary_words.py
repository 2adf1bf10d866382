"""The words of the summary, once for the sheet and once for the screen: nobody signs one and reads another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.desk import wording
from appliance.desk.informing import told_for
from appliance.desk.sitting import SIGNATURE, Sitting
from contracts.desk_api.clerk import Identified, NoticeWay, SummaryFact, SummarySection

if TYPE_CHECKING:
    from contracts.messages.enrolment import Belongings
    from contracts.practices.model import Practice

PENAL_WARNING: Final = (
    "Chi fa dichiarazioni false, forma atti falsi o ne fa uso è punito dalla legge (DPR 445/2000, articolo 76) "
    "e perde i benefici ottenuti (articolo 75). L'amministrazione può controllare le dichiarazioni (articolo 71)."
)
CONFIRMED: Final = "Ho letto, o mi è stato letto, tutto quello che è scritto qui. È giusto."
"""What stands above a signature."""
IDENTIFIED: Final = {
    Identified.BY_CHIP: "con il chip del documento e il confronto della fotografia",
    Identified.BY_SIGHT: "a vista, con il documento in mano; il chip del documento non è stato verificato",
}
TOLD: Final = {
    NoticeWay.READ: "letta ad alta voce prima di cominciare",
    NoticeWay.HANDED: "consegnata su carta prima di cominciare",
}
_NOTICES: Final = {"COMUNE": "del Comune", "INPS": "dell'INPS"}


def heading(state: Sitting, practice: Practice, belongings: Belongings) -> list[str]:
    """What is asked, of whom, where and when; the practice's name comes first."""
    when = wording.moment_words(state.read_back_ms or state.began_ms)
    return [
        practice.name,
        f"Per: {practice.body}",
        f"Sportello: Comune di {belongings.site.comune} ({belongings.site.provincia})",
        f"Numero provvisorio: {state.number}",
        f"Data e ora: {when}{doubt(state)}",
    ]


def doubt(state: Sitting) -> str:
    """Said after an hour of this sitting that the desk could not vouch for."""
    return "" if state.time_trusted else " (ora non certa)"


def sections(state: Sitting, practice: Practice) -> list[SummarySection]:
    """Who asks, every answer, the papers, what is declared, and what the law says of it."""
    lines = wording.all_lines(practice, state.answers)
    answered = [
        SummarySection(title=step.title, facts=facts)
        for step in practice.steps
        if (
            facts := [
                SummaryFact(label=line.label, value=line.value) for line in lines if line.step == step.id
            ]
        )
    ]
    declared = SummarySection(
        title="Che cosa dichiaro",
        sentences=[
            *[f"– {sentence}" for sentence in practice.declarations],
            PENAL_WARNING,
            *([told(state, practice.body)] if state.informed else []),
        ],
    )
    return [*_citizen(state), *answered, _papers(state, practice), declared]


def told(state: Sitting, body: str) -> str:
    """How the citizen was told of the use of their data, with the versions of what was told (GDPR art. 13)."""
    if state.informed is None:
        return ""
    versions = "; ".join(
        f"{_NOTICES.get(one.body, one.body)}, versione {one.version}" for one in told_for(state, body)
    )
    return f"Informativa sui dati personali (Regolamento UE 2016/679, articolo 13) {TOLD[state.informed]}: {versions}."


def _citizen(state: Sitting) -> list[SummarySection]:
    citizen = state.citizen
    if citizen is None or state.identified is None:
        return []
    sentences = [
        f"{citizen.name} {citizen.surname}",
        f"Identificazione: {IDENTIFIED[state.identified]}.",
    ]
    if citizen.document_number:
        sentences.append(f"Documento n. {citizen.document_number}")
    return [SummarySection(title="Chi fa la domanda", sentences=sentences)]


def _papers(state: Sitting, practice: Practice) -> SummarySection:
    titles = {paper.id: paper.title for paper in practice.attachments}
    counts: dict[str, int] = {}
    for page in state.pages:
        if page.attachment != SIGNATURE:
            counts[page.attachment] = counts.get(page.attachment, 0) + 1
    listed = [f"– {titles.get(name, name)} ({count} pag.)" for name, count in counts.items()]
    return SummarySection(title="Documenti allegati", sentences=listed or ["Nessuno."])
