"""A port once written down is a promise to every enrolled box."""

from __future__ import annotations

import socket
import threading

from fleet.serve import ports
from fleet.settings import load


def _settings(folder):
    overrides = [f"data_dir={folder}", "gate.port=0", "broker.port=0", "console.port=0"]
    return load(overrides=overrides, environ={}).value


def test_a_chosen_port_is_kept_at_the_next_start(tmp_path):
    first = ports.choose(_settings(tmp_path))
    again = ports.choose(_settings(tmp_path))
    assert len({first.gate.port, first.broker.port, first.console.port}) == 3
    assert (again.gate.port, again.broker.port) == (first.gate.port, first.broker.port)
    assert ports.actual(_settings(tmp_path)).console.port == first.console.port


def test_a_kept_port_that_is_taken_is_waited_for_and_never_exchanged(tmp_path, monkeypatch):
    kept = ports.choose(_settings(tmp_path)).gate.port
    holder = socket.create_server(("127.0.0.1", kept))
    release = threading.Timer(0.3, holder.close)
    release.start()
    assert ports.choose(_settings(tmp_path)).gate.port == kept
    release.join()
    with socket.create_server(("127.0.0.1", kept)):
        monkeypatch.setattr(ports, "PATIENCE_S", 0.2)
        assert ports.choose(_settings(tmp_path)).gate.port == kept
