"""From what was observed to one verdict a clerk can act on. A pure function: evidence, trust, instant → verdict.

Green is earned, never given: passive authentication holds, the chip proved itself, the document is in date and
the hour can be believed.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum

from appliance.cards import codice_fiscale, lds, passive_authentication, security_infos
from appliance.cards.errors import CardError
from appliance.cards.evidence import Access, ChipProof, Evidence, Identity
from appliance.cards.lds import Portrait
from appliance.cards.passive_authentication import Finding, PassiveAuthentication
from appliance.cards.trust import Revocation, RevocationState, TrustStore
from contracts.desk_api.clerk import VerdictKind

DG14, DG15 = 14, 15
_CHIP_KEY_GROUPS = frozenset({DG14, DG15})
_ALWAYS_WANTED = frozenset({11})
"""Who lists it and does not give it holds back the codice fiscale; groups 1 and 2 have sentences of their own."""


@dataclasses.dataclass(frozen=True)
class Instant:
    """When the card is judged, and whether that hour may be believed (`appliance.runtime.clock`)."""

    moment: datetime.datetime
    trusted: bool


class NotChecked(enum.StrEnum):
    """What a verdict does not cover. Always said."""

    THEFT = "not_checked.theft"
    REVOCATION = "not_checked.revocation"
    REVOCATION_SINCE = "not_checked.revocation_since"
    """Looked up in a list that is still the current one: what was revoked after its day is not known."""
    CHIP = "not_checked.chip"
    SIGNATURE = "not_checked.signature"
    VALIDITY = "not_checked.validity"
    PHOTO = "not_checked.photo"


NOT_CHECKED_SENTENCES = {
    NotChecked.THEFT: "Denuncia di furto o smarrimento: non controllata.",
    NotChecked.REVOCATION: "Revoca del certificato dello Stato: non controllata.",
    NotChecked.REVOCATION_SINCE: "Revoca del certificato dello Stato: controllata.",
    NotChecked.CHIP: "Originalità del chip: non verificata.",
    NotChecked.SIGNATURE: "Firma dello Stato sui dati: non verificata.",
    NotChecked.VALIDITY: "Scadenza del documento: non verificata, l'ora della postazione non è certa.",
    NotChecked.PHOTO: "Fotografia del chip: non disponibile.",
}


_ABOUT_REVOCATION = (NotChecked.REVOCATION, NotChecked.REVOCATION_SINCE)
UNCHECKED = Revocation(RevocationState.NOT_CHECKED)


class Reason(enum.StrEnum):
    """Stable codes of this room; those of passive authentication stand beside them."""

    DATA_AUTHENTIC = "data.authentic"
    CHIP_PROVEN = "chip.proven"
    CHIP_UNPROVEN = "chip.unproven"
    CHIP_NOT_ORIGINAL = "chip.not_original"
    DOCUMENT_EXPIRED = "document.expired"
    DOCUMENT_UNREADABLE = "document.unreadable"
    PHOTO_MISSING = "photo.missing"
    GROUP_MISSING = "group.missing"
    NAME_DIFFERS = "name.differs"
    TIME_UNTRUSTED = "time.untrusted"
    TRUST_STALE = "trust.stale"
    ACCESS_DIFFERS = "access.differs"
    CODICE_FISCALE_INCONSISTENT = "codice_fiscale.inconsistent"


_TITLES = {
    VerdictKind.VERIFIED: "Documento autentico",
    VerdictKind.CHIP_UNPROVEN: "Dati autentici, originalità del chip non verificata",
    VerdictKind.NOT_VERIFIED: "Dati non verificati",
    VerdictKind.REFUSED: "Documento non accettabile",
}
_WITH_RESERVE = "Dati autentici, con una riserva"
_UNCERTAIN_HOUR = "Validità del documento non verificata"

_LINES: dict[str, str] = {
    Reason.DOCUMENT_UNREADABLE: "I dati nel chip sono danneggiati.",
    Reason.CHIP_NOT_ORIGINAL: "Il chip non ha dimostrato di essere l'originale: può essere una copia.",
    Finding.GROUP_ALTERED: "I dati nel chip sono stati modificati dopo il rilascio.",
    Finding.SOD_DIGEST_MISMATCH: "I dati nel chip sono stati modificati dopo il rilascio.",
    Finding.SOD_SIGNATURE_INVALID: "La firma dello Stato sui dati non è valida.",
    Finding.SIGNER_FORGED: "Chi ha firmato i dati non è autorizzato dallo Stato.",
    Finding.SIGNER_REVOKED: "Lo Stato ha revocato il certificato di chi ha firmato i dati.",
    Finding.SIGNER_OF_OTHER_STATE: "I dati sono firmati da uno Stato diverso da quello del documento.",
    Reason.DOCUMENT_EXPIRED: "Il documento è scaduto.",
    Finding.SIGNER_AUTHORITY_UNKNOWN: "La postazione non conosce l'autorità che ha firmato i dati.",
    Finding.SIGNER_EXPIRED: "Il certificato di chi ha firmato i dati è scaduto.",
    Finding.SIGNER_NOT_YET_VALID: "Il certificato di chi ha firmato i dati non è ancora valido.",
    Finding.SIGNER_AUTHORITY_NOT_VALID: "L'autorità dello Stato non era valida quando ha autorizzato chi ha firmato i dati.",
    Finding.SOD_MISSING: "Il chip non contiene la firma dello Stato.",
    Finding.SOD_MALFORMED: "La firma dello Stato non è leggibile.",
    Finding.SOD_SIGNER_MISSING: "La firma dello Stato non dice chi ha firmato.",
    Finding.ALGORITHM_UNSUPPORTED: "La firma dello Stato è di un tipo che la postazione non sa ancora controllare.",
    Reason.TIME_UNTRUSTED: "L'ora della postazione non è certa: la scadenza non si può controllare.",
    Reason.TRUST_STALE: "L'elenco con cui la postazione riconosce i documenti è scaduto: va rinnovato.",
    Reason.NAME_DIFFERS: "Il nome per esteso nel chip è diverso da quello nelle righe stampate.",
    Reason.CODICE_FISCALE_INCONSISTENT: "Il codice fiscale nel chip non corrisponde agli altri dati della persona.",
    Reason.GROUP_MISSING: "Il chip non ha dato tutti i dati che lo Stato ha firmato.",
    Reason.PHOTO_MISSING: "Il chip non ha dato una fotografia che si possa mostrare.",
    Reason.ACCESS_DIFFERS: "Il chip annuncia protezioni diverse da quelle firmate dallo Stato.",
    Reason.CHIP_UNPROVEN: "Non è stato possibile verificare se il chip è l'originale.",
    Reason.DATA_AUTHENTIC: "Nome, dati e fotografia sono firmati dallo Stato e non sono stati modificati.",
    Reason.CHIP_PROVEN: "Il chip è l'originale.",
}
"""In order of what the clerk must know first: what is wrong, what is in doubt, what holds."""
_AUTHENTIC_WITHOUT_PHOTO = "Nome e dati sono firmati dallo Stato e non sono stati modificati."

_ADVICE = {
    VerdictKind.VERIFIED: "Confronti la fotografia con la persona.",
    VerdictKind.CHIP_UNPROVEN: "Controlli che la tessera non sia alterata e confronti la fotografia con la persona.",
    VerdictKind.NOT_VERIFIED: "Identifichi la persona a vista, con il documento in mano.",
    VerdictKind.REFUSED: "Non prosegua con questo documento: ne chieda un altro.",
}
MAX_LINES = 4


@dataclasses.dataclass(frozen=True, repr=False)
class Verdict:
    """What the desk shows and the dossier records.

    Attributes:
        kind: only `VERIFIED` is green.
        code: the first of `codes`, the one that decided.
        title: one short Italian sentence.
        lines: at most four plain Italian sentences, the last says what to do.
        not_checked: what nobody looked at; never empty.
        codes: stable codes of everything found, most important first.
        identity: who the document speaks of; None when the data are unreadable or altered.
        portrait: the chip's photo; only when its bytes proved authentic, so only then is it decoded.
        judged_at: the instant used.
        trust_origin: which trust bundle was used.
        trust_dated: the day of its newest list.
        revocation: what the lists here say about who signed.
    """

    kind: VerdictKind
    title: str
    lines: tuple[str, ...]
    not_checked: tuple[NotChecked, ...]
    codes: tuple[str, ...]
    identity: Identity | None
    portrait: Portrait | None
    judged_at: datetime.datetime
    trust_origin: str
    trust_dated: datetime.date
    revocation: Revocation = UNCHECKED

    @property
    def code(self) -> str:
        return self.codes[0]

    @property
    def trust_age_days(self) -> int:
        """How old the newest list was when this was judged."""
        return max(0, (self.judged_at.date() - self.trust_dated).days)

    def not_checked_sentences(self) -> tuple[str, ...]:
        return tuple(self._sentence(item) for item in self.not_checked)

    def _sentence(self, item: NotChecked) -> str:
        """What nobody looked at; with the day of the last look, where there was one."""
        sentence = NOT_CHECKED_SENTENCES[item]
        if self.revocation.dated is None or item not in _ABOUT_REVOCATION:
            return sentence
        word = "dopo il" if item is NotChecked.REVOCATION else "al"
        return f"{sentence[:-1]} {word} {self.revocation.dated:%d/%m/%Y}."


def judge(evidence: Evidence, trust: TrustStore, instant: Instant) -> Verdict:
    """Never raises for what a card may hold: unreadable data are a verdict too."""
    moment = no_earlier_than_bundle(instant, trust)
    try:
        zone = evidence.mrz()
        identity = evidence.identity(moment.date())
    except (CardError, ValueError):
        codes = [str(Reason.DOCUMENT_UNREADABLE)]
        return _verdict(VerdictKind.REFUSED, codes, None, None, moment, trust)
    passive = passive_authentication.check(evidence.sod, evidence.groups, trust, moment, zone.issuing_state)
    if passive.ok:  # from here on only what the State signed counts: a data group beside it is hearsay
        signed = {number: data for number, data in evidence.groups.items() if number in passive.authentic}
        evidence = dataclasses.replace(evidence, groups=signed)
        identity = evidence.identity(moment.date()) if 1 in signed else identity
    portrait = _portrait(evidence, passive)
    refusals = _refusals(evidence, passive, identity, moment.date())
    doubts = _doubts(evidence, passive, identity, portrait, trusted_time=instant.trusted)
    if trust.stale(moment.date()):
        doubts.append(Reason.TRUST_STALE)
    proven = _signed_proofs(evidence, passive, trust, moment, zone.issuing_state)
    kind, codes = _decide(passive, refusals, doubts, proven=proven)
    altered = passive.tampered or (1 not in passive.authentic and passive.ok)
    revocation = passive.revocation or UNCHECKED
    return _verdict(kind, codes, None if altered else identity, portrait, moment, trust, revocation)


def no_earlier_than_bundle(instant: Instant, trust: TrustStore) -> datetime.datetime:
    """An hour that is not believed is at least not before the day the trust bundle was made."""
    if instant.trusted:
        return instant.moment
    floor = datetime.datetime.combine(trust.dated, datetime.time(), datetime.UTC)
    return max(instant.moment, floor)


def _refusals(
    evidence: Evidence, passive: PassiveAuthentication, identity: Identity, today: datetime.date
) -> list[str]:
    found: list[str] = []
    if evidence.originality is ChipProof.FAILED or evidence.missing & passive.listed & _CHIP_KEY_GROUPS:
        found.append(Reason.CHIP_NOT_ORIGINAL)
    found += [finding for finding in passive.findings if finding in passive_authentication.REFUSING]
    if passive.ok and 1 not in passive.authentic:
        found.append(Finding.GROUP_ALTERED)  # a data group 1 the State never signed is an invented one
    # The last day counts. Also with a doubtful clock: what was past on the bundle's day is past today.
    if today > identity.expiry:
        found.append(Reason.DOCUMENT_EXPIRED)
    return found


def _doubts(
    evidence: Evidence,
    passive: PassiveAuthentication,
    identity: Identity,
    portrait: Portrait | None,
    *,
    trusted_time: bool,
) -> list[str]:
    found = [str(item) for item in passive.findings if item not in passive_authentication.REFUSING]
    # without a photo nobody can say whose document it is; a chip found out before is not asked for it
    if passive.ok and portrait is None and evidence.originality is not ChipProof.FAILED:
        found.append(Reason.PHOTO_MISSING)
    if _held_back(evidence, passive):
        found.append(Reason.GROUP_MISSING)
    if not trusted_time:
        found.append(Reason.TIME_UNTRUSTED)
    if not _access_agrees(evidence, passive):
        found.append(Reason.ACCESS_DIFFERS)
    if not evidence.names_agree():
        found.append(Reason.NAME_DIFFERS)
    if not _codice_fiscale_agrees(evidence, identity):
        found.append(Reason.CODICE_FISCALE_INCONSISTENT)
    return found


def _held_back(evidence: Evidence, passive: PassiveAuthentication) -> bool:
    """A data group is signed and was asked for, and the chip did not give it. Photo and keys are judged elsewhere."""
    wanted = (evidence.missing | _ALWAYS_WANTED) - _CHIP_KEY_GROUPS - {2}
    return bool(wanted & passive.listed - passive.authentic) and passive.ok


def _signed_proofs(
    evidence: Evidence, passive: PassiveAuthentication, trust: TrustStore, at: datetime.datetime, state: str
) -> bool:
    """A proof counts only with a key the State signed: one beside the security object is anybody's."""
    if evidence.chip_proof is ChipProof.PROVEN and DG14 in passive.authentic:
        return True
    if evidence.active_proof is ChipProof.PROVEN and DG15 in passive.authentic:
        return True
    return (
        evidence.mapping_proof is ChipProof.PROVEN
        and evidence.card_security is not None
        and passive_authentication.vouches_for(evidence.card_security, trust, at, state)
    )


