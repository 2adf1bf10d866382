"""One function for each room that reads foreign bytes. Each takes bytes and gives nothing.

What may come out is one of our own errors, which the harness swallows; everything else is a find. A target also says
what must be true of what was accepted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from appliance.cards import cie_nis, cns_data, dump, face_record, lds, passive_authentication, tlv
from appliance.cards import security_infos as infos
from appliance.cards.active_authentication import CHALLENGE_BYTES, ActiveKey
from appliance.cards.apdu import Command, Response
from appliance.cards.chip_authentication import choose_key
from appliance.cards.cipher import Suite
from appliance.cards.cns_evidence import CnsEvidence, Layout, Possession
from appliance.cards.cns_verdict import judge_cns
from appliance.cards.errors import CardError
from appliance.cards.evidence import Access, ChipProof, Evidence
from appliance.cards.master_list import open_master_list
from appliance.cards.mrz import Mrz, MrzKey
from appliance.cards.revocation import RevocationList
from appliance.cards.secure_messaging import SecureMessaging
from appliance.cards.software.shelf import CardName
from appliance.cards.trace import Redactor
from appliance.cards.trust import Purpose, TrustStore
from appliance.cards.verdict import judge
from contracts.desk_api.clerk import VerdictKind
from contracts.errors import PueError
from tests.fuzz import genuine

Target = Callable[[bytes], None]


def run(target: Target, data: bytes) -> None:
    """One input; an error of ours is an answer, anything else goes on up."""
    try:
        target(data)
    except PueError:
        return


# ---------------------------------------------------------------- grammar


def read_tlv(data: bytes, depth: int = 0) -> None:
    objects = tlv.parse(data)
    assert b"".join(item.raw for item in objects) == data
    for item in objects:
        if depth < 6 and item.tag >> (8 * (max(1, (item.tag.bit_length() + 7) // 8) - 1)) & 0x20:
            try:
                read_tlv(item.value, depth + 1)
            except CardError:
                continue


def read_apdu(data: bytes) -> None:
    half = len(data) // 2
    Response.decode(data[half:])
    assert Command.decode(Command.decode(data[:half]).encode()).encode()


def read_mrz(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    try:
        zone = Mrz.parse(text.replace("\n", ""))
        zone.born_on(genuine.NOW.date())
        zone.expires_on()
    except CardError:
        pass
    MrzKey.from_lines(text.split("\n")).information()


# ---------------------------------------------------------------- files of a travel document


def read_dg1(data: bytes) -> None:
    zone = lds.parse_dg1(data)
    zone.born_on(genuine.NOW.date())


def read_dg2(data: bytes) -> None:
    assert lds.parse_dg2(data).image in data


def read_face(data: bytes) -> None:
    face_record.image_of(data)


def read_dg11(data: bytes) -> None:
    details = lds.parse_dg11(data)
    for text in dataclasses.astuple(details):
        assert not isinstance(text, str) or (len(text) <= lds.TEXT_MAX_SIGNS and text.isprintable())


def read_dg12(data: bytes) -> None:
    details = lds.parse_dg12(data)
    assert details.authority is None or details.authority.isprintable()


def read_dg14(data: bytes) -> None:
    content = lds.parse_dg14(data)
    infos.active_authentication_hash(content)
    key = choose_key(infos.chip_keys(content))
    if key is not None:
        assert key.suite in set(Suite)


def read_dg15(data: bytes) -> None:
    key = ActiveKey(data)
    assert not key.accepts(bytes(CHALLENGE_BYTES), bytes(key.signature_bytes))


def read_card_access(data: bytes) -> None:
    for offer in infos.pace_infos(data):
        if offer.is_supported:
            offer.agreement()


def read_card_security(data: bytes) -> None:
    """Nothing unsigned vouches for a key: what is accepted names the genuine authority's own."""
    trusted = passive_authentication.vouches_for(data, genuine.trust(), genuine.NOW, "ITA")
    content = passive_authentication.card_security_keys(data)
    infos.chip_keys(content)
    true = passive_authentication.card_security_keys(genuine.seed("card_security", "passport_cam"))
    assert not trusted or content == true


def read_com(data: bytes) -> None:
    lds.parse_com(data)


def read_atr_info(data: bytes) -> None:
    lds.extended_lengths(data)


# ---------------------------------------------------------------- signatures and verdicts


def read_sod(data: bytes) -> None:
    """Whatever the bytes: what is called authentic has the hash that the genuine authority signed."""
    true = genuine.files(CardName.CIE_AES)
    groups = {number: true[f"dg{number}"] for number in (1, 2, 11, 14)}
    outcome = passive_authentication.check(data, groups, genuine.trust(), genuine.NOW, "ITA")
    assert outcome.authentic <= set(groups)
    altered = groups | {1: groups[1].replace(b"<<MARIA<", b"<<MARTA<")}
    outcome = passive_authentication.check(data, altered, genuine.trust(), genuine.NOW, "ITA")
    assert 1 not in outcome.authentic
    passive_authentication.listed_groups(data)


def _parts(data: bytes, count: int) -> list[bytes]:
    """Two bytes of length before each part but the last."""
    found = []
    for _ in range(count - 1):
        size = int.from_bytes(data[:2], "big")
        found.append(data[2 : 2 + size])
        data = data[2 + size :]
    return [*found, data]


