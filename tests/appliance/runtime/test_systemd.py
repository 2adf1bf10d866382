from __future__ import annotations

import socket

import pytest

from appliance.runtime.systemd import Notifier


@pytest.fixture(params=["path", "abstract"])
def listener(request, tmp_path):
    address = str(tmp_path / "notify") if request.param == "path" else f"\0pue-{tmp_path.name}-{id(tmp_path)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(address)
        line.settimeout(5)
        yield line, address.replace("\0", "@")


def test_systemd_hears_each_word(listener):
    line, address = listener
    notifier = Notifier({"NOTIFY_SOCKET": address})
    assert notifier.listening
    assert notifier.ready("two doors\nopen")
    assert line.recv(1000) == b"READY=1\nSTATUS=two doors open"
    assert notifier.alive()
    assert line.recv(1000) == b"WATCHDOG=1"
    assert notifier.status("idle")
    assert line.recv(1000) == b"STATUS=idle"
    assert notifier.stopping()
    assert line.recv(1000) == b"STOPPING=1"


def test_without_systemd_words_go_into_the_air():
    notifier = Notifier({})
    assert not notifier.listening
    assert not notifier.ready()
    assert notifier.watchdog_every_s is None


def test_a_dead_listener_does_not_stop_the_service(tmp_path):
    assert not Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()


@pytest.mark.parametrize(
    ("environ", "every_s"),
    [
        ({"WATCHDOG_USEC": "20000000"}, 10.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "42"}, 10.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "41"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_per_period_if_it_is_ours(environ, every_s):
    assert Notifier(environ, pid=42).watchdog_every_s == every_s
