"""The desk and the pulled plug, the full disk, the half-written file: nothing called saved is lost, nothing twice."""

from __future__ import annotations

import http.client
import os
import random
import signal
import subprocess
import sys
import threading

import pytest

from appliance.vault import journal
from contracts.desk_api.clerk import Stage
from contracts.identity import fingerprint
from tests.appliance.desk.kit import ROOT

KILLS = 4
ORDER = list(Stage)
BACK_TO = {Stage.READING: Stage.CARD, Stage.SEALING: Stage.SIGN}


def letters(desk):
    outbox = desk.outbox()
    try:
        return [(e.label, fingerprint(outbox.sealed(e.label.letter))) for e in outbox.waiting()]
    finally:
        outbox.close()


def drafts(desk):
    return [entry for entry in (desk.state / "vault" / "drafts").iterdir() if not entry.name.startswith(".")]


CHANCE = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID"))
"""Other moments in every run; workers of one run must agree on the names of their tests."""


@pytest.mark.parametrize("seed", [CHANCE.randrange(10_000) for _ in range(2)])
def test_whenever_the_plug_is_pulled_the_sitting_goes_on_and_one_letter_comes_of_it(desk, clerk, seed):
    chance = random.Random(seed)
    told = None
    for _ in range(KILLS):
        timer = threading.Timer(chance.uniform(0.05, 1.6), os.kill, (desk.pid, signal.SIGKILL))
        timer.start()
        try:
            while clerk.move():
                told = clerk.view.sitting
        except (OSError, http.client.HTTPException):
            pass
        timer.join()
        desk.kill()
        desk.start()
        clerk = desk.clerk()
        clerk.come()
        now = clerk.view.sitting
        if told is not None:
            assert now is not None, f"seed {seed}: the sitting is gone"
            assert now.sitting == told.sitting
            least = BACK_TO.get(told.stage, told.stage)
            assert ORDER.index(now.stage) >= ORDER.index(least), (
                f"seed {seed}: {told.stage} became {now.stage}"
            )
    while clerk.move():
        pass
    clerk.ask("finish")
    ((label, sha256),) = letters(desk)
    assert (label.sha256, label.number) == (sha256, "A074-1/2026/000001")
    assert drafts(desk) == []
    assert journal.verify(desk.state / "vault" / "journal.jsonl").broken_at == 0


def test_a_plug_pulled_while_sealing_makes_one_letter(desk, clerk):
    clerk.to_sign()
    clerk.ask("take_page", attachment="signature")
    clerk.ask("sign", way="paper")
    number = clerk.sitting.number
    for wait_s in (0.02, 0.08, 0.2):
        timer = threading.Timer(wait_s, os.kill, (desk.pid, signal.SIGKILL))
        timer.start()
        try:
            if clerk.sitting.stage is Stage.SIGN:
                clerk.ask("seal")
        except (OSError, http.client.HTTPException):
            pass
        timer.join()
        desk.kill()
        desk.start()
        clerk = desk.clerk()
        clerk.come()
        assert clerk.sitting.stage in (Stage.SIGN, Stage.DONE)
        assert (clerk.sitting.stage is Stage.DONE) == bool(letters(desk))
    while clerk.move():
        pass
    assert [label.number for label, _ in letters(desk)] == [number]


def test_a_letter_stored_before_the_plug_was_pulled_is_not_a_draft_any_more(desk, clerk):
    """The moment between the outbox and the draft: the state on the disk still says `sealing`."""
    clerk.to_sign()
    (draft,) = drafts(desk)
    clerk.ask("sign", way="cannot_sign", cause="mano ingessata")
    before = (draft / "state").read_bytes()
    clerk.ask("seal")
    desk.kill()
    (draft / "state").write_bytes(before)
    desk.start()
    clerk = desk.clerk()
    clerk.come()
    assert clerk.sitting.stage is Stage.DONE
    clerk.ask("finish")
    assert len(letters(desk)) == 1
    assert drafts(desk) == []


def test_a_full_disk_is_said_and_nothing_is_half_done(desk, clerk):
    clerk.to_sign()
    desk.limit_files(30_000)
    sitting = clerk.ask("take_page", attachment="signature").sitting
    assert sitting.trouble.code.startswith("storage.")
    assert sitting.pages.pages == []
    desk.limit_files(None)
    clerk.ask("take_page", attachment="signature")
    clerk.ask("sign", way="paper")
    desk.limit_files(25_000)
    sitting = clerk.ask("seal").sitting
    assert (sitting.stage, sitting.trouble.code) == (Stage.SIGN, "outbox.full")
    clerk.ask("sign", way="cannot_sign", cause="mano ingessata")
    clerk.ask("remove_page", page=sitting.pages.pages[0].page)
    desk.limit_files(20_000)
    sitting = clerk.ask("seal").sitting
    assert (sitting.stage, sitting.trouble.code) == (Stage.SIGN, "outbox.full")
    assert letters(desk) == []
    desk.limit_files(None)
    assert clerk.ask("seal").sitting.stage is Stage.DONE
    assert len(letters(desk)) == 1


def test_a_half_written_draft_is_set_aside_and_the_desk_goes_on(desk, clerk):
    clerk.to_sign()
    desk.kill()
    (draft,) = drafts(desk)
    state = draft / "state"
    os.truncate(state, state.stat().st_size // 2)
    desk.start()
    clerk = desk.clerk()
    clerk.come()
    assert clerk.view.sitting is None
    (aside,) = drafts(desk)
    assert ".aside-" in aside.name
    assert '"draft.set_aside"' in (desk.state / "vault" / "journal.jsonl").read_text()
    clerk.begin()


def test_a_page_that_was_changed_on_the_disk_is_not_sealed(desk, clerk):
    clerk.to_sign()
    (page,) = clerk.ask("take_page", attachment="signature").sitting.pages.pages
    clerk.ask("sign", way="paper")
    (draft,) = drafts(desk)
    data = bytearray((draft / page.page).read_bytes())
    data[len(data) // 2] ^= 1
    (draft / page.page).write_bytes(data)
    sitting = clerk.ask("seal").sitting
    assert (sitting.stage, sitting.trouble.code) == (Stage.SIGN, "draft.unreadable")
    clerk.ask("remove_page", page=page.page)
    assert clerk.sitting.signature is None
    assert clerk.sign_and_seal().stage is Stage.DONE


def test_a_damaged_outbox_does_not_keep_the_desk_from_starting(desk, clerk):
    desk.stop()
    (desk.state / "outbox" / "outbox.db").write_bytes(b"noise" * 1000)
    desk.start()
    clerk = desk.clerk()
    clerk.come()
    assert clerk.ask("letters").letters == []
    assert list((desk.state / "outbox").glob("*.damaged-1*"))


def test_two_desks_on_one_vault_are_refused(desk, clerk):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "appliance.desk",
            "--set",
            f"state_dir={desk.state}",
            "--set",
            f"run_dir={desk.run}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "another desk" in done.stderr
    clerk.ask("look")
