"""The letter box keeps what it was given: through kill -9, torn files, full disks and two processes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from appliance.outbox.errors import LetterErased, LetterMismatch, LetterUnknown, OutboxFull, OutboxNewer
from appliance.outbox.store import Outbox
from contracts.identity import fingerprint, make_id
from contracts.messages.letters import Label, LetterState, LetterWord, Receipt

ROOT = Path(__file__).parents[3]


def letter_id(number: int) -> str:
    return make_id(1_800_000_000_000 + number, number.to_bytes(10, "big"))


def label_for(number: int, sealed: bytes, *, deadline: int | None = None) -> Label:
    return Label(
        letter=letter_id(number),
        number=f"A074-1/2026/{number:06d}",
        box="boxofinvention",
        site="a074-1",
        recipient="ab" * 32,
        practice="naspi@2026-01",
        taken_at=1_800_000_000_000 + number,
        time_trusted=True,
        deadline=deadline,
        size_bytes=len(sealed),
        sha256=fingerprint(sealed),
    )


def put(outbox: Outbox, number: int, *, size: int = 2_000, deadline: int | None = None) -> Label:
    sealed = number.to_bytes(4, "big") * (size // 4)
    label = label_for(number, sealed, deadline=deadline)
    outbox.add(label, sealed, practice_name="NASpI")
    return label


def receipt_for(label: Label) -> Receipt:
    return Receipt(
        letter=label.letter,
        box=label.box,
        sha256=label.sha256,
        size_bytes=label.size_bytes,
        received_at=1_800_000_999_000,
    )


def state_for(label: Label, step: int, word: LetterWord, protocollo: str | None = None) -> LetterState:
    return LetterState(
        letter=label.letter, step=step, word=word, at=1_800_001_000_000 + step, protocollo=protocollo
    )


@pytest.fixture
def outbox(tmp_path):
    box = Outbox(tmp_path / "outbox" / "outbox.db")
    yield box
    box.close()


def test_a_letter_goes_its_whole_way(outbox):
    label = put(outbox, 1)
    assert [entry.label for entry in outbox.waiting()] == [label]
    assert outbox.row(label.letter).word is LetterWord.SAVED
    assert [outbox.begin_attempt(label.letter), outbox.begin_attempt(label.letter)] == [1, 2]

    outbox.record_receipt(receipt_for(label), b"receipt")
    assert outbox.waiting() == []
    assert outbox.row(label.letter).word is LetterWord.SENT
    assert fingerprint(outbox.sealed(label.letter)) == label.sha256

    assert outbox.record_state(state_for(label, 1, LetterWord.RECEIVED, "INPS.1234"), b"state", 7)
    assert outbox.row(label.letter).protocollo == "INPS.1234"
    assert outbox.cursor() == 7
    with pytest.raises(LetterErased):
        outbox.sealed(label.letter)


def test_an_older_state_never_overwrites_a_newer_and_the_protocollo_never_changes(outbox):
    label = put(outbox, 1)
    assert outbox.record_state(state_for(label, 3, LetterWord.IN_PROGRESS, "INPS.1"), b"", 3)
    assert not outbox.record_state(state_for(label, 2, LetterWord.RECEIVED, "INPS.2"), b"", 4)
    assert outbox.record_state(state_for(label, 4, LetterWord.ACCEPTED, "INPS.3"), b"", 2)
    row = outbox.row(label.letter)
    assert (row.word, row.protocollo, outbox.cursor()) == (LetterWord.ACCEPTED, "INPS.1", 4)


def test_a_receipt_that_comes_after_the_state_takes_no_word_back(outbox):
    label = put(outbox, 1)
    outbox.record_state(state_for(label, 1, LetterWord.RECEIVED, "INPS.1"), b"", 1)
    outbox.record_receipt(receipt_for(label), b"")
    assert outbox.row(label.letter).word is LetterWord.RECEIVED


def test_an_unreadable_letter_keeps_its_bytes(outbox):
    label = put(outbox, 1)
    outbox.record_state(state_for(label, 1, LetterWord.UNREADABLE), b"", 1)
    assert outbox.sealed(label.letter)


def test_a_state_cannot_say_saved_or_sent(outbox):
    label = put(outbox, 1)
    assert not outbox.record_state(state_for(label, 1, LetterWord.SENT), b"", 5)
    assert outbox.row(label.letter).word is LetterWord.SAVED
    assert outbox.cursor() == 5


def test_adding_twice_is_adding_once_and_another_letter_is_refused(outbox):
    label = put(outbox, 1)
    put(outbox, 1)
    assert len(outbox.rows()) == 1
    other = b"something else"
    with pytest.raises(LetterMismatch):
        outbox.add(
            Label(**{**_fields(label), "size_bytes": len(other), "sha256": fingerprint(other)}),
            other,
            practice_name="NASpI",
        )
    with pytest.raises(LetterMismatch):
        outbox.add(label, other, practice_name="NASpI")


def _fields(label: Label) -> dict:
    return {name: getattr(label, name) for name in label.__struct_fields__ if name != "residue"}


def test_nearest_deadline_goes_first_then_the_oldest(outbox):
    put(outbox, 1)
    put(outbox, 2, deadline=1_900_000_000_000)
    put(outbox, 3, deadline=1_850_000_000_000)
    put(outbox, 4)
    assert [int(e.label.number[-6:]) for e in outbox.waiting()] == [3, 2, 1, 4]
    health = outbox.health(1_900_000_000_000)
    assert (health.waiting, health.bytes, health.nearest_deadline) == (4, 8_000, 1_850_000_000_000)


def test_a_refused_letter_waits_no_more_and_says_why(outbox):
    label = put(outbox, 1)
    outbox.record_refusal(label.letter, "letter.conflict", "operator")
    assert outbox.waiting() == []
    assert outbox.row(label.letter).code == "letter.conflict"
    assert outbox.health(0).refused == 1


def test_unknown_letters_are_refused(outbox):
    for deed in (outbox.row, outbox.sealed, outbox.begin_attempt, outbox.mark_receipt_printed):
        with pytest.raises(LetterUnknown):
            deed(letter_id(9))


def test_the_other_process_change_is_noticed(tmp_path):
    desk, agent = Outbox(tmp_path / "outbox.db"), Outbox(tmp_path / "outbox.db")
    before = desk.revision()
    label = put(agent, 1)
    assert desk.revision() > before
    desk.mark_receipt_printed(label.letter)
    assert agent.row(label.letter).receipt_printed
    desk.close()
    agent.close()


def test_many_threads_of_two_openings_lose_nothing(tmp_path):
    boxes = [Outbox(tmp_path / "outbox.db") for _ in range(2)]
    threads = [
        threading.Thread(target=lambda base=base: [put(boxes[base % 2], base * 10 + n) for n in range(8)])
        for base in range(1, 5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(boxes[0].waiting()) == 32
    for box in boxes:
        box.close()


WRITER = """
import sys
sys.path[:0] = [{root!r}, {here!r}]
from pathlib import Path
from test_outbox import put
from appliance.outbox.store import Outbox
box = Outbox(Path(sys.argv[1]))
for number in range(1, 10_000):
    put(box, number, size=40_000)
    print(number, flush=True)
