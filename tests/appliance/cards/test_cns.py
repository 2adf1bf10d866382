"""TS-CNS, old and new: what is read from them, what the verdict makes of it, and what a PIN proves."""

from __future__ import annotations

import dataclasses
import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.cards import cns_data
from appliance.cards.apdu import Response
from appliance.cards.cns import Pin, read_cns
from appliance.cards.cns_evidence import Possession
from appliance.cards.cns_verdict import judge_cns
from appliance.cards.errors import (
    CardError,
    CardGone,
    CodeNeeded,
    MalformedCode,
    MalformedData,
    NotADocument,
    PinBlocked,
    PinSpared,
    WrongPin,
)
from appliance.cards.reading import read_and_judge
from appliance.cards.software.cns_card import PIN, CnsKind, issue_cns, personal_data
from appliance.cards.software.persona import ALDO, MARIA
from appliance.cards.software.shelf import issue
from appliance.cards.software.trusted import demo_trust
from appliance.cards.steps import IdentityRead, ReaderLimits, Transmit
from appliance.cards.trust import empty
from appliance.cards.verdict import Instant, NotChecked
from contracts.desk_api.clerk import VerdictKind

DAY = datetime.date(2024, 5, 1)
CONTACT = ReaderLimits(261, 258)


class Session:
    """A card in a slot of a reader for short commands."""

    max_command_bytes, max_response_bytes = 261, 258

    def __init__(self, card):
        self.card, self.seen = card, []

    def transmit(self, command):
        self.seen.append(command)
        return self.card.transmit(command)

    def reset(self):
        self.card.reset()


def read(card, now, *, pin=None, trust=None, trusted=True, told=None):
    return read_and_judge(
        Session(card),
        None,
        trust or demo_trust(now),
        Instant(now, trusted=trusted),
        None if told is None else told.append,
        pin=None if pin is None else Pin(pin),
    )


# ---- the whole reading


@pytest.mark.parametrize(
    ("kind", "pin", "verdict", "code"),
    [
        (CnsKind.CLASSIC, None, VerdictKind.CHIP_UNPROVEN, "cns.possession_unproven"),
        (CnsKind.APPLET, None, VerdictKind.CHIP_UNPROVEN, "cns.possession_unproven"),
        (CnsKind.CLASSIC, PIN, VerdictKind.VERIFIED, "cns.data_genuine"),
        (CnsKind.APPLET, PIN, VerdictKind.VERIFIED, "cns.data_genuine"),
        (CnsKind.EXPIRED, PIN, VerdictKind.REFUSED, "document.expired"),
        (CnsKind.TAMPERED, None, VerdictKind.REFUSED, "cns.data_altered"),
        (CnsKind.TAMPERED, PIN, VerdictKind.REFUSED, "cns.data_altered"),
        (CnsKind.CLONED, None, VerdictKind.CHIP_UNPROVEN, "cns.possession_unproven"),
        (CnsKind.CLONED, PIN, VerdictKind.REFUSED, "cns.not_original"),
        (CnsKind.UNKNOWN_AUTHORITY, PIN, VerdictKind.NOT_VERIFIED, "signer.authority_unknown"),
    ],
)
def test_each_card_has_the_verdict_it_deserves(kind, pin, verdict, code, now):
    _, judged = read(issue_cns(kind, now), now, pin=pin)
    assert (judged.kind, judged.code) == (verdict, code)
    assert len(judged.lines) <= 4
    assert {NotChecked.PHOTO, NotChecked.THEFT, NotChecked.REVOCATION} <= set(judged.not_checked)


def test_the_holder_is_named_before_the_certificate_is_read(now):
    told = []
    evidence, verdict = read(issue_cns(CnsKind.CLASSIC, now), now, told=told)
    named = next(step for step in told if isinstance(step, IdentityRead))
    assert (named.surname, named.given_names) == ("ESEMPIO", "MARIA")
    assert verdict.identity.codice_fiscale == MARIA.codice_fiscale
    assert verdict.portrait is None
    assert evidence.technical == ("card: cns", "layout: classic", "possession: not_tried")
    assert evidence.apdus < 25


def test_nobody_is_named_by_altered_data(now):
    _, verdict = read(issue_cns(CnsKind.TAMPERED, now), now)
    assert verdict.identity is None


