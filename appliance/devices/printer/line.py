"""The line to a printer: bytes out, status bytes in, over a serial port (or pyserial URL) or a USB printer file."""

from __future__ import annotations

import enum
import os
import select
import time
from typing import Final, Protocol

import serial

from appliance.devices.printer.port import PrinterAbsent

_CHUNK_BYTES: Final = 4096


class Transport(enum.StrEnum):
    """How the printer is connected."""

    SERIAL = "serial"
    USB = "usb"


class Line(Protocol):
    """An open line; every method raises `PrinterAbsent` when the other end is gone."""

    def write(self, data: bytes) -> None:
        """Send all of it."""
        ...

    def read(self, timeout_s: float) -> bytes:
        """What has come, waiting at most `timeout_s` for the first byte."""
        ...

    def close(self) -> None:
        """Let go; never raises."""
        ...


class SerialLine:
    """A tty, a USB-CDC printer, or any URL pyserial knows (``socket://…:9100``).

    Raises:
        PrinterAbsent: it cannot be opened.
    """

    def __init__(self, device: str, *, baud_rate: int, write_timeout_s: float) -> None:
        try:
            self._port = serial.serial_for_url(
                device, baudrate=baud_rate, timeout=0, write_timeout=write_timeout_s
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise PrinterAbsent("the printer's line cannot be opened", reason=type(error).__name__) from error

    def write(self, data: bytes) -> None:
        """Send all of it."""
        try:
            for start in range(0, len(data), _CHUNK_BYTES):
                self._port.write(data[start : start + _CHUNK_BYTES])
            self._port.flush()
        except (serial.SerialException, OSError) as error:
            raise PrinterAbsent(
                "the printer's line broke while sending", reason=type(error).__name__
            ) from error

    def read(self, timeout_s: float) -> bytes:
        """What has come."""
        try:
            self._port.timeout = timeout_s
            first = self._port.read(1)
            return bytes(first + (self._port.read(self._port.in_waiting) if first else b""))
        except (
            serial.SerialException,
            OSError,
            TypeError,
        ) as error:  # pyserial says TypeError on a closed port
            raise PrinterAbsent(
                "the printer's line broke while listening", reason=type(error).__name__
            ) from error

    def close(self) -> None:
        """Let go."""
        try:
            self._port.close()
        except (serial.SerialException, OSError):
            return


class UsbLine:
    """The kernel's USB printer file (``/dev/usb/lp0``, usblp): plain reads and writes, no tty.

    Raises:
        PrinterAbsent: it cannot be opened.
    """

    def __init__(self, device: str, *, write_timeout_s: float) -> None:
        self._write_timeout_s = write_timeout_s
        try:
            self._file = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError as error:
            raise PrinterAbsent("the printer's file cannot be opened", reason=type(error).__name__) from error

    def write(self, data: bytes) -> None:
        """Send all of it, waiting for room up to the time-out in all."""
        deadline_s = time.monotonic() + self._write_timeout_s
        rest = memoryview(data)
        try:
            while rest:
                _, writable, _ = select.select([], [self._file], [], max(0.0, deadline_s - time.monotonic()))
                if not writable:
                    raise PrinterAbsent("the printer takes no more data", reason="timeout")
                rest = rest[os.write(self._file, rest[:_CHUNK_BYTES]) :]
        except (OSError, ValueError) as error:
            raise PrinterAbsent(
                "the printer's file broke while sending", reason=type(error).__name__
            ) from error

    def read(self, timeout_s: float) -> bytes:
        """What has come."""
        try:
            readable, _, _ = select.select([self._file], [], [], timeout_s)
            return os.read(self._file, _CHUNK_BYTES) if readable else b""
        except BlockingIOError:
            return b""
        except (OSError, ValueError) as error:
            raise PrinterAbsent(
                "the printer's file broke while listening", reason=type(error).__name__
            ) from error

    def close(self) -> None:
        """Let go."""
        handle, self._file = self._file, -1
        if handle >= 0:
            os.close(handle)
