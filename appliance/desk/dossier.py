"""The dossier: answers, how the citizen was identified and signed, and the papers, as one deterministic ZIP.

``manifest.json`` stands first and names every document with its SHA-256. The metadata are the part of
AgID's *Linee guida documenti informatici*, Allegato 5, that the desk can know.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Final

import msgspec

from appliance.capture.placing import laid
from appliance.desk.informing import told_for
from appliance.desk.sitting import SIGNATURE, Citizen, NoticeFacts, PageFacts, Sitting
from contracts.desk_api.clerk import Identified, KeptBecause, NoticeWay, SignatureWay
from contracts.identity import fingerprint
from contracts.messages.enrolment import Belongings
from contracts.practices.model import Answers, AnswerTerm, Attachment, Practice

SUMMARY_FILE: Final = "documents/summary.pdf"
SIGNED_FILE: Final = "documents/signed_summary.pdf"
SIGNED_TITLE: Final = "Riepilogo firmato"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest hour a ZIP can hold: a dossier carries its times in the manifest only."""


class Validity:
    """`titolo_validita`: why the application is valid."""

    IN_PRESENCE: Final = "firma_autografa_in_presenza"
    """DPR 445/2000 art. 38 c. 3, CAD art. 65: signed before the clerk."""
    ON_SCREEN: Final = "firma_elettronica_semplice_in_presenza"
    """The same, by hand on the desk's screen: an electronic signature that a judge weighs freely (CAD art. 20 c. 1-bis)."""
    COLLECTED: Final = "dichiarazione_raccolta"
    """DPR 445/2000 art. 4: who cannot sign declares before the clerk."""


