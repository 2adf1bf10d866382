"""As much of IPP/2.0 (RFC 8010, RFC 8011) as a desk needs: ask a printer or queue how it is, print, watch, cancel.

Speaks HTTP over a unix socket (the desk has no network: CUPS listens on one) or over TCP.
"""

from __future__ import annotations

import enum
import http.client
import socket
import struct
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from appliance.devices.printer.port import PrinterAbsent, PrinterError
from contracts.errors import WhoCanAct

ANSWER_LIMIT_BYTES: Final = 256 * 1024

Value = int | bool | str | bytes


class Operation(enum.IntEnum):
    """Operations of RFC 8011 §5.4.15 that are used here."""

    PRINT_JOB = 0x0002
    CANCEL_JOB = 0x0008
    GET_JOB_ATTRIBUTES = 0x0009
    GET_PRINTER_ATTRIBUTES = 0x000B
    RESUME_PRINTER = 0x0011


class Tag(enum.IntEnum):
    """Delimiters and value syntaxes of RFC 8010 §3.5."""

    OPERATION = 0x01
    JOB = 0x02
    END = 0x03
    PRINTER = 0x04
    INTEGER = 0x21
    BOOLEAN = 0x22
    ENUM = 0x23
    NAME = 0x42
    KEYWORD = 0x44
    URI = 0x45
    CHARSET = 0x47
    LANGUAGE = 0x48
    MIME_TYPE = 0x49


SERVER_BUSY: Final = 0x0507
_NUMBERS: Final = frozenset({Tag.INTEGER, Tag.ENUM})
_TEXT_FROM: Final = 0x40


class IppRefused(PrinterError):
    """The printer understood and said no; `status` is its IPP status code."""

    code = "printer.refused"
    who = WhoCanAct.TECHNICIAN


class IppGarbled(PrinterError):
    """What came back is not IPP."""

    code = "printer.garbled"
    who = WhoCanAct.TECHNICIAN


class Answer(msgspec.Struct, frozen=True):
    """A response.

    Attributes:
        status: below 0x0100 is success.
        groups: attributes by name, one mapping for each group with its delimiter tag.
    """

    status: int
    groups: tuple[tuple[int, Mapping[str, tuple[Value, ...]]], ...]

    def group(self, tag: Tag) -> Mapping[str, tuple[Value, ...]]:
        """The first group of this tag, or an empty one."""
        return next((attributes for found, attributes in self.groups if found == tag), {})


def attribute(tag: Tag, name: str, *values: str | int | bool) -> bytes:
    """One attribute with its values, as bytes."""
    parts = []
    for index, value in enumerate(values):
        key = name.encode() if index == 0 else b""
        if tag in _NUMBERS:
            raw = struct.pack(">i", value)
        elif tag is Tag.BOOLEAN:
            raw = bytes([bool(value)])
        else:
            raw = str(value).encode()
        parts.append(struct.pack(">BH", tag, len(key)) + key + struct.pack(">H", len(raw)) + raw)
    return b"".join(parts)


def request(
    operation: Operation, number: int, uri: str, operation_attributes: bytes, job_attributes: bytes = b""
) -> bytes:
    """A request up to the place where a document may follow."""
    head = struct.pack(">BBHI", 2, 0, operation, number)
    about = (
        attribute(Tag.CHARSET, "attributes-charset", "utf-8")
        + attribute(Tag.LANGUAGE, "attributes-natural-language", "en")
        + attribute(Tag.URI, "printer-uri", uri)
        + operation_attributes
    )
    job = bytes([Tag.JOB]) + job_attributes if job_attributes else b""
    return head + bytes([Tag.OPERATION]) + about + job + bytes([Tag.END])


def parse(data: bytes) -> Answer:
    """Read a response.

    Raises:
        IppGarbled: cut off or not IPP.
    """
    try:
        return _parse(data)
    except (struct.error, IndexError, ValueError) as error:
        raise IppGarbled("the printer's answer is not IPP") from error


def _parse(data: bytes) -> Answer:
    (status,) = struct.unpack_from(">H", data, 2)
    groups: list[tuple[int, dict[str, tuple[Value, ...]]]] = []
    at, last = 8, ""
    while data[at] != Tag.END:
        tag = data[at]
        at += 1
        if tag < 0x10:
            groups.append((tag, {}))
            continue
        name, at = _counted(data, at)
        raw, at = _counted(data, at)
        last = name.decode("utf-8", "replace") or last
        attributes = groups[-1][1]
        attributes[last] = (*(attributes.get(last, ()) if not name else ()), _value(tag, raw))
    return Answer(status, tuple(groups))


