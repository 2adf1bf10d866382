"""The service number of a CIE (NIS) and the proof that the chip that gave it is the original. No code is needed.

IAS-ECC application of CIE 3.0: EF.ID_Servizi, EF.Int.Kpub, EF.SOD. The number names nobody, and nothing binds it to
the travel document on the same card: an identity is never made of both.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import hmac
import re
import secrets

from asn1crypto import keys

from appliance.cards import passive_authentication, tlv
from appliance.cards.agreement import RandomBytes
from appliance.cards.apdu import Command, Instruction
from appliance.cards.channel import Channel
from appliance.cards.cns_evidence import Possession
from appliance.cards.errors import ASN1_FAULTS, CardRefused, MalformedData, NotADocument
from appliance.cards.passive_authentication import Finding
from appliance.cards.steps import Exchange, Progress, ReaderLimits, Stage
from appliance.cards.trust import Revocation, TrustStore
from appliance.cards.verdict import (
    UNCHECKED,
    Instant,
    NotChecked,
    Reason,
    Verdict,
    no_earlier_than_bundle,
    revocation_gap,
)
from contracts.desk_api.clerk import VerdictKind

IAS_APPLICATION = bytes.fromhex("A0000000308000000009816001")
CIE_APPLICATION = bytes.fromhex("A00000000039")
NIS_FILE, KEY_FILE, SOD_FILE = 0x1001, 0x1005, 0x1006
SIGNED_NUMBERS = range(1, 0x100)
"""EF.SOD numbers the files by the last byte of their id, with the high bits set: 0xA1 is 1001, 0xA5 is 1005."""
NIS_NUMBER, KEY_NUMBER = 0xA1, 0xA5
MAX_FILE_BYTES = 4096
CHALLENGE_BYTES = 20
_NIS = re.compile(rb"[0-9]{12}")
_ENVIRONMENT = bytes.fromhex("800102840183")
"""Algorithm 02, RSA with PKCS #1 padding; key 83."""


@dataclasses.dataclass(frozen=True, repr=False)
class NisEvidence:
    """One reading: the three files as read, and whether the chip signed our challenge with the key among them."""

    nis: bytes
    key: bytes
    sod: bytes
    possession: Possession
    apdus: int = 0
    bytes_exchanged: int = 0

    @property
    def technical(self) -> tuple[str, ...]:
        """Stable words for the technician."""
        return ("card: cie_nis", f"internal_authentication: {self.possession}")

    @property
    def signed_object(self) -> bytes:
        """EF.SOD of the application."""
        return self.sod


def read_nis(
    *, limits: ReaderLimits | None = None, random_bytes: RandomBytes = secrets.token_bytes
) -> Exchange[NisEvidence]:
    """One reading.

    Raises:
        NotADocument: no CIE lies there.
        CardRefused, CardUnreadable, MalformedData: as they say.
    """
    channel = Channel(limits or ReaderLimits())
    yield Progress(Stage.OPENING, 0.0)
    for application in (IAS_APPLICATION, CIE_APPLICATION):
        select = Command(0x00, Instruction.SELECT, 0x04, 0x0C, application)
        if not (yield from channel.send(select)).ok:
            raise NotADocument("the card has no application for services")
    nis = (yield from _read(channel, NIS_FILE))[:12]
    if not _NIS.fullmatch(nis):
        raise MalformedData("the service number is none", reason="nis")
    yield Progress(Stage.IDENTITY, 0.2)
    key = yield from _read(channel, KEY_FILE)
    sod = yield from _read(channel, SOD_FILE)
    yield Progress(Stage.CHIP, 0.8)
    possession = yield from _prove(channel, key, random_bytes(CHALLENGE_BYTES))
    yield Progress(Stage.CHIP, 1.0)
    return NisEvidence(nis, key, sod, possession, channel.apdus, channel.bytes_exchanged)


def _read(channel: Channel, file_id: int) -> Exchange[bytes]:
    """A whole file: as long as its own header says, or to its end where it has none."""
    yield from channel.send_ok(
        Command(0x00, Instruction.SELECT, 0x02, 0x0C, file_id.to_bytes(2, "big")), "select"
    )
    return (yield from channel.read_to_end(MAX_FILE_BYTES, _length_of))


def _length_of(content: bytes) -> int | None:
    """Key and security object say their length; the number does not."""
    return tlv.read_header(content).total_bytes if content[:1] in (b"\x30", b"\x77") else None


def _prove(channel: Channel, key: bytes, challenge: bytes) -> Exchange[Possession]:
    """Internal authentication. ISO/IEC 7816-4 §11.5.2; the block holds the challenge itself (RFC 8017 §9.2, type 1)."""
    modulus, exponent = _rsa_numbers(key)
    manage = Instruction.MANAGE_SECURITY_ENVIRONMENT
    try:
        yield from channel.send_ok(Command(0x00, manage, 0x41, 0xA4, _ENVIRONMENT), "internal_authentication")
        ask = Command(0x00, Instruction.INTERNAL_AUTHENTICATE, 0, 0, challenge, 256)
        answer = yield from channel.send_ok(ask, "internal_authentication")
    except CardRefused:
        return Possession.FAILED
    size_bytes = (modulus.bit_length() + 7) // 8
    if len(answer) != size_bytes:
        return Possession.FAILED
    block = pow(int.from_bytes(answer, "big"), exponent, modulus).to_bytes(size_bytes, "big")
    return (
        Possession.PROVEN if hmac.compare_digest(block, padded(challenge, size_bytes)) else Possession.FAILED
    )


