"""Whole letters of offices, as a camera sees them: read, searched, told apart."""

from __future__ import annotations

import random

import pytest
import schwifty
from hypothesis import given
from hypothesis import strategies as st

from appliance.capture.leaf import Word
from appliance.capture.recognition import text
from appliance.capture.recognition.findings import find
from appliance.capture.recognition.nearness import within_one
from appliance.capture.recognition.papers import looks_like
from appliance.capture.recognition.text import plain, read_words
from appliance.cards import codice_fiscale
from tests.papers.letters import character_errors, evenly_lit, letter, photographed

SEEDS = (100, 103, 110)
GOOD_IBAN = "IT24D0542811101000000654321"
GOOD_CF = "SMPMRA85D52H501E"


def page_of(*lines, confidence=0.9):
    return tuple(
        Word(
            part, 0.01 * at, 0.05 + 0.03 * number, 0.01 * at + 0.009, 0.07 + 0.03 * number, number, confidence
        )
        for number, line in enumerate(lines)
        for at, part in enumerate(line.split())
    )


def values(*lines):
    return [(one.kind, one.value) for one in find(page_of(*lines))]


@pytest.fixture(scope="module", params=SEEDS)
def read(request):
    drawn = letter(request.param)
    return drawn, read_words(evenly_lit(photographed(drawn.page, request.param)), 300)


def test_a_letter_is_read_nearly_letter_by_letter(read):
    drawn, words = read
    printed = "\n".join(drawn.lines)
    assert character_errors(printed, plain(words)) <= len(printed) * 0.005


def test_nothing_is_offered_that_does_not_stand_there_and_most_is(read):
    drawn, words = read
    offered = {(one.kind, one.value) for one in find(words)}
    assert offered <= drawn.facts
    assert len(offered) >= len(drawn.facts) * 0.8
    assert {fact for fact in drawn.facts if fact[0] in ("iban", "date", "amount", "protocol")} <= offered


def test_of_words_the_engine_is_unsure_of_only_codes_are_kept(monkeypatch):
    drawn = letter(110)
    page = evenly_lit(photographed(drawn.page, 110))
    monkeypatch.setattr(text, "LEAST_CONFIDENCE", 1.01)
    kept = read_words(page, 300)
    assert kept
    assert all(any(sign.isdigit() for sign in word.text) for word in kept)


# ---------------------------------------------------------------- findings that a line or a neighbour could spoil


def test_an_account_broken_over_two_lines_is_one():
    lines = ("sul conto IBAN IT24 D054 2811", "1010 0000 0654 321 intestato a")
    assert values(*lines) == [("iban", GOOD_IBAN)]
    (one,) = find(page_of(*lines))
    assert one.box[1] < 0.06
    assert one.box[3] > 0.09


def test_a_day_broken_over_two_lines_is_one():
    assert values("in data 22 novembre", "2026 si comunica") == [("date", "2026-11-22")]


def test_prose_is_never_put_together_to_a_code():
    assert values("per la domanda dii i", "SERVIZI SOCIALI PER LE FAMIGLIE") == []


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("Prot. n. 0001234/2026", "0001234/2026"),
        ("Protocollo n. 4711/2026/U", "4711/2026/U"),
        ("PROT. N. 4711", "4711"),
        ("Prot. Nr. 55/2026", "55/2026"),
        ("Prot. del 22/11/2026 n. 998", "998"),
    ],
)
def test_register_numbers_as_offices_write_them(line, value):
    assert ("protocol", value) in values(line)


def test_a_day_inside_a_register_number_is_not_another_finding():
    assert values("INPS.2100.22/11/2026.0001234") == [("protocol", "INPS.2100.22/11/2026.0001234")]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("€ 14.327,56", "14327.56"),
        ("8.174,00 euro", "8174.00"),
        ("EUR 1.234", "1234.00"),
        ("€ 12.50", "12.50"),
        ("Totale netto 1.200,00", "1200.00"),
    ],
)
def test_sums(line, value):
    assert values(line) == [("amount", value)]


@pytest.mark.parametrize("line", ["€ 1,234.56", "-50,00 €", "pagine 1.234,56", "€ 123.456.789,00"])
def test_what_is_no_sure_sum(line):
    assert values(line) == []


