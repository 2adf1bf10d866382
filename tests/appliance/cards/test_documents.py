"""What stands in the files: data groups, states, codici fiscali, invented people."""

from __future__ import annotations

import contextlib
import datetime

import pycountry
import pytest
from codicefiscale import codicefiscale as reference
from hypothesis import given
from hypothesis import strategies as st

from appliance.cards import codice_fiscale, lds, names, security_infos, states, tlv
from appliance.cards.active_authentication import ActiveKey
from appliance.cards.errors import CardError, MalformedData, Unsupported
from appliance.cards.mrz import Format
from appliance.cards.security_infos import tlv_oid
from appliance.cards.software import der
from appliance.cards.software.persona import JULE, MARIA, NICOLO, PERSONAS, portrait_jpeg2000


@given(
    st.sampled_from(
        [
            lds.parse_com,
            lds.parse_dg1,
            lds.parse_dg2,
            lds.parse_dg11,
            lds.parse_dg12,
            ActiveKey,
            lds.parse_sod,
        ]
    ),
    st.binary(max_size=200),
)
def test_garbage_raises_our_error_only(parse, garbage):
    for tag in (None, 0x60, 0x61, 0x75, 0x6B, 0x6C, 0x6F, 0x77):
        with contextlib.suppress(CardError):
            parse(garbage if tag is None else tlv.build(tag, garbage))


@given(st.binary(max_size=200))
def test_garbage_as_security_infos(garbage):
    for parse in (
        security_infos.pace_infos,
        security_infos.chip_keys,
        security_infos.active_authentication_hash,
    ):
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


IMAGE = bytes.fromhex("FFD8FFE0") + bytes(40)


def group_2(block: bytes, tag: int = 0x7F2E) -> bytes:
    template = tlv.build(0x7F60, tlv.build(0xA1, tlv.build(0x88, b"\x00\x2a")) + tlv.build(tag, block))
    return tlv.build(0x75, tlv.build(0x7F61, tlv.build(0x02, b"\x01") + template))


def face_39794(picture: bytes, beside: bytes = b"", after: bytes = b"") -> bytes:
    """A FaceImageDataBlock around `picture`, with other members beside and after it."""
    representation = tlv.build(0x80, b"\x00") + tlv.build(0xA1, tlv.build(0xA0, picture)) + beside
    blocks = tlv.build(0xA1, tlv.build(0x30, representation))
    return tlv.build(0xA1, tlv.build(0x65, tlv.build(0xA0, b"") + blocks + after))


PICTURE = tlv.build(0xA0, tlv.build(0x80, IMAGE) + tlv.build(0xA1, b""))


@pytest.mark.parametrize("tag", [0x5F2E, 0x7F2E])
def test_a_face_of_39794_with_nothing_but_what_it_must_have(tag):
    portrait = lds.parse_dg2(group_2(face_39794(PICTURE), tag))
    assert (portrait.kind, portrait.image) == (lds.ImageKind.JPEG, IMAGE)


def test_members_beside_the_path_change_nothing():
    """Optional members of today, and members a later edition may add."""
    beside = tlv.build(0xA2, tlv.build(0x80, b"\x07\xe8")) + tlv.build(0xA9, b"") + tlv.build(0xBE, IMAGE)
    block = face_39794(PICTURE, beside, after=tlv.build(0xA2, b"later"))
    assert lds.parse_dg2(group_2(block)).image == IMAGE


@pytest.mark.parametrize(
    ("block", "error"),
    [
        (face_39794(tlv.build(0xA1, b"three dimensions")), Unsupported),
        (face_39794(PICTURE + PICTURE), Unsupported),
        (face_39794(tlv.build(0xA0, tlv.build(0xA1, b""))), MalformedData),
        (face_39794(tlv.build(0xA0, tlv.build(0x80, b"GIF89a"))), MalformedData),
        (face_39794(tlv.build(0xA0, tlv.build(0x80, IMAGE) * 2)), MalformedData),
        (face_39794(PICTURE)[:-1], MalformedData),
        (face_39794(PICTURE) + b"\x00\x00", MalformedData),
        (b"\xa1\x03abc", MalformedData),
        (b"FAC\x00010\x00", MalformedData),
        (b"", MalformedData),
    ],
)
def test_faces_that_are_none(block, error):
    with pytest.raises(error):
        lds.parse_dg2(group_2(block))


def test_two_representations_are_not_guessed_between():
    one = tlv.build(0x30, tlv.build(0x80, b"\x00") + tlv.build(0xA1, tlv.build(0xA0, PICTURE)))
    block = tlv.build(0xA1, tlv.build(0x65, tlv.build(0xA1, one + one)))
    with pytest.raises(MalformedData):
        lds.parse_dg2(group_2(block))


@given(st.binary(max_size=120))
def test_garbage_as_a_face(garbage):
    for block in (garbage, face_39794(garbage), b"FAC\x00" + garbage, tlv.build(0xA1, garbage)):
        with contextlib.suppress(CardError):
            lds.parse_dg2(group_2(block))


@pytest.mark.parametrize("name", ["cie", "cie_iso39794"])
def test_both_encodings_on_a_card_give_the_same_face(card, name):
    group = card(name).chip.files[lds.group_file(2)]
    assert (b"FAC\x00" in group) == (name == "cie")
    assert lds.parse_dg2(group).image == portrait_jpeg2000(MARIA.hue)