def padded(challenge: bytes, size_bytes: int) -> bytes:
    """The block a chip signs."""
    return b"\x00\x01" + b"\xff" * (size_bytes - len(challenge) - 3) + b"\x00" + challenge


def _rsa_numbers(key: bytes) -> tuple[int, int]:
    try:
        numbers = keys.RSAPublicKey.load(key, strict=True)
        modulus, exponent = int(numbers["modulus"].native), int(numbers["public_exponent"].native)
    except ASN1_FAULTS as fault:
        raise MalformedData("the chip's key cannot be read", reason="nis_key") from fault
    if (
        modulus < 0
        or not 1024 <= modulus.bit_length() <= 4096
        or modulus % 2 == 0
        or not 3 <= exponent < 1 << 32
    ):
        raise MalformedData("the chip's key is of strange size", reason="rsa_key")
    return modulus, exponent


class NisReason(enum.StrEnum):
    """Stable codes of this room; those of passive authentication stand beside them."""

    GENUINE = "nis.genuine"
    ALTERED = "nis.altered"
    NOT_ORIGINAL = "nis.not_original"


_TITLES = {
    VerdictKind.VERIFIED: "Numero della carta autentico",
    VerdictKind.CHIP_UNPROVEN: "Numero della carta autentico, con una riserva",
    VerdictKind.NOT_VERIFIED: "Numero della carta non verificato",
    VerdictKind.REFUSED: "Carta da non accettare",
}
_LINES: dict[str, str] = {
    NisReason.NOT_ORIGINAL: "Il chip non ha dimostrato di essere l'originale: può essere una copia.",
    NisReason.ALTERED: "Il numero o la chiave nel chip non sono quelli firmati dallo Stato.",
    Finding.SIGNER_REVOKED: "Lo Stato ha revocato il certificato di chi ha firmato il numero.",
    Reason.TRUST_STALE: "L'elenco con cui la postazione riconosce le carte è scaduto: va rinnovato.",
    NisReason.GENUINE: "Il numero è firmato dallo Stato e il chip è l'originale.",
    Reason.TIME_UNTRUSTED: "L'ora della postazione non è certa: la firma non si può controllare del tutto.",
}
_UNSIGNED = "La firma dello Stato sul numero non si può controllare."
_NAMES_NOBODY = "Il numero non dice chi è la persona: per quello serve il codice scritto sulla carta."


def judge_nis(evidence: NisEvidence, trust: TrustStore, instant: Instant) -> Verdict:
    """A verdict on the number alone; it never carries an identity."""
    moment = no_earlier_than_bundle(instant, trust)
    message = evidence.sod
    if message[:1] == b"\x77":
        message = tlv.parse_one(message, 0x77).value
    files = {NIS_NUMBER: evidence.nis, KEY_NUMBER: evidence.key}
    signed = passive_authentication.check_files(message, files, trust, moment, "ITA", SIGNED_NUMBERS)
    refusals: list[str] = []
    if evidence.possession is not Possession.PROVEN:
        refusals.append(NisReason.NOT_ORIGINAL)
    if signed.tampered or (signed.ok and signed.authentic != frozenset(files)):
        refusals.append(NisReason.ALTERED)
    if Finding.SIGNER_REVOKED in signed.findings:
        refusals.append(Finding.SIGNER_REVOKED)
    findings = [
        str(one) for one in signed.findings if one not in (Finding.GROUP_ALTERED, Finding.SIGNER_REVOKED)
    ]
    stale = [str(Reason.TRUST_STALE)] if trust.stale(moment.date()) else []
    genuine = [*stale, str(NisReason.GENUINE)]
    if refusals:
        kind, codes = VerdictKind.REFUSED, [*refusals, *findings]
    elif findings:
        kind, codes = VerdictKind.NOT_VERIFIED, [*findings, *stale]
    elif not instant.trusted:
        kind, codes = VerdictKind.NOT_VERIFIED, [Reason.TIME_UNTRUSTED, *genuine]
    else:
        kind, codes = VerdictKind.CHIP_UNPROVEN if stale else VerdictKind.VERIFIED, genuine
    return _verdict(kind, codes, moment, trust, signed.revocation or UNCHECKED)


def _verdict(
    kind: VerdictKind,
    codes: list[str],
    moment: datetime.datetime,
    trust: TrustStore,
    revocation: Revocation,
) -> Verdict:
    lines = [sentence for code, sentence in _LINES.items() if code in codes][:2]
    if kind is VerdictKind.NOT_VERIFIED and not lines:
        lines = [_UNSIGNED]
    unsigned = [NotChecked.SIGNATURE] if kind is VerdictKind.NOT_VERIFIED else []
    return Verdict(
        kind=kind,
        title=_TITLES[kind],
        lines=(*lines, _NAMES_NOBODY),
        not_checked=(
            *unsigned,
            NotChecked.PHOTO,
            NotChecked.THEFT,
            revocation_gap(revocation, moment.date()),
        ),
        codes=tuple(str(code) for code in codes),
        identity=None,
        portrait=None,
        judged_at=moment,
        trust_origin=trust.origin,
        trust_dated=trust.listed,
        revocation=revocation,
    )
