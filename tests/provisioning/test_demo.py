"""The visitor's page, the line that can be cut, and programs that come back."""

from __future__ import annotations

import re
import socket
import sys
import threading

import pytest

from provisioning.demo.line import Line
from provisioning.demo.page import Door, Hand, create_app, do
from provisioning.demo.processes import Program, ProgramFailed, run
from tests.peers.waiting import until

DOOR = Door("The clerk's page", "for a clerk", "http://127.0.0.1:9/", "anna", "271828")


@pytest.fixture
def echo():
    """A server that says back what it hears."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer(near):
        with near:
            while data := near.recv(1000):
                near.sendall(data)

    def serve():
        while True:
            try:
                near, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(near,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()


@pytest.fixture
def line(echo):
    line = Line(echo)
    yield line
    line.close()


def _call(line):
    near = socket.create_connection(("127.0.0.1", line.port), timeout=5)
    near.sendall(b"hello")
    return near


def _dead(near):
    """Nothing comes back: the connection was ended or reset."""
    try:
        return near.recv(5) == b""
    except OSError:
        return True


def test_a_line_carries_until_it_is_cut_and_again_when_mended(line):
    with _call(line) as near:
        assert near.recv(5) == b"hello"
        line.cut()
        assert _dead(near)
    with _call(line) as near:
        assert _dead(near)
    line.mend()
    with _call(line) as near:
        assert near.recv(5) == b"hello"


@pytest.fixture
def client(tmp_path, line):
    (tmp_path / "0001-a4.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "0002-receipt.png").write_bytes(b"\x89PNG")
    (tmp_path / "secret.txt").write_text("no")
    app = create_app(doors=[DOOR], world=tmp_path / "world.sock", printed=tmp_path, lines=[line])
    return app.test_client()


def _form(client):
    return re.search(r'name="form" value="([^"]+)"', client.get("/").text)[1]


def test_the_page_shows_doors_hands_and_what_was_printed(client):
    page = client.get("/")
    assert "271828" in page.text
    assert "Cut the line" in page.text
    assert page.text.index("0002-receipt.png") < page.text.index("0001-a4.pdf")
    assert "script" not in page.headers["Content-Security-Policy"]
    with client.get("/sheet/0001-a4.pdf") as paper:
        assert paper.mimetype == "application/pdf"
    for strange in ("secret.txt", "..%2Fsecret.txt", "0003.png"):
        assert client.get(f"/sheet/{strange}").status_code == 404


def test_hands_need_the_pages_own_form(client, line):
    assert client.post("/do/cut", data={"form": "guessed"}).status_code == 400
    assert not line.is_cut
    form = _form(client)
    client.post("/do/cut", data={"form": form})
    assert line.is_cut
    assert "Mend the line" in client.get("/").text
    client.post("/do/mend", data={"form": form})
    assert not line.is_cut
    assert client.post("/do/explode", data={"form": form}).status_code == 404


def test_a_desk_that_does_not_answer_is_said(client, tmp_path):
    client.post("/do/card_maria", data={"form": _form(client)})
    assert "does not answer" in client.get("/").text
    assert "does not answer" in do(tmp_path / "nothing.sock", Hand("x", "", "", "printer", "mend"))


def _program(tmp_path, code):
    return Program("tried", [sys.executable, "-u", "-c", code], tmp_path)


def test_a_program_that_falls_comes_back_until_it_is_stopped(tmp_path):
    program = _program(tmp_path, "import time; print('ready', 'http://x'); time.sleep(60)")
    assert program.start(20) == "http://x"
    first = program.pid
    program.kill()
    until(lambda: program.deaths == 1, "it died")
    program.wait_ready(20)
    assert program.pid not in {0, first}
    assert program.stop() != 0
    assert program.pid == 0


def test_a_program_that_never_gets_ready_is_refused_with_its_last_words(tmp_path):
    program = _program(tmp_path, "import sys; sys.exit('the roof is missing')")
    with pytest.raises(ProgramFailed, match="the roof is missing"):
        program.start(20)
    with pytest.raises(ProgramFailed, match="exited 1: no door"):
        run([sys.executable, "-c", "import sys; sys.exit('no door')"])
