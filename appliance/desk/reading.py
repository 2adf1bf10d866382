"""From the card's evidence to the sitting's words: citizen, verdict, photo."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import msgspec
from asn1crypto import cms

from appliance.capture.portrait import portrait_jpeg
from appliance.cards.cns import Pin
from appliance.cards.errors import ASN1_FAULTS, MalformedCode
from appliance.cards.evidence import Evidence
from appliance.cards.mrz import MrzKey
from appliance.cards.reading import read_and_judge
from appliance.cards.steps import Can, CanAndMrz, IdentityRead, Progress, Secret
from appliance.cards.verdict import Instant, without_photo
from appliance.desk.session import CNS_ACCESS
from appliance.desk.sitting import Citizen, ReadCard, ReadContact, Reading, VerdictFacts
from contracts.identity import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.cards.cns_evidence import CnsEvidence
    from appliance.cards.evidence import Identity
    from appliance.cards.trust import TrustStore
    from appliance.cards.verdict import Verdict
    from appliance.devices.card_reader.port import CardReader
    from appliance.runtime.clock import Clock

PROVINCE_SIGNS: Final = 2
_PART: Final = ", "
_CARDS: Final = frozenset("CIA")
_CREW: Final = "AC"
_OTHER_KINDS: Final = {"P": "passaporto", "T": "tessera_sanitaria"}
HOME: Final = "ITA"
_NAME_SIGNS: Final = 80


def read_card(
    reader: CardReader,
    act: ReadCard | ReadContact,
    trust: TrustStore,
    clock: Clock,
    tell: Callable[[Reading], None],
) -> tuple[Citizen | None, VerdictFacts, bytes | None]:
    """Read and judge the card that lies there now; gives the photo as JPEG if it proved authentic.

    Raises:
        CardError, CardReaderError: the reading did not come to an end.
    """
    room = "contact" if isinstance(act, ReadContact) else "card"
    secret = None if isinstance(act, ReadContact) else _secret(act)
    pin = Pin(act.pin) if isinstance(act, ReadContact) and act.pin else None
    told = Reading(code=f"{room}.opening")

    def on_progress(news: Progress | IdentityRead) -> None:
        nonlocal told
        if isinstance(news, IdentityRead):
            told = msgspec.structs.replace(told, name=f"{news.surname} {news.given_names}"[:_NAME_SIGNS])
        else:
            told = msgspec.structs.replace(told, code=f"{room}.{news.stage}", ratio=news.ratio)
        tell(told)

    instant = Instant(clock.now(), clock.trusted().trusted)
    with reader.connect() as session:
        evidence, verdict = read_and_judge(session, secret, trust, instant, on_progress, pin=pin)
    # only now, and in a process of its own: until the verdict the image was anybody's
    photo = None if verdict.portrait is None else portrait_jpeg(verdict.portrait.image)
    if photo is None:
        verdict = without_photo(verdict)
    citizen = None if verdict.identity is None else _citizen(verdict.identity)
    return citizen, _facts(evidence, verdict, has_photo=photo is not None), photo


def _secret(act: ReadCard) -> Secret:
    """What the clerk typed; the CAN comes first where both are known."""
    mrz = MrzKey.from_lines(list(act.mrz)) if act.mrz else None
    if act.can is None:
        if mrz is None:
            raise MalformedCode("no code was typed", kind="can", field="can")
        return mrz
    return Can(act.can) if mrz is None else CanAndMrz(Can(act.can), mrz)


def _citizen(identity: Identity) -> Citizen:
    street, comune = _street_and_comune(identity.address or "")
    return Citizen(
        surname=identity.surname,
        name=identity.given_names,
        birth_date=identity.birth.isoformat() if identity.birth else "",
        sex=identity.sex,
        nationality=identity.nationality,
        codice_fiscale=identity.codice_fiscale or "",
        birth_place=_place((identity.birth_place or "").split(_PART)),
        address=street,
        address_comune=comune,
        document_kind=kind_of(identity.document_code, identity.issuing_state),
        document_number=identity.document_number,
        document_expiry=identity.expiry.isoformat(),
        issuing_state=identity.issuing_state,
    )


def kind_of(document_code: str, issuing_state: str) -> str:
    """What the dossier calls a document: by the first letter of the printed lines (ICAO 9303-5 §4.2.2), and whose it is.

    A residence permit is a card too, told by its second letter (Regulation (EC) 1030/2002).
    """
    if document_code[:1] not in _CARDS or document_code == _CREW:
        return _OTHER_KINDS.get(document_code[:1], "altro")
    if document_code[1:2] == "R":
        return "permesso_soggiorno"
    return "cie" if issuing_state == HOME else "carta_identita_estera"


def _place(parts: list[str]) -> str:
    """A CIE writes comune and province as two components (ICAO 9303-10 §4.7.11)."""
    name, province = parts[0], parts[-1] if len(parts) > 1 else ""
    return f"{name} ({province})" if len(province) == PROVINCE_SIGNS else name


def _street_and_comune(address: str) -> tuple[str, str]:
    """Street, comune, province; the street may hold a comma of its own."""
    parts = address.split(_PART)
    if len(parts) < 3 or len(parts[-1]) != PROVINCE_SIGNS:
        return address, ""
    return _PART.join(parts[:-2]), _place(parts[-2:])


def _facts(evidence: Evidence | CnsEvidence, verdict: Verdict, *, has_photo: bool) -> VerdictFacts:
    return VerdictFacts(
        kind=verdict.kind,
        code=verdict.code,
        title=verdict.title,
        lines=list(verdict.lines),
        codes=list(verdict.codes),
        unchecked=[item.value for item in verdict.not_checked],
        unchecked_lines=list(verdict.not_checked_sentences()),
        technical=[
            *evidence.technical,
            f"trust: {verdict.trust_origin} ({verdict.trust_dated.isoformat()}, {verdict.trust_age_days} days old)",
            *verdict.codes,
        ],
        access=evidence.access.value if isinstance(evidence, Evidence) else CNS_ACCESS,
        chip_proof=(evidence.originality if isinstance(evidence, Evidence) else evidence.possession).value,
        sod_sha256=fingerprint(evidence.signed_object) if evidence.signed_object else "",
        signer_sha256=signer_fingerprint(evidence.sod) if isinstance(evidence, Evidence) else "",
        trust_origin=verdict.trust_origin,
        trust_dated=verdict.trust_dated.isoformat(),
        photo=has_photo,
    )


def signer_fingerprint(sod: bytes | None) -> str:
    """SHA-256 of the document signer's certificate inside an EF.SOD; empty where it carries none."""
    if not sod:
        return ""
    with contextlib.suppress(*ASN1_FAULTS):
        wrapped = cms.ContentInfo.load(_unwrapped(sod))
        return fingerprint(wrapped["content"]["certificates"][0].chosen.dump())
    return ""


def _unwrapped(sod: bytes) -> bytes:
    """Tag 77 and its length taken off (ICAO 9303-10 §4.6.2)."""
    length = sod[1]
    start = 2 if length < 0x80 else 2 + (length & 0x7F)
    return sod[start:]