def test_a_doubtful_hour_gives_no_green(now):
    _, verdict = read(issue_cns(CnsKind.CLASSIC, now), now, pin=PIN, trusted=False)
    assert (verdict.kind, verdict.code) == (VerdictKind.NOT_VERIFIED, "time.untrusted")


def test_who_believes_nobody_believes_no_card(now):
    _, verdict = read(issue_cns(CnsKind.CLASSIC, now), now, pin=PIN, trust=empty(now.date()))
    assert verdict.kind is VerdictKind.NOT_VERIFIED


def test_an_authority_for_passports_vouches_for_no_cns(now):
    trust = demo_trust(now)
    swapped = dataclasses.replace(
        trust, anchors=tuple(dataclasses.replace(one, purpose="travel_document") for one in trust.anchors)
    )
    _, verdict = read(issue_cns(CnsKind.CLASSIC, now), now, pin=PIN, trust=swapped)
    assert verdict.code == "signer.authority_unknown"


def test_data_and_certificate_of_two_cards(now):
    evidence, _ = read(issue_cns(CnsKind.CLASSIC, now), now)
    other = dataclasses.replace(evidence, card_number=b"6090000000000018")
    verdict = judge_cns(other, demo_trust(now), Instant(now, trusted=True))
    assert (verdict.kind, verdict.code) == (VerdictKind.REFUSED, "cns.other_card")


def test_a_certificate_that_speaks_of_no_data(now):
    evidence, _ = read(issue_cns(CnsKind.CLASSIC, now), now)
    bare = dataclasses.replace(evidence, certificate=None)
    verdict = judge_cns(bare, demo_trust(now), Instant(now, trusted=True))
    assert (verdict.kind, verdict.code) == (VerdictKind.NOT_VERIFIED, "cns.certificate_missing")


def test_a_hash_over_the_filled_part_alone_counts_too(now):
    data = personal_data(MARIA, DAY, DAY)
    content = cns_data.parse_personal_data(data).content_bytes
    name = cns_data.common_name(MARIA.codice_fiscale, "6090000000000000", data[:content])
    found = cns_data._COMMON_NAME.fullmatch(name)
    assert found
    certificate = issue_cns(CnsKind.CLASSIC, now).chip.files[bytes.fromhex("11001101")]
    binding = cns_data.binding_of(cns_data.load_certificate(cns_data.certificate_in(certificate)))
    assert binding.codice_fiscale == MARIA.codice_fiscale
    whole = dataclasses.replace(binding, data_sha1=cns_data.hashlib.sha1(data[:content]).digest())
    assert whole.covers(data, content)
    assert not whole.covers(data.replace(b"MARIA", b"MARTA"), content)


# ---- the PIN


def test_a_wrong_pin_is_tried_once_and_says_what_is_left(now):
    card = issue_cns(CnsKind.CLASSIC, now)
    with pytest.raises(WrongPin) as refused:
        read(card, now, pin="11111")
    assert (refused.value.attempts_left, card.tries_left) == (2, 2)


def test_the_last_try_is_left_to_the_holder(now):
    card = issue_cns(CnsKind.CLASSIC, now)
    card.tries_left = 1
    with pytest.raises(PinSpared):
        read(card, now, pin=PIN)
    assert card.tries_left == 1


def test_a_blocked_pin(now):
    card = issue_cns(CnsKind.CLASSIC, now)
    card.tries_left = 0
    with pytest.raises(PinBlocked):
        read(card, now, pin=PIN)


def test_a_pin_of_another_shape_never_reaches_the_card():
    for text in ("", "1234", "123456789", "12a45", "\uff11\uff12\uff13\uff14\uff15"):
        with pytest.raises(MalformedCode):
            Pin(text)
    assert "24680" not in repr(Pin("24680"))


def test_the_same_challenge_never_comes_twice(now):
    card = issue_cns(CnsKind.CLASSIC, now)
    asked = []
    for _ in range(2):
        session = Session(card)
        read_and_judge(session, None, demo_trust(now), Instant(now, trusted=True), pin=Pin(PIN))
        asked.append([command for command in session.seen if command[1] == 0x2A])
    assert asked[0] != asked[1]


# ---- other cards, and cards that leave


