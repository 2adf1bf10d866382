"""The face as a real process in front of a fake desk, and one Chromium for all tests of this room."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers.browser import Visit, chromium
from tests.peers.fake_desk import NAME, PIN, USER, FakeDesk
from web_local.app import create_app
from web_local.desk_client import desk_at
from web_local.settings import WebSettings

ROOT = Path(__file__).parents[2]
SCREENS = ROOT / "build" / "screens" / "pages"
START_S = 30
STOP_S = 8


@pytest.fixture(scope="session")
def fake_desk(tmp_path_factory):
    desk = FakeDesk(tmp_path_factory.mktemp("run") / "clerk.sock").open()
    yield desk
    desk.close()


@pytest.fixture
def desk(fake_desk):
    fake_desk.reset()
    return fake_desk


@pytest.fixture(scope="session")
def face(fake_desk):
    """Address of the face's real process."""
    with running_face(fake_desk.path) as (address, _process):
        yield address


class running_face:  # noqa: N801 - reads like a word where it is used
    """`python -m web_local` on a free port."""

    def __init__(self, socket, *settings):
        self._arguments = [f"desk_socket={socket}", "listen=127.0.0.1:0", *settings]

    def __enter__(self):
        sets = [part for setting in self._arguments for part in ("--set", setting)]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PUE_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "web_local", *sets],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        word, _, address = self.process.stdout.readline().strip().partition(" ")
        assert word == "ready", "the face did not start"
        return address, self.process

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(STOP_S)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


@pytest.fixture(scope="session")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture
def visit(browser, face, desk):
    """A window with nobody logged in."""
    with Visit(browser, face) as window:
        yield window


@pytest.fixture
def clerk(visit):
    """A window with the clerk logged in, at the start page."""
    log_in(visit)
    return visit


def log_in(visit):
    visit.go("/entra")
    visit.page.get_by_label(USER).check()
    visit.page.get_by_label("PIN").fill(PIN)
    visit.page.get_by_role("button", name="Entra").click()
    visit.page.get_by_role("heading", name=NAME.split()[0]).wait_for()


@pytest.fixture
def app(desk):
    """The app in this process, for tests that need no browser."""
    return create_app(WebSettings(desk_socket=str(desk.path)), desk_at(desk.path))
