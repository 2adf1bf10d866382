"""The face as a real process in front of a fake desk, and one Chromium for all tests of this room."""

from __future__ import annotations

import pytest

from tests.peers.browser import Visit, running_face
from tests.peers.fake_desk import NAME, PIN, USER, FakeDesk
from web_local.app import create_app
from web_local.desk_client import desk_at
from web_local.settings import WebSettings


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
