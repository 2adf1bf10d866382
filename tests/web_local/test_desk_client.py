"""The derived client of the clerk's door, against real unix sockets."""

from __future__ import annotations

import socket
import threading

import pytest

from contracts.desk_api.clerk import Ask, Knock, Watch
from contracts.desk_api.door import DoorClosed
from contracts.errors import RemoteProblem
from web_local import desk_client
from web_local.desk_client import desk_at

TOKEN = "t" * 32


@pytest.fixture
def socket_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("s")


def one_answer(path, answer):
    """A desk that gives one raw answer, or none at all (`None`) while it holds the line."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)
    done = threading.Event()

    def serve():
        line, _ = listener.accept()
        with line:
            line.recv(65536)
            if answer is None:
                done.wait(10)
            else:
                line.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()

    def close():
        done.set()
        thread.join(5)
        listener.close()

    return close


def test_a_call_becomes_a_method(desk):
    assert desk_at(desk.path).knock(Knock()).clerks == ["anna.b"]


def test_a_refusal_keeps_its_code(desk):
    with pytest.raises(RemoteProblem) as refused:
        desk_at(desk.path).look(Ask(token=TOKEN))
    assert refused.value.code == "clerk.logged_out"


def test_no_desk_is_a_closed_door(socket_dir):
    with pytest.raises(DoorClosed):
        desk_at(socket_dir / "nobody.sock").knock(Knock())


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{"x":1}',
        b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{",
        b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_an_unreadable_answer_is_a_closed_door(socket_dir, answer):
    close = one_answer(socket_dir / "odd.sock", answer)
    try:
        with pytest.raises(DoorClosed):
            desk_at(socket_dir / "odd.sock").knock(Knock())
    finally:
        close()


def test_a_desk_that_hangs_has_its_deadline(socket_dir, monkeypatch):
    monkeypatch.setattr(desk_client, "DEADLINE_S", 0.3)
    close = one_answer(socket_dir / "hang.sock", None)
    try:
        with pytest.raises(DoorClosed):
            desk_at(socket_dir / "hang.sock").knock(Knock())
    finally:
        close()


def test_waiting_is_part_of_a_watchs_deadline(desk):
    client = desk_at(desk.path)
    revision = client.knock(Knock()).desk.revision
    assert client.watch(Watch(revision=revision, wait_s=0.2)).revision == revision
