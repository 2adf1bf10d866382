"""The manufacturing book: whatever is done to it, either it holds or it says where it does not."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.settings import SettingsError
from provisioning.errors import BookDamaged
from provisioning.recipe import load_recipe, read_recipe, recipes
from provisioning.record import Book


def write(path, count=4):
    book = Book(path)
    for number in range(count):
        book.add(
            at="2026-01-02T03:04:05+00:00", box=f"scatola{number:03}", what="prova", facts={"site": "a074-1"}
        )
    return book


def test_lines_follow_each_other(tmp_path):
    lines = write(tmp_path / "book").lines()
    assert [line.number for line in lines] == [1, 2, 3, 4]
    assert len({line.before for line in lines}) == 4


@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_one_changed_byte_is_found_unless_it_is_in_the_last_line(tmp_path_factory, place, change):
    path = tmp_path_factory.mktemp("book") / "book"
    write(path)
    data = bytearray(path.read_bytes())
    end_of_third = data.rstrip(b"\n").rfind(b"\n")
    at = int(place * end_of_third)
    data[at] ^= change
    path.write_bytes(data)
    with pytest.raises(BookDamaged):
        Book(path).lines()


def test_a_line_cannot_be_taken_out(tmp_path):
    path = tmp_path / "book"
    write(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:1] + lines[2:]))
    with pytest.raises(BookDamaged, match="line 2"):
        Book(path).lines()


def test_a_line_cut_by_a_power_failure_is_set_aside(tmp_path):
    path = tmp_path / "book"
    write(path)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"at":"2026-')
    assert len(Book(path).lines()) == 4
    Book(path).add(at="2026-01-02T03:04:06+00:00", box="scatola009", what="prova", facts={})
    assert path.read_bytes().startswith(whole)
    assert len(Book(path).lines()) == 5
    assert (tmp_path / "book.torn-5").read_bytes() == b'{"at":"2026-'


def test_two_stations_write_one_book(tmp_path):
    path = tmp_path / "book"
    code = (
        "import sys; from pathlib import Path; from provisioning.record import Book\n"
        "for n in range(20): Book(Path(sys.argv[1])).add(at='t', box='scatola001', what=sys.argv[2], facts={})"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in ("una", "due")]
    assert [one.wait(60) for one in both] == [0, 0]
    assert len(Book(path).lines()) == 40


def test_every_recipe_of_the_product_can_be_read():
    assert "desk" in recipes()
    for name in recipes():
        assert load_recipe(name).steps


@pytest.mark.parametrize(
    "text", ["name = 1", 'name = "x"\nsteps = ["flash"]', 'name = "x"\nsteps = ["keys", "keys"]', "[["]
)
def test_a_wrong_recipe_is_refused_with_a_reason(text):
    with pytest.raises(SettingsError):
        read_recipe(text)
