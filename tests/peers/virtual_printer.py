"""An ESC/POS printer on a pseudo-terminal: interprets the bytes, draws what it prints, answers as a printer does.

It has paper that ends, a cover and a power switch; while paper or cover is wrong it stops working off
its buffer, as real ones do, but still answers DLE EOT. Commands it does not know are kept in `unknown`,
which a test expects to be empty. Only what desk printers of different makes share is understood.
"""

from __future__ import annotations

import os
import pty
import select
import threading
import tty
from typing import TYPE_CHECKING, Self

from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

DLE, ESC, GS = 0x10, 0x1B, 0x1D
WIDTH_PX = 576


class VirtualPrinter:
    """Use as a context manager; `path` is the device to give to a driver."""

    def __init__(self, *, link: Path | None = None, hold_answers: bool = False) -> None:
        self.paper = True
        self.near_end = False
        self.cover_open = False
        self.online = True
        self.mute = False
        self.fault = False
        self.hold_answers = hold_answers
        self.pages: list[Image.Image] = []
        self.unknown: list[bytes] = []
        self._rows: list[Image.Image] = []
        self._buffer = b""
        self._link = link
        self._changed = threading.Condition()
        self._stop_read, self._stop_write = os.pipe()
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        if link is not None:
            link.symlink_to(os.ttyname(self._slave))
        self.path = str(link) if link is not None else os.ttyname(self._slave)
        self._thread = threading.Thread(target=self._live, name="virtual-printer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    # ---- the hands of a test

    def set(self, **how: bool) -> None:
        """Change paper, near_end, cover_open, online, mute, fault or hold_answers; work goes on if it can."""
        with self._changed:
            for name, value in how.items():
                if not isinstance(getattr(self, name), bool):
                    raise TypeError(name)
                setattr(self, name, value)
        os.write(self._stop_write, b"?")  # wake: there may be work to go on with

    def unplug(self) -> None:
        """Pull the cable: the device vanishes. Cannot be undone; plug in another."""
        if self._thread.is_alive():
            os.write(self._stop_write, b"!")
            self._thread.join(5)
            if self._link is not None:
                self._link.unlink()
            for handle in (self._master, self._slave, self._stop_read, self._stop_write):
                os.close(handle)

    def wait_for_page(self, count: int, timeout_s: float = 10) -> Image.Image:
        """The count-th page, once it is cut off."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.pages) >= count, timeout_s), "no page came"
            return self.pages[count - 1]

    # ---- inside

    def _live(self) -> None:
        while True:
            ready, _, _ = select.select([self._master, self._stop_read], [], [])
            if self._stop_read in ready and b"!" in os.read(self._stop_read, 64):
                return
            data = os.read(self._master, 65536) if self._master in ready else b""
            with self._changed:
                self._buffer += self._real_time(data)
                while self._can_work() and self._work_off():
                    pass
                self._changed.notify_all()

    def _can_work(self) -> bool:
        return self.paper and not self.cover_open and self.online and not self.fault

    def _real_time(self, data: bytes) -> bytes:
        """DLE EOT is answered at once, whatever lies before it. A picture never holds it in our tests' chunks
        because it is only looked for outside of a raster command still being received."""
        if self._inside_raster():
            return data
        rest = b""
        while data:
            at = data.find(bytes([DLE, 4]))
            if at < 0 or at + 2 >= len(data) or bytes([GS]) + b"v0" in data[:at]:
                return rest + data
            rest += data[:at]
            self._answer_status(data[at + 2])
            data = data[at + 3 :]
        return rest

    def _inside_raster(self) -> bool:
        start = self._buffer.rfind(bytes([GS]) + b"v0")
        if start < 0:
            return False
        header = self._buffer[start : start + 8]
        return len(header) < 8 or len(self._buffer) < start + 8 + _raster_bytes(header)

    def _answer_status(self, number: int) -> None:
        if self.mute:
            return
        stuck = not self._can_work()
        bits = {
            1: 0x08 if stuck else 0,
            2: (0x04 if self.cover_open else 0) | (0 if self.paper else 0x20) | (0x40 if self.fault else 0),
            3: 0x08 if self.fault else 0,
            4: (0x0C if self.near_end or not self.paper else 0) | (0 if self.paper else 0x60),
        }
        os.write(self._master, bytes([0x12 | bits[number]]))

    def _work_off(self) -> bool:  # noqa: C901, PLR0911, PLR0912 - one branch for each command, as in the manual
        """One command from the buffer; False when the rest of it has yet to come."""
        data = self._buffer
        if len(data) < 2:
            return False
        match data[0], data[1]:
            case 0x1B, 0x40:  # ESC @: begin afresh
                return self._take(2)
            case 0x1B, 0x64:  # ESC d n: feed n lines
                if len(data) < 3:
                    return False
                self._rows.append(Image.new("1", (WIDTH_PX, data[2] * 30), 1))
                return self._take(3)
            case 0x1D, 0x56:  # GS V m: cut
                if len(data) < 3:
                    return False
                self._cut()
                return self._take(3)
            case 0x1D, 0x76:  # GS v 0 m xL xH yL yH: raster
                if len(data) < 8 or len(data) < 8 + _raster_bytes(data[:8]):
                    return False
                self._raster(data)
                return self._take(8 + _raster_bytes(data[:8]))
            case 0x1D, 0x72:  # GS r n: status, in order behind everything before it
                if len(data) < 3 or self.hold_answers:
                    return False
                if not self.mute:
                    os.write(self._master, bytes([0x03 if self.near_end else 0x00]))
                return self._take(3)
            case 0x10, 0x04:
                if len(data) < 3:
                    return False
                self._answer_status(data[2])
                return self._take(3)
        self.unknown.append(data[:4])
        return self._take(1)

    def _take(self, count: int) -> bool:
        self._buffer = self._buffer[count:]
        return True

    def _raster(self, data: bytes) -> None:
        row_bytes, height = data[4] + 256 * data[5], data[6] + 256 * data[7]
        dots = bytes(byte ^ 0xFF for byte in data[8 : 8 + row_bytes * height])
        self._rows.append(Image.frombytes("1", (row_bytes * 8, height), dots))

    def _cut(self) -> None:
        page = Image.new("1", (WIDTH_PX, sum(row.height for row in self._rows) or 1), 1)
        top = 0
        for row in self._rows:
            page.paste(row, (0, top))
            top += row.height
        self._rows = []
        self.pages.append(page)


def _raster_bytes(header: bytes) -> int:
    return (header[4] + 256 * header[5]) * (header[6] + 256 * header[7])
