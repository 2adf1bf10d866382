"""`pue-fleet serve`: one command, a whole fleet; a child that dies comes back; the end leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
import requests
import sqlalchemy as sa

from contracts.messages.orders import OrderState, Result
from contracts.topics import Down, Up
from fleet.link.broker import INGEST_NAME
from fleet.orders.tables import OrderRow
from fleet.registry import boxes
from tests.fleet.fleet_house import BOOT, ROOT, House, health, now_ms
from tests.peers.waiting import until


@pytest.fixture
def command(house):
    """Run one pue-fleet command in the house's folder."""

    def run(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "fleet", *words, *house.words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done

    return run


class Served:
    """`serve` as a process, and its children as the system sees them."""

    def __init__(self, house: House) -> None:
        argv = [
            sys.executable,
            "-m",
            "fleet",
            "serve",
            "--json",
            *house.words,
            "--set",
            "console.enabled=false",
        ]
        with (house.folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
        self.lines: list[str] = []
        self.ready = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        until(lambda: self.ready.is_set() or self.process.poll() is not None, "serve is ready", within_s=60)
        assert self.process.poll() is None, (house.folder / "serve.log").read_text()

    def _read(self) -> None:
        with self.process.stdout as stream:
            for line in stream:
                self.lines.append(line)
                if line.startswith("ready"):
                    self.ready.set()

    def child(self, word: str) -> psutil.Process | None:
        for process in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):
                if any(word in part for part in process.cmdline()):
                    return process
        return None

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def served(house):
    whole = Served(house)
    yield whole
    if whole.process.poll() is None:
        whole.end()


def gone(family) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)


def test_it_says_where_it_is_and_ends_everything_it_started(house, served):
    where = json.loads(served.lines[0])
    assert where["gate"].endswith(str(house.settings.gate.port))
    answer = requests.get(house.url("/healthz"), verify=str(house.ca), timeout=20)
    assert answer.text == "ok\n"
    family = served.family()
    assert len(family) >= 4
    assert served.end() == 0
    assert gone(family)


def test_killing_the_supervisor_leaves_nothing_running(served):
    family = served.family()
    served.end(signal.SIGKILL)
    until(lambda: gone(family), "the children went with it")


def test_a_dead_child_comes_back_and_a_box_notices_nothing(house, served):
    box = house.box()
    with house.peer(box) as peer:
        peer.say(Up.HEALTH, health(1))
        peer.wait_stored(1)
        for word, seq in (("ingest", 2), ("mosquitto.conf", 3)):
            peer.connected.clear()
            dead = served.child(word)
            os.kill(dead.pid, signal.SIGKILL)
            until(
                lambda word=word, dead=dead: (new := served.child(word)) and new.pid != dead.pid,
                f"a new {word}",
            )
            if word == "mosquitto.conf":
                assert peer.connected.wait(30)
            peer.say(Up.HEALTH, health(seq))
            peer.wait_stored(seq)
    assert "starting it again" in (house.folder / "serve.log").read_text()


def test_an_operators_order_from_the_command_line_to_the_box_and_back(house, served, command):
    box = json.loads(command("box", "add", "--site", "a074-1", "--json").stdout)["box"]
    with house.database.write() as session:
        boxes.begin_life(session, box, now=datetime.now(UTC))
    done: list[subprocess.CompletedProcess[str]] = []
    with house.peer(box) as peer:
        asked = threading.Thread(
            target=lambda: done.append(command("order", box, "ping", "--wait", "--json"))
        )
        asked.start()
        peer.wait_for(Down.ORDER)
        order = house.query(sa.select(OrderRow.order))[0][0]
        result = Result(
            ts=now_ms(), boot=BOOT, seq=1, order=order, state=OrderState.SUCCEEDED, facts={"uptime_s": 9}
        )
        peer.say(Up.RESULT, result)
        asked.join(60)
    answer = json.loads(done[0].stdout)
    assert (answer["state"], answer["facts"]) == ("succeeded", {"uptime_s": 9})


def test_a_retired_box_is_sent_away_by_the_running_fleet(house, served, command):
    box = house.box()
    with house.peer(box) as peer:
        command("box", "retire", box)
        assert peer.gone.wait(30)
        peer.connected.clear()
        assert not peer.connected.wait(3)


def serve_again(house, *more) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "fleet", "serve", *house.words, "--set", "console.enabled=false"]
    for pair in more:
        argv += ["--set", pair]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)


def test_a_second_fleet_in_the_same_folder_is_refused(house, served):
    done = serve_again(house)
    assert (done.returncode, "fleet.already_served" in done.stderr) == (1, True)
    assert requests.get(house.url("/healthz"), verify=str(house.ca), timeout=20).ok


def test_a_taken_port_ends_the_whole_with_a_reason(house, served, tmp_path):
    gate = house.settings.gate.port
    done = serve_again(house, f"data_dir={tmp_path / 'other'}", f"gate.port={gate}")
    assert (done.returncode, "fleet.start_failed" in done.stderr) == (1, True)
    assert "gate" in done.stderr


# ---- commands


def test_commands_answer_in_words_and_in_json(command, house):
    made = json.loads(command("box", "add", "--site", "h501-2", "--office", "Anagrafe", "--json").stdout)
    assert made["box"] in command("box", "list").stdout
    shown = json.loads(command("box", "show", made["box"]).stdout)
    assert (shown["box"]["site"]["comune"], shown["life"]) == ("Roma", "never")
    assert "Anagrafe" in command("box", "export").stdout
    assert made["token"] != json.loads(command("box", "token", made["box"], "--json").stdout)["token"]
    assert f'data_dir = "{house.folder}"' in command("config", "show").stdout
    assert INGEST_NAME not in command("config", "show").stdout


def test_boxes_from_a_file(command, tmp_path: Path):
    file = tmp_path / "boxes.csv"
    file.write_text("site,office\na074-1,Uno\nh501-1,Due\n")
    rows = command("box", "import", str(file)).stdout.splitlines()
    assert rows[0] == "box,site,token"
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["box", "add", "--site", "qui"], 1, "name.invalid"),
        (["box", "show", "nessuno00000"], 1, "fleet.box_unknown"),
        (["recipient", "add", "/nessun/file.json"], 1, "fleet.file_unreadable"),
        (["init", "--set", "gate.prot=1"], 1, "did you mean gate.port"),
        (["box"], 2, "WHAT"),
        (["ballo"], 2, "invalid choice"),
    ],
)
def test_what_is_refused_says_why(command, words, code, sentence):
    assert sentence in command(*words, code=code).stderr


def test_the_back_office_is_a_program_of_its_own(command):
    done = subprocess.run(
        [sys.executable, "-m", "fleet", "backoffice", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert "fleet.backoffice" in done.stdout or "pue-fleet backoffice" in done.stdout