def _decide(
    passive: PassiveAuthentication, refusals: list[str], doubts: list[str], *, proven: bool
) -> tuple[VerdictKind, list[str]]:
    if refusals:
        return VerdictKind.REFUSED, refusals + doubts
    if not passive.ok:
        return VerdictKind.NOT_VERIFIED, doubts
    held: list[str] = [Reason.DATA_AUTHENTIC, *([Reason.CHIP_PROVEN] if proven else [])]
    if Reason.TIME_UNTRUSTED in doubts:
        others = [doubt for doubt in doubts if doubt != Reason.TIME_UNTRUSTED]
        return VerdictKind.NOT_VERIFIED, [Reason.TIME_UNTRUSTED, *others, *held]
    if not proven:
        return VerdictKind.CHIP_UNPROVEN, [Reason.CHIP_UNPROVEN, *doubts, *held]
    if doubts:
        return VerdictKind.CHIP_UNPROVEN, [*doubts, *held]
    return VerdictKind.VERIFIED, held


def _access_agrees(evidence: Evidence, passive: PassiveAuthentication) -> bool:
    """The PACE offers in clear are those the State signed in data group 14, when it signed any (no downgrade)."""
    if DG14 not in passive.authentic:
        return True
    try:
        signed = {info.raw for info in security_infos.pace_infos(lds.parse_dg14(evidence.groups[DG14]))}
        offered = (
            {info.raw for info in security_infos.pace_infos(evidence.card_access)}
            if evidence.card_access is not None
            else set()
        )
    except CardError:
        return False
    return not signed or (signed == offered and (evidence.access is Access.PACE or bool(offered)))


