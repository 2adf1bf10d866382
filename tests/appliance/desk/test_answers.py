"""Answers as people type them, and the canonical text or the code they become."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.desk.answers import Wrong, read, read_step
from contracts.practices.catalogue import shipped
from contracts.practices.model import Field, FieldKind, Option

TODAY = dt.date(2026, 11, 23)
K = FieldKind


def ask(kind: FieldKind, text: str):
    options = [Option(value="a", label="A"), Option(value="b", label="B")] if kind is K.CHOICE else []
    found = read(Field(name="f", kind=kind, label="F", options=options), text, TODAY)
    return f"!{found.code}" if isinstance(found, Wrong) else found


@pytest.mark.parametrize(
    ("kind", "text", "becomes"),
    [
        (K.CODICE_FISCALE, "rss mra 85t10 a562 s", "RSSMRA85T10A562S"),
        (K.CODICE_FISCALE, "RSSMRA85T10A562T", "!answer.cf_wrong_check"),
        (K.CODICE_FISCALE, "RSSMRA85T10A56NH", "RSSMRA85T10A56NH"),  # omocodia
        (K.CODICE_FISCALE, "RSSMRA85T10A56", "!answer.cf_shape"),
        (K.CODICE_FISCALE, "RSSMRA85X10A562S", "!answer.cf_shape"),
        (K.CODICE_FISCALE, "01234567897", "01234567897"),  # provisional
        (K.CODICE_FISCALE, "01234567890", "!answer.cf_wrong_check"),
        (K.CF_PIVA, "IT 01234567897", "01234567897"),
        (K.CF_PIVA, "01234567890", "!answer.piva_wrong_check"),
        (K.CF_PIVA, "00000000000", "!answer.piva_wrong_check"),
        (K.CF_PIVA, "0123456789", "!answer.piva_shape"),
        (K.CF_PIVA, "RSSMRA85T10A562S", "RSSMRA85T10A562S"),
        (K.IBAN, "it60 x054 2811 1010 0000 0123 456", "IT60X0542811101000000123456"),
        (K.IBAN, "IT65A0542811101000000123456", "!answer.iban_wrong_national_check"),  # right by mod 97
        (K.IBAN, "IT60X0542811101000000123457", "!answer.iban_wrong_check"),
        (K.IBAN, "DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        (K.IBAN, "IT60", "!answer.iban_shape"),
        (K.DATE, "1/2/1985", "1985-02-01"),
        (K.DATE, "01.02.1985", "1985-02-01"),
        (K.DATE, "01-02-1985", "1985-02-01"),
        (K.DATE, "01 02 1985", "1985-02-01"),
        (K.DATE, "01021985", "1985-02-01"),
        (K.DATE, "1985-02-01", "1985-02-01"),
        (K.DATE, "1.2.85", "1985-02-01"),
        (K.DATE, "1.2.24", "!answer.date_century"),  # 1924 or 2024?
        (K.DATE, "1.2.30", "!answer.date_century"),
        (K.DATE, "29/2/2023", "!answer.date_unreadable"),
        (K.DATE, "ieri", "!answer.date_unreadable"),
        (K.DATE, "1/1/1899", "!answer.date_out_of_range"),
        (K.DATE, "1/1/2200", "!answer.date_out_of_range"),
        (K.AMOUNT, "1.234,56", "1234.56"),
        (K.AMOUNT, "1234,5 €", "1234.50"),
        (K.AMOUNT, "€ 1.234", "1234.00"),
        (K.AMOUNT, "12.34", "12.34"),
        (K.AMOUNT, "0", "0.00"),
        (K.AMOUNT, "-5", "!answer.amount_unreadable"),
        (K.AMOUNT, "1,234.56", "!answer.amount_unreadable"),
        (K.AMOUNT, "9999999999", "!answer.amount_too_large"),
        (K.COMUNE, "agliè", "Agliè"),
        (K.COMUNE, "AGLIE'", "Agliè"),
        (K.COMUNE, "san giovanni rotondo (fg)", "San Giovanni Rotondo"),
        (K.COMUNE, "Samone", "!answer.comune_two"),
        (K.COMUNE, "Samone (tn)", "Samone (TN)"),
        (K.COMUNE, "Argentina", "ARGENTINA"),
        (K.COMUNE, "Cittainventata", "!answer.comune_unknown"),
        (K.CAP, "10 011", "10011"),
        (K.CAP, "1001", "!answer.cap_shape"),
        (K.PHONE, "333 000.0001", "+393330000001"),
        (K.PHONE, "0124/33 00 00", "+390124330000"),
        (K.PHONE, "0039 333 0000001", "+393330000001"),
        (K.PHONE, "+41 44 668 18 00", "+41446681800"),
        (K.PHONE, "12", "!answer.phone_shape"),
        (K.EMAIL, "Nome.Cognome @Esempio.IT", "Nome.Cognome@esempio.it"),
        (K.EMAIL, "nome", "!answer.email_shape"),
        (K.BOOL, "Sì", "true"),
        (K.BOOL, "NO", "false"),
        (K.BOOL, "forse", "!answer.yes_or_no"),
        (K.CHOICE, "a", "a"),
        (K.CHOICE, "c", "!answer.not_an_option"),
        (K.TEXT, "  due \n righe\u200b ", "due righe"),
        (K.ADDRESS, "12", "!answer.address_short"),
        (K.PROTOCOL, "inps.1234 .2026", "INPS.1234.2026"),
        (K.MONTH, "3/2026", "2026-03"),
        (K.MONTH, "03 - 2026", "2026-03"),
        (K.MONTH, "Marzo 2026", "2026-03"),
        (K.MONTH, "2026-03", "2026-03"),
        (K.MONTH, "13/2026", "!answer.month_unreadable"),
        (K.MONTH, "0/2026", "!answer.month_unreadable"),
        (K.MONTH, "3/26", "!answer.month_unreadable"),  # which century?
        (K.MONTH, "Brumaio 2026", "!answer.month_unreadable"),
        (K.MONTH, "3/1899", "!answer.date_out_of_range"),
        (K.YEAR, "2025", "2025"),
        (K.YEAR, "25", "!answer.year_shape"),
        (K.YEAR, "\u0662\u0660\u0662\u0665", "!answer.year_shape"),  # digits of another script
        (K.YEAR, "9999", "!answer.date_out_of_range"),
        (K.NUMBER, "50 %", "50"),
        (K.NUMBER, "33,33", "33.33"),
        (K.NUMBER, "1.200", "1200"),
        (K.NUMBER, "007", "7"),
        (K.NUMBER, "0", "0"),
        (K.NUMBER, "-1", "!answer.number_unreadable"),
        (K.NUMBER, "1e3", "!answer.number_unreadable"),
        (K.NUMBER, "1234567890", "!answer.number_too_large"),
    ],
)
def test_what_is_typed_becomes(kind, text, becomes):
    assert ask(kind, text) == becomes


@given(kind=st.sampled_from(FieldKind), text=st.text(max_size=60))
def test_no_text_breaks_a_reader_and_what_is_read_reads_again_the_same(kind, text):
    once = ask(kind, text)
    if not once.startswith("!"):
        assert ask(kind, once) == once


def test_children_and_their_conditions_come_in_rows():
    practice = shipped().get("auu@2026-01")
    step = next(step for step in practice.steps if step.id == "figli")
    typed = {
        "figlio_cf": ["RSSMRA85T10A562S", "RSSMRA85T10A56NH"],
        "figlio_condizione": ["minorenne"],
        "figlio_disabilita": ["nessuna", "nessuna"],
    }
    found = read_step(practice, step, typed, {}, TODAY)
    assert [(p.field, p.index, p.code) for p in found.problems] == [
        ("figlio_condizione", 1, "answer.required")
    ]


def test_what_belongs_to_the_second_child_never_moves_up_to_the_first():
    practice = shipped().get("auu@2026-01")
    step = next(step for step in practice.steps if step.id == "figli")
    typed = {
        "figlio_cf": ["RSSMRA85T10A562S", "", "RSSMRA85T10A56NH"],
        "figlio_condizione": ["", "", "studio"],
        "figlio_disabilita": ["nessuna", " ", "grave"],
    }
    found = read_step(practice, step, typed, {}, TODAY)
    assert found.answers["figlio_cf"] == ["RSSMRA85T10A562S", "RSSMRA85T10A56NH"]
    assert found.answers["figlio_condizione"] == ["", "studio"]
    assert found.answers["figlio_disabilita"] == ["nessuna", "grave"]
    assert [(p.field, p.index, p.code) for p in found.problems] == [
        ("figlio_condizione", 0, "answer.required")
    ]


def test_too_many_answers_are_refused():
    practice = shipped().get("naspi@2026-01")
    step = practice.steps[0]
    found = read_step(practice, step, {"cognome": ["A", "B"]}, {}, TODAY)
    assert ("cognome", "answer.too_many") in [(p.field, p.code) for p in found.problems]
