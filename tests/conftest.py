"""House rules for every test: loopback only, nothing left running, nothing skipped, invented data only."""

from __future__ import annotations

import ipaddress
import os
import sys
import threading
import time

import hypothesis
import pytest

from tests.peers.browser import chromium

LEFTOVER_GRACE_S = 2.0

hypothesis.settings.register_profile(
    "house",
    deadline=None,  # the machine is shared: a slow example is not a wrong one
    max_examples=60,
    print_blob=True,
)
hypothesis.settings.register_profile(
    "long", parent=hypothesis.settings.get_profile("house"), max_examples=2000
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))


# ---------------------------------------------------------------- which tests run


def pytest_addoption(parser):
    parser.addoption(
        "--device",
        action="append",
        default=[],
        metavar="KIND",
        help="run the tests marked hardware for this kind of device (card_reader, printer, camera …)",
    )


def pytest_collection_modifyitems(config, items):
    """Tests of real devices are left out, not skipped, unless asked for by kind."""
    asked = set(config.getoption("--device"))
    left_out = [
        item for item in items if (mark := item.get_closest_marker("hardware")) and not asked & set(mark.args)
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A skipped test is a failed one: set-up installs every part a test may want."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped ({reason}); in this house nothing is."
    return report


# ---------------------------------------------------------------- network


class LeavesLoopbackError(AssertionError):
    """A test spoke to an address that is not on this machine."""


def _watch_sockets(event, arguments):
    if event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        if isinstance(address, tuple) and not _is_loopback(address[0]):
            raise LeavesLoopbackError(f"{event} to {address[0]}: tests stay on this machine")
    elif event == "socket.getaddrinfo" and not _is_loopback(arguments[0]):
        raise LeavesLoopbackError(f"look-up of {arguments[0]!r}: tests stay on this machine")


def _is_loopback(host):
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in {None, "", "localhost", "0.0.0.0", "::"}:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.endswith(".localhost")


# An audit hook also sees connections made by libraries; it cannot be taken out again, so it is added once.
sys.addaudithook(_watch_sockets)


# ---------------------------------------------------------------- around each test


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """No test depends on the settings of the person who runs it."""
    for name in [name for name in os.environ if name.startswith("PUE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TZ", "Europe/Rome")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(autouse=True)
def nothing_left_running(request):
    """Whoever starts a thread ends it; daemons of libraries are theirs."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + LEFTOVER_GRACE_S
    for thread in threading.enumerate():
        if thread not in before and not thread.daemon:
            thread.join(max(0.0, deadline - time.monotonic()))
    left = [
        thread.name
        for thread in threading.enumerate()
        if thread not in before and thread.is_alive() and not thread.daemon
    ]
    assert not left, f"still running after {request.node.name}: {', '.join(left)}"


# ---------------------------------------------------------------- browser


@pytest.fixture(scope="session")
def browser():
    """The one Chromium of a run: Playwright allows one in a thread, and it starts slowly."""
    with chromium() as opened:
        yield opened
