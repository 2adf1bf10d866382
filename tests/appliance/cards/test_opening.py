"""Every chip that may be opened is opened, whatever it dislikes; and none can make us loop."""

from __future__ import annotations

import dataclasses

import pytest

from appliance.cards import lds, tlv
from appliance.cards import security_infos as infos
from appliance.cards.apdu import Command, Response
from appliance.cards.channel import MAX_APDUS, MAX_EXCHANGED_BYTES
from appliance.cards.cipher import Suite
from appliance.cards.curves import CURVES
from appliance.cards.dh_groups import by_standard_number as standard_group
from appliance.cards.errors import CardRefused, CardUnreadable, MrzNeeded, WrongCan
from appliance.cards.evidence import Access, ChipProof
from appliance.cards.passive_authentication import card_security_keys
from appliance.cards.reading import READING_LIMIT_S
from appliance.cards.software import der
from appliance.cards.software.authority import make_test_authority
from appliance.cards.software.travel_document import Chaining
from appliance.cards.steps import Can, CanAndMrz, ReaderLimits
from appliance.cards.verdict import judge
from contracts.desk_api.clerk import VerdictKind

SHORT = ReaderLimits(261, 258)
LONG = ReaderLimits()


def with_chip(made, **changes):
    """The same card with another chip."""
    made.chip = dataclasses.replace(made.chip, **changes)
    return made


def offering(made, mapping, suite, parameter):
    """The same card with another PACE offer."""
    oid = infos.PACE_PREFIX + bytes((mapping, suite))
    raw = der.sequence(tlv.build(0x06, oid), der.integer(2), der.integer(parameter))
    listed = tlv.build(0x31, raw)
    free = {**made.chip.free_files, lds.CARD_ACCESS_FILE: listed}
    return with_chip(made, pace=infos.pace_infos(listed)[0], free_files=free)


# ---- suites, groups, curves


@pytest.mark.parametrize("parameter", [0, 1, 2])
@pytest.mark.parametrize("suite", list(Suite))
def test_every_group_with_every_suite(card, read, suite, parameter):
    evidence, _ = read(offering(card(), infos.PACE_DH_GM, suite, parameter), wanted={1})
    assert (evidence.access, set(evidence.groups)) == (Access.PACE, {1})


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_every_curve(card, read, curve):
    made = offering(card(), infos.PACE_ECDH_GM, Suite.AES_192, curve.standard_number)
    assert read(made, wanted={1})[0].access is Access.PACE


@pytest.mark.parametrize("suite", list(Suite))
def test_a_curve_with_every_suite(card, read, suite):
    made = offering(card(), infos.PACE_ECDH_GM, suite, 14)
    assert read(made, wanted={1})[0].access is Access.PACE


@pytest.mark.parametrize("key", ["can", "mrz_key"])
def test_by_can_and_by_printed_lines(card, read, key):
    made = card()
    secret = Can(made.can) if key == "can" else made.mrz_key
    assert read(made, secret, wanted={1})[0].access is Access.PACE


def test_parameters_spelt_out_instead_of_numbered(card, read):
    """A PACEInfo with a number of the card's own, and a PACEDomainParameterInfo that says what it stands for."""
    made = card("cie_aes")
    curve = next(one for one in CURVES if one.name == "brainpoolP320r1")
    own = der.integer(77)
    offer = der.sequence(
        tlv.build(0x06, infos.PACE_PREFIX + bytes((infos.PACE_ECDH_GM, 4))), der.integer(2), own
    )
    field = der.sequence(der.oid("1.2.840.10045.1.1"), der.integer(curve.p))
    size = curve.field_bytes
    numbers = der.sequence(
        der.octets(curve.a.to_bytes(size, "big")), der.octets(curve.b.to_bytes(size, "big"))
    )
    explicit = der.sequence(
        der.integer(1), field, numbers, der.octets(curve.encode(curve.generator)), der.integer(curve.n)
    )
    algorithm = der.sequence(der.oid("1.2.840.10045.2.1"), explicit)
    domain = der.sequence(tlv.build(0x06, infos.PACE_PREFIX + bytes((infos.PACE_ECDH_GM,))), algorithm, own)
    listed = tlv.build(0x31, offer + domain)
    free = {**made.chip.free_files, lds.CARD_ACCESS_FILE: listed}
    made = with_chip(made, pace=infos.pace_infos(listed)[0], free_files=free)
    assert made.chip.pace.agreement().curve is curve
    assert read(made, wanted={1})[0].access is Access.PACE


