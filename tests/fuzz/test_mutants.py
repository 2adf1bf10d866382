"""Cards with one answer changed, inside a valid MAC or on the wire: a few hundred here, ten thousand by `python -m tests.fuzz`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import mutants


def test_a_few_hundred_mutants():
    tally = mutants.try_many(range(300))
    assert not tally.bad
    assert tally.outcomes["verified"] < 150, "most changes change something"
    assert len(tally.outcomes) > 12


@settings(max_examples=30)
@given(st.integers(min_value=100_000))
def test_any_seed(seed):
    assert mutants.try_one(seed).good


def test_a_mutant_is_the_same_each_time():
    assert [mutants.try_one(seed).what for seed in range(40)] == [
        mutants.try_one(seed).what for seed in range(40)
    ]


def test_the_harness_sees_what_it_looks_for(monkeypatch):
    """A false green, a bare exception and a broken bound are told from an answer."""
    monkeypatch.setattr(mutants, "_is_genuine", lambda *_: False)
    assert any(mutants.try_one(seed).false_green for seed in range(12))
    monkeypatch.setattr(mutants, "read_and_judge", lambda *_, **__: 1 // 0)
    assert mutants.try_one(0).escaped.startswith("ZeroDivisionError")
    monkeypatch.setattr(mutants, "MAX_APDUS", -2)
    assert mutants.try_one(0).beyond == "commands"
