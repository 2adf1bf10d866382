"""Documents a simulated camera looks at: the side of a card or passport with the printed lines, a Tessera Sanitaria's back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import zxingcpp
from PIL import Image, ImageDraw, ImageFont

from appliance.devices.camera.scene import FRAME_PX, desk_with
from appliance.devices.fonts import Fonts

PX_PER_MM: Final = 16
"""Of the drawing; on the simulated desk it is made smaller."""
DESK_PX_PER_MM: Final = 8.0
CARD_MM: Final = (85.6, 54.0)
PAGE_MM: Final = (125.0, 88.0)
_PITCH_MM: Final = 2.54
_MONO: Final = (
    "/usr/share/fonts/opentype/ocr-b/OCRB.otf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationMono-Regular.ttf",
)


def with_lines(lines: Sequence[str]) -> Image.Image:
    """A desk on which a document lies with these printed lines (three: a card; two: a passport's page)."""
    size = CARD_MM if len(lines) == 3 else PAGE_MM
    drawn = Image.new("RGB", (round(size[0] * PX_PER_MM), round(size[1] * PX_PER_MM)), (226, 232, 238))
    pen = ImageDraw.Draw(drawn)
    pen.text((30 * PX_PER_MM, 4 * PX_PER_MM), "ESEMPIO", font=Fonts().face(50, bold=True), fill=(60, 60, 90))
    pen.rectangle((4 * PX_PER_MM, 5 * PX_PER_MM, 24 * PX_PER_MM, 31 * PX_PER_MM), fill=(150, 160, 172))
    step = (4.23 if len(lines) == 3 else 6.35) * PX_PER_MM
    left = (drawn.width - len(lines[0]) * _PITCH_MM * PX_PER_MM) / 2
    top = drawn.height - 4 * PX_PER_MM - step * len(lines)
    face = _lines_face()
    for row, line in enumerate(lines):
        for place, sign in enumerate(line):
            spot = left + place * _PITCH_MM * PX_PER_MM, top + row * step
            pen.text(spot, sign, font=face, fill=(25, 25, 30))
    return _on_desk(drawn, size)


def tessera(codice_fiscale: str) -> Image.Image:
    """A desk on which a Tessera Sanitaria lies with its bar code up."""
    drawn = Image.new("RGB", (round(CARD_MM[0] * PX_PER_MM), round(CARD_MM[1] * PX_PER_MM)), (236, 240, 244))
    code = Image.fromarray(
        zxingcpp.create_barcode(codice_fiscale, zxingcpp.BarcodeFormat.Code39).to_image(scale=1)
    )
    bars = code.crop((0, 0, code.width, 1)).resize((64 * PX_PER_MM, 7 * PX_PER_MM), Image.Resampling.NEAREST)
    drawn.paste(bars, ((drawn.width - bars.width) // 2, 6 * PX_PER_MM))
    return _on_desk(drawn, CARD_MM)


def _lines_face() -> ImageFont.FreeTypeFont:
    for path in _MONO:
        try:
            probe = ImageFont.truetype(path, 100)
        except OSError:
            continue
        return ImageFont.truetype(path, round(100 * _PITCH_MM * PX_PER_MM / probe.getlength("0")))
    return Fonts().face(round(1.6 * _PITCH_MM * PX_PER_MM))


def _on_desk(drawn: Image.Image, size_mm: tuple[float, float]) -> Image.Image:
    small = drawn.resize(
        (round(size_mm[0] * DESK_PX_PER_MM), round(size_mm[1] * DESK_PX_PER_MM)), Image.Resampling.LANCZOS
    ).convert("RGBA")
    turned = small.rotate(3, Image.Resampling.BICUBIC, expand=True)
    desk = desk_with(None)
    desk.paste(turned, ((FRAME_PX[0] - turned.width) // 2, (FRAME_PX[1] - turned.height) // 2), turned)
    return desk