def test_where_a_blank_may_set_off_thousands_both_readings_are_there():
    assert set(values("14 327,56 €")) == {("amount", "14327.56"), ("amount", "327.56")}


def test_a_firm_is_found_by_its_number_only_where_it_is_called_so():
    assert values("P.IVA 01234567897") == [("partita_iva", "01234567897")]
    assert values("numero 01234567897") == []
    assert values("P.IVA 01234567890") == []


def test_two_accounts_contradict_and_both_are_there_in_order():
    other = "IT60X0542811101000000123456"
    assert values(f"IBAN {other}", f"IBAN {GOOD_IBAN}") == [("iban", other), ("iban", GOOD_IBAN)]


def test_signs_nobody_sees_change_nothing():
    hidden = "\u202eIT24D054\u200b2811101\u2066000000654321"
    (one,) = find(page_of(f"IBAN {hidden}"))
    assert (one.value, one.shown) == (GOOD_IBAN, GOOD_IBAN)


def test_a_sign_exchanged_at_random_never_makes_a_code_whose_check_fails():
    rng = random.Random(5)
    for _ in range(400):
        at = rng.randrange(16)
        bad = GOOD_CF[:at] + rng.choice("ABCDEFGHI012345678") + GOOD_CF[at + 1 :]
        for kind, value in values(f"C.F. {bad}"):
            assert kind != "codice_fiscale" or codice_fiscale.is_well_formed(value)


@given(
    st.lists(
        st.text(
            st.characters() | st.sampled_from("IT0542811O1lSB €.,/-\u200f\u0660"), min_size=1, max_size=70
        ),
        max_size=40,
    )
)
def test_anything_at_all_is_searched_without_harm_and_always_alike(parts):
    words = tuple(Word(part, 0.1, 0.1, 0.2, 0.2, at // 4, 0.9) for at, part in enumerate(parts))
    found = find(words)
    assert found == find(words)
    for one in found:
        if one.kind == "iban":
            schwifty.IBAN(one.value, validate_bban=True)
        if one.kind == "codice_fiscale":
            assert codice_fiscale.is_well_formed(one.value)
        assert one.shown.isprintable()


@given(st.integers(0, 10**6))
def test_what_was_found_is_found_again_in_itself(seed):
    rng = random.Random(seed)
    code = schwifty.IBAN.generate(
        "IT", bank_code=f"{rng.randrange(10**5):05d}", branch_code="11101", account_code=f"{seed:012d}"
    )
    assert values(str(code)) == values(code.formatted) == [("iban", str(code))]


def test_a_page_full_of_numbers_ends():
    full = page_of(*[" ".join(["IT60X0542", "a.b.c.d.e"] * 200)] * 60)
    assert [one for one in find(full) if one.kind == "iban"] == []


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("isee", "lsee", True),
        ("dsu", "dus", False),
        ("cu", "c", True),
        ("delega", "delga", True),
        ("a", "abc", False),
    ],
)
def test_one_sign_apart(one, other, near):
    assert within_one(one, other) is within_one(other, one) is near


# ---------------------------------------------------------------- what paper it is


def titled(title, *rest):
    """A title in letters half as wide again as the rest."""
    words = []
    for number, line in enumerate((title, *rest)):
        at, sign = 0.1, 0.015 if number == 0 else 0.01
        for part in line.split():
            words.append(
                Word(part, at, 0.1 + number / 30, at + sign * len(part), 0.12 + number / 30, number, 0.9)
            )
            at += sign * (len(part) + 1)
    return tuple(words)


def test_a_title_says_more_than_a_mention():
    words = titled(
        "Attestazione ISEE", "si allega il contratto di locazione", "e la certificazione unica", "grazie"
    )
    assert looks_like(words, "busta_paga") == "isee"


def test_two_mentions_that_weigh_the_same_say_nothing():
    words = titled(
        "Gentile signora", "il contratto di locazione", "la certificazione unica", "grazie e saluti"
    )
    assert looks_like(words, "busta_paga") == ""


def test_an_article_does_not_hide_the_word():
    words = titled("Verbale di accertamento dell'invalidità civile", "si comunica", "grazie", "saluti")
    assert looks_like(words, "busta_paga") == "verbale_invalidita"
