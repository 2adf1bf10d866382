"""The journal of reports: numbers never come back, nothing above the watermark is forgotten, bounds bite on health only."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.agent.reports import RESEND_AFTER_S, WINDOW, Reports
from appliance.agent.store import Store
from contracts.messages.orders import OrderState, Result
from contracts.messages.report import Event, EventState, Health
from contracts.topics import Up
from tests.appliance.agent.conftest import new_id

HEAD = {"ts": 1, "boot": "00000000"}


def health(note: str = "") -> Health:
    return Health(**HEAD, uptime_s=1, software=note)


def event(key: str = "prova") -> Event:
    return Event(**HEAD, key=key, state=EventState.INFO)


def result() -> Result:
    return Result(**HEAD, order=new_id(), state=OrderState.RECEIVED)


class Journal:
    """A journal that can be closed and opened again, or lost."""

    def __init__(self, folder, **how):
        self.folder, self.how = folder, how
        self.open()

    def open(self):
        self.store = Store(self.folder / "reports.db")
        self.reports = Reports(self.store, self.folder / "seq", boot="00000000", now_ms=lambda: 7, **self.how)

    def again(self):
        self.store.close()
        self.open()

    def lose(self):
        self.store.close()
        for path in self.folder.glob("reports.db*"):
            path.unlink()
        self.open()


@pytest.fixture
def journal(tmp_path):
    made = Journal(tmp_path)
    yield made
    made.store.close()


def numbers(reports, now_s=0.0):
    return [kept.seq for kept in reports.due(now_s)]


def test_numbers_go_on_after_a_restart_even_when_all_was_stored(journal):
    assert journal.reports.add((Up.HEALTH, health()), (Up.EVENT, event())) == [1, 2]
    assert journal.reports.stored(2) == 2
    journal.again()
    assert journal.reports.add((Up.HEALTH, health())) == [3]


def test_numbers_never_come_back_after_the_file_was_lost(journal):
    journal.reports.add((Up.HEALTH, health()), (Up.HEALTH, health()))
    journal.lose()
    assert journal.reports.add((Up.HEALTH, health()))[0] > 2


def test_the_number_is_inside_the_report(journal):
    journal.reports.add((Up.HEALTH, health()), (Up.EVENT, event()))
    assert [json.loads(kept.payload)["seq"] for kept in journal.reports.due(0)] == [1, 2]


def test_due_again_after_a_minute_or_on_a_new_connection(journal):
    reports = journal.reports
    reports.add((Up.HEALTH, health()), (Up.EVENT, event()))
    for seq in numbers(reports, 100.0):
        reports.sent(seq, 100.0)
    assert numbers(reports, 100.0 + RESEND_AFTER_S - 1) == []
    assert reports.resend_in_s(100.0) == RESEND_AFTER_S
    assert numbers(reports, 100.0 + RESEND_AFTER_S) == [1, 2]
    reports.sent(1, 161.0)
    reports.new_connection()
    assert numbers(reports, 161.0) == [1, 2]
    reports.stored(1)
    assert numbers(reports, 161.0) == [2]


def test_no_more_than_a_window_is_on_the_road(journal):
    journal.reports.add(*((Up.HEALTH, health()) for _ in range(WINDOW + 10)))
    assert len(numbers(journal.reports)) == WINDOW


def test_only_health_is_dropped_and_it_is_said(tmp_path):
    journal = Journal(tmp_path, limit_bytes=20_000)
    reports = journal.reports
    reports.add((Up.EVENT, event("prima")), (Up.RESULT, result()))
    for _ in range(120):
        reports.add((Up.HEALTH, health("x" * 100)))
    kept = reports.due(0)
    subjects = [one.subject for one in kept]
    assert subjects[:2] == [Up.EVENT, Up.RESULT], "events and results stay, however old"
    told = [json.loads(one.payload) for one in kept if one.subject is Up.EVENT][1:]
    assert told, "what was dropped is said"
    assert all(one["key"] == "reports.dropped" for one in told)
    held = sum(subject is Up.HEALTH for subject in subjects)
    assert held + sum(one["facts"]["reports"] for one in told) == 120
    assert sum(len(one.payload) for one in kept) <= 20_000
    newest = max(one.seq for one in kept if one.subject is Up.HEALTH)
    assert newest >= max(one.seq for one in kept) - 1, "the newest health is there"
    journal.store.close()


def test_events_are_kept_beyond_the_bound(tmp_path):
    journal = Journal(tmp_path, limit_bytes=2_000)
    for number in range(60):
        journal.reports.add((Up.EVENT, event(f"prova{number}")))
    assert journal.reports.waiting() == 60
    journal.store.close()


def test_a_watermark_from_a_former_life_is_leapt_over(journal):
    journal.reports.add((Up.HEALTH, health()), (Up.EVENT, event()))
    journal.reports.stored(5_000)
    kept = journal.reports.due(0)
    assert [one.seq for one in kept] == [5_001, 5_002], "nothing is lost and nothing looks old"
    assert [json.loads(one.payload)["seq"] for one in kept] == [5_001, 5_002]
    assert journal.reports.add((Up.HEALTH, health())) == [5_003]


def test_a_damaged_file_is_set_aside_and_told(journal, tmp_path):
    journal.reports.add((Up.HEALTH, health()))
    journal.store.close()
    for companion in ("-wal", "-shm"):
        (tmp_path / f"reports.db{companion}").unlink(missing_ok=True)
    (tmp_path / "reports.db").write_bytes(b"no database at all" * 400)
    journal.open()
    (told,) = journal.reports.due(0)
    assert json.loads(told.payload)["key"] == "agent.store_damaged"
    assert told.seq > 1
    assert (tmp_path / "reports.db.damaged-1").read_bytes().startswith(b"no database")


@settings(max_examples=40)
@given(
    st.lists(
        st.one_of(
            st.just("health"), st.just("event"), st.just("restart"), st.just("connect"), st.integers(0, 40)
        ),
        max_size=30,
    )
)
def test_nothing_above_the_watermark_is_ever_missing(tmp_path_factory, acts):
    journal = Journal(tmp_path_factory.mktemp("journal"))
    given_out: list[int] = []
    mark = 0
    for act in acts:
        if act == "restart":
            journal.again()
        elif act == "connect":
            journal.reports.new_connection()
        elif isinstance(act, int):
            watermark = min(act, max(given_out, default=0))
            journal.reports.stored(watermark)
            mark = max(mark, watermark)
        else:
            subject, report = (Up.HEALTH, health()) if act == "health" else (Up.EVENT, event())
            given_out += journal.reports.add((subject, report))
    journal.reports.new_connection()
    assert given_out == sorted(set(given_out))
    assert numbers(journal.reports) == [seq for seq in given_out if seq > mark]
    journal.store.close()


def test_a_full_disk_refuses_and_forgets_nothing(tmp_path):
    """A process whose files may not grow: what it was told is kept is kept, the rest is refused by name."""
    code = """
