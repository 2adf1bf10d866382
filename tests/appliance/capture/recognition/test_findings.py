"""Only what proves itself is offered, with its place; a misread letter is mended only where there is one way to."""

from __future__ import annotations

import pytest
from codicefiscale import codicefiscale
from hypothesis import given
from hypothesis import strategies as st
from schwifty import IBAN

from appliance.capture.leaf import Word
from appliance.capture.recognition.findings import find
from appliance.capture.recognition.papers import TITLES, looks_like

GOOD_IBAN = "IT24D0542811101000000654321"
GOOD_CF = "SMPMRA85D52H501E"


def line(text, number=0):
    words, at = [], 0.05
    for part in text.split():
        words.append(
            Word(part, at, 0.1 + number / 40, at + 0.008 * len(part), 0.12 + number / 40, number, 0.9)
        )
        at += 0.008 * (len(part) + 1)
    return tuple(words)


def values(text):
    return [(one.kind, one.value) for one in find(line(text))]


@pytest.mark.parametrize(
    "text",
    [
        f"IBAN: {GOOD_IBAN}",
        "IBAN IT24 D054 2811 1010 0000 0654 321",
        "coordinate it24d0542811101000000654321 intestate",
        "IBAN IT24 D054 28I1 1O10 0000 0654 32l",
        "IBAN: [T24 D054 2811 1010 0000 0654 321",
        "IBAN [IT24 D054 2811 1010 0000 0654 321]",
        "IBAN IT24 D0S54 2811 1010 0000 0654 321",
    ],
)
def test_an_iban_in_the_ways_it_is_printed_and_misread(text):
    assert values(text) == [("iban", GOOD_IBAN)]


@pytest.mark.parametrize(
    "text",
    ["IBAN IT24 D054 2811 1010 0000 0654 322", "IT24", "XIT24D0542811101000000654321", "IBAN: " + "I" * 60],
)
def test_what_fails_its_check_is_not_offered(text):
    assert values(text) == []


def test_an_iban_from_abroad():
    assert values("IBAN DE89 3704 0044 0532 0130 00") == [("iban", "DE89370400440532013000")]


@pytest.mark.parametrize(
    "text",
    [
        f"C.F. {GOOD_CF}",
        "codice fiscale SMPMRA 85D52 H501E",
        "CF: SMPMRA85DS2H5O1E",
        "Codice fiscale SMPMRA85D52HS501E",
        "CF SMPMRAS85D52HS01E",
    ],
)
def test_a_codice_fiscale(text):
    assert values(text) == [("codice_fiscale", GOOD_CF)]


def test_a_codice_fiscale_with_a_wrong_last_letter():
    assert values("C.F. SMPMRA85D52H501F") == []


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Data: 22/11/2026", "2026-11-22"),
        ("del 2.3.2025.", "2025-03-02"),
        ("2026-11-22", "2026-11-22"),
        ("Belluno, 22 novembre 2026", "2026-11-22"),
        ("Bozen, 22. November 2026", "2026-11-22"),
        ("Aoste, 3 février 2026", "2026-02-03"),
        ("Gorizia, 3. marec 2026", "2026-03-03"),
    ],
)
def test_dates_in_the_languages_of_italy(text, day):
    assert values(text) == [("date", day)]


@pytest.mark.parametrize(
    "text", ["31/02/2026", "22/13/2026", "1234567/11/2026", "22 nonmese 2026", "1/1/1850"]
)
def test_what_is_no_day(text):
    assert values(text) == []


def test_protocol_numbers():
    assert values("INPS-ISEE-2026-01234567X-00") == [("protocol", "INPS-ISEE-2026-01234567X-00")]
    assert values("prot. n. 0001234/2026") == [("protocol", "0001234/2026")]


def test_a_finding_knows_its_place():
    (one,) = find(line("IBAN IT24 D054 2811 1010 0000 0654 321", number=3))
    left, top, right, bottom = one.box
    assert (left, right) == pytest.approx((0.05 + 0.008 * 5, 0.05 + 0.008 * 38))
    assert (top, bottom) == pytest.approx((0.175, 0.195))


def test_the_same_thing_twice_is_one_finding():
    assert len(find(line(f"{GOOD_IBAN} e {GOOD_IBAN}"))) == 1


@given(st.lists(st.text(min_size=1, max_size=40), max_size=12))
def test_whatever_is_printed_what_is_offered_passes_its_check(texts):
    words = tuple(
        Word("".join(text.split()) or "x", 0.1, 0.1, 0.2, 0.2, at // 3, 0.9) for at, text in enumerate(texts)
    )
    for one in find(words):
        if one.kind == "iban":
            IBAN(one.value)
        if one.kind == "codice_fiscale":
            assert codicefiscale.is_valid(one.value)
        assert len(one.shown) <= 80


@given(st.text(alphabet="IT24D0542811O0S6B3l ", max_size=80))
def test_noise_around_an_iban_never_makes_another(text):
    for one in find(line(text + " x")):
        if one.kind == "iban":
            IBAN(one.value, validate_bban=True)


# ---------------------------------------------------------------- what paper it is


def test_a_paper_that_is_not_the_one_asked_for_is_noticed():
    words = line("Attestazione di coordinate bancarie") + line("Intestatario del conto IBAN", 1)
    assert looks_like(words, "busta_paga") == "iban"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Busta paga di ottobre coordinate bancarie", "busta_paga"),
        ("Busfa paga di ottobre", "busta_paga"),
        ("Attestazione ISEE", "altro"),
        ("Attestazione ISEE", "signature"),
        ("Gentile signora", "busta_paga"),
        ("certificazione", "busta_paga"),
    ],
)
def test_where_there_is_doubt_nothing_is_said(text, asked):
    assert looks_like(line(text), asked) == ""


def test_a_title_far_down_is_no_title():
    assert looks_like(line("Attestazione ISEE", number=20), "busta_paga") == ""


def test_one_misread_letter_does_not_hide_a_title():
    assert (
        looks_like(line("Attestazione lSEE") + line("Indicatore situazlone economica", 1), "lettera")
        == "isee"
    )


def test_every_kind_has_words():
    assert all(groups and all(group for group in groups) for groups in TITLES.values())
