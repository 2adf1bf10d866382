"""The files of a travel document found in a folder instead of on a chip: what each is, and what the State says of them.

A folder cannot prove that it is the original, so nothing from here is ever green.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Callable, Mapping

from appliance.cards import lds, passive_authentication, security_infos, signatures, tlv
from appliance.cards.active_authentication import ActiveKey
from appliance.cards.errors import ASN1_FAULTS, CardError, MalformedData
from appliance.cards.evidence import Access, ChipProof, Evidence
from appliance.cards.passive_authentication import Finding, SecurityObject
from appliance.cards.trust import TrustStore
from appliance.cards.verdict import Instant, Verdict, judge, no_earlier_than_bundle
from contracts.errors import PueError, WhoCanAct

COM, SOD, CARD_ACCESS = "EF.COM", "EF.SOD", "EF.CardAccess"
_BY_FILE_ID = {
    lds.COM_FILE: COM,
    lds.SOD_FILE: SOD,
    lds.CARD_ACCESS_FILE: CARD_ACCESS,
    **{lds.group_file(number): f"DG{number}" for number in range(1, 17)},
}
_BY_TAG = {
    lds.COM_TAG: COM,
    lds.SOD_TAG: SOD,
    **{lds.group_tag(number): f"DG{number}" for number in range(1, 17)},
}
_BY_ENDING = {"COM": COM, "SOD": SOD, "CARDACCESS": CARD_ACCESS}
_GROUP_NAME = re.compile(r"(?:DG|DATAGROUP)0*([1-9]|1[0-6])$")
_FILE_ID_NAME = re.compile(r"(?:EF|FID|FILE)?(01[01][0-9A-F])")
_HEX_TEXT = re.compile(rb"[0-9A-Fa-f\s]{8,}")
_SEQUENCE, _SET = 0x30, 0x31


class NoDump(PueError):
    """No file of a travel document is there."""

    code = "dump.none"
    who = WhoCanAct.TECHNICIAN


class AmbiguousDump(PueError):
    """Two files with different content are the same file of the document: nobody can say which one counts."""

    code = "dump.ambiguous"
    who = WhoCanAct.TECHNICIAN


class Remark(enum.StrEnum):
    """What is odd about a file, besides its hash."""

    HEX_TEXT = "hex_text"
    """Written as hexadecimal digits."""
    NAME_DISAGREES = "name_disagrees"
    """Named as one file, holds another; the content counts."""
    PADDED = "padded"
    """Bytes behind its end, left out: a reader would not have asked for them."""
    CUT_SHORT = "cut_short"
    UNWRAPPED = "unwrapped"
    """A security object without its outer tag, which was put back."""
    LARGER_THAN_READ = "larger_than_read"
    """No box would read that much from a card."""
    MALFORMED = "malformed"
    """The signature may hold, and yet its content cannot be understood."""


class GroupState(enum.StrEnum):
    AS_SIGNED = "as_signed"
    ALTERED = "altered"
    NOT_SIGNED = "not_signed"
    """On the dump, not in EF.SOD."""
    NOT_THERE = "not_there"
    """In EF.SOD, not on the dump."""
    UNKNOWN = "unknown"
    """There is no EF.SOD that could be read."""


@dataclasses.dataclass(frozen=True)
class DumpFile:
    """One file of the folder.

    Attributes:
        what: ``"EF.SOD"``, ``"DG1"`` …; None for one that is no file of a travel document.
        by_name_only: its content is nothing known; it counts only where no other file is that one.
    """

    name: str
    what: str | None
    content: bytes = dataclasses.field(repr=False)
    remarks: tuple[Remark, ...] = ()
    by_name_only: bool = False


@dataclasses.dataclass(frozen=True)
class Examination:
    """What was found.

    Attributes:
        groups: data group number → its state.
        com_groups: what EF.COM lists; None without a readable one. It is not signed.
        hash_algorithm: of EF.SOD, such as ``"sha256"``; None without a readable one.
        signer: who the signer's certificate names as its issuer, and None where there is none.
        findings: of passive authentication; empty when signature and chain hold.
        verdict: what a card with these files would get at best; None without a data group 1.
    """

    files: tuple[DumpFile, ...]
    groups: Mapping[int, GroupState]
    com_groups: tuple[int, ...] | None
    hash_algorithm: str | None
    lds_version: str | None
    signer: str | None
    findings: tuple[Finding, ...]
    verdict: Verdict | None


def recognise(name: str, raw: bytes) -> DumpFile:
    """What one file is: by its tag, and by its name where a tag says nothing."""
    remarks = []
    if _HEX_TEXT.fullmatch(raw) and len(digits := b"".join(raw.split())) % 2 == 0:
        raw = bytes.fromhex(digits.decode("ascii"))
        remarks.append(Remark.HEX_TEXT)
    named = _by_name(name)
    if named == SOD and raw[:1] == bytes([_SEQUENCE]):
        raw = tlv.build(lds.SOD_TAG, raw)
        remarks.append(Remark.UNWRAPPED)
    try:
        header = tlv.read_header(raw)
    except MalformedData:
        return _by_name_only(name, named, raw)
    what = CARD_ACCESS if named == CARD_ACCESS and header.tag == _SET else _BY_TAG.get(header.tag)
    if what is None or (named != what and len(raw) < header.total_bytes):  # text, too, has first letters
        return _by_name_only(name, named, raw)
    if named not in (None, what):
        remarks.append(Remark.NAME_DISAGREES)
    if len(raw) != header.total_bytes:
        remarks.append(Remark.PADDED if len(raw) > header.total_bytes else Remark.CUT_SHORT)
    content = raw[: header.total_bytes]
    if len(content) > _max_bytes(what):
        remarks.append(Remark.LARGER_THAN_READ)
    if not _is_understood(what, content):
        remarks.append(Remark.MALFORMED)
    return DumpFile(name, what, content, tuple(remarks))


def _by_name_only(name: str, named: str | None, raw: bytes) -> DumpFile:
    return DumpFile(name, named, raw, (Remark.MALFORMED,) if named else (), by_name_only=True)


def _by_name(name: str) -> str | None:
    """``DG1``, ``EF_DG01.bin``, ``Datagroup1.hex``, ``ef0101.bin``, ``EF.SOD``: with or without an ending."""
    for text in (name, name.rpartition(".")[0]):
        plain = re.sub(r"[^A-Z0-9]", "", text.upper())
        if found := _FILE_ID_NAME.fullmatch(plain):
            return _BY_FILE_ID.get(int(found[1], 16))
        if found := _GROUP_NAME.search(plain):
            return f"DG{found[1]}"
        for ending, what in _BY_ENDING.items():
            if plain.endswith(ending):
                return what
    return None


def _number(what: str) -> int | None:
    return int(what[2:]) if what.startswith("DG") else None


def _max_bytes(what: str) -> int:
    number = _number(what)
    return lds.MAX_OTHER_FILE_BYTES if number is None else lds.group_max_bytes(number)


_PARSERS: Mapping[str, Callable[[bytes], object]] = {
    COM: lds.parse_com,
    SOD: passive_authentication.unverified,
    CARD_ACCESS: security_infos.pace_infos,
    "DG1": lds.parse_dg1,
    "DG2": lds.parse_dg2,
    "DG11": lds.parse_dg11,
    "DG12": lds.parse_dg12,
    "DG14": lambda content: security_infos.chip_keys(lds.parse_dg14(content)),
    "DG15": lambda content: ActiveKey(content, None),
}
"""Of the others the box understands nothing but that they are there and whole."""


def _is_understood(what: str, content: bytes) -> bool:
    try:
        number = _number(what)
        if number is not None:
            tlv.parse_one(content, lds.group_tag(number))
        _PARSERS.get(what, bytes)(content)
    except CardError:
        return False
    return True


def examine(files: Mapping[str, bytes], trust: TrustStore, instant: Instant) -> Examination:
    """All files of one document.

    Args:
        files: name → content as it lies in the folder.
        trust: whom we believe.
        instant: the hour to judge by.

    Raises:
        NoDump: none of them is a file of a travel document.
        AmbiguousDump: two of them are the same one, and differ.
    """
    found = tuple(recognise(name, files[name]) for name in sorted(files))
    content = _one_of_each(found)
    groups = {number: data for what, data in content.items() if (number := _number(what)) is not None}
    sod = content.get(SOD)
    security_object, signer = _self_description(sod)
    return Examination(
        files=found,
        groups=_states(groups, security_object),
        com_groups=_com_groups(content.get(COM)),
        hash_algorithm=None if security_object is None else security_object.hash_algorithm,
        lds_version=None if security_object is None else security_object.lds_version,
        signer=signer,
        findings=_findings(sod, groups, trust, instant),
        verdict=_at_best(groups, sod, content.get(CARD_ACCESS), trust, instant),
    )


def _one_of_each(found: tuple[DumpFile, ...]) -> dict[str, bytes]:
    content = _without_doubles([file for file in found if not file.by_name_only])
    if not content:
        raise NoDump("none of the files belongs to a travel document")
    return _without_doubles([file for file in found if file.by_name_only]) | content


def _without_doubles(files: list[DumpFile]) -> dict[str, bytes]:
    content: dict[str, bytes] = {}
    for file in files:
        if file.what is not None and content.setdefault(file.what, file.content) != file.content:
            raise AmbiguousDump(f"two different files are {file.what}", file=file.what)
    return content


def _self_description(sod: bytes | None) -> tuple[SecurityObject | None, str | None]:
    if sod is None:
        return None, None
    try:
        security_object, certificate = passive_authentication.unverified(sod)
    except CardError:
        return None, None
    try:
        signer = None if certificate is None else str(certificate.issuer.human_friendly)
    except ASN1_FAULTS:
        signer = None
    return security_object, None if signer is None else lds.clean_text(signer.encode("utf-8"))


def _states(groups: Mapping[int, bytes], security_object: SecurityObject | None) -> dict[int, GroupState]:
    if security_object is None:
        return dict.fromkeys(sorted(groups), GroupState.UNKNOWN)
    hashes = security_object.hashes

    def state(number: int) -> GroupState:
        if number not in groups:
            return GroupState.NOT_THERE
        if number not in hashes:
            return GroupState.NOT_SIGNED
        same = signatures.digest(security_object.hash_algorithm, groups[number]) == hashes[number]
        return GroupState.AS_SIGNED if same else GroupState.ALTERED

    return {number: state(number) for number in sorted({*groups, *hashes})}


def _com_groups(com: bytes | None) -> tuple[int, ...] | None:
    try:
        return None if com is None else lds.parse_com(com).groups
    except MalformedData:
        return None


def _findings(
    sod: bytes | None, groups: Mapping[int, bytes], trust: TrustStore, instant: Instant
) -> tuple[Finding, ...]:
    try:
        state = lds.parse_dg1(groups[1]).issuing_state if 1 in groups else None
    except MalformedData:
        state = None
    moment = no_earlier_than_bundle(instant, trust)
    found = passive_authentication.check(sod, groups, trust, moment, state or "").findings
    # without a data group 1 nobody knows which State should have signed
    return tuple(one for one in found if state or one is not Finding.SIGNER_OF_OTHER_STATE)


def _at_best(
    groups: Mapping[int, bytes],
    sod: bytes | None,
    card_access: bytes | None,
    trust: TrustStore,
    instant: Instant,
) -> Verdict | None:
    """As if the card had kept nothing back and had announced what it signed; only its chip was never asked."""
    if 1 not in groups:
        return None
    announced = card_access if card_access is not None else _signed_offers(groups)
    evidence = Evidence(
        access=Access.BAC if announced is None else Access.PACE,
        card_access=announced,
        sod=sod,
        groups=groups,
        missing=frozenset(),
        chip_proof=ChipProof.NOT_TRIED,
    )
    return judge(evidence, trust, instant)


def _signed_offers(groups: Mapping[int, bytes]) -> bytes | None:
    try:
        offers = security_infos.pace_infos(lds.parse_dg14(groups[14])) if 14 in groups else []
    except CardError:
        return None
    return tlv.build(_SET, b"".join(offer.raw for offer in offers)) if offers else None
