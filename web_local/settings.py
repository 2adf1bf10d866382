"""Settings of the clerk's face: where it listens, where the desk is, what stands in the footer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

SOCKET_NAME = "clerk.sock"
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class WebSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``web.toml`` may say.

    Attributes:
        listen: ``host:port`` (port 0 = any free one) or ``unix:/path``.
        hosts: names under which browsers may call us, without port, beside the loopback ones.
        run_dir: where the desk's sockets are.
        desk_socket: the clerk's door, if it is not ``clerk.sock`` in `run_dir`.
        certificate: PEM chain; with it and `private_key` we speak https ourselves.
        behind_https: a reverse proxy on this machine speaks https for us.
        timezone: of the clock on the pages.
        assistance: whom the clerk can call, as it shall be read: ``numero 000 000``.
        accessibility_url: the published accessibility declaration of the comune.
    """

    listen: str = "127.0.0.1:8080"
    hosts: list[str] = []
    run_dir: str = "/run/pue"
    desk_socket: str = ""
    certificate: str = ""
    private_key: str = ""
    behind_https: bool = False
    timezone: str = "Europe/Rome"
    assistance: str = ""
    accessibility_url: str = ""
    threads: Annotated[int, Meta(ge=4, le=128)] = 32

    @property
    def door(self) -> Path:
        """The clerk's door of the desk."""
        return Path(self.desk_socket) if self.desk_socket else Path(self.run_dir) / SOCKET_NAME

    @property
    def https(self) -> bool:
        """Whether browsers reach us by https, so that cookies may be `Secure`."""
        return self.behind_https or bool(self.certificate)

    @property
    def known_hosts(self) -> frozenset[str]:
        """Host names we answer to, in lower case."""
        return frozenset(name.lower() for name in (*LOOPBACK_NAMES, *self.hosts))
