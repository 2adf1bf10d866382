"""The clerk's face as a process: settings, the door, gunicorn. Read here who talks to whom."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any, Final

from gunicorn.app.base import BaseApplication

from contracts.errors import PueError
from contracts.settings import Effective, load_settings
from web_local.app import create_app, start_watching
from web_local.desk_client import desk_at
from web_local.settings import WebSettings

log = logging.getLogger("web_local")

GRACE_S: Final = 3
SILENCE_S: Final = 30


class _Server(BaseApplication):
    """gunicorn with our settings: one worker (one watcher, one truth), many threads (each page listens).

    It tells systemd READY=1 and STOPPING=1 by itself.
    """

    def __init__(self, settings: WebSettings) -> None:
        self.settings = settings
        self.stopping = False
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options().items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        app = create_app(self.settings, desk_at(self.settings.door))
        self._watcher = start_watching(app)
        return app

    def _options(self) -> dict[str, Any]:
        settings = self.settings
        options: dict[str, Any] = {
            "bind": settings.listen,
            "worker_class": "gthread",
            "workers": 1,
            "threads": settings.threads,
            "graceful_timeout": GRACE_S,
            "timeout": SILENCE_S,
            "keepalive": 5,
            "accesslog": None,  # an access log would be a diary of the citizen's visit
            "errorlog": "-",
            "loglevel": "warning",
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108 - gunicorn's heartbeat file, not ours
            "limit_request_line": 1024,
            "limit_request_fields": 60,
            "umask": 0o007,
            "proc_name": "pue-web",
            "control_socket_disable": True,
            "post_worker_init": _say_ready,
            "child_exit": self._child_exit,
            "when_ready": self._when_ready,
        }
        if settings.certificate and settings.private_key:
            options |= {"certfile": str(settings.certificate), "keyfile": str(settings.private_key)}
        return options

    def _when_ready(self, _server: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            self._mark_stopping(number)

    def _mark_stopping(self, number: int) -> None:
        """Gunicorn's own handler still does the stopping; we only need to know that it was asked for."""
        theirs = signal.getsignal(number)

        def handler(signum: int, frame: Any) -> None:
            self.stopping = True
            if callable(theirs):
                theirs(signum, frame)

        signal.signal(number, handler)

    def _child_exit(self, _server: Any, _worker: Any) -> None:
        """The only worker ended. Unasked, that ends the process: whoever watches us starts us anew."""
        if not self.stopping:
            print("the serving process ended unasked", file=sys.stderr, flush=True)
            os._exit(1)


def _say_ready(worker: Any) -> None:
    print(
        f"ready {', '.join(_written(socket.sock.getsockname(), worker.cfg) for socket in worker.sockets)}",
        flush=True,
    )


def _written(address: Any, config: Any) -> str:
    scheme = "https" if config.is_ssl else "http"
    return f"{scheme}://{address[0]}:{address[1]}" if isinstance(address, tuple) else f"unix:{address}"


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m web_local", description="The clerk's page of a PUE box.")
    parser.add_argument(
        "command", nargs="*", metavar="config show", help="show the effective settings and end"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one setting; may be repeated"
    )
    return parser


def _settings(arguments: argparse.Namespace) -> Effective[WebSettings]:
    file = (str(arguments.config), arguments.config.read_bytes()) if arguments.config else None
    return load_settings(
        WebSettings, file=file, environ=os.environ, prefix="PUE_WEB_", overrides=arguments.set
    )


def main(argv: list[str] | None = None) -> int:
    """Run the face. 0 ended as asked, 1 could not, 2 wrong use."""
    parser = _arguments()
    arguments = parser.parse_args(argv)
    if arguments.command not in ([], ["config", "show"]):
        parser.error("the only command is: config show")
    try:
        effective = _settings(arguments)
    except (PueError, OSError) as why:
        print(why, file=sys.stderr)
        return 1
    if arguments.command:
        print(effective.show(), end="")
        return 0
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    _Server(effective.value).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