def judge_document(data: bytes) -> None:
    """Never raises, and is green for nothing but the genuine bytes."""
    true = genuine.files(CardName.CIE_AES)
    dg1, dg11, dg14, access, sod = _parts(data, 5)
    groups = {1: dg1, 2: true["dg2"], 11: dg11, 14: dg14}
    evidence = Evidence(Access.PACE, access, sod, groups, frozenset(), ChipProof.PROVEN)
    verdict = judge(evidence, genuine.trust(), genuine.INSTANT)
    if verdict.kind is VerdictKind.VERIFIED:
        assert [dg1, dg11, dg14] == _parts(genuine.seed("document", "cie_aes"), 5)[:3]


def read_cns_data(data: bytes) -> None:
    holder = cns_data.parse_personal_data(data)
    assert holder.content_bytes <= len(data)


def judge_service_card(data: bytes) -> None:
    """Number, data, certificate; the card is said to have proven its key, so only the signature is in the way."""
    number, personal, file = _parts(data, 3)
    certificate = cns_data.certificate_in(file)
    evidence = CnsEvidence(Layout.CLASSIC, personal, number, certificate, Possession.PROVEN)
    verdict = judge_cns(evidence, genuine.trust(), genuine.INSTANT)
    if verdict.kind is VerdictKind.VERIFIED:
        assert b"ESEMPIO" in personal
        assert b"SMPMRA85D52H501E" in personal


def judge_service_number(data: bytes) -> None:
    """Key and security object of a CIE's services."""
    key, sod = _parts(data, 2)
    cie_nis._rsa_numbers(key)
    evidence = cie_nis.NisEvidence(b"000000000000", key, sod, Possession.PROVEN)
    verdict = cie_nis.judge_nis(evidence, genuine.trust(), genuine.INSTANT)
    assert verdict.kind is not VerdictKind.VERIFIED


# ---------------------------------------------------------------- sessions


TRUE_ANSWERS = (Response(b"data", 0x9000), Response(b"", 0x6A82))


def session() -> SecureMessaging:
    return SecureMessaging.from_secret(Suite.AES_128, b"fuzz")


def open_answer(data: bytes) -> None:
    """Bytes of a stranger: nothing opens but what the card has sealed."""
    true = {session().seal_response(answer).encode() for answer in TRUE_ANSWERS}
    session().open(Response.decode(data))
    assert data in true


def open_sealed_answer(data: bytes) -> None:
    """Bytes of the card itself, which holds the keys: objects of its choice, then a MAC that fits."""
    card, reader = session(), session()
    card._step()
    mac = tlv.build(0x8E, card._mac(b"", data))
    answer = reader.open(Response(data + mac, 0x9000))
    assert len(answer.data) <= len(data)


def examine_folder(data: bytes) -> None:
    """Files in a folder under odd names: understood or not, never green."""
    pieces = _parts(data, 4)
    names = ("EF.SOD", "dg1.bin", "0102", "EF.CardAccess")
    found = dump.examine(dict(zip(names, pieces, strict=True)), genuine.trust(), genuine.INSTANT)
    assert found.verdict is None or found.verdict.kind is not VerdictKind.VERIFIED


def trace_conversation(data: bytes) -> None:
    """Command, answer, command, answer: whatever they are, each is one printable line."""
    redactor = Redactor()
    for place, piece in enumerate(_parts(data, 6)):
        line = redactor.response(piece) if place % 2 else redactor.command(piece)
        assert line.isprintable()
        assert len(line) < 500


def read_master_list(data: bytes) -> None:
    """What opens names the very certificates that were signed."""
    found = open_master_list(data)
    true = open_master_list(genuine.seed("master_list", "demo"))
    assert (found.certificates, found.signed_at) == (true.certificates, true.signed_at)


def read_revocation_list(data: bytes) -> None:
    """Nothing is verified here: the list must only be read as far as its bytes go, and speak of nobody else's."""
    found = RevocationList.from_der(data, Purpose.TRAVEL_DOCUMENT)
    found.critical_unknown()
    assert len(found.serials) <= len(data) // 4
    for anchor in genuine.trust().anchors:
        found.speaks_of(anchor.certificate)


def read_trust_bundle(data: bytes) -> None:
    TrustStore.from_bytes(data)


TARGETS: dict[str, Target] = {
    "apdu": read_apdu,
    "atr_info": read_atr_info,
    "card_access": read_card_access,
    "card_security": read_card_security,
    "cns_card": judge_service_card,
    "cns_data": read_cns_data,
    "com": read_com,
    "dg1": read_dg1,
    "dg2": read_dg2,
    "dg11": read_dg11,
    "dg12": read_dg12,
    "dg14": read_dg14,
    "dg15": read_dg15,
    "document": judge_document,
    "face": read_face,
    "folder": examine_folder,
    "master_list": read_master_list,
    "mrz": read_mrz,
    "nis": judge_service_number,
    "revocation_list": read_revocation_list,
    "sealed_answer": open_sealed_answer,
    "sod": read_sod,
    "stranger": open_answer,
    "tlv": read_tlv,
    "trace": trace_conversation,
    "trust_bundle": read_trust_bundle,
}
