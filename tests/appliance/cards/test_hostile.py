"""No card, however evil, gets more out of us than one of our own errors, 400 commands, 256 kB and 30 s; never a false green."""

from __future__ import annotations

import time
import unicodedata

import pytest

from appliance.cards import cie_nis, lds, tlv
from appliance.cards.channel import MAX_APDUS, MAX_READ_BYTES
from appliance.cards.errors import CardError, CardUnreadable
from appliance.cards.reading import READING_LIMIT_S, read_and_judge, read_and_judge_nis
from appliance.cards.software import der
from appliance.cards.software.hostile import Hostility, bomb
from appliance.cards.software.persona import portrait_jpeg2000
from appliance.cards.software.shelf import CardName, issue
from appliance.cards.software.trusted import demo_trust
from appliance.cards.steps import CanAndMrz
from appliance.cards.verdict import NotChecked, Reason, without_photo
from contracts.desk_api.clerk import VerdictKind

LONGEST_ANSWER_BYTES = 65538

EXPECTED = {
    Hostility.FILE_OVER_CAP: "file_too_long",
    Hostility.FILE_CLAIMS_4_GIB: "file_too_long",
    Hostility.FILE_BYTE_BY_BYTE: "too_many_commands",
    Hostility.FILE_STANDS_STILL: "no_progress",
    Hostility.FILE_INDEFINITE: "tlv",
    Hostility.FILES_TOO_MANY_BYTES: "file_too_long",
    Hostility.MORE_TO_COME_FOREVER: "card.refused",
    Hostility.MORE_TO_COME_WITH_DATA: "too_many_commands",
    Hostility.OTHER_LENGTH_FOREVER: "card.refused",
    Hostility.END_OF_FILE_FOREVER: "card.mrz_needed",
    Hostility.LONGER_THAN_ASKED: "apdu_length",
    Hostility.SELECT_FLOODS: "unexpected_objects",
    Hostility.LONG_READS_ANNOUNCED: VerdictKind.VERIFIED,
    Hostility.SOD_NESTED: "sod",
    Hostility.SOD_LISTS_200: "sod",
    Hostility.SOD_LISTS_TWICE: "sod",
    Hostility.SOD_OVERLONG_OID: "sod",
    Hostility.SIGNER_EXPONENT_ONE: VerdictKind.REFUSED,
    Hostility.SIGNER_HUGE_MODULUS: VerdictKind.REFUSED,
    Hostility.OFFERS_OVERLONG_OID: "card.mrz_needed",
    Hostility.DH_ZERO: "dh_value",
    Hostility.DH_ONE: "dh_value",
    Hostility.DH_MINUS_ONE: "dh_value",
    Hostility.DH_MODULUS: "dh_value",
    Hostility.DH_WRONG_SUBGROUP: "dh_value",
    Hostility.EC_OFF_CURVE: "ec_point",
    Hostility.EC_INFINITY: "ec_point",
    Hostility.EC_TWIN_OF_OURS: "card.wrong_can",
    Hostility.ECHO_MAPPING: "pace_echo",
    Hostility.ECHO_AGREEMENT: "pace_echo",
    Hostility.ECHO_PROOF: "the card's token is wrong",
    Hostility.NONCE_EMPTY: "pace_nonce",
    Hostility.WRONG_CODE_FOREVER: "card.refused",
    Hostility.CHIP_KEY_OFF_CURVE: VerdictKind.REFUSED,
    Hostility.CHIP_KEY_WITHOUT_FIELD: VerdictKind.CHIP_UNPROVEN,
    Hostility.CHIP_KEY_UNKNOWN_SUITE: VerdictKind.CHIP_UNPROVEN,
    Hostility.SM_PLAIN: "plain_status",
    Hostility.SM_NO_MAC: "unexpected_objects",
    Hostility.SM_SHORT_MAC: "wrong_mac",
    Hostility.SM_EMPTY_MAC: "wrong_mac",
    Hostility.SM_EXTRA_OBJECT: "unexpected_objects",
    Hostility.SM_TWO_CRYPTOGRAMS: "unexpected_objects",
    Hostility.SM_OTHER_STATUS: "status_mismatch",
    Hostility.SM_REPLAYED: "wrong_mac",
    Hostility.NAME_ESCAPES: VerdictKind.VERIFIED,
    Hostility.NAME_ENDLESS: VerdictKind.CHIP_UNPROVEN,
    Hostility.PHOTO_BOMB: VerdictKind.VERIFIED,
    Hostility.PHOTO_CUT: VerdictKind.VERIFIED,
    Hostility.ATR_GARBAGE: VerdictKind.VERIFIED,
    Hostility.SILENT: "apdu_length",
    Hostility.CNS_LENGTH_LIES: "cns_length",
    Hostility.CNS_FIELD_PAST_END: "cns_length",
    Hostility.CNS_CERTIFICATE_ENDLESS: "cns_certificate",
    Hostility.CNS_NAME_ESCAPES: VerdictKind.REFUSED,
    Hostility.CNS_FLOODS: "apdu_length",
}
"""The reason or code of the one error that comes out, or the verdict."""


