"""The catalogue: what ships is whole, what is broken is refused by file and place."""

from __future__ import annotations

import datetime as dt

import pytest
import yaml

from contracts import places
from contracts.practices import catalogue
from contracts.practices.model import FieldKind, Rule

DAY = dt.date(2026, 11, 22)
MINIMAL = """
id: prova
version: 2026-01
valido_dal: {start}
name: Prova
summary: Una prova.
body: INPS
area: work
who: Chiunque.
source: inventata
steps:
  - id: passo
    title: Passo
    say_aloud: Parli.
    fields:
      - {{name: data_fine, kind: date, label: Data}}
{more}
"""


def _file(start: str = "2026-01-01", more: str = "") -> bytes:
    return MINIMAL.format(start=start, more=more).encode()


def test_the_shipped_practices_are_valid_today() -> None:
    shipped = catalogue.shipped()
    assert {practice.id for practice in shipped.on(DAY)} == {
        *("naspi", "naspi_com", "dis_coll"),
        *("auu", "bonus_nido", "maternita_dipendenti", "assegno_maternita_comuni"),
        *("pensione_vecchiaia", "pensione_anticipata", "pensione_superstiti"),
        *("estratto_conto", "segnalazione_contributiva"),
        *("isee_dsu", "adi", "invalidita_l104"),
        *("certificazione_unica", "cedolino_pensione"),
        *("delega_identita", "variazione_pagamento"),
    }
    for practice in shipped.on(DAY):
        assert practice.fields()[0].kind is FieldKind.CODICE_FISCALE
        assert any(field.read_back for field in practice.fields())
        assert practice.declarations
        assert practice.states


def test_practices_that_tell_of_health_are_marked() -> None:
    marked = {practice.id for practice in catalogue.shipped().practices if practice.special_category}
    assert marked == {"invalidita_l104", "isee_dsu", "adi", "bonus_nido", "maternita_dipendenti"}


def test_another_body_than_inps_may_decide() -> None:
    aid = catalogue.shipped().valid("assegno_maternita_comuni", DAY)
    assert (aid.body, aid.payer) == ("COMUNE", "INPS")


def test_every_question_of_a_shipped_practice_can_be_reached() -> None:
    """A step whose questions are all asked only sometimes may be empty for somebody: none of ours is."""
    for practice in catalogue.shipped().practices:
        for step in practice.steps:
            assert practice.asked(step, {}), f"{practice.key}: {step.id}"


def test_no_sentence_of_the_shipped_practices_lacks_its_number_today() -> None:
    silent = {
        practice.id: len(practice.good_to_know) - len(practice.told(DAY))
        for practice in catalogue.shipped().practices
        if len(practice.told(DAY)) < len(practice.good_to_know)
    }
    # Sums of a year that has passed are not told as those of today.
    assert silent == {"auu": 1, "assegno_maternita_comuni": 2}


def test_files_read_alike_with_and_without_the_fast_reader() -> None:
    for name, data in catalogue.shipped_files().items():
        assert yaml.load(data, Loader=yaml.SafeLoader) == yaml.load(data, Loader=yaml.CSafeLoader), name


def test_naspi_must_be_asked_within_68_days() -> None:
    naspi = catalogue.shipped().valid("naspi", DAY)
    deadline, last = naspi.last_day({"data_cessazione": ["2026-09-20"]}, DAY) or pytest.fail("no deadline")
    assert (deadline.days, last) == (68, dt.date(2026, 11, 27))
    assert naspi.last_day({}, DAY) is None


def test_a_paper_is_asked_only_when_the_answers_call_for_it() -> None:
    naspi = catalogue.shipped().valid("naspi", DAY)
    assert [p.id for p in naspi.papers({"motivo": ["licenziamento"]})] == ["busta_paga"]
    just_cause = naspi.papers({"motivo": ["dimissioni_giusta_causa"]})
    assert [(p.id, p.required) for p in just_cause] == [("lettera", True), ("busta_paga", False)]


def test_a_field_is_asked_only_when_its_rule_holds() -> None:
    auu = catalogue.shipped().valid("auu", DAY)
    family = next(step for step in auu.steps if step.id == "famiglia")
    alone = [field.name for field in auu.asked(family, {"nucleo_monogenitoriale": ["true"]})]
    both = [field.name for field in auu.asked(family, {"nucleo_monogenitoriale": ["false"]})]
    assert "cf_altro_genitore" not in alone
    assert "cf_altro_genitore" in both


@pytest.mark.parametrize(
    ("rule", "answers", "holds"),
    [
        (Rule("a", one_of=["x"]), {"a": ["x"]}, True),
        (Rule("a", one_of=["x"]), {"a": ["y"]}, False),
        (Rule("a", one_of=["x"]), {}, False),
        (Rule("a", none_of=["x"]), {"a": ["y"]}, True),
        (Rule("a", none_of=["x"]), {"a": ["x"]}, False),
        (Rule("a", none_of=["x"]), {}, False),
    ],
)
def test_rules(rule: Rule, answers: dict[str, list[str]], *, holds: bool) -> None:
    assert rule.holds(answers) is holds


