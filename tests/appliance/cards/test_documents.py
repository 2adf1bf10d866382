"""What stands in the files: data groups, states, codici fiscali, invented people."""

from __future__ import annotations

import contextlib
import datetime

import pycountry
import pytest
from codicefiscale import codicefiscale as reference
from hypothesis import given
from hypothesis import strategies as st

from appliance.cards import codice_fiscale, lds, security_infos, states, tlv
from appliance.cards.errors import CardError, MalformedData, Unsupported
from appliance.cards.security_infos import tlv_oid
from appliance.cards.software.persona import PERSONAS


@given(
    st.sampled_from([lds.parse_com, lds.parse_dg1, lds.parse_dg2, lds.parse_dg11, lds.parse_sod]),
    st.binary(max_size=200),
)
def test_garbage_raises_our_error_only(parse, garbage):
    for tag in (None, 0x60, 0x61, 0x75, 0x6B, 0x77):
        with contextlib.suppress(CardError):
            parse(garbage if tag is None else tlv.build(tag, garbage))


@given(st.binary(max_size=200))
def test_garbage_as_security_infos(garbage):
    for parse in (security_infos.pace_infos, security_infos.chip_keys):
        for raw in (garbage, tlv.build(0x31, garbage), tlv.build(0x31, tlv.build(0x30, garbage))):
            with contextlib.suppress(CardError):
                parse(raw)


def test_names_cannot_carry_commands_to_a_terminal_or_a_page():
    assert lds.clean_text(b"ESEM\x1b[31mPIO\x00<b>\xe2\x80\xaeMARIA") == "ESEM 31mPIO b MARIA"
    assert lds.clean_text("NICOLÒ D'ESEMPIO-PROVA".encode()) == "NICOLÒ D'ESEMPIO-PROVA"
    assert lds.clean_text("ESEMPIÒ".encode("latin-1")) == "ESEMPIÒ"
    assert len(lds.clean_text(b"A" * 5000)) == 200


@pytest.mark.parametrize(
    ("value", "day"),
    [
        (b"19850412", datetime.date(1985, 4, 12)),
        (bytes.fromhex("19850412"), datetime.date(1985, 4, 12)),
        (b"19850000", None),
        (b"1985", None),
    ],
)
def test_birth_days_as_text_or_packed(value, day):
    assert lds.parse_dg11(tlv.build(0x6B, tlv.build(0x5F2B, value))).birth == day


def test_the_newer_face_encoding_is_told_apart():
    block = tlv.build(0x75, tlv.build(0x7F61, tlv.build(0x7F60, tlv.build(0x7F2E, b"\xa1\x03abc"))))
    with pytest.raises(Unsupported):
        lds.parse_dg2(block)


def test_long_lengths_as_the_card_announces_them():
    info = bytes.fromhex("7F6608 02020400 02020800".replace(" ", ""))
    assert lds.extended_lengths(info) == (1024, 2048)
    assert lds.extended_lengths(b"\x47\x01\x00") is None
    assert lds.extended_lengths(b"\xff") is None


def test_states_are_those_of_iso_3166():
    ours = {three: two for three, two in states._TWO_LETTERS.items() if three not in states._NOT_ISO}
    theirs = {country.alpha_3: country.alpha_2 for country in pycountry.countries}
    assert ours == {three: theirs.get(three) for three in ours}
    assert len(ours) > 190
    assert (states.two_letters("D"), states.two_letters("ITA"), states.two_letters("XXX")) == (
        "DE",
        "IT",
        None,
    )


@given(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=12),
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=12),
    st.dates(datetime.date(1920, 1, 1), datetime.date(2026, 1, 1)),
    st.sampled_from("MF"),
)
def test_codici_fiscali_are_those_of_another_library(surname, given_names, birth, sex):
    ours = codice_fiscale.compute(surname, given_names, birth, sex, "H501")
    theirs = reference.encode(
        lastname=surname, firstname=given_names, gender=sex, birthdate=f"{birth:%d/%m/%Y}", birthplace="H501"
    )
    assert ours == theirs
    assert codice_fiscale.is_well_formed(ours)
    assert codice_fiscale.fits(ours, birth, sex)
    assert codice_fiscale.fits(ours, birth, "X")
    assert not codice_fiscale.fits(ours, birth, "M" if sex == "F" else "F")


def test_a_code_with_letters_for_digits_is_the_same_person():
    plain = "SMPMRA85D52H501"
    other = plain.replace("85D52", "85D5N")
    other += codice_fiscale.control_letter(other)
    assert codice_fiscale.is_well_formed(other)
    assert codice_fiscale.fits(other, datetime.date(1985, 4, 12), "F")


@pytest.mark.parametrize("name", PERSONAS)
@pytest.mark.parametrize(
    "today",
    [
        datetime.date(2026, 1, 1),
        datetime.date(2026, 4, 12),
        datetime.date(2028, 2, 29),
        datetime.date(2026, 12, 31),
    ],
)
def test_invented_people_expire_when_they_should(name, today):
    person = PERSONAS[name]
    assert reference.is_valid(person.codice_fiscale)
    assert 4 < (person.expiry(today) - today).days / 365 < 7
    assert -2 < (person.expiry(today, expired=True) - today).days / 365 < 0


def test_object_identifiers():
    assert tlv_oid("2.23.136.1.1.1").hex() == "6781080101 01".replace(" ", "")
    assert tlv_oid("1.2.840.113549.1.7.2").hex() == "2a864886f70d010702"


def test_com_is_a_hint():
    com = tlv.build(0x60, tlv.build(0x5F01, b"0107") + tlv.build(0x5C, b"\x61\x75\x6b\x6e"))
    assert lds.parse_com(com) == [1, 2, 11, 14]
    with pytest.raises(MalformedData):
        lds.parse_com(tlv.build(0x60, b""))