@pytest.mark.parametrize("oid", ["1.2.840.113549.1.3.1", "1.2.840.10046.2.1"], ids=["PKCS #3", "X9.42"])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_group_spelt_out_instead_of_numbered(card, read, number, oid):
    group = standard_group(number)
    order = [der.integer(group.q)] if oid.endswith("46.2.1") else []
    algorithm = der.sequence(der.oid(oid), der.sequence(der.integer(group.p), der.integer(group.g), *order))
    prefix = infos.PACE_PREFIX + bytes((infos.PACE_DH_GM,))
    offer = der.sequence(tlv.build(0x06, prefix + b"\x02"), der.integer(2), der.integer(40))
    listed = tlv.build(0x31, offer + der.sequence(tlv.build(0x06, prefix), algorithm, der.integer(40)))
    made = card()
    free = {**made.chip.free_files, lds.CARD_ACCESS_FILE: listed}
    made = with_chip(made, pace=infos.pace_infos(listed)[0], free_files=free)
    assert made.chip.pace.agreement().group is group
    assert read(made, wanted={1})[0].access is Access.PACE


@pytest.mark.parametrize("order", [(), (der.integer(3 * 5 * 7 * (1 << 160)),)])
def test_a_group_of_the_cards_own_is_no_offer(card, read, order):
    """In a group it chose, a card could compute what must stay hidden, and find out the code that was typed."""
    weak = (3 * 5 * 7 * (1 << 160)) * (1 << 900) + 1
    own = der.sequence(
        der.oid("1.2.840.113549.1.3.1"), der.sequence(der.integer(weak), der.integer(2), *order)
    )
    offer = der.sequence(
        tlv.build(0x06, infos.PACE_PREFIX + bytes((infos.PACE_DH_GM, 1))), der.integer(2), der.integer(40)
    )
    domain = der.sequence(
        tlv.build(0x06, infos.PACE_PREFIX + bytes((infos.PACE_DH_GM,))), own, der.integer(40)
    )
    listed = tlv.build(0x31, offer + domain)
    assert [one.is_supported for one in infos.pace_infos(listed)] == [False]
    made = card()
    object.__setattr__(made.chip, "free_files", {**made.chip.free_files, lds.CARD_ACCESS_FILE: listed})
    with pytest.raises(MrzNeeded):
        read(made)


def test_parameters_nobody_spells_out_are_no_offer(card, read):
    made = offering(card("cie_aes"), infos.PACE_ECDH_GM, 4, 77)
    with pytest.raises(MrzNeeded):
        read(made)


# ---- a mapping that proves the chip


def test_the_opening_proves_the_chip(card, read, trust, instant):
    evidence, _ = read(card("passport_cam"), card("passport_cam").mrz_key)
    assert (evidence.mapping_proof, evidence.chip_proof) == (ChipProof.PROVEN, ChipProof.NOT_TRIED)
    assert judge(evidence, trust, instant).kind is VerdictKind.VERIFIED


@pytest.mark.parametrize("spoil", ["none", "byte", "other_state", "other_key"])
def test_only_a_signed_key_proves_anything(card, read, trust, instant, now, spoil):
    made = card("passport_cam")
    evidence, _ = read(made, made.mrz_key)
    security = evidence.card_security
    if spoil == "none":
        changed = None
    elif spoil == "byte":
        changed = security[:-1] + bytes([security[-1] ^ 1])
    elif spoil == "other_state":
        changed = make_test_authority(now=now, seed=b"stranger").card_security(card_security_keys(security))
    else:
        other = card("cie_aes")
        changed = make_test_authority(now=now).security_object(other.chip.files)
    verdict = judge(dataclasses.replace(evidence, card_security=changed), trust, instant)
    assert (verdict.kind, verdict.code) == (VerdictKind.CHIP_UNPROVEN, "chip.unproven")


def test_a_chip_that_keeps_its_proof_back_is_no_original(card, read, trust, instant):
    made = card("passport_cam")
    made.chip = dataclasses.replace(made.chip, chip_key=None)
    evidence, _ = read(made, made.mrz_key)
    assert evidence.mapping_proof is ChipProof.FAILED
    assert judge(evidence, trust, instant).kind is VerdictKind.REFUSED


def test_a_document_without_a_can_asks_for_its_lines(card, read):
    with pytest.raises(MrzNeeded):
        read(card("passport"), Can("123456"))


# ---- the ladder


@pytest.mark.parametrize(
    ("habit", "limits"),
    [
        (Chaining.ANY, LONG),
        (Chaining.REFUSES_THE_BIT, LONG),
        (Chaining.BLOCKS_ONLY, LONG),
        (Chaining.NO_BLOCKS, LONG),
        (Chaining.ANY, SHORT),
        (Chaining.REFUSES_THE_BIT, SHORT),
        (Chaining.BLOCKS_ONLY, SHORT),
    ],
)
def test_a_cie_opens_with_its_can_whatever_it_takes(card, read, habit, limits):
    evidence, _ = read(with_chip(card(), chaining=habit), limits=limits)
    assert (evidence.access, evidence.chip_proof) == (Access.PACE, ChipProof.PROVEN)
    assert 2 in evidence.groups


