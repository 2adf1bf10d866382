"""Whole readings against the software card, byte by byte, and what happens when one of the two misbehaves."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.cards import lds, tlv
from appliance.cards.apdu import Command, Response
from appliance.cards.conversation import read_document
from appliance.cards.errors import (
    CardError,
    CardGone,
    CardRefused,
    CardUnreadable,
    MalformedCode,
    MrzNeeded,
    NotADocument,
    SecureMessagingLost,
    WrongCan,
    WrongMrz,
)
from appliance.cards.evidence import Access, ChipProof
from appliance.cards.mrz import MrzKey
from appliance.cards.steps import Can, CanAndMrz, IdentityRead, Progress, ReaderLimits, Stage

SHORT = ReaderLimits(261, 258)


@pytest.mark.parametrize(
    ("name", "access", "proof"),
    [
        ("cie", Access.PACE, ChipProof.PROVEN),
        ("cie_aldo", Access.PACE, ChipProof.PROVEN),
        ("cie_aes", Access.PACE, ChipProof.PROVEN),
        ("cie_bac_only", Access.BAC, ChipProof.PROVEN),
        ("cie_without_chip_key", Access.PACE, ChipProof.NOT_OFFERED),
        ("cie_cloned", Access.PACE, ChipProof.FAILED),
        ("cie_cloned_silent", Access.PACE, ChipProof.FAILED),
    ],
)
def test_a_reading(card, read, name, access, proof):
    made = card(name)
    evidence, _ = read(made, CanAndMrz(Can(made.can), made.mrz_key))
    assert (evidence.access, evidence.chip_proof) == (access, proof)
    for number, data in evidence.groups.items():
        assert data == made.chip.files[lds.group_file(number)]
    assert evidence.sod == made.chip.files[lds.SOD_FILE]
    assert (2 in evidence.groups) == (proof is not ChipProof.FAILED)


@pytest.mark.parametrize("name", ["cie", "cie_aes"])
def test_the_printed_lines_open_it_too(card, read, name):
    made = card(name)
    evidence, _ = read(made, made.mrz_key)
    assert evidence.access is Access.PACE


def test_name_first_photo_last(card, read):
    _, told = read(card())
    kinds = [type(step).__name__ if isinstance(step, IdentityRead) else step.stage for step in told]
    assert kinds.index("IdentityRead") < kinds.index(Stage.PHOTO)
    identity = next(step for step in told if isinstance(step, IdentityRead))
    assert (identity.surname, identity.given_names) == ("ESEMPIO", "MARIA")
    ratios = [step.ratio for step in told if isinstance(step, Progress)]
    assert ratios == sorted(ratios)
    assert (ratios[0], ratios[-1]) == (0.0, 1.0)


def test_long_reads_halve_the_commands(card, read):
    long, _ = read(card("cie_aes"))
    short, _ = read(card("cie_aes"), limits=SHORT)
    assert long.groups.keys() == short.groups.keys()
    assert long.apdus < short.apdus / 2


def test_a_wrong_can_is_said_and_tried_once(card, read):
    made = card()
    with pytest.raises(WrongCan):
        read(made, Can("654321"))
    starts = made.commands_seen
    made.reset()
    with pytest.raises(WrongCan):
        read(made, CanAndMrz(Can("654321"), made.mrz_key))
    assert made.commands_seen == starts, "no second way was tried after the refusal"


@pytest.mark.parametrize("name", ["cie", "cie_bac_only"])
def test_wrong_lines_are_said(card, read, name):
    with pytest.raises(WrongMrz):
        read(card(name), MrzKey("CA99999ZZ", "850412", "320412"))


def test_a_card_without_pace_asks_for_the_lines(card, read):
    with pytest.raises(MrzNeeded):
        read(card("cie_bac_only"), Can("123456"))


@pytest.mark.parametrize("digits", ["12345", "1234567", "12345a", "١٢٣٤٥٦", ""])
def test_a_can_is_six_digits(digits):
    with pytest.raises(MalformedCode) as caught:
        Can(digits)
    assert digits == "" or digits not in str(caught.value)


def test_a_card_of_another_kind(read, card):
    with pytest.raises(NotADocument):
        read(card(), transmit=lambda raw: b"\x6a\x82")


def test_a_torn_card(card, read):
    with pytest.raises(CardGone):
        read(card("cie_torn"))


def test_a_card_that_dislikes_the_chaining_bit_is_asked_again(card, read):
    """As a CIE of 2023 was reported to do: 6985 to the second GENERAL AUTHENTICATE with CLA 10."""
    made = card()
    seen = []

    def fussy(raw):
        seen.append(raw[0])
        if raw[0] == 0x10 and len(raw) > 20:
            return b"\x69\x85"
        return made.transmit(raw)

    evidence, _ = read(made, transmit=fussy)
    assert evidence.access is Access.PACE
    assert seen.count(0x10) == 2


@pytest.mark.parametrize("status_word", ["6985", "6A80", "6988", "6700"])
@pytest.mark.parametrize("name", ["cie", "cie_aes"])
def test_a_card_that_dislikes_the_token_is_not_asked_again(card, read, name, status_word):
    """Whatever it says: it may have counted a wrong code."""
    made = card(name)
    tokens = 0

    def strict(raw):
        nonlocal tokens
        if raw[:2] == b"\x00\x86":
            tokens += 1
            return bytes.fromhex(status_word)
        return made.transmit(raw)

    with pytest.raises(CardRefused):
        read(made, CanAndMrz(Can(made.can), made.mrz_key), transmit=strict)
    assert tokens == 1


def test_a_card_that_names_the_length_it_wants(card, read):
    made = card()

    def precise(raw):
        if raw == bytes.fromhex("00B0000000"):
            return bytes((0x6C, len(made._current)))
        return made.transmit(raw)

    evidence, _ = read(made, transmit=precise)
    assert evidence.access is Access.PACE


def test_long_reads_announced_but_not_kept(card, read):
    made = card("cie_aes")

    def mean(raw):
        command = Command.decode(raw)
        if command.ins == 0xB0 and command.extended:
            made.reset()
            return b"\x67\x00"
        return made.transmit(raw)

    evidence, _ = read(made, transmit=mean)
    assert 2 in evidence.groups


def test_a_listed_group_the_card_does_not_give(card, read):
    made = card()
    files = {number: data for number, data in made.chip.files.items() if number != lds.group_file(14)}
    object.__setattr__(made.chip, "files", files)
    evidence, _ = read(made)
    assert evidence.missing == {14}
    assert evidence.chip_proof is ChipProof.FAILED


def with_file(card, file_id, content):
    made = card()
    object.__setattr__(made.chip, "files", {**made.chip.files, file_id: content})
    return made


@pytest.mark.parametrize(
    ("file_id", "content", "reason"),
    [
        (lds.group_file(1), tlv.build(0x61, bytes(5000)), "file_too_long"),
        (lds.group_file(2), bytes.fromhex("7584FFFFFFFF00000000"), "file_too_long"),
        (lds.group_file(2), bytes.fromhex("75827000") + bytes(50), "no_progress"),
        (lds.group_file(11), tlv.build(0x6D, b"1234567890"), "wrong_tag"),
        (lds.group_file(11), bytes.fromhex("6B80000000000000"), "tlv"),
        (lds.SOD_FILE, tlv.build(0x77, b"no security object"), "sod"),
    ],
)
def test_hostile_files(card, read, file_id, content, reason):
    with pytest.raises(CardUnreadable) as caught:
        read(with_file(card, file_id, content))
    assert caught.value.facts["reason"] == reason


def test_a_card_that_never_ends_is_left(card, read):
    """One byte at a time, for ever."""
    made = card()
    inner = made._piece
    made._piece = lambda offset, expected: inner(offset, min(expected or 1, 1) if offset > 8 else expected)
    with pytest.raises(CardUnreadable) as caught:
        read(made)
    assert caught.value.facts["reason"] == "too_many_commands"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.sampled_from(["cie_aes", "passport_aa_ec"]), st.integers(0, 44), st.binary(max_size=80))
def test_whatever_the_card_says_only_our_errors_come_out(card, read, name, place, answer):
    """At one moment of the reading the card answers garbage."""
    made = card(name)
    count = 0

    def babble(raw):
        nonlocal count
        count += 1
        return answer if count == place + 1 else made.transmit(raw)

    try:
        read(made, transmit=babble)
    except CardError:
        return


def test_fingerprints_are_never_asked_for(card, read):
    made = card()
    asked = []

    def watch(raw):
        asked.append(raw)
        return made.transmit(raw)

    evidence, _ = read(made, transmit=watch, wanted={1, 3, 4})
    assert set(evidence.groups) == {1}
    assert evidence.chip_proof is ChipProof.NOT_TRIED


def test_nothing_secret_in_what_could_be_logged(card, read):
    made = card()
    secret = CanAndMrz(Can(made.can), made.mrz_key)
    evidence, told = read(made, secret)
    shown = repr(secret) + repr(evidence) + repr(told) + repr(made.chip) + repr(evidence.identity(made_day()))
    for word in (made.can, "ESEMPIO", "SMPMRA", "CA00000AA", "850412"):
        assert word not in shown


def made_day():
    import datetime

    return datetime.date(2026, 11, 23)


# ---------------------------------------------------------------- the card's own manners


def test_the_card_gives_nothing_before_it_is_opened(card):
    made = card()
    assert made.transmit(bytes.fromhex("00A4040C07A0000002471001")) == b"\x90\x00"
    assert made.transmit(bytes.fromhex("00A4020C020101")) == b"\x69\x82"
    assert made.transmit(bytes.fromhex("00B0810000")) == b"\x69\x82"
    assert made.transmit(bytes.fromhex("00224 1A604910201FF".replace(" ", ""))) == b"\x69\x82"


def test_a_wrong_mac_ends_the_card_session(card):
    made = card("cie_aes")
    conversation = read_document(Can(made.can))
    step, answer = next(conversation), b""
    while made._session is None:
        answer = made.transmit(step.command) if hasattr(step, "command") else b""
        step = conversation.send(answer)
    conversation.close()
    bad = Command(0x0C, 0xA4, 0x02, 0x0C, tlv.build(0x8E, bytes(8)), 256)
    assert made.transmit(bad.encode()) == b"\x69\x88"
    assert made.transmit(bad.encode()) == b"\x69\x88"
    assert made._session is None


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_card_answers_anything_with_a_status_word(card, commands):
    made = card("cie_bac_only")
    for raw in commands:
        assert Response.decode(made.transmit(raw)).status_word >= 0x6000


def test_a_session_does_not_outlive_a_plain_command(card, read):
    made = card()
    count = 0

    def meddle(raw):
        nonlocal count
        count += 1
        if count == 14:
            made.transmit(bytes.fromhex("0084000008"))
        return made.transmit(raw)

    with pytest.raises((SecureMessagingLost, CardRefused)):
        read(made, transmit=meddle)


def test_what_a_technician_may_see(good_evidence):
    assert good_evidence.technical == (
        "card: travel_document",
        "access: pace",
        "chip: proven",
        "chip_authentication: proven",
        "active_authentication: not_tried",
        "mapping: not_offered",
    )
    assert good_evidence.signed_object == good_evidence.sod