def _counted(data: bytes, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from(">H", data, at)
    end = at + 2 + length
    if end > len(data):
        raise ValueError("cut off")
    return data[at + 2 : end], end


def _value(tag: int, raw: bytes) -> Value:
    if tag in _NUMBERS:
        number: int = struct.unpack(">i", raw)[0]
        return number
    if tag == Tag.BOOLEAN:
        return raw != b"\0"
    return raw.decode("utf-8", "replace") if tag >= _TEXT_FROM else raw


class _UnixConnection(http.client.HTTPConnection):
    """HTTP to a program on this machine."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket's path."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class IppClient:
    """One printer or queue. Every call is one short connection; nothing is kept open.

    Args:
        uri: ``ipp://localhost/printers/A4``.
        socket_path: a unix socket; empty uses TCP to the URI's host.
        timeout_s: of each call.

    All calls raise PrinterAbsent (nobody there), IppGarbled, or IppRefused.
    """

    def __init__(self, uri: str, *, socket_path: str = "", timeout_s: float = 10.0) -> None:
        self._uri = uri
        self._url = urlsplit(uri)
        self._socket_path = socket_path
        self._timeout_s = timeout_s
        self._number = 0

    def printer(self) -> Mapping[str, tuple[Value, ...]]:
        """printer-state, printer-state-reasons and printer-is-accepting-jobs."""
        wanted = ("printer-state", "printer-state-reasons", "printer-is-accepting-jobs")
        asked = attribute(Tag.KEYWORD, "requested-attributes", *wanted)
        return self._call(Operation.GET_PRINTER_ATTRIBUTES, asked).group(Tag.PRINTER)

    def print_pdf(self, pdf: bytes, title: str) -> int:
        """Hand over an A4 document; returns the job's number there. Taken over is not printed."""
        about = (
            _USER
            + attribute(Tag.NAME, "job-name", title[:120])
            + attribute(Tag.MIME_TYPE, "document-format", "application/pdf")
        )
        job = attribute(Tag.INTEGER, "copies", 1) + attribute(Tag.KEYWORD, "media", "iso_a4_210x297mm")
        number = _first(self._call(Operation.PRINT_JOB, about, job, pdf).group(Tag.JOB), "job-id")
        if not isinstance(number, int):
            raise IppGarbled("the printer took a job and gave it no number")
        return number

    def job(self, number: int) -> tuple[int, tuple[str, ...]]:
        """job-state (RFC 8011 §5.3.7) and job-state-reasons."""
        answer = self._call(Operation.GET_JOB_ATTRIBUTES, attribute(Tag.INTEGER, "job-id", number) + _USER)
        attributes = answer.group(Tag.JOB)
        state = _first(attributes, "job-state")
        if not isinstance(state, int):
            raise IppGarbled("the printer does not say how the job is")
        return state, tuple(str(reason) for reason in attributes.get("job-state-reasons", ()))

    def cancel(self, number: int) -> None:
        """Take a job back."""
        self._call(Operation.CANCEL_JOB, attribute(Tag.INTEGER, "job-id", number) + _USER)

    def resume(self) -> None:
        """Let a stopped queue go on."""
        self._call(Operation.RESUME_PRINTER, _USER)

    def _call(self, operation: Operation, about: bytes, job: bytes = b"", document: bytes = b"") -> Answer:
        self._number = self._number % 0x7FFFFFFF + 1
        body = request(operation, self._number, self._uri, about, job) + document
        connection = self._connection()
        try:
            connection.request("POST", self._url.path or "/", body, {"Content-Type": "application/ipp"})
            response = connection.getresponse()
            data = response.read(ANSWER_LIMIT_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise PrinterAbsent("the printing service is not there", reason=type(error).__name__) from error
        finally:
            connection.close()
        if response.status != http.client.OK or len(data) > ANSWER_LIMIT_BYTES:
            raise IppGarbled("the printing service does not answer in IPP", http_status=response.status)
        answer = parse(data)
        if answer.status >= 0x0100:
            raise IppRefused(
                f"the printer refused with IPP status {answer.status:#06x}", status=answer.status
            )
        return answer

    def _connection(self) -> http.client.HTTPConnection:
        if self._socket_path:
            return _UnixConnection(self._socket_path, self._timeout_s)
        return http.client.HTTPConnection(
            self._url.hostname or "localhost", self._url.port or 631, timeout=self._timeout_s
        )


_USER: Final = attribute(Tag.NAME, "requesting-user-name", "pue")


def _first(attributes: Mapping[str, tuple[Value, ...]], name: str) -> Value | None:
    values = attributes.get(name, ())
    return values[0] if values else None