"""


def test_every_letter_said_to_be_in_survives_kill_9(tmp_path):
    path = tmp_path / "outbox.db"
    said = 0
    for letters_before_kill in (3, 9, 17):
        path_now = path.with_name(f"{letters_before_kill}.db")
        code = WRITER.format(root=str(ROOT), here=str(Path(__file__).parent))
        with subprocess.Popen(
            [sys.executable, "-c", code, str(path_now)], stdout=subprocess.PIPE, text=True
        ) as writer:
            for line in writer.stdout:
                said = int(line)
                if said == letters_before_kill:
                    os.kill(writer.pid, signal.SIGKILL)
                    break
            said = max([said, *map(int, writer.stdout.read().split())])
        box = Outbox(path_now)
        assert box.set_aside is None
        whole = [
            entry
            for entry in box.waiting()
            if fingerprint(box.sealed(entry.label.letter)) == entry.label.sha256
        ]
        assert len(whole) in (said, said + 1)
        assert len(whole) == len(box.rows(10_000))
        box.close()


def test_a_file_of_noise_is_set_aside_and_never_deleted(tmp_path):
    path = tmp_path / "outbox.db"
    path.write_bytes(b"noise" * 2_000)
    box = Outbox(path)
    assert box.set_aside is not None
    assert box.set_aside.read_bytes() == b"noise" * 2_000
    put(box, 1)
    assert len(box.waiting()) == 1
    box.close()


def test_of_a_truncated_file_the_letters_that_prove_whole_are_saved(tmp_path):
    path = tmp_path / "outbox.db"
    box = Outbox(path)
    for number in range(1, 9):
        put(box, number, size=60_000)
    box.close()
    size = path.stat().st_size
    os.truncate(path, size // 2)
    again = Outbox(path)
    assert again.set_aside is not None
    assert 0 < again.saved_from_damage < 8
    assert len(again.waiting()) == again.saved_from_damage
    for entry in again.waiting():
        assert fingerprint(again.sealed(entry.label.letter)) == entry.label.sha256
    again.close()


def test_somebody_elses_database_is_set_aside(tmp_path):
    path = tmp_path / "outbox.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
    other.close()
    box = Outbox(path)
    assert box.set_aside is not None
    box.close()


def test_a_newer_file_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "outbox.db"
    Outbox(path).close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(OutboxNewer):
        Outbox(path)
    assert path.exists()


def test_a_full_disk_is_said_and_leaves_nothing_half(outbox):
    put(outbox, 1)
    (pages,) = outbox._connection.execute("PRAGMA page_count").fetchone()
    outbox._connection.execute(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(OutboxFull) as refused:
        put(outbox, 2, size=400_000)
    assert refused.value.code == "outbox.full"
    assert len(outbox.rows()) == 1
    outbox._connection.execute("PRAGMA max_page_count = 1073741823")
    put(outbox, 2, size=400_000)
    assert len(outbox.rows()) == 2


def test_a_file_size_limit_of_the_system_is_a_full_disk_too(tmp_path):
    code = f"""
import sys, resource
sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}]
from pathlib import Path
from test_outbox import put
from appliance.outbox.store import Outbox
from appliance.outbox.errors import OutboxFull
box = Outbox(Path(sys.argv[1]))
put(box, 1)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    put(box, 2, size=900_000)
except OutboxFull:
    print(len(box.rows()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "outbox.db")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "1", done.stderr


def test_the_file_is_for_desk_and_agent_alone(tmp_path):
    box = Outbox(tmp_path / "outbox.db")
    put(box, 1)
    for file in tmp_path.iterdir():
        assert file.stat().st_mode & 0o007 == 0, file.name
    box.close()