def test_who_issued_it_and_when():
    group = tlv.build(
        0x6C,
        tlv.build(0x5C, b"\x5f\x19\x5f\x26")
        + tlv.build(0x5F19, b"QUESTURA<DI\x1b BORGO")
        + tlv.build(0x5F26, b"20210304"),
    )
    issuing = lds.parse_dg12(group)
    assert (issuing.authority, issuing.issued_on) == ("QUESTURA DI BORGO", datetime.date(2021, 3, 4))
    packed = lds.parse_dg12(tlv.build(0x6C, tlv.build(0x5F26, bytes.fromhex("20210304"))))
    assert (packed.authority, packed.issued_on) == (None, datetime.date(2021, 3, 4))
    assert lds.parse_dg12(tlv.build(0x6C, tlv.build(0x5F26, b"20211304"))).issued_on is None


@pytest.mark.parametrize(
    ("written", "surname", "given_names"),
    [
        ("D'ESEMPIO<<NICOLÒ", "D'ESEMPIO", "NICOLÒ"),
        ("PROVA<INVENTATA<<ALDO<UGO", "PROVA INVENTATA", "ALDO UGO"),
        ("ESEMPIO MARIA", None, None),
        ("ESEMPIO<<", None, None),
    ],
)
def test_names_are_divided_only_where_the_state_divides_them(written, surname, given_names):
    details = lds.parse_dg11(tlv.build(0x6B, tlv.build(0x5F0E, written.encode())))
    assert (details.surname, details.given_names) == (surname, given_names)
    assert details.full_name


@pytest.mark.parametrize(
    ("full", "printed", "agrees"),
    [
        ("NICOLÒ", "NICOLO", True),
        ("D'ESEMPIO", "DESEMPIO", True),
        ("Müller", "MUELLER", True),
        ("MÜLLER", "MULLER", True),
        ("MÜLLER", "MILLER", False),
        ("Weiß-Groß", "WEISS GROSS", True),
        ("ÅSE ØSTBERG", "AASE OESTBERG", True),
        ("PEÑA", "PENXXA", True),
        ("ŁUKASZ", "LUKASZ", True),
        ("İPEK", "IPEK", True),
        ("MARIA ANNUNZIATA", "MARIA ANNU", True),
        ("MARIA ANNUNZIATA", "MARIA", True),
        ("MARIA", "MARIA ANNUNZIATA", False),
        ("MARIA", "MARTA", False),
        ("ИВАН", "IVAN", True),
    ],
)
def test_two_spellings_of_one_name(full, printed, agrees):
    assert names.agree(full, printed) is agrees


def test_a_name_keeps_its_accents_only_where_both_spellings_agree():
    assert names.best("Nicolò", "NICOLO") == "NICOLÒ"
    assert names.best("MARTA", "MARIA") == "MARIA"
    assert names.best("ИВАН", "IVAN") == "IVAN"
    assert names.best(None, "MARIA") == "MARIA"


@given(st.text(max_size=60), st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ ", max_size=20))
def test_any_name_has_few_spellings(full, printed):
    assert all(len(names.spellings(word)) <= 64 for word in names.words(full))
    assert set(names.printed(full)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    names.agree(full, printed)


@pytest.mark.parametrize("name", ["passport", "passport_foreign"])
def test_the_two_lines_of_a_passport(card, name):
    zone = lds.parse_dg1(card(name).chip.files[lds.group_file(1)])
    assert zone.format is Format.TD3
    person = JULE if name == "passport_foreign" else NICOLO
    assert names.agree(person.surname, zone.surname)
    assert names.agree(person.given_names, zone.given_names)


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


def test_a_key_of_an_unknown_kind_beside_one_we_know(card):
    """A chip may carry keys for readers to come."""
    group = lds.parse_dg14(card("cie_aes").chip.files[lds.group_file(14)])
    known = tlv.parse_one(group, 0x31).value
    algorithm = der.sequence(der.oid("1.3.101.110"))
    key = der.sequence(tlv.build(0x06, security_infos.PUBLIC_KEY_PREFIX + b"\x02"),
                       der.sequence(algorithm, der.bits(bytes(32))))  # fmt: skip
    assert len(security_infos.chip_keys(tlv.build(0x31, key + known))) == 1
    with pytest.raises(Unsupported):
        security_infos.chip_keys(tlv.build(0x31, key))


def test_a_suite_nobody_knows(card):
    """Of chip authentication; no error of Python's own comes out."""
    group = lds.parse_dg14(card("cie_aes").chip.files[lds.group_file(14)])
    prefix = security_infos.CHIP_AUTHENTICATION_PREFIX
    other = group.replace(prefix + b"\x02\x02", prefix + b"\x02\x09")
    assert other != group
    with pytest.raises(Unsupported):
        security_infos.chip_keys(other)


def test_object_identifiers():
    assert tlv_oid("2.23.136.1.1.1").hex() == "6781080101 01".replace(" ", "")
    assert tlv_oid("1.2.840.113549.1.7.2").hex() == "2a864886f70d010702"


def test_com_is_a_hint():
    com = tlv.build(0x60, tlv.build(0x5F01, b"0107") + tlv.build(0x5C, b"\x61\x75\x6b\x6e"))
    assert lds.parse_com(com) == lds.Contents("0107", (1, 2, 11, 14))
    assert lds.parse_com(tlv.build(0x60, tlv.build(0x5C, b"\x61\x6f\x01"))) == lds.Contents(None, (1, 15))
    with pytest.raises(MalformedData):
        lds.parse_com(tlv.build(0x60, b""))
