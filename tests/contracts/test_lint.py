"""An author's mistakes are told all at once, each with its line and with what to do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.practices import catalogue, lint
from contracts.practices.lint import Found

FILES = catalogue.shipped_files()
BLOCKS, STATES = catalogue.shared(FILES)
SOUND = """\
id: prova
version: 2026-01
valido_dal: 2026-01-01
area: work
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
      - {name: fine, kind: date, label: Data}
"""


BOMB = "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))])
"""A few lines that would be thirty thousand million values."""


ODD = (
    "id: !!timestamp foo",
    "id: !!bool foo",
    "id: !!int ''",
    "id: 1" + ":0" * 300 + ".0",
    "id: 0x" + "f" * 1900,
    "id: " + "x" * 3000,
    "".join(f"k{n}: 1\n" for n in range(4000)),
)


def judge(text: str) -> list[Found]:
    return lint.lint("prova.yaml", text.encode(), BLOCKS, STATES)


def lines(text: str) -> list[int]:
    return [found.line for found in judge(text)]


def test_what_ships_has_no_mistake() -> None:
    for name, data in FILES.items():
        if name not in {catalogue.BLOCKS_FILE, catalogue.STATES_FILE}:
            assert lint.lint(name, data, BLOCKS, STATES) == []


def test_a_sound_file_has_none() -> None:
    assert judge(SOUND) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("area: work", "area: wrok", 4, "did you mean work?"),
        ("area: work", "erea: work", 1, "area is missing: add it"),
        ("area: work", "erea: work", 4, "did you mean area?"),
        ("kind: date", "kind: dat", 15, "did you mean date?"),
        ("label: Data", "lable: Data", 15, "did you mean label?"),
        ("label: Data", "label: 7", 15, "7 does not fit"),
        ("steps:", "steps: 3\nrest:", 10, "does not fit"),
        ("  - id: passo", "  - passo\n  - id: passo", 11, "list of names with values"),
        ("2026-01-01", "ieri", 3, "'ieri' does not fit"),
        ("say_aloud: Parli.", "say_aloud: " + "parola " * 26, 13, "26 words"),
        ("    fields:", "    block: nessuno\n    fields:", 14, "no block nessuno; there are: anagrafica"),
        ("steps:", "states: [persa]\nsteps:", 10, "state persa is not in the list"),
        ("area: work", "area: work\narea: family", 5, "area stands twice"),
        (
            "source: inventata",
            "special_category: true\nspecial_category: false\nsource: x",
            10,
            "stands twice",
        ),
        ("name: Prova", "name: [", 5, "this is no YAML"),
    ],
)
def test_each_mistake_has_its_line_and_its_advice(old: str, new: str, line: int, says: str) -> None:
    found = judge(SOUND.replace(old, new, 1))
    told = [one for one in found if says in one.says]
    assert told, found
    assert line in {one.line for one in told} or old == "name: Prova"


def test_all_mistakes_are_told_at_once() -> None:
    text = SOUND.replace("area: work", "area: x").replace("kind: date", "kind: y").replace("2026-01-01", "z")
    assert lines(text) == [3, 4, 15]


def test_a_field_that_stands_twice_is_told_where_it_stands_again() -> None:
    text = (
        SOUND
        + "      - {name: altro, kind: text, label: Altro}\n      - {name: fine, kind: text, label: Ancora}\n"
    )
    assert lines(text) == [17]


@pytest.mark.parametrize(
    "text", ["", "[]", "7", "a: &a [*a]", "\x00", "- " * 30_000, "x: y\n" * 90_000, BOMB, *ODD]
)
def test_nonsense_is_one_mistake_and_no_error(text: str) -> None:
    assert judge(text)


@given(st.binary(max_size=400))
def test_any_bytes_are_judged(data: bytes) -> None:
    assert lint.lint("prova.yaml", data, BLOCKS, STATES)


@given(st.integers(0, len(SOUND) - 1), st.sampled_from(list("{}[]:,#&*!|>%@`'\"-? \n\t")))
def test_one_sign_changed_never_ends_the_judge(at: int, sign: str) -> None:
    judge(SOUND[:at] + sign + SOUND[at + 1 :])
