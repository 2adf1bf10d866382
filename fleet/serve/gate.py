"""The gate's process: gunicorn with threads, TLS with an optional client certificate, and the rooms behind it."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from typing import Any

import flask
from gunicorn.app.base import BaseApplication

from fleet.clock import Clock, SystemClock
from fleet.database import Database
from fleet.enrolment import belongings, est
from fleet.enrolment.keys import fleet_key, keys_folder
from fleet.gate.app import create_gate
from fleet.gate.premises import Premises
from fleet.intake.post import Post
from fleet.intake.shelf import Shelf
from fleet.intake.views import post_blueprint, recipient_blueprint
from fleet.releases import views as releases
from fleet.settings import FleetSettings


def make_app(settings: FleetSettings, clock: Clock | None = None) -> flask.Flask:
    """The gate with every room that speaks HTTPS. `settings` with real ports.

    Raises:
        KeysUnavailable: `fleet.serve.material.prepare` has not run in this folder.
    """
    clock = clock or SystemClock()
    database = Database(settings.url)
    letters = Post(database, Shelf(settings.folder / "post"), key=fleet_key(settings.folder), clock=clock)
    return create_gate(
        Premises(database=database, settings=settings, clock=clock),
        [
            est.blueprint,
            belongings.blueprint,
            post_blueprint(letters),
            recipient_blueprint(letters),
            releases.blueprint(database),
        ],
    )


class GateServer(BaseApplication):
    """gunicorn, wired by hand: no file, no environment of its own."""

    def __init__(self, settings: FleetSettings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Our settings in gunicorn's words."""
        gate, folder = self._settings.gate, keys_folder(self._settings.folder)
        for name, value in {
            "bind": [f"{gate.listen}:{gate.port}"],
            "workers": 1,
            "worker_class": "gthread",
            "threads": gate.threads,
            "timeout": 60,
            "graceful_timeout": 3,
            "keepalive": 30,
            "certfile": str(folder / "gate.pem"),
            "keyfile": str(folder / "gate.key"),
            "ca_certs": str(folder / "authority.pem"),
            "cert_reqs": ssl.CERT_OPTIONAL,
            "ssl_context": _context,
            "control_socket_disable": True,
            "loglevel": "warning",
            "proc_name": "pue-gate",
            "limit_request_line": 4_094,
            "limit_request_fields": 40,
            "when_ready": _ready,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> flask.Flask:
        """In the serving process, after the fork."""
        return make_app(self._settings)


def run(settings: FleetSettings) -> None:
    """Serve until SIGTERM or SIGINT; leaves the process."""
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    GateServer(settings).run()


def _context(_config: Any, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    context = default()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _ready(arbiter: Any) -> None:
    host, port = arbiter.LISTENERS[0].sock.getsockname()[:2]
    print(f"ready gate https://{host}:{port}", flush=True)  # noqa: T201 - the promise of every process
