"""A gate with the post behind it, for tests: gunicorn, threads, TLS with client certificates. Prints its address."""

from __future__ import annotations

import os
import resource
import ssl
import sys
from pathlib import Path

from gunicorn.app.base import BaseApplication

from fleet.clock import SystemClock
from fleet.database import Database
from fleet.enrolment.keys import fleet_key
from fleet.gate.app import create_gate
from fleet.gate.premises import Premises
from fleet.intake.post import Limits, Post
from fleet.intake.shelf import Shelf
from fleet.intake.views import post_blueprint, recipient_blueprint
from fleet.settings import FleetSettings


def build(folder: Path):
    if limit := os.environ.get("TEST_FILE_LIMIT"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    shelf = Shelf(
        Path(os.environ.get("TEST_SHELF", folder / "post")),
        margin_bytes=int(os.environ.get("TEST_MARGIN", "1")),
    )
    database = Database(f"sqlite:///{folder / 'fleet.db'}")
    post = Post(database, shelf, key=fleet_key(folder), clock=SystemClock(), limits=Limits(open_per_box=3))
    premises = Premises(database=database, settings=FleetSettings(data_dir=str(folder)), clock=SystemClock())
    return create_gate(premises, [post_blueprint(post), recipient_blueprint(post)])


class Server(BaseApplication):
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": ["127.0.0.1:0"],
            "workers": 1,
            "worker_class": "gthread",
            "threads": 8,
            "graceful_timeout": 1,
            "control_socket_disable": True,
            "loglevel": "error",
            "certfile": str(self.folder / "server.pem"),
            "keyfile": str(self.folder / "server.key"),
            "ca_certs": str(self.folder / "ca.pem"),
            "cert_reqs": ssl.CERT_OPTIONAL,
            "when_ready": ready,
        }
        for key, value in options.items():
            self.cfg.set(key, value)

    def load(self):
        return build(self.folder)


def ready(arbiter) -> None:
    port = arbiter.LISTENERS[0].sock.getsockname()[1]
    sys.stdout.write(f"ready https://127.0.0.1:{port}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    Server(Path(sys.argv[1])).run()