def test_a_travel_document_asks_for_its_code(now):
    with pytest.raises(CodeNeeded):
        read(issue("cie", now), now)


def test_a_card_of_another_kind(now):
    class Stranger:
        def transmit(self, command):
            return b"\x6a\x82"

    with pytest.raises(NotADocument):
        read(Stranger(), now)


def test_a_card_pulled_in_the_middle(now):
    card = issue_cns(CnsKind.CLASSIC, now)
    left = iter(range(4))

    class Leaving:
        def transmit(self, command):
            if next(left, None) is None:
                raise CardGone("gone")
            return card.transmit(command)

    with pytest.raises(CardGone):
        read(Leaving(), now)


def test_answers_in_pieces_as_protocol_t0_gives_them(now):
    """61xx asks to fetch, 6Cxx tells the length."""
    card = issue_cns(CnsKind.CLASSIC, now)
    kept = b""

    def transmit(command):
        nonlocal kept
        if command[1] == 0xC0:
            piece, kept = kept[: command[4] or 256], kept[command[4] or 256 :]
            more = 0x6100 | min(len(kept), 0xFF) if kept else 0x9000
            return Response(piece, more).encode()
        answer = Response.decode(card.transmit(command))
        if command[1] == 0xB0 and len(answer.data) < command[4]:
            return Response(b"", 0x6C00 | len(answer.data)).encode() if answer.ok else answer.encode()
        if command[1] in (0xA4, 0x2A) and answer.data:
            kept = answer.data
            return Response(b"", 0x6100 | min(len(kept), 0xFF)).encode()
        return answer.encode()

    conversation, answer = read_cns(Pin(PIN), limits=CONTACT), None
    try:
        while True:
            step = conversation.send(answer)
            answer = transmit(step.command) if isinstance(step, Transmit) else b""
    except StopIteration as end:
        evidence = end.value
    assert evidence.possession is Possession.PROVEN


# ---- bytes


def test_fields_by_name_never_by_place():
    read_back = cns_data.parse_personal_data(personal_data(ALDO, DAY, DAY))
    assert (read_back.surname, read_back.given_names, read_back.birth) == (
        "PROVA INVENTATA",
        "ALDO",
        ALDO.birth,
    )
    assert (read_back.codice_fiscale, read_back.expiry, read_back.sex) == (ALDO.codice_fiscale, DAY, "M")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: b"000000" + raw[6:],
        lambda raw: b"FFFFFF" + raw[6:],
        lambda raw: b"00018B" + raw[6:],
        lambda raw: b"zzzzzz" + raw[6:],
        lambda raw: raw[:6] + b"FF" + raw[8:],
        lambda raw: raw[:5],
        lambda raw: raw.replace(MARIA.codice_fiscale.encode(), b"SMPMRA85D52H501A"),
        lambda raw: raw.replace(b"12041985", b"32131985"),
        lambda raw: b"",
    ],
)
def test_lengths_and_fields_that_cannot_be(spoil):
    with pytest.raises(MalformedData):
        cns_data.parse_personal_data(spoil(personal_data(MARIA, DAY, DAY)))


@given(st.binary(max_size=420))
def test_anything_at_all_is_read_or_refused(raw):
    for parse in (
        cns_data.parse_personal_data,
        cns_data.parse_card_number,
        cns_data.certificate_in,
        cns_data.load_certificate,
    ):
        try:
            parse(raw)
        except CardError:
            continue


@given(st.integers(0, 399), st.integers(0, 255))
def test_one_changed_byte_is_never_taken_for_genuine(place, value):
    raw = bytearray(personal_data(MARIA, DAY, DAY))
    if raw[place] == value:
        return
    binding = cns_data.Binding("", "", cns_data.hashlib.sha1(bytes(raw)).digest())
    raw[place] = value
    assert not binding.covers(bytes(raw), 399)


def test_the_number_of_a_card():
    assert cns_data.luhn_digit("7992739871") == "3"
    number = "609000000000000" + cns_data.luhn_digit("609000000000000")
    assert cns_data.parse_card_number(number.encode()) == number
    for wrong in (number[:-1].encode() + b"0", number[:-1].encode(), b"ABCD" + number[4:].encode()):
        with pytest.raises(MalformedData):
            cns_data.parse_card_number(wrong)
