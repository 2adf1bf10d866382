"""The command of the box: what it answers, and with which exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime

from appliance.vault.journal import Journal
from tests.appliance.desk.kit import ROOT


def pue_box(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "appliance.cli", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_effective_settings_are_shown_with_their_origin():
    shown = pue_box("desk", "config", "show", "--set", "idle_lock_s=120")
    assert shown.returncode == 0
    assert "idle_lock_s = 120" in shown.stdout
    assert "--set" in shown.stdout
    assert pue_box("config", "show", "desk").stdout.startswith("state_dir")


def test_wrong_use_and_refusals_have_their_own_codes():
    assert pue_box("nothing").returncode == 2
    assert pue_box("config", "show").returncode == 2
    unknown = pue_box("desk", "--set", "idle_lock=120")
    assert unknown.returncode == 1
    assert "idle_lock_s" in unknown.stderr
    believing = pue_box("desk", "config", "show", "--set", "believe_clock=true")
    assert believing.returncode == 1
    assert "simulated desks only" in believing.stderr


def test_the_journal_is_verified_from_outside(tmp_path):
    path = tmp_path / "vault" / "journal.jsonl"
    journal = Journal(path, now=lambda: datetime(2026, 11, 23, tzinfo=UTC))
    journal.write("desk.started")
    journal.write("desk.quiet")
    journal.close()
    good = pue_box("journal", "verify", "--state", str(tmp_path))
    assert (good.returncode, good.stdout.split(";")[0]) == (0, "good: 2 records")
    path.write_bytes(path.read_bytes().replace(b"desk.quiet", b"desk.awake"))
    assert pue_box("journal", "verify", "--state", str(tmp_path)).returncode == 1
    assert pue_box("journal", "verify", "--state", str(tmp_path / "none")).returncode == 1


def test_an_answer_nobody_reads_to_the_end_is_no_fault():
    """As `pue-box card emulate --list | head` does it."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "appliance.cli", "card", "emulate", "--list"]
    with os.fdopen(writing, "wb") as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, cwd=ROOT, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
