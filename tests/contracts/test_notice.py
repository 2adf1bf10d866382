"""Notices on the use of data: dated files, one for each body, found by the day."""

from __future__ import annotations

import datetime as dt

import pytest

from contracts.identity import fingerprint
from contracts.practices import lint
from contracts.practices.catalogue import CatalogueInvalid, NoticeUnknown, load, shipped, shipped_files
from contracts.practices.notice import RECEPTION, is_notice

FILES = shipped_files()
COMUNE = "informativa_comune.2026-01.yaml"
DAY = dt.date(2026, 11, 28)


def newer(since: str, *, until: str = "") -> dict[str, bytes]:
    """The shipped files and a newer version of the comune's notice."""
    text = FILES[COMUNE].decode().replace("version: 2026-01", f"version: {since[:7]}")
    ends = f"\nvalido_al: {until}" if until else ""
    text = text.replace("valido_dal: 2026-01-01", f"valido_dal: {since}{ends}")
    return FILES | {f"informativa_comune.{since[:7]}.yaml": text.encode()}


def test_every_body_that_decides_has_a_notice_today_and_the_reception_comes_first():
    told = [one.text.body for one in shipped().notices_on(DAY)]
    assert told[0] == RECEPTION
    assert {practice.body for practice in shipped().practices} <= set(told)
    assert len(told) == len(set(told))


def test_whoever_holds_the_file_can_compare():
    assert shipped().notice("informativa_comune@2026-01").sha256 == fingerprint(FILES[COMUNE])


@pytest.mark.parametrize(
    ("day", "version"), [("2026-12-31", "2026-01"), ("2027-01-01", "2027-01"), ("2027-03-01", "2026-01")]
)
def test_the_newest_that_is_valid_on_the_day_is_told(day, version):
    catalogue = load(newer("2027-01-01", until="2027-02-28"))
    found = catalogue.notices_on(dt.date.fromisoformat(day))
    assert [one.text.version for one in found if one.text.body == RECEPTION] == [version]


def test_older_versions_stay_for_the_drafts_that_began_with_them():
    assert load(newer("2027-01-01")).notice("informativa_comune@2026-01") == shipped().notice(
        "informativa_comune@2026-01"
    )


def test_without_the_receptions_notice_nobody_is_served():
    with pytest.raises(NoticeUnknown):
        load({name: data for name, data in FILES.items() if name != COMUNE}).notices_on(DAY)
    with pytest.raises(NoticeUnknown):
        shipped().notices_on(dt.date(2025, 12, 31))
    with pytest.raises(NoticeUnknown):
        shipped().notice("informativa_comune@1999-01")


def test_one_version_stands_in_one_file():
    with pytest.raises(CatalogueInvalid, match="two files"):
        load(FILES | {"informativa_due.2026-01.yaml": FILES[COMUNE]})


@pytest.mark.parametrize("name", sorted(name for name in FILES if is_notice(name)))
def test_those_that_ship_are_without_a_mistake(name):
    assert lint.lint(f"somewhere/{name}", FILES[name], {}, {}) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("spoken: ", "spoke: ", 7, "spoken"),
        ("title: Chi tratta i dati", "title: 7", 9, "does not fit"),
        ("valido_dal: 2026-01-01", "valido_dal: ieri", 3, "does not fit"),
        ("Può avere il testo", "parola " * 26 + "Può avere il testo", 7, "hard to follow by ear"),
    ],
)
def test_mistakes_are_told_by_line(old, new, line, says):
    data = FILES[COMUNE].decode().replace(old, new, 1).encode()
    found = lint.lint(COMUNE, data, {}, {})
    assert any(one.line == line and says in one.says for one in found), found
