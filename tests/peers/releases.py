"""The releases' door of a fleet, as small as the rules allow: real TLS, statements, bundles in ranges, troubles on demand."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts import codec
from contracts.envelope import Purpose, sign_statement
from contracts.messages.releases import Release, TrustRelease
from tests.peers.certificates import Authority
from tests.peers.tls_door import TlsDoor

_PATH = re.compile(r"/releases/(?:trust|catalogue)/(\d+)(/bundle)?")


def described(
    bundle: bytes, version: int, dated: dt.date = dt.date(2026, 11, 2), **more: Any
) -> TrustRelease:
    """What the fleet says of these bytes."""
    known = {
        "version": version,
        "dated": dated,
        "sha256": hashlib.sha256(bundle).hexdigest(),
        "size_bytes": len(bundle),
        "origin": "Elenco di prova",
    } | more
    return TrustRelease(**known)


class ReleasesDoor:
    """The door and its back.

    Back: `statements` and `bundles` by version; `cut_after_bytes` breaks the line once so many bytes of a bundle went
    out; `asked` are the paths and ranges that were asked for; `fail_status` answers everything with it.
    """

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.fleet_key = Ed25519PrivateKey.generate()
        self.statements: dict[int, bytes] = {}
        self.bundles: dict[int, bytes] = {}
        self.cut_after_bytes: int | None = None
        self.fail_status = 0
        self.whole_always = False
        self.asked: list[tuple[str, str]] = []
        self._tls = TlsDoor(folder / "tls", authority, _handler(self))
        self.url = f"{self._tls.url}/post/v1"

    def publish(
        self,
        bundle: bytes,
        version: int,
        *,
        release: Release | None = None,
        key: Ed25519PrivateKey | None = None,
        purpose: Purpose = Purpose.TRUST_RELEASE,
    ) -> None:
        """Put a bundle behind the door, honestly or not."""
        statement = sign_statement(release or described(bundle, version), purpose, key or self.fleet_key)
        self.statements[version], self.bundles[version] = codec.encode(statement), bundle

    def __enter__(self) -> Self:
        self._tls.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._tls.stop()


def _handler(door: ReleasesDoor) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

        def do_GET(self) -> None:
            door.asked.append((self.path, self.headers.get("Range", "")))
            found = _PATH.fullmatch(self.path)
            version = int(found[1]) if found else 0
            if door.fail_status or version not in door.statements:
                self._answer(door.fail_status or 404, b"")
            elif found[2]:
                self._bundle(door.bundles[version])
            else:
                self._answer(200, door.statements[version])

        def _bundle(self, data: bytes) -> None:
            etag = hashlib.sha256(data).hexdigest()
            begin = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if begin is None or self.headers.get("If-Range") != f'"{etag}"' or door.whole_always:
                self._answer(200, data)
                return
            first = int(begin[1])
            told = {"Content-Range": f"bytes {first}-{len(data) - 1}/{len(data)}"}
            self._answer(206, data[first:], told)

        def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.path.endswith("/bundle") and door.cut_after_bytes is not None:
                body, door.cut_after_bytes = body[: door.cut_after_bytes], None
                self.close_connection = True
            self.wfile.write(body)

    return Handler
