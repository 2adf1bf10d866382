"""The letters' road over HTTPS with mutual TLS: tus 1.0 (creation, core) and what the gate adds to it.

One keep-alive connection, every request bounded in time and size. It knows bytes, offsets and answers; which
letter goes when, and what an answer means for it, is `post.py`.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import ssl
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from contracts import codec
from contracts.errors import InvalidMessage, Problem, PueError, WhoCanAct
from contracts.messages.letters import StatePage
from contracts.settled import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contracts.messages.letters import Label

TUS: Final = "1.0.0"
_ANSWER_LIMIT_BYTES: Final = 8 * 1024 * 1024
_CONFLICT: Final = 409


class RoadBroken(PueError):
    """The gate cannot be reached, or the line broke."""

    code = "post.unreachable"
    who = WhoCanAct.WAIT


class GateUnreached(RoadBroken):
    """Not even a connection came about: no letter can go now."""

    code = "post.unreachable"


class GateUntrusted(GateUnreached):
    """Whoever answers at the gate's address is not the fleet."""

    code = "post.server_untrusted"
    who = WhoCanAct.TECHNICIAN


class GateAnswered(PueError):
    """The gate answered something else than success.

    Attributes:
        status: of HTTP.
        wait_s: how long the gate asks us to stay away; 0 when it does not.
    """

    def __init__(self, status: int, problem: Problem | None, wait_s: float = 0.0) -> None:
        super().__init__(problem.message if problem else f"HTTP {status}", status=status)
        self.status, self.wait_s = status, wait_s
        self.code = problem.code if problem else f"post.http_{status}"
        self.who = problem.who if problem else WhoCanAct.WAIT


class Road:
    """A connection to the gate that renews itself.

    Args:
        post_url: root of the gate, e.g. ``https://host:8443/post/v1``.
        tls: makes the TLS context, asked anew for each connection.
        timeout_s: for each operation of the socket.
        heard: called whenever the gate answered anything.
    """

    def __init__(
        self,
        post_url: str,
        tls: Callable[[], ssl.SSLContext],
        *,
        timeout_s: float = 30.0,
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        parts = urlsplit(post_url)
        if parts.scheme != "https" or not parts.hostname:
            raise RoadBroken("the post's address must be https", address=post_url)
        self._host, self._port, self._root = parts.hostname, parts.port or 443, parts.path.rstrip("/")
        self._tls, self._timeout_s, self._heard = tls, timeout_s, heard
        self._connection: http.client.HTTPConnection | None = None
        self._sock: ssl.SSLSocket | None = None

    def create(self, label: Label) -> None:
        """Announce a letter; the same again changes nothing.

        Raises:
            GateAnswered, RoadBroken: as the gate or the line says.
        """
        metadata = "label " + base64.b64encode(codec.encode(label)).decode()
        self._ask(
            "POST",
            "/letters",
            {"Upload-Length": str(label.size_bytes), "Upload-Metadata": metadata, "Content-Length": "0"},
            expect=201,
        )

    def offset(self, letter: str) -> int:
        """How many bytes of the letter the gate has."""
        headers, _ = self._ask("HEAD", f"/letters/{letter}", expect=200)
        return _number(headers, "Upload-Offset")

    def patch(self, letter: str, offset: int, chunk: bytes | memoryview) -> int:
        """Send bytes from `offset` on; how many the gate has after it."""
        headers, _ = self._ask(
            "PATCH",
            f"/letters/{letter}",
            {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)},
            body=bytes(chunk),
            expect=204,
        )
        return _number(headers, "Upload-Offset")

    def receipt(self, letter: str) -> bytes:
        """The gate's signed statement that it has the letter."""
        return self._ask("GET", f"/letters/{letter}/receipt", expect=200)[1]

    def states(self, cursor: int) -> StatePage:
        """What changed for our letters after `cursor`."""
        body = self._ask("GET", f"/states?after={cursor}", expect=200)[1]
        try:
            return codec.decode(StatePage, body, limit=_ANSWER_LIMIT_BYTES)
        except InvalidMessage as why:
            raise RoadBroken("the gate's answer about states cannot be read") from why

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
        expect: int,
    ) -> tuple[http.client.HTTPMessage, bytes]:
        sent = {"Tus-Resumable": TUS, "Accept": "application/json", **(headers or {})}
        for again in (True, False):
            fresh = self._connection is None
            connection = self._connected()
            try:
                connection.request(method, self._root + path, body=body, headers=sent)
                response = connection.getresponse()
                answer = response.read(_ANSWER_LIMIT_BYTES + 1)
                break
            except (OSError, http.client.HTTPException) as why:
                self.close()
                # A kept connection may have been closed by the gate while idle; every request of ours may
                # be made twice, so one that never got an answer is made again, once, on a new connection.
                if fresh or not again or isinstance(why, TimeoutError):
                    raise RoadBroken(f"{method}: the line broke ({type(why).__name__})") from why
        self._heard()
        if response.status == expect and len(answer) <= _ANSWER_LIMIT_BYTES:
            return response.headers, answer
        if len(answer) > _ANSWER_LIMIT_BYTES:
            self.close()
        raise GateAnswered(response.status, _problem(answer), _retry_after_s(response.headers))

    def abort(self) -> None:
        """End whatever hangs in the line, from another thread: the one who waits there gets a broken line."""
        sock = self._sock
        if sock is not None:
            with contextlib.suppress(OSError):
                # Not SSLSocket.shutdown: it would take the TLS state from under the other thread.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is not None:
            return self._connection
        try:
            raw = socket.create_connection((self._host, self._port), timeout=self._timeout_s)
        except OSError as why:
            raise GateUnreached(f"the gate cannot be reached ({type(why).__name__})") from why
        sock = self._tls().wrap_socket(raw, server_hostname=self._host, do_handshake_on_connect=False)
        self._sock = sock
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.do_handshake()
        except ssl.SSLCertVerificationError as why:
            sock.close()
            raise GateUntrusted("the gate's certificate is not of this fleet") from why
        except OSError as why:
            sock.close()
            raise GateUnreached(f"the gate cannot be reached ({type(why).__name__})") from why
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        connection.sock = sock
        self._connection = connection
        return connection


def _number(headers: http.client.HTTPMessage, name: str) -> int:
    text = headers.get(name, "")
    if not text.isdecimal():
        raise RoadBroken(f"the gate's answer lacks {name}")
    return int(text)


def _problem(body: bytes) -> Problem | None:
    try:
        return msgspec.json.decode(body, type=settled(Problem), strict=True)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _retry_after_s(headers: http.client.HTTPMessage) -> float:
    text = headers.get("Retry-After", "")
    return float(min(int(text), 3600)) if text.isdecimal() else 0.0