import resource, sys
from pathlib import Path
from appliance.agent.reports import Reports
from appliance.agent.store import Store, StoreError
from contracts.messages.report import Event, EventState
from contracts.topics import Up
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder = Path(sys.argv[1])
reports = Reports(Store(folder / "reports.db"), folder / "seq", boot="00000000", now_ms=lambda: 7)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
kept = 0
try:
    while kept < 5_000:
        kept = reports.add((Up.EVENT, Event(ts=1, boot="00000000", key="k" * 100, state=EventState.INFO)))[0]
except StoreError as why:
    print(kept, why.code, why.who.value)
"""
    answer = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    kept, code, who = answer.stdout.split()
    assert code.startswith("agent.store_f")
    assert who == "technician"
    journal = Journal(tmp_path)
    assert journal.reports.waiting() == int(kept) > 10
    journal.store.close()


def test_a_step_and_its_report_are_one(journal):
    class Broke(Exception):
        pass

    def step():
        with journal.store.write():
            journal.store.remember("fatto", b"1")
            journal.reports.add((Up.EVENT, event()))
            raise Broke

    with pytest.raises(Broke):
        step()
    assert journal.store.recall("fatto") is None
    assert journal.reports.waiting() == 0


def test_the_memory_is_private(journal, tmp_path):
    modes = {path.name: path.stat().st_mode & 0o077 for path in tmp_path.glob("reports.db*")}
    assert set(modes.values()) == {0}, modes
