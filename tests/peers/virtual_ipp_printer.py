"""An IPP printer behind a unix socket, as CUPS stands there: takes jobs, holds them while there is no paper.

It behaves as ippeveprinter was seen to: Print-Job is "successful-ok" with an empty tray, the job stays in
`processing`, and a second job meets "server-error-busy" if `one_at_a_time` is set.
"""

from __future__ import annotations

import http.server
import socketserver
import struct
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path

PROCESSING, CANCELED, ABORTED, COMPLETED = 5, 7, 8, 9


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    printer: VirtualIppPrinter


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.server.printer.answer(body)
        self.send_response(200)
        self.send_header("Content-Type", "application/ipp")
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


class VirtualIppPrinter:
    """Use as a context manager; give `socket` and `uri` to the driver."""

    uri = "ipp://localhost/printers/A4"

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "ipp.sock"
        self.reasons: list[str] = []
        self.stopped = False
        self.may_resume = True
        self.holding = False
        self.busy_answers = 0
        self.garble = False
        self.jobs: dict[int, dict[str, Any]] = {}
        self.printed: list[bytes] = []
        self.changed = threading.Condition()
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        self.plug()
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    # ---- the hands of a test

    def plug(self) -> None:
        self._server = _Server(str(self.socket), _Handler)
        self._server.printer = self
        threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="virtual-ipp", daemon=True
        ).start()

    def unplug(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
            self.socket.unlink()

    def set(self, *reasons: str, holding: bool = False) -> None:
        """Say these reasons from now on; jobs that waited go on if none of them stops the paper."""
        with self.changed:
            self.reasons, self.holding = list(reasons), holding
            self._work()

    def wait_for_job(self, number: int, timeout_s: float = 10) -> dict[str, Any]:
        with self.changed:
            assert self.changed.wait_for(lambda: number in self.jobs, timeout_s)
            return self.jobs[number]

    # ---- inside

    def _work(self) -> None:
        stuck = (
            self.holding
            or self.stopped
            or any(
                reason.startswith(("media-empty", "media-needed", "media-jam", "cover-open"))
                for reason in self.reasons
            )
        )
        for job in self.jobs.values():
            if job["state"] == PROCESSING and not stuck:
                job["state"] = COMPLETED
                self.printed.append(job["document"])
        self.changed.notify_all()

    def answer(self, body: bytes) -> bytes:
        if self.garble:
            return body[:7]
        operation, number = struct.unpack_from(">HI", body, 2)
        attributes, document = _read(body)
        with self.changed:
            status, groups = self._do(operation, attributes, document)
        head = struct.pack(">BBHI", 2, 0, status, number)
        return head + _write(1, {"attributes-charset": (0x47, ["utf-8"])}) + groups + b"\x03"

    def _do(self, operation: int, attributes: dict[str, bytes], document: bytes) -> tuple[int, bytes]:  # noqa: PLR0911 - one answer for each operation
        match operation:
            case 0x000B:
                state = 5 if self.stopped else 3
                reasons = self.reasons or ["none"]
                return 0, _write(
                    4, {"printer-state": (0x23, [state]), "printer-state-reasons": (0x44, reasons)}
                )
            case 0x0002:
                if self.busy_answers:
                    self.busy_answers -= 1
                    return 0x0507, b""
                number = len(self.jobs) + 1
                self.jobs[number] = {"state": PROCESSING, "document": document, **attributes}
                self._work()
                return 0, _write(2, {"job-id": (0x21, [number]), "job-state": (0x23, [PROCESSING])})
            case 0x0011:
                if not self.may_resume:
                    return 0x0403, b""
                self.stopped = False
                self._work()
                return 0, b""
        job = self.jobs.get(struct.unpack(">i", attributes["job-id"])[0])
        if job is None:
            return 0x0406, b""
        if operation == 0x0008:
            job["state"] = CANCELED
            return 0, b""
        state = {"job-state": (0x23, [job["state"]]), "job-state-reasons": (0x44, ["job-printing"])}
        return 0, _write(2, state)


def _read(body: bytes) -> tuple[dict[str, bytes], bytes]:
    attributes: dict[str, bytes] = {}
    at = 8
    while body[at] != 3:
        if body[at] < 0x10:
            at += 1
            continue
        (length,) = struct.unpack_from(">H", body, at + 1)
        name = body[at + 3 : at + 3 + length].decode()
        at += 3 + length
        (length,) = struct.unpack_from(">H", body, at)
        if name:
            attributes[name] = body[at + 2 : at + 2 + length]
        at += 2 + length
    return attributes, body[at + 1 :]


def _write(group: int, attributes: dict[str, tuple[int, list[Any]]]) -> bytes:
    out = bytes([group])
    for name, (tag, values) in attributes.items():
        for index, value in enumerate(values):
            key = b"" if index else name.encode()
            raw = struct.pack(">i", value) if isinstance(value, int) else value.encode()
            out += bytes([tag]) + struct.pack(">H", len(key)) + key + struct.pack(">H", len(raw)) + raw
    return out