def test_a_chip_without_blocks_and_a_small_reader_need_the_printed_lines(card, read):
    made = with_chip(card(), chaining=Chaining.NO_BLOCKS)
    with pytest.raises(MrzNeeded):
        read(made, Can(made.can), limits=SHORT)
    made.reset()
    evidence, _ = read(made, CanAndMrz(Can(made.can), made.mrz_key), limits=SHORT)
    assert evidence.access is Access.BAC
    assert evidence.chip_proof is ChipProof.NOT_POSSIBLE, "a refused chain proves nothing against the chip"
    assert 2 in evidence.groups


def test_a_chip_that_drops_the_session_over_a_chain_is_opened_again(card, read):
    made = card()

    def transmit(raw):
        command = Command.decode(raw)
        if command.cla & 0x1C == 0x1C:
            made.reset()
            return Response(b"", 0x6884).encode()
        return made.transmit(raw)

    evidence, _ = read(made, Can(made.can), limits=SHORT, transmit=transmit)
    assert (evidence.access, evidence.chip_proof) == (Access.PACE, ChipProof.NOT_POSSIBLE)
    assert 2 in evidence.groups


@pytest.mark.parametrize("habit", list(Chaining))
@pytest.mark.parametrize("limits", [LONG, SHORT])
def test_no_rung_is_tried_after_a_wrong_code(card, read, habit, limits):
    if habit is Chaining.NO_BLOCKS and limits is SHORT:
        return  # such a chip never hears the code
    made = with_chip(card(), chaining=habit)
    tokens = 0

    def transmit(raw):
        nonlocal tokens
        tokens += raw[5:9] == bytes.fromhex("7C0A8508")
        return made.transmit(raw)

    with pytest.raises(WrongCan):
        read(made, CanAndMrz(Can("654321"), made.mrz_key), limits=limits, transmit=transmit)
    assert tokens == 1


@pytest.mark.parametrize("status_word", [0x6A80, 0x6300, 0x6982])
def test_other_refusals_are_not_argued_with(card, read, status_word):
    made, resets = card(), []

    def transmit(raw):
        if raw[:2] == b"\x10\x86" and len(raw) > 20:
            resets.append(raw)
            return Response(b"", status_word).encode()
        return made.transmit(raw)

    with pytest.raises(CardRefused):
        read(made, transmit=transmit)
    assert len(resets) == 1


# ---- files


def test_a_chip_without_short_identifiers(card, read):
    plain, _ = read(with_chip(card(), short_identifiers=False))
    quick, _ = read(card())
    assert plain.groups.keys() == quick.groups.keys()
    assert plain.apdus > quick.apdus


def test_what_a_reading_costs(card, read):
    """The figures of `make bench`, as bounds that hold on any machine."""
    for limits, most in ((LONG, 40), (SHORT, 110)):
        evidence, _ = read(card(), limits=limits)
        assert evidence.chip_proof is ChipProof.PROVEN
        assert evidence.apdus <= most


# ---- bounds


def test_a_file_that_grows_while_it_is_read_comes_to_an_end(card, read):
    made, sent = card(), []

    def transmit(raw):
        sent.append(raw)
        if raw[1] == 0x84 or raw[0] & 0x0C:
            return made.transmit(raw)
        return b"\x00" * 200 + b"\x61\xff"

    with pytest.raises(CardUnreadable) as refused:
        read(made, transmit=transmit)
    assert refused.value.facts["reason"] in ("too_many_commands", "too_many_bytes", "tlv", "apdu_length")
    assert len(sent) <= MAX_APDUS


def test_never_more_than_so_many_commands(card, read):
    sent = []

    def transmit(raw):
        sent.append(raw)
        return b"\x00\x61\x10"

    with pytest.raises(CardUnreadable) as refused:
        read(card(), transmit=transmit)
    assert refused.value.facts["reason"] == "too_many_commands"
    assert len(sent) == MAX_APDUS == 400


def test_never_more_than_so_many_bytes(card, read):
    exchanged = 0

    def transmit(raw):
        nonlocal exchanged
        answer = bytes(65000) + b"\x61\xff" if raw[1] == 0xC0 else b"\x61\xff"
        exchanged += len(raw) + len(answer)
        return answer

    with pytest.raises(CardUnreadable) as refused:
        read(card(), transmit=transmit)
    assert refused.value.facts["reason"] == "too_many_bytes"
    assert exchanged <= MAX_EXCHANGED_BYTES + 65100


def test_the_longest_reading():
    assert READING_LIMIT_S == 30.0
