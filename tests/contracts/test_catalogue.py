"""The catalogue: what ships is whole, what is broken is refused by file and place."""

from __future__ import annotations

import datetime as dt

import pytest

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
    assert [practice.id for practice in shipped.on(DAY)] == ["auu", "naspi", "estratto_conto"]
    for practice in shipped.on(DAY):
        assert practice.answer_term is not None
        assert practice.fields()[0].kind is FieldKind.CODICE_FISCALE
        assert any(field.read_back for field in practice.fields())


def test_naspi_must_be_asked_within_68_days() -> None:
    naspi = catalogue.shipped().valid("naspi", DAY)
    deadline, last = naspi.last_day({"data_cessazione": ["2026-09-20"]}) or pytest.fail("no deadline")
    assert (deadline.days, last) == (68, dt.date(2026, 11, 27))
    assert naspi.last_day({}) is None


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