class Contacts:
    """A session that counts what goes over it."""

    def __init__(self, card, *, short=False, transmit=None):
        self.max_command_bytes, self.max_response_bytes = (261, 258) if short else (65544, 65538)
        self.commands, self.bytes_exchanged, self.resets = 0, 0, 0
        self._card, self._transmit = card, transmit or card.transmit

    def transmit(self, command):
        answer = self._transmit(command)
        self.commands += 1
        self.bytes_exchanged += len(command) + len(answer)
        return answer

    def reset(self):
        self.resets += 1
        self._card.reset()


def outcome(contacts, secret, now, instant):
    """The one error's reason or code, or the verdict; the bounds held either way."""
    begin_s = time.process_time()
    try:
        _, verdict = read_and_judge(contacts, secret, demo_trust(now), instant)
    except CardError as error:
        verdict, told = None, error.facts.get("reason") if error.code in _TOLD_APART else error.code
    else:
        told = verdict.kind
    assert contacts.commands <= MAX_APDUS
    assert contacts.bytes_exchanged <= MAX_READ_BYTES + LONGEST_ANSWER_BYTES
    assert contacts.resets <= 3
    assert time.process_time() - begin_s < READING_LIMIT_S / 3
    return told, verdict


_TOLD_APART = {"card.malformed", "card.unreadable", "card.session_lost"}


@pytest.mark.parametrize("hostility", Hostility)
def test_every_hostile_card(now, instant, hostility):
    card = issue(f"hostile_{hostility}", now)
    told, verdict = outcome(Contacts(card), card.opens_with, now, instant)
    assert told == EXPECTED[hostility]
    if told is VerdictKind.VERIFIED:
        person = verdict.identity
        assert "ESEMPIO" in person.surname
        assert person.codice_fiscale in ("SMPMRA85D52H501E", None)


@pytest.mark.parametrize("hostility", [one for one in Hostility if not one.startswith("cns")])
def test_on_a_small_reader_with_the_printed_lines_too(now, instant, hostility):
    """Another way through the same card: short commands, another secret, another access."""
    card = issue(f"hostile_{hostility}", now)
    inner = card.card
    secret = CanAndMrz(inner.opens_with, inner.mrz_key)
    told, _ = outcome(Contacts(card, short=True), secret, now, instant)
    assert told is not VerdictKind.VERIFIED or EXPECTED[hostility] is VerdictKind.VERIFIED


# ---------------------------------------------------------------- bounds


def test_a_card_that_floods_is_left_at_256_kb(now, instant):
    """64 kB to every selection, where nothing was asked for."""
    card = issue("cie_bac_only", now)
    flood = bytes(60000) + b"\x90\x00"
    contacts = Contacts(card, transmit=lambda raw: flood if raw[1] == 0xA4 else card.transmit(raw))
    with pytest.raises(CardError):
        read_and_judge(contacts, card.opens_with, demo_trust(now), instant)
    assert contacts.bytes_exchanged <= MAX_READ_BYTES + LONGEST_ANSWER_BYTES


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_slow_card_is_left_after_30_seconds(now, instant, share):
    """Also when it is the very last answer that keeps us waiting."""
    card = issue("cie_aes", now)
    evidence, _ = read_and_judge(Contacts(card), card.opens_with, demo_trust(now), instant)
    slow_at = max(1, round(share * evidence.apdus))
    card.reset()
    hour_s, count = 0.0, 0

    def transmit(raw):
        nonlocal hour_s, count
        count += 1
        hour_s += READING_LIMIT_S + 1 if count == slow_at else 0.01
        return card.transmit(raw)

    contacts = Contacts(card, transmit=transmit)
    with pytest.raises(CardUnreadable) as caught:
        read_and_judge(contacts, card.opens_with, demo_trust(now), instant, monotonic_s=lambda: hour_s)
    assert caught.value.facts["reason"] == "too_slow"
    assert contacts.commands == slow_at


