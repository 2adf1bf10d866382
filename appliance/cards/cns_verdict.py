"""From what was observed at a CNS to one verdict. A pure function: evidence, trust, instant → verdict.

Such a card has no photo and speaks to anybody who asks: without the PIN it proves that the data are genuine, not
that this is the card they belong to. Green needs the PIN, which only the holder knows.
"""

from __future__ import annotations

import datetime
import enum

from asn1crypto import x509

from appliance.cards import cns_data, codice_fiscale
from appliance.cards.cns_data import Binding, PersonalData
from appliance.cards.cns_evidence import CnsEvidence, Possession
from appliance.cards.errors import CardError, Unsupported
from appliance.cards.evidence import Identity
from appliance.cards.passive_authentication import REFUSING, Finding, chain
from appliance.cards.trust import Purpose, Revocation, TrustStore
from appliance.cards.verdict import (
    MAX_LINES,
    UNCHECKED,
    Instant,
    NotChecked,
    Reason,
    Verdict,
    no_earlier_than_bundle,
    revocation_gap,
)
from contracts.desk_api.clerk import VerdictKind

DOCUMENT_CODE = "TS"
"""What stands in an identity's document code for a CNS or TS-CNS."""


class CnsReason(enum.StrEnum):
    """Stable codes of this room; those of the chain and of travel documents stand beside them."""

    DATA_GENUINE = "cns.data_genuine"
    DATA_ALTERED = "cns.data_altered"
    OTHER_CARD = "cns.other_card"
    NOT_BOUND = "cns.not_bound"
    CERTIFICATE_MISSING = "cns.certificate_missing"
    POSSESSION_PROVEN = "cns.possession_proven"
    POSSESSION_UNPROVEN = "cns.possession_unproven"
    NOT_ORIGINAL = "cns.not_original"


_TITLES = {
    VerdictKind.VERIFIED: "Tessera autentica, PIN giusto",
    VerdictKind.CHIP_UNPROVEN: "Dati letti, tessera non autenticata",
    VerdictKind.NOT_VERIFIED: "Tessera non verificata",
    VerdictKind.REFUSED: "Tessera da non accettare",
}
_LINES: dict[str, str] = {
    Reason.DOCUMENT_UNREADABLE: "I dati della tessera sono danneggiati.",
    CnsReason.NOT_ORIGINAL: "La tessera non ha dimostrato di essere l'originale: può essere una copia.",
    CnsReason.DATA_ALTERED: "I dati della tessera sono stati modificati dopo il rilascio.",
    CnsReason.OTHER_CARD: "I dati e il certificato sono di due tessere diverse.",
    Finding.SIGNER_FORGED: "Il certificato della tessera non viene da chi dice di averlo rilasciato.",
    Finding.SIGNER_REVOKED: "Il certificato della tessera è stato revocato.",
    Reason.DOCUMENT_EXPIRED: "La tessera è scaduta.",
    CnsReason.CERTIFICATE_MISSING: "La tessera non ha un certificato: i dati non si possono verificare.",
    CnsReason.NOT_BOUND: "Il certificato non parla di questi dati: non si possono verificare.",
    Finding.SIGNER_AUTHORITY_UNKNOWN: "La postazione non conosce l'ente che ha rilasciato la tessera.",
    Finding.SIGNER_NOT_YET_VALID: "Il certificato della tessera non è ancora valido.",
    Finding.ALGORITHM_UNSUPPORTED: "La firma dell'ente è di un tipo che la postazione non sa ancora controllare.",
    Reason.TIME_UNTRUSTED: "L'ora della postazione non è certa: la scadenza non si può controllare.",
    Reason.TRUST_STALE: "L'elenco con cui la postazione riconosce le tessere è scaduto: va rinnovato.",
    CnsReason.POSSESSION_PROVEN: "Il titolare ha usato il suo PIN.",
    CnsReason.DATA_GENUINE: "I dati sono quelli rilasciati dall'ente e non sono stati modificati.",
    CnsReason.POSSESSION_UNPROVEN: "Senza PIN non si può sapere se la tessera è l'originale.",
    Reason.CODICE_FISCALE_INCONSISTENT: "Il codice fiscale non corrisponde agli altri dati della persona.",
}
"""In order of what the clerk must know first."""
_DOUBTS: frozenset[str] = frozenset({Reason.CODICE_FISCALE_INCONSISTENT, Reason.TRUST_STALE})
_ADVICE = {
    VerdictKind.VERIFIED: "La tessera non ha la fotografia: guardi anche un documento che l'abbia.",
    VerdictKind.CHIP_UNPROVEN: "La tessera non ha la fotografia: identifichi la persona con un documento che l'abbia.",
    VerdictKind.NOT_VERIFIED: "Identifichi la persona a vista, con un documento con la fotografia.",
    VerdictKind.REFUSED: "Non prosegua con questa tessera: chieda un documento.",
}
_REFUSING: frozenset[str] = frozenset(
    {
        CnsReason.NOT_ORIGINAL,
        CnsReason.DATA_ALTERED,
        CnsReason.OTHER_CARD,
        Reason.DOCUMENT_EXPIRED,
        Reason.DOCUMENT_UNREADABLE,
        *REFUSING,
    }
)