def test_two_versions_live_side_by_side_and_the_date_chooses() -> None:
    old = _file("2026-01-01", "valido_al: 2026-06-30")
    new = _file("2026-07-01").replace(b"version: 2026-01", b"version: 2026-07")
    both = catalogue.load({"old.yaml": old, "new.yaml": new})
    assert both.valid("prova", dt.date(2026, 6, 30)).key == "prova@2026-01"
    assert both.valid("prova", dt.date(2026, 7, 1)).key == "prova@2026-07"
    assert both.get("prova@2026-01").valido_al == dt.date(2026, 6, 30)
    with pytest.raises(catalogue.PracticeUnknown):
        both.valid("prova", dt.date(2025, 12, 31))
    with pytest.raises(catalogue.PracticeUnknown):
        both.get("prova@1999-01")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("      - {name: b, kind: text, label: B, when: {field: data_fine}}", "one_of or none_of"),
        ("deadlines: [{id: d, after: data_fine, says: Presto}]", "a length"),
        ("deadlines: [{id: d, days: 3, says: Presto}]", "from which date"),
        ("deadlines: [{id: d, days: 3, by: 01-31, after: data_fine, says: Presto}]", "a length"),
        ("good_to_know: ['Servono {anni} anni.']", "no parameter anni"),
        ("states: [sparita]", "not in the list of states"),
        (
            "      - {name: g, kind: date, label: G, repeat: 3, group: g}\ndeadlines: [{id: d, days: 3, after: g, says: Presto}]",
            "asked once",
        ),
        (
            "      - {name: g, kind: text, label: G, repeat: 3}\n      - {name: b, kind: text, label: B, when: {field: g, one_of: [x]}}",
            "several answers",
        ),
        ("valido_al: 2025-01-01", "ends before it begins"),
        ("other_terms: [{when: {field: data_fine, one_of: [x]}, days: 3}]", "answer_term"),
        ("  - {id: passo, title: Due, say_aloud: Parli, fields: []}", "stands twice"),
        ("  - {id: due, title: Due, say_aloud: Parli}", "asks nothing"),
        ("      - {name: data_fine, kind: text, label: Ancora}", "stands twice"),
        ("      - {name: scelta, kind: choice, label: Scelta}", "a choice has some"),
        ("      - {name: b, kind: text, label: B, when: {field: zz, one_of: [x]}}", "not asked before"),
        ("      - {name: b, kind: colour, label: B}", "prova.yaml"),
        ("      - {name: b, kind: text, label: B, colour: red}", "colour"),
        ("deadlines: [{id: d, days: 3, after: nowhere, says: Presto}]", "not a date that is asked"),
        ("attachments: [{id: a, title: A, when: {field: zz, one_of: [x]}}]", "zz"),
        ("  - {id: due, title: Due, say_aloud: Parli, block: nulla}", "no block nulla"),
    ],
)
def test_a_broken_practice_is_refused_with_its_file(more: str, says: str) -> None:
    with pytest.raises(catalogue.CatalogueInvalid, match=says) as refused:
        catalogue.load({"prova.yaml": _file(more=more)})
    assert refused.value.facts["file"] == "prova.yaml"


def test_a_file_that_stands_for_a_larger_one_is_refused() -> None:
    with pytest.raises(catalogue.CatalogueInvalid, match="aliases"):
        catalogue.load({"prova.yaml": _file(more="states: &all [a]\ndeclarations: *all")})


def test_the_same_version_twice_is_refused() -> None:
    with pytest.raises(catalogue.CatalogueInvalid, match="two files"):
        catalogue.load({"a.yaml": _file(), "b.yaml": _file()})


def test_places() -> None:
    assert len(places.comuni()) == 7899
    aglie = places.by_istat("001001")
    assert aglie is not None
    assert (aglie.name, aglie.belfiore, aglie.provincia) == ("Agliè", "A074", "TO")
    assert places.named("aglie'") == [aglie]
    assert places.named("Atlantide") == []
    assert places.by_istat("999999") is None


def test_a_yearly_last_day_counts_from_today() -> None:
    news = catalogue.shipped().valid("naspi_com", DAY)
    income = {"evento": ["reddito_annuale"]}
    assert [day for _, day in [news.last_day(income, DAY) or pytest.fail("none")]] == [dt.date(2027, 1, 31)]
    assert news.last_day({"evento": ["altro"]}, DAY) is None


def test_the_nearest_of_two_deadlines_counts() -> None:
    news = catalogue.shipped().valid("naspi_com", DAY)
    both = {"evento": ["reddito_annuale"], "data_evento": ["2026-11-20"]}
    found, day = news.last_day(both, DAY) or pytest.fail("none")
    assert (found.id, day) == ("comunicazione", dt.date(2026, 12, 20))


def test_an_age_of_next_year_is_told_next_year() -> None:
    pension = catalogue.shipped().valid("pensione_vecchiaia", DAY)
    assert any("67 anni," in sentence for sentence in pension.told(DAY))
    assert any("67 anni e 1 mese" in sentence for sentence in pension.told(dt.date(2027, 1, 1)))
    assert not any("{" in sentence for sentence in pension.told(dt.date(2040, 1, 1)))


def test_who_puts_contributions_together_waits_longer() -> None:
    pension = catalogue.shipped().valid("pensione_vecchiaia", DAY)
    usual, together = pension.term({}), pension.term({"cumulo_totalizzazione": ["true"]})
    assert usual is not None
    assert together is not None
    assert (usual.days, together.days) == (55, 90)
    assert usual.silence == together.silence
