"""A receipt as a list of simple blocks, drawn as a 1-bit raster for thermal paper; `receipt_pdf` draws the same on A4.

Receipts go to the printer as a picture: cheap printers disagree about code pages (the euro sign, č, ß),
and none disagrees about black dots. Paper, preview and PDF are drawn from the same blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import segno
from PIL import Image, ImageDraw, ImageFont

from appliance.devices.fonts import Fonts
from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from collections.abc import Callable

RECEIPT_WIDTH_PX: Final = 576
"""80 mm paper, 72 mm printable, 203 dots per inch: the width of practically every desk printer."""

MAX_BLOCKS: Final = 200
MAX_TEXT_CHARS: Final = 500
_MARGIN_PX: Final = 16


class ReceiptTooLong(PueError, ValueError):
    """More blocks or longer texts than a receipt can have."""

    code = "receipt.too_long"
    who = WhoCanAct.OPERATOR


class EmptyCode(PueError, ValueError):
    """A QR code of nothing."""

    code = "receipt.empty_code"
    who = WhoCanAct.OPERATOR


class _Block(msgspec.Struct, frozen=True, tag=True):
    pass


class Title(_Block, frozen=True, tag="title"):
    """Centred, bold: who gives this receipt."""

    text: str


class Big(_Block, frozen=True, tag="big"):
    """The one thing to find again: a number."""

    text: str


class Line(_Block, frozen=True, tag="line"):
    """A sentence."""

    text: str


class Pair(_Block, frozen=True, tag="pair"):
    """A name and its value."""

    key: str
    value: str


class Rule(_Block, frozen=True, tag="rule"):
    """A line across."""


class Small(_Block, frozen=True, tag="small"):
    """What must be there and need not shout."""

    text: str


class Code(_Block, frozen=True, tag="code"):
    """A QR code; the text is not empty."""

    text: str

    def __post_init__(self) -> None:
        """Refuse emptiness here, where the caller is.

        Raises:
            EmptyCode: no text.
        """
        if not self.text:
            raise EmptyCode("a QR code needs a text")


Block = Title | Big | Line | Pair | Rule | Small | Code


class ReceiptDocument(msgspec.Struct, frozen=True):
    """A receipt.

    Attributes:
        title: a number for queues and logs, never a name.
        blocks: from top to bottom.
    """

    title: str
    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        """Refuse what no receipt can be.

        Raises:
            ReceiptTooLong: too many blocks, or a text too long.
        """
        if len(self.blocks) > MAX_BLOCKS:
            raise ReceiptTooLong(f"a receipt has at most {MAX_BLOCKS} blocks", limit=MAX_BLOCKS)
        longest = max((len(text) for block in self.blocks for text in _texts(block)), default=0)
        if longest > MAX_TEXT_CHARS:
            raise ReceiptTooLong(
                f"a receipt's text has at most {MAX_TEXT_CHARS} characters", limit=MAX_TEXT_CHARS
            )


def _texts(block: Block) -> list[str]:
    return [value for value in msgspec.structs.astuple(block) if isinstance(value, str)]


# ---- thermal paper ---------------------------------------------------------------------------------------


class _Roll:
    """Paper being drawn on from top to bottom."""

    def __init__(self, width_px: int, fonts: Fonts) -> None:
        self.width_px = width_px
        self.fonts = fonts
        self.strips: list[Image.Image] = []

    def feed(self, height_px: int) -> ImageDraw.ImageDraw:
        strip = Image.new("1", (self.width_px, height_px), 1)
        self.strips.append(strip)
        return ImageDraw.Draw(strip)

    def text(self, text: str, size_px: int, *, bold: bool = False, centred: bool = False) -> None:
        face = self.fonts.face(size_px, bold=bold)
        for line in _wrapped(text, self.width_px - 2 * _MARGIN_PX, face):
            draw = self.feed(round(size_px * 1.35))
            free_px = self.width_px - 2 * _MARGIN_PX - face.getlength(line)
            draw.text((_MARGIN_PX + (free_px / 2 if centred else 0), 0), line, font=face, fill=0)

    def pair(self, key: str, value: str) -> None:
        """On one line if both fit, else the value below and to the right."""
        key_face, value_face = self.fonts.face(24), self.fonts.face(26, bold=True)
        room_px = self.width_px - 2 * _MARGIN_PX
        if key_face.getlength(key) + value_face.getlength(value) + 24 > room_px:
            self.text(key, 24)
            for line in _wrapped(value, room_px, value_face):
                self._right(line, value_face)
            return
        draw = self._right(value, value_face)
        draw.text((_MARGIN_PX, 2), key, font=key_face, fill=0)

    def _right(self, line: str, face: ImageFont.FreeTypeFont) -> ImageDraw.ImageDraw:
        draw = self.feed(36)
        draw.text((self.width_px - _MARGIN_PX - face.getlength(line), 0), line, font=face, fill=0)
        return draw

    def rule(self) -> None:
        self.feed(20).line((_MARGIN_PX, 10, self.width_px - _MARGIN_PX, 10), fill=0, width=2)

    def code(self, text: str) -> None:
        modules = [list(row) for row in segno.make(text, error="m", micro=False, boost_error=False).matrix]
        dot_px = max(2, min(8, (self.width_px - 4 * _MARGIN_PX) // (len(modules) + 8)))
        side_px, quiet_px = len(modules) * dot_px, 4 * dot_px
        draw = self.feed(side_px + 2 * quiet_px)
        left_px = (self.width_px - side_px) // 2
        for y, row in enumerate(modules):
            for x, dark in enumerate(row):
                if dark:
                    left, top = left_px + x * dot_px, quiet_px + y * dot_px
                    draw.rectangle((left, top, left + dot_px - 1, top + dot_px - 1), fill=0)

    def torn_off(self) -> Image.Image:
        height_px = sum(strip.height for strip in self.strips)
        whole = Image.new("1", (self.width_px, max(1, height_px)), 1)
        top_px = 0
        for strip in self.strips:
            whole.paste(strip, (0, top_px))
            top_px += strip.height
        return whole


def render_image(
    receipt: ReceiptDocument, *, width_px: int = RECEIPT_WIDTH_PX, fonts: Fonts | None = None
) -> Image.Image:
    """The receipt as a 1-bit picture (mode "1", 0 is black), `width_px` wide and as high as it needs."""
    roll = _Roll(width_px, fonts or Fonts())
    roll.feed(_MARGIN_PX)
    for block in receipt.blocks:
        match block:
            case Title(text):
                roll.text(text, 32, bold=True, centred=True)
            case Big(text):
                roll.text(text, 44, bold=True, centred=True)
            case Line(text):
                roll.text(text, 26)
            case Pair(key, value):
                roll.pair(key, value)
            case Rule():
                roll.rule()
            case Small(text):
                roll.text(text, 20)
            case Code(text):
                roll.code(text)
    roll.feed(_MARGIN_PX)
    return roll.torn_off()


def _wrapped(text: str, room_px: float, face: ImageFont.FreeTypeFont) -> list[str]:
    """Break at blanks; a word wider than the paper (a long number) is broken where it must."""
    return broken(text, room_px, face.getlength)


def broken(text: str, room: float, length: Callable[[str], float]) -> list[str]:
    """Lines no longer than `room`, as `length` measures them."""
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if length(longer) <= room:
                line = longer
                continue
            if line:
                lines.append(line)
            line = word
            while length(line) > room and len(line) > 1:
                fits = next(n for n in range(len(line) - 1, 0, -1) if n == 1 or length(line[:n]) <= room)
                lines.append(line[:fits])
                line = line[fits:]
        lines.append(line)
    return lines