def judge_cns(evidence: CnsEvidence, trust: TrustStore, instant: Instant) -> Verdict:
    """Never raises for what a card may hold: unreadable data are a verdict too."""
    moment = no_earlier_than_bundle(instant, trust)
    try:
        holder = evidence.personal_data()
    except CardError:
        return _verdict(VerdictKind.REFUSED, [Reason.DOCUMENT_UNREADABLE], None, moment, trust)
    found = _findings(evidence, holder, trust, moment)
    names = (holder.surname, holder.given_names)
    if codice_fiscale.cross_check(holder.codice_fiscale, birth=holder.birth, sex=holder.sex, names=names):
        found.append(Reason.CODICE_FISCALE_INCONSISTENT)
    if trust.stale(moment.date()):
        found.append(Reason.TRUST_STALE)
    kind, codes = _decide(evidence, found, trusted_time=instant.trusted)
    altered = not {CnsReason.DATA_ALTERED, CnsReason.OTHER_CARD, Finding.SIGNER_FORGED}.isdisjoint(codes)
    identity = None if altered else _identity(evidence, holder)
    return _verdict(kind, codes, identity, moment, trust, _revocation(evidence, trust))


def _revocation(evidence: CnsEvidence, trust: TrustStore) -> Revocation:
    """What the lists here say about the holder's certificate."""
    if evidence.certificate is None:
        return UNCHECKED
    try:
        return trust.revocation(cns_data.load_certificate(evidence.certificate), Purpose.CNS)
    except CardError:
        return UNCHECKED


def _findings(
    evidence: CnsEvidence, holder: PersonalData, trust: TrustStore, moment: datetime.datetime
) -> list[str]:
    """Everything that keeps the data from being called genuine, gravest first."""
    found: list[str] = []
    if evidence.possession is Possession.FAILED:
        found.append(CnsReason.NOT_ORIGINAL)
    if moment.date() > holder.expiry:
        found.append(Reason.DOCUMENT_EXPIRED)
    if evidence.certificate is None:
        return [*found, CnsReason.CERTIFICATE_MISSING]
    try:
        certificate = cns_data.load_certificate(evidence.certificate)
        binding = cns_data.binding_of(certificate)
        signer = _chain_findings(certificate, trust, moment)
    except CardError:
        return [*found, CnsReason.CERTIFICATE_MISSING]
    bound = [str(CnsReason.NOT_BOUND)] if binding is None else _binding_findings(evidence, holder, binding)
    return [*found, *bound, *signer]


