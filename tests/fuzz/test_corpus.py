"""Every input of the corpus through every target: no fuzzer needed, and a find once fixed stays fixed."""

from __future__ import annotations

import pytest

from contracts.errors import PueError
from tests.fuzz.corpus import FOLDER, seeds
from tests.fuzz.targets import TARGETS, run

INPUTS = sorted(FOLDER.glob("*/*.bin"))


def test_every_target_has_inputs_and_every_input_a_target():
    assert {path.parent.name for path in INPUTS} == set(TARGETS)
    assert {target for target, _, _ in seeds()} == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_every_input(name):
    for path in INPUTS:
        run(TARGETS[name], path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_reaches_what_it_is_for(name):
    """At least one input of its own is accepted whole: a target that refuses everything tests nothing."""

    def accepted(data: bytes) -> bool:
        try:
            TARGETS[name](data)
        except PueError:
            return False
        return True

    assert any(accepted(path.read_bytes()) for path in INPUTS if path.parent.name == name)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_an_input_cut_anywhere(name):
    for path in INPUTS:
        if path.parent.name == name:
            data = path.read_bytes()
            for end in range(0, len(data), max(1, len(data) // 40)):
                run(TARGETS[name], data[:end])


def test_the_corpus_is_small():
    assert sum(path.stat().st_size for path in INPUTS) < 300_000