def _codice_fiscale_agrees(evidence: Evidence, identity: Identity) -> bool:
    """Only Italian documents carry one; a number of another shape is not ours to judge.

    Names are compared where data group 11 has them in full: the printed lines cut and transliterate.
    """
    code = identity.codice_fiscale
    if code is None or identity.issuing_state != "ITA" or len(code) != 16:
        return True
    details = evidence.details()
    whole = (details.surname, details.given_names) if details.surname and details.given_names else None
    return not codice_fiscale.cross_check(code, birth=identity.birth, sex=identity.sex, names=whole)


def _portrait(evidence: Evidence, passive: PassiveAuthentication) -> Portrait | None:
    if 2 not in passive.authentic:
        return None
    try:
        return lds.parse_dg2(evidence.groups[2])
    except CardError:
        return None


def revocation_gap(revocation: Revocation, today: datetime.date) -> NotChecked:
    """A list that should have been followed by another by now is as good as none."""
    if revocation.state is not RevocationState.NOT_CHECKED and revocation.current(today):
        return NotChecked.REVOCATION_SINCE
    return NotChecked.REVOCATION


def _not_checked(
    kind: VerdictKind, codes: list[str], portrait: Portrait | None, revocation: NotChecked
) -> tuple[NotChecked, ...]:
    found = []
    if Reason.DATA_AUTHENTIC not in codes and kind is VerdictKind.NOT_VERIFIED:
        found.append(NotChecked.SIGNATURE)
    if Reason.CHIP_PROVEN not in codes:
        found.append(NotChecked.CHIP)
    if Reason.TIME_UNTRUSTED in codes:
        found.append(NotChecked.VALIDITY)
    if portrait is None:
        found.append(NotChecked.PHOTO)
    return (*found, NotChecked.THEFT, revocation)


