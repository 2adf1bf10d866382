"""Files from the fleet's gate over HTTPS with mutual TLS: bounded, resumed where a line broke, nothing believed."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from appliance.runtime.files import storage_error
from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from pathlib import Path

READ_BYTES: Final = 65_536
_RANGE: Final = re.compile(r"bytes (\d{1,12})-\d{1,12}/\d{1,12}")
_RETRY_LIMIT_S: Final = 3_600


class FetchFailed(PueError):
    """The fleet did not give the file: no line, or another answer. What came stays for the next try."""

    code = "fetch.failed"
    who = WhoCanAct.WAIT

    def __init__(self, message: str, *, status: int = 0, wait_s: float = 0.0) -> None:
        super().__init__(message, status=status)
        self.wait_s = wait_s


class FetchTooLarge(PueError):
    """The fleet's answer is larger than what was announced; it is thrown away."""

    code = "fetch.too_large"
    who = WhoCanAct.OPERATOR


class GateFiles:
    """Asks for files below the gate's root.

    Args:
        gate_url: any address of the gate; only host and port count.
        tls: makes the TLS context, asked anew for each connection.
        timeout_s: for each operation of the socket.
    """

    def __init__(self, gate_url: str, tls: Callable[[], ssl.SSLContext], *, timeout_s: float = 30.0) -> None:
        parts = urlsplit(gate_url)
        self._host, self._port = parts.hostname or "", parts.port or 443
        self._tls, self._timeout_s = tls, timeout_s

    def small(self, path: str, *, limit_bytes: int) -> bytes:
        """A small file, whole.

        Raises:
            FetchFailed, FetchTooLarge, IdentityUnusable: there is none.
        """
        with self._answer(path, {}) as response:
            _expect(response, {http.client.OK})
            data = _read(response, limit_bytes + 1)
        if len(data) > limit_bytes:
            raise FetchTooLarge("the fleet's answer is too large", limit_bytes=limit_bytes)
        return data

    def resume(self, path: str, part: Path, *, size_bytes: int, etag: str, go_on: Callable[[], bool]) -> bool:
        """Bring a file of a known size into `part`, from where it stands; durable when this returns or raises.

        Args:
            path: below the gate's root.
            part: begun earlier, or not there.
            size_bytes: of the whole.
            etag: of the whole; if it is another one now, the file begins anew.
            go_on: asked between pieces; False leaves the part as it is.

        Returns:
            whether the whole is there.

        Raises:
            FetchFailed: the line broke; what came stays.
            FetchTooLarge: more came than announced; the part is gone.
            StorageError: the disk took no more; what it took stays.
        """
        with _opened(part) as handle:
            offset = os.lseek(handle, 0, os.SEEK_END)
            if offset > size_bytes:
                os.ftruncate(handle, 0)
                offset = 0
            if offset < size_bytes:
                offset = self._append(path, handle, part, offset, size_bytes, etag, go_on)
        if offset > size_bytes:
            part.unlink(missing_ok=True)
            raise FetchTooLarge("more bytes came than the fleet announced", limit_bytes=size_bytes)
        return offset == size_bytes

    def _append(
        self,
        path: str,
        handle: int,
        part: Path,
        offset: int,
        size_bytes: int,
        etag: str,
        go_on: Callable[[], bool],
    ) -> int:
        headers = {"Range": f"bytes={offset}-", "If-Range": f'"{etag}"'} if offset else {}
        with self._answer(path, headers) as response:
            _expect(response, {http.client.OK, http.client.PARTIAL_CONTENT})
            if response.status == http.client.OK:
                offset = 0
            elif _begins(response) != offset:
                raise FetchFailed("the fleet answered with another part of the file", status=response.status)
            with _on_disk(part):
                os.ftruncate(handle, offset)
                os.lseek(handle, offset, os.SEEK_SET)
            try:
                while offset <= size_bytes and go_on():
                    piece = _read(response, min(READ_BYTES, size_bytes + 1 - offset))
                    if not piece:
                        break
                    with _on_disk(part):
                        _write(handle, piece)
                    offset += len(piece)
            finally:
                with _on_disk(part):
                    os.fsync(handle)
        if offset < size_bytes and go_on():
            raise FetchFailed("the line broke in the middle of the file", status=response.status)
        return offset

    @contextlib.contextmanager
    def _answer(self, path: str, headers: dict[str, str]) -> Iterator[http.client.HTTPResponse]:
        connection = http.client.HTTPSConnection(
            self._host, self._port, timeout=self._timeout_s, context=self._tls()
        )
        try:
            try:
                connection.request("GET", path, headers=headers)
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as why:
                raise FetchFailed(f"the fleet does not answer ({type(why).__name__})") from why
            yield response
        finally:
            connection.close()


def _expect(response: http.client.HTTPResponse, statuses: set[int]) -> None:
    if response.status in statuses:
        return
    text = response.headers.get("Retry-After", "")
    wait_s = float(min(int(text), _RETRY_LIMIT_S)) if text.isdecimal() and len(text) <= 6 else 0.0
    raise FetchFailed(f"the fleet answered HTTP {response.status}", status=response.status, wait_s=wait_s)


def _begins(response: http.client.HTTPResponse) -> int:
    found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    return int(found[1]) if found else -1


def _read(response: http.client.HTTPResponse, size: int) -> bytes:
    try:
        return response.read(size)
    except (OSError, http.client.HTTPException, ValueError) as why:
        raise FetchFailed(f"the line broke ({type(why).__name__})", status=response.status) from why


def _write(handle: int, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(handle, rest) :]


@contextlib.contextmanager
def _opened(part: Path) -> Iterator[int]:
    with _on_disk(part):
        handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


@contextlib.contextmanager
def _on_disk(part: Path) -> Iterator[None]:
    try:
        yield
    except OSError as why:
        raise storage_error(why, part, "write") from why