def test_a_slow_card_of_unknown_kind_has_30_seconds_in_all(now, instant):
    hour_s = 0.0

    def transmit(_):
        nonlocal hour_s
        hour_s += READING_LIMIT_S / 3.5
        return b"\x6a\x82"

    contacts = Contacts(issue("cie_aes", now), transmit=transmit)
    with pytest.raises(CardUnreadable):
        read_and_judge(contacts, None, demo_trust(now), instant, monotonic_s=lambda: hour_s)
    assert hour_s <= READING_LIMIT_S * 4 / 3.5


# ---------------------------------------------------------------- what people see


@pytest.mark.parametrize("hostility", [Hostility.NAME_ESCAPES, Hostility.NAME_ENDLESS])
def test_names_are_fit_for_a_screen(now, instant, hostility):
    card = issue(f"hostile_{hostility}", now)
    _, verdict = outcome(Contacts(card), card.opens_with, now, instant)
    person = verdict.identity
    for text in (person.surname, person.given_names, person.birth_place, person.address or ""):
        assert len(text) <= lds.TEXT_MAX_SIGNS
        assert not {unicodedata.category(sign) for sign in text} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
        assert not set(text) & set("<>\x1b\u202e\u2066;")


def test_marks_do_not_pile_up():
    tower = "A" + "\u0301\u0336\u20dd" * 60 + "B"
    assert len(lds.clean_text(tower.encode())) <= 4
    assert lds.clean_text("ą́ Ǻ e\u0301 I\u0307".encode()) == unicodedata.normalize("NFC", "ą́ Ǻ é İ")


@pytest.mark.parametrize(
    "sign", "\u034f\u115f\u1160\u17b4\u180b\u3164\ufe0f\uffa0\U000e0100\u200b\ufeff\u2800"
)
def test_signs_nobody_can_see_do_not_tell_two_names_apart(sign):
    assert lds.clean_text(f"ESEM{sign}PIO".encode()).replace(" ", "") == "ESEMPIO"


# ---------------------------------------------------------------- the photo


def test_a_photo_that_cannot_be_drawn_takes_the_green_away(now, instant):
    card = issue(f"hostile_{Hostility.PHOTO_BOMB}", now)
    _, verdict = outcome(Contacts(card), card.opens_with, now, instant)
    assert verdict.portrait.image == bomb(portrait_jpeg2000(20))
    amber = without_photo(verdict)
    assert (amber.kind, amber.code, amber.portrait) == (VerdictKind.CHIP_UNPROVEN, Reason.PHOTO_MISSING, None)
    assert Reason.CHIP_PROVEN in amber.codes
    assert NotChecked.PHOTO in amber.not_checked
    assert 2 <= len(amber.lines) <= 4
    assert without_photo(amber) is amber


def test_an_amber_verdict_without_photo_stays_amber_for_its_own_reason(now, instant):
    card = issue("cie_without_chip_key", now)
    _, verdict = outcome(Contacts(card), card.opens_with, now, instant)
    amber = without_photo(verdict)
    assert (amber.kind, amber.codes[:2]) == (verdict.kind, (verdict.code, Reason.PHOTO_MISSING))


# ---------------------------------------------------------------- the shelf


def test_every_hostility_has_its_card_on_the_shelf():
    names = {name for name in CardName if name.startswith("hostile_")}
    assert names == {f"hostile_{one}" for one in Hostility}
    assert set(EXPECTED) == set(Hostility)


def test_a_hostile_card_is_a_card(now):
    for hostility in Hostility:
        card = issue(f"hostile_{hostility}", now)
        card.reset()
        assert isinstance(card.transmit(bytes.fromhex("00A40000023F00")), bytes)
        assert isinstance(card.atr, bytes)


# ---------------------------------------------------------------- the services of a CIE

KEYS = {
    "negative": der.sequence(tlv.build(0x02, b"\x80" + bytes(254) + b"\x01"), der.integer(65537)),
    "exponent one": der.sequence(der.integer((1 << 2048) - 1), der.integer(1)),
    "huge": der.sequence(der.integer((1 << 16384) - 1), der.integer(65537)),
    "even": der.sequence(der.integer((1 << 2048) - 2), der.integer(3)),
    "no numbers": der.sequence(der.octets(b"1"), der.octets(b"2")),
    "nested": der.sequence(b"\x30\x80" * 500),
    "endless": bytes.fromhex("3084FFFFFFFF"),
    "nothing": b"\x00",
}


@pytest.mark.parametrize("key", KEYS)
def test_keys_for_services_that_are_none(now, instant, key):
    card = issue("cie", now)
    object.__setattr__(card.services, "files", {**card.services.files, cie_nis.KEY_FILE: KEYS[key]})
    contacts = Contacts(card)
    with pytest.raises(CardError):
        read_and_judge_nis(contacts, demo_trust(now), instant)
    assert contacts.commands <= MAX_APDUS