def _lines(kind: VerdictKind, codes: list[str]) -> tuple[str, ...]:
    """The gravest sentences that fit, then what to do."""
    said = {**_LINES}
    if Reason.PHOTO_MISSING in codes:
        said[Reason.DATA_AUTHENTIC] = _AUTHENTIC_WITHOUT_PHOTO
    sentences = dict.fromkeys(sentence for code, sentence in said.items() if code in codes)
    return (*list(sentences)[: MAX_LINES - 1], _ADVICE[kind])


def _title(kind: VerdictKind, codes: list[str]) -> str:
    if codes[0] == Reason.TIME_UNTRUSTED:
        return _UNCERTAIN_HOUR
    if kind is VerdictKind.CHIP_UNPROVEN and Reason.CHIP_PROVEN in codes:
        return _WITH_RESERVE
    return _TITLES[kind]


def without_photo(verdict: Verdict) -> Verdict:
    """The verdict when the photo, genuine as its bytes are, cannot be drawn: green needs a face to compare."""
    if verdict.portrait is None:
        return verdict
    kind, codes = verdict.kind, list(verdict.codes)
    if kind is VerdictKind.VERIFIED:
        kind = VerdictKind.CHIP_UNPROVEN
        codes.insert(0, Reason.PHOTO_MISSING)
    else:
        codes.insert(1, Reason.PHOTO_MISSING)  # what decided stays first
    return dataclasses.replace(
        verdict,
        kind=kind,
        title=_title(kind, codes),
        lines=_lines(kind, codes),
        not_checked=(NotChecked.PHOTO, *verdict.not_checked),
        codes=tuple(str(code) for code in codes),
        portrait=None,
    )


def _verdict(
    kind: VerdictKind,
    codes: list[str],
    identity: Identity | None,
    portrait: Portrait | None,
    moment: datetime.datetime,
    trust: TrustStore,
    revocation: Revocation = UNCHECKED,
) -> Verdict:
    return Verdict(
        kind=kind,
        title=_title(kind, codes),
        lines=_lines(kind, codes),
        not_checked=_not_checked(kind, codes, portrait, revocation_gap(revocation, moment.date())),
        codes=tuple(str(code) for code in codes),
        identity=identity,
        portrait=portrait if kind is not VerdictKind.REFUSED else None,
        judged_at=moment,
        trust_origin=trust.origin,
        trust_dated=trust.listed,
        revocation=revocation,
    )
