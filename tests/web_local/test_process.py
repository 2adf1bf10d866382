"""`python -m web_local` as a program: ready, end, death, wrong use."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from tests.peers.browser import ROOT, running_face
from tests.peers.fake_desk import PIN, USER


def program(*arguments, **environ):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PUE_")}
    return subprocess.run(
        [sys.executable, "-m", "web_local", *arguments],
        cwd=ROOT,
        env=clean | environ,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def open_stream(address):
    """A page that listens."""
    host, _, port = address.removeprefix("http://").partition(":")
    line = http.client.HTTPConnection(host, int(port), timeout=10)
    line.request(
        "POST",
        "/entra",
        f"user={USER}&pin={PIN}",
        {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"},
    )
    answer = line.getresponse()
    answer.read()
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    line.request("GET", "/eventi", headers={"Cookie": cookie, "Accept": "text/event-stream"})
    stream = line.getresponse()
    assert stream.status == 200
    stream.readline()
    return line, stream


def test_it_ends_in_time_though_a_page_listens(desk):
    with running_face(desk.path) as (address, process):
        line, stream = open_stream(address)
        began = time.monotonic()
        process.terminate()
        assert process.wait(8) == 0
        assert time.monotonic() - began < 5
        stream.close()
        line.close()


def test_it_dies_with_its_worker(desk):
    with running_face(desk.path) as (_address, process):
        (worker,) = psutil.Process(process.pid).children()
        os.kill(worker.pid, signal.SIGKILL)
        assert process.wait(8) == 1


def test_it_listens_at_a_unix_socket(desk, tmp_path_factory):
    path = tmp_path_factory.mktemp("w") / "web.sock"
    with running_face(desk.path, f"listen=unix:{path}") as (address, _process):
        assert address == f"unix:{path}"
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            line.connect(str(path))
            line.sendall(b"GET /entra HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert line.recv(64).startswith(b"HTTP/1.1 200")


def test_it_tells_systemd(desk, tmp_path_factory, monkeypatch):
    path = tmp_path_factory.mktemp("n") / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(path))
        ear.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        with running_face(desk.path):
            assert b"READY=1" in ear.recv(100)


def test_it_shows_its_settings_and_where_they_come_from(tmp_path):
    file = tmp_path / "web.toml"
    file.write_text('listen = "127.0.0.1:9000"\n')
    shown = program(
        "--config", str(file), "--set", "assistance=numero 0", "config", "show", PUE_WEB_THREADS="8"
    )
    assert shown.returncode == 0
    assert f'listen = "127.0.0.1:9000"  # file {file}' in shown.stdout
    assert "threads = 8  # environment PUE_WEB_THREADS" in shown.stdout
    assert 'assistance = "numero 0"  # --set' in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--set", "listn=x"], 1, "did you mean listen?"),
        (["--set", "threads=1"], 1, "threads"),
        (["--config", "/nirgendwo/web.toml"], 1, "web.toml"),
        (["sing"], 2, "config show"),
        (["--nonsense"], 2, "usage"),
    ],
)
def test_wrong_use_is_refused_in_words(arguments, code, said):
    answer = program(*arguments)
    assert answer.returncode == code
    assert said in answer.stderr


def test_help_is_there():
    answer = program("--help")
    assert answer.returncode == 0
    assert "--config" in answer.stdout