def _binding_findings(evidence: CnsEvidence, holder: PersonalData, binding: Binding) -> list[str]:
    found: list[str] = []
    if (
        not binding.covers(evidence.data, holder.content_bytes)
        or binding.codice_fiscale != holder.codice_fiscale
    ):
        found.append(CnsReason.DATA_ALTERED)
    if evidence.card_number is not None and evidence.card_number[:16] != binding.card_number.encode("ascii"):
        found.append(CnsReason.OTHER_CARD)
    return found


def _chain_findings(certificate: x509.Certificate, trust: TrustStore, moment: datetime.datetime) -> list[str]:
    """The issuer's signature and the certificate's own days; an expired certificate is an expired card."""
    try:
        _, findings = chain(certificate, trust, moment, Purpose.CNS)
    except Unsupported:
        return [Finding.ALGORITHM_UNSUPPORTED]
    return [Reason.DOCUMENT_EXPIRED if one is Finding.SIGNER_EXPIRED else one for one in findings]


def _decide(evidence: CnsEvidence, found: list[str], *, trusted_time: bool) -> tuple[VerdictKind, list[str]]:
    codes = list(dict.fromkeys(found))
    doubts = [code for code in codes if code in _DOUBTS]
    if any(code in _REFUSING for code in codes):
        return VerdictKind.REFUSED, sorted(codes, key=lambda code: code not in _REFUSING)
    time = [] if trusted_time else [str(Reason.TIME_UNTRUSTED)]
    if [code for code in codes if code not in doubts]:
        return VerdictKind.NOT_VERIFIED, codes + time
    proven = evidence.possession is Possession.PROVEN
    held: list[str] = [CnsReason.DATA_GENUINE, *([CnsReason.POSSESSION_PROVEN] if proven else [])]
    if time:
        return VerdictKind.NOT_VERIFIED, [*time, *doubts, *held]
    if not proven:
        return VerdictKind.CHIP_UNPROVEN, [CnsReason.POSSESSION_UNPROVEN, *doubts, *held]
    if doubts:
        return VerdictKind.CHIP_UNPROVEN, [*doubts, *held]
    return VerdictKind.VERIFIED, held


def _identity(evidence: CnsEvidence, holder: PersonalData) -> Identity:
    number = (evidence.card_number or b"")[:16].decode("ascii", "replace")
    return Identity(
        surname=holder.surname,
        given_names=holder.given_names,
        birth=holder.birth,
        sex=holder.sex,
        nationality="",
        codice_fiscale=holder.codice_fiscale,
        birth_place=None,
        address=holder.residence_address or None,
        document_code=DOCUMENT_CODE,
        document_number=number if number.isdigit() else "",
        issuing_state="ITA",
        expiry=holder.expiry,
    )


def _not_checked(kind: VerdictKind, codes: list[str], revocation: NotChecked) -> tuple[NotChecked, ...]:
    found = []
    if CnsReason.DATA_GENUINE not in codes and kind is VerdictKind.NOT_VERIFIED:
        found.append(NotChecked.SIGNATURE)
    if CnsReason.POSSESSION_PROVEN not in codes:
        found.append(NotChecked.CHIP)
    if Reason.TIME_UNTRUSTED in codes:
        found.append(NotChecked.VALIDITY)
    return (*found, NotChecked.PHOTO, NotChecked.THEFT, revocation)


def _verdict(
    kind: VerdictKind,
    codes: list[str],
    identity: Identity | None,
    moment: datetime.datetime,
    trust: TrustStore,
    revocation: Revocation = UNCHECKED,
) -> Verdict:
    lines = [sentence for code, sentence in _LINES.items() if code in codes][: MAX_LINES - 1]
    return Verdict(
        kind=kind,
        title=_TITLES[kind],
        lines=(*lines, _ADVICE[kind]),
        not_checked=_not_checked(kind, codes, revocation_gap(revocation, moment.date())),
        codes=tuple(str(code) for code in codes),
        identity=identity,
        portrait=None,
        judged_at=moment,
        trust_origin=trust.origin,
        trust_dated=trust.listed,
        revocation=revocation,
    )