class Captured(msgspec.Struct, frozen=True, kw_only=True):
    """How one page of a document came about.

    Attributes:
        remarks: codes of what was not as it should be when it was taken.
        kept_because: why the clerk kept it all the same.
        redacted: something on it was blackened.
        shaped_by_hand: the clerk set its corners.
    """

    taken_at: int
    remarks: list[str] = []
    kept_because: KeptBecause | None = None
    redacted: bool = False
    shaped_by_hand: bool = False


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One document of the dossier (AgID Allegato 5, subset).

    Attributes:
        formation: AgID formation mode: ``a`` made here, ``b`` acquired as a picture of paper.
        conformity: how the copy is known to be true to the paper.
        captured: see `Captured`, page by page; empty for what was made here.
    """

    file: str
    kind: str
    title: str
    sha256: str
    size_bytes: int
    pages: int
    media_type: str = "application/pdf"
    formation: str = "b"
    conformity: str = ""
    version: int = 1
    confidential: bool = True
    captured: list[Captured] = []


class Identification(msgspec.Struct, frozen=True, kw_only=True):
    """How the clerk knows who sat there, with what was not checked."""

    how: Identified
    at: int
    reason: str = ""
    verdict: str
    verdict_code: str
    codes: list[str]
    not_checked: list[str]
    access: str = ""
    chip_proof: str = ""
    sod_sha256: str = ""
    document_signer_sha256: str = ""
    trust_origin: str = ""
    trust_dated: str = ""


class OnScreen(msgspec.Struct, frozen=True, kw_only=True):
    """What binds a signature on the screen to what was read before it.

    Attributes:
        shown_sha256: of the summary without a signature, a document of this dossier.
        drawn_at: Unix milliseconds.
        box: on whose screen.
    """

    shown_sha256: str
    drawn_at: int
    box: str


class Attestation(msgspec.Struct, frozen=True, kw_only=True):
    """What the clerk attests. The clerk is named by pseudonym; the comune can resolve it.

    Attributes:
        on_screen: see `OnScreen`; None where nobody signed on a screen.
    """

    clerk: str
    at: int
    signature: SignatureWay
    cause: str = ""
    on_screen: OnScreen | None = None
    titolo_validita: str
    read_back_sha256: str
    read_back_at: int


class Informed(msgspec.Struct, frozen=True, kw_only=True):
    """What the citizen was told of the use of their data before anything was captured (GDPR art. 13).

    Attributes:
        at: Unix milliseconds.
        notices: that concern this case, in the versions of that moment.
    """

    how: NoticeWay
    at: int
    notices: list[NoticeFacts]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The dossier's table of contents and protocol of its making. Times are Unix milliseconds."""

    v: int = 1
    letter: str
    number: str
    box: str
    site: str
    comune: str
    practice: str
    practice_name: str
    body: str
    taken_at: int
    began_at: int
    time_trusted: bool
    informed: Informed | None = None
    citizen: Citizen
    answers: Answers
    declarations: list[str]
    identification: Identification
    attestation: Attestation
    documents: list[Document]
    answer_term: AnswerTerm | None
    software: str


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A finished document with what is known of it."""

    document: Document
    data: bytes


def attachment_part(number: int, paper: Attachment, pdf: bytes, pages: Sequence[PageFacts]) -> Part:
    """A scanned paper, or the signed summary, as it stands in the dossier."""
    signed = paper.id == SIGNATURE
    name = SIGNED_FILE if signed else f"documents/{number:02d}-{paper.id}.pdf"
    return Part(
        document=Document(
            file=name,
            kind=paper.id,
            title=paper.title,
            sha256=fingerprint(pdf),
            size_bytes=len(pdf),
            pages=len(laid([(page.width_mm, page.height_mm) for page in pages])),
            conformity="acquired_before_clerk",
            captured=[
                Captured(
                    taken_at=page.taken_at,
                    remarks=page.remarks,
                    kept_because=page.kept,
                    redacted=page.redacted,
                    shaped_by_hand=page.corners_by_hand,
                )
                for page in pages
            ],
        ),
        data=pdf,
    )


def summary_part(pdf: bytes) -> Part:
    """The summary as shown or printed, before the signature."""
    return _made_here(SUMMARY_FILE, "summary", "Riepilogo della domanda", pdf)


def pen_part(pdf: bytes) -> Part:
    """The summary with what was signed on the screen."""
    return _made_here(SIGNED_FILE, SIGNATURE, SIGNED_TITLE, pdf)


def _made_here(file: str, kind: str, title: str, pdf: bytes) -> Part:
    import pikepdf

    with pikepdf.open(io.BytesIO(pdf)) as opened:
        pages = len(opened.pages)
    return Part(
        document=Document(
            file=file,
            kind=kind,
            title=title,
            sha256=fingerprint(pdf),
            size_bytes=len(pdf),
            pages=pages,
            formation="a",
        ),
        data=pdf,
    )


def manifest(
    state: Sitting, practice: Practice, belongings: Belongings, parts: Sequence[Part], software: str
) -> Manifest:
    """Of a signed sitting."""
    verdict, citizen = state.verdict, state.citizen
    assert verdict is not None
    assert citizen is not None
    assert state.identified is not None
    assert state.signature is not None
    return Manifest(
        letter=state.letter,
        number=state.number,
        box=belongings.box,
        site=belongings.site.site,
        comune=belongings.site.comune,
        practice=practice.key,
        practice_name=practice.name,
        body=practice.body,
        taken_at=state.signed_ms or state.changed_ms,
        began_at=state.began_ms,
        time_trusted=state.time_trusted,
        informed=_informed(state, practice.body),
        citizen=citizen,
        answers=state.answers,
        declarations=practice.declarations,
        identification=Identification(
            how=state.identified,
            at=state.identified_ms or state.began_ms,
            reason=state.by_sight_reason,
            verdict=verdict.kind.value,
            verdict_code=verdict.code,
            codes=verdict.codes,
            not_checked=verdict.unchecked,
            access=verdict.access,
            chip_proof=verdict.chip_proof,
            sod_sha256=verdict.sod_sha256,
            document_signer_sha256=verdict.signer_sha256,
            trust_origin=verdict.trust_origin,
            trust_dated=verdict.trust_dated,
        ),
        attestation=Attestation(
            clerk=state.attested_by,
            at=state.signed_ms or state.changed_ms,
            signature=state.signature,
            cause=state.cause,
            on_screen=_on_screen(state, belongings),
            titolo_validita=_VALIDITY[state.signature],
            read_back_sha256=state.read_back_sha256,
            read_back_at=state.read_back_ms or state.changed_ms,
        ),
        documents=[part.document for part in parts],
        answer_term=practice.term(state.answers),
        software=software,
    )


def _informed(state: Sitting, body: str) -> Informed | None:
    if state.informed is None:
        return None
    return Informed(how=state.informed, at=state.informed_ms or state.began_ms, notices=told_for(state, body))


_VALIDITY: Final = {
    SignatureWay.PAPER: Validity.IN_PRESENCE,
    SignatureWay.PEN: Validity.ON_SCREEN,
    SignatureWay.CANNOT_SIGN: Validity.COLLECTED,
}


def _on_screen(state: Sitting, belongings: Belongings) -> OnScreen | None:
    if state.pen is None or state.signature is not SignatureWay.PEN:
        return None
    return OnScreen(shown_sha256=state.pen.shown_sha256, drawn_at=state.pen.drawn_ms, box=belongings.box)


def pack(content: Manifest, parts: Sequence[Part]) -> bytes:
    """The dossier as a ZIP, stored and without times: the same dossier gives the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        _write(archive, "manifest.json", msgspec.json.encode(content, order="sorted"))
        for part in parts:
            _write(archive, part.document.file, part.data)
    return out.getvalue()


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.external_attr = 0o644 << 16
    entry.create_system = 3  # Unix, whatever machine packs
    archive.writestr(entry, data)
