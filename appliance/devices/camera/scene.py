"""What a simulated camera looks at: a sheet on a dark desk, or a person's shape before a wall. All of it invented."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import simplejpeg
from PIL import Image, ImageDraw, ImageFilter

from appliance.devices.fonts import Fonts

if TYPE_CHECKING:
    from collections.abc import Iterator

A4_PX: Final = (1654, 2339)
"""A4 at 200 dots per inch: what lies on the simulated desk."""

FRAME_PX: Final = (1944, 2592)
PREVIEW_PX: Final = (480, 640)

_DESK: Final = (52, 54, 60)
_WALL: Final = (186, 192, 198)
_SKIN: Final = (214, 166, 134)
_NOISE_PX: Final = 256
PAPERS: Final = ("letter", "iban", "payslip", "permit")


class Lay(msgspec.Struct, frozen=True, kw_only=True):
    """How a sheet lies there.

    Attributes:
        blurred: it moves, or the camera has not focused.
        cut: part of it lies outside the picture.
        upside_down: its head is towards the clerk.
        hand: fingers hold it.
        lamp: a lamp shines back from it.
        aside: as it lay, but a little elsewhere.
    """

    blurred: bool = False
    cut: bool = False
    upside_down: bool = False
    hand: bool = False
    lamp: bool = False
    aside: bool = False


def sample_page(number: int = 1, paper: str = "letter") -> Image.Image:
    """A typed page of an office that does not exist.

    Args:
        number: printed on it; pages of different numbers look different.
        paper: one of `PAPERS`.
    """
    page = Image.new("RGB", A4_PX, (250, 249, 245))
    draw = ImageDraw.Draw(page)
    fonts = Fonts()
    title, lines = _content(number, paper)
    draw.text((170, 170), "COMUNE DI ESEMPIO", font=fonts.face(58, bold=True), fill=(25, 25, 30))
    draw.text((170, 262), title, font=fonts.face(45), fill=(25, 25, 30))
    draw.line((170, 345, 1480, 345), fill=(120, 120, 120), width=4)
    face = fonts.face(36)
    top = 420
    for line in lines:
        draw.text((170, top), line, font=face, fill=(35, 35, 40))
        top += 69
    left = 300 + (number * 397) % 900
    draw.rectangle((left, 2010, left + 260, 2180), outline=(40, 40, 45), width=5)
    draw.text((left + 30, 2060), f"foglio {number}", font=face, fill=(35, 35, 40))
    return page


def _content(number: int, paper: str) -> tuple[str, list[str]]:
    """Title and lines. Names and numbers are invented; check digits are right."""
    sentences = itertools.cycle(
        (
            "Questa pagina serve soltanto alle prove e non riguarda nessuno.",
            "Il testo è inventato: le righe imitano una lettera d'ufficio.",
            "Città, perché, già: le lettere accentate devono restare leggibili.",
            f"Totale {number}.234,56 € - protocollo 000000{number} - anno 2026.",
            "La domanda si presenta allo sportello con i documenti richiesti.",
        )
    )
    body = [next(sentences) for _ in range(12 + (number * 5) % 11)]
    if paper == "iban":
        return "Attestazione di coordinate bancarie", [
            "Intestatario del conto: MARIA ESEMPIO",
            "IBAN: IT24 D054 2811 1010 0000 0654 321",
            "Data: 22/11/2026",
            *body,
        ]
    if paper == "payslip":
        return "Busta paga di ottobre 2026", ["Datore di lavoro: Ditta Inventata", "Netto: 1.234,56 €", *body]
    if paper == "permit":
        return "Permesso di soggiorno", ["Rilasciato il 03/02/2025", *body]
    return f"Documento di prova n. {number}", body


def desk_with(page: Image.Image | None, lay: Lay | None = None) -> Image.Image:
    """The desk from above, with a sheet lying slightly askew, or empty."""
    lay = lay or Lay()
    desk = Image.new("RGB", FRAME_PX, _DESK)
    if page is not None:
        sheet = page.convert("RGB").resize(A4_PX)
        if lay.upside_down:
            sheet = sheet.transpose(Image.Transpose.ROTATE_180)
        desk = _laid(desk, sheet, _corners(lay))
    if lay.hand:
        _hold(desk)
    seen = Image.fromarray(_lit(np.array(desk), lamp=lay.lamp))
    return seen.filter(ImageFilter.BoxBlur(9)) if lay.blurred else seen


def _lit(
    desk: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], *, lamp: bool
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The light falls off to the right and downwards. Strip by strip: a whole desk in real numbers is 120 MB."""
    height, width = desk.shape[:2]
    across, down = np.linspace(1.0, 0.9, width, dtype=np.float32), np.linspace(1.0, 0.94, height)
    for rows in _strips(height):
        lit = desk[rows] * (across[None, :] * down[rows, None])[:, :, None]
        if lamp:
            lit += _lamp(rows, width)
        desk[rows] = np.clip(lit, 0, 255)
    return desk


def _strips(height: int) -> Iterator[slice]:
    return (slice(top, min(top + _NOISE_PX, height)) for top in range(0, height, _NOISE_PX))


def _corners(lay: Lay) -> tuple[tuple[int, int], ...]:
    corners = ((153, 166), (1796, 135), (1817, 2465), (124, 2442))
    if lay.cut:
        return tuple((x - 420, y) for x, y in corners)
    if lay.aside:
        return tuple((x + 28, y - 44) for x, y in corners)
    return corners


def _laid(desk: Image.Image, sheet: Image.Image, corners: tuple[tuple[int, int], ...]) -> Image.Image:
    turned = sheet.transform(
        FRAME_PX,
        Image.Transform.PERSPECTIVE,
        _perspective(corners, A4_PX),
        Image.Resampling.BICUBIC,
        fillcolor=_DESK,
    )
    mask = Image.new("L", FRAME_PX, 0)
    ImageDraw.Draw(mask).polygon(corners, fill=255)
    desk.paste(turned, (0, 0), mask)
    return desk


def _hold(desk: Image.Image) -> None:
    """Three fingers over the right edge."""
    draw = ImageDraw.Draw(desk)
    for top in (1100, 1215, 1330):
        draw.rounded_rectangle((1640, top, 1944, top + 96), 46, fill=_SKIN)


def _lamp(rows: slice, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """What a bare bulb adds to these rows."""
    y, x = np.ogrid[rows, :width]
    near = np.exp(-((((x - 900) / 190.0) ** 2 + ((y - 1150) / 150.0) ** 2) ** 2))
    return (240 * near).astype(np.float32)[:, :, None]


def portrait() -> Image.Image:
    """Head and shoulders of nobody."""
    scene = Image.new("RGB", (1500, 2000), _WALL)
    draw = ImageDraw.Draw(scene)
    draw.ellipse((180, 1300, 1320, 2500), fill=(62, 78, 110))
    draw.rounded_rectangle((640, 1080, 860, 1420), 60, fill=(205, 165, 140))
    draw.ellipse((470, 460, 1030, 1210), fill=(222, 184, 158))
    draw.pieslice((450, 400, 1050, 1060), 180, 360, fill=(74, 54, 42))
    for left in (610, 810):
        draw.ellipse((left, 780, left + 80, 830), fill=(245, 245, 245))
        draw.ellipse((left + 25, 785, left + 58, 825), fill=(50, 40, 35))
    draw.line((750, 830, 735, 960, 765, 965), fill=(190, 148, 124), width=10)
    draw.arc((660, 980, 840, 1080), 20, 160, fill=(150, 80, 75), width=12)
    return scene.filter(ImageFilter.GaussianBlur(3)).resize(FRAME_PX)


def darkness() -> Image.Image:
    """A lens under a hand."""
    return Image.new("RGB", FRAME_PX, (9, 7, 6))


def small(scene: Image.Image) -> Image.Image:
    """The scene as the preview sees it."""
    return scene.resize(PREVIEW_PX, Image.Resampling.BOX)


def frame_jpeg(scene: Image.Image, tick: int, quality: int) -> bytes:
    """One frame as JPEG: the scene with the noise and the breath of a living sensor.

    Args:
        scene: what is seen, at the size of the frame.
        tick: the frame's number; the same number gives the same bytes.
        quality: of the JPEG.
    """
    seen = np.array(scene)
    high, wide = seen.shape[:2]
    shift = (tick * 37) % _NOISE_PX, (tick * 91) % _NOISE_PX
    tile = np.roll(_noise(), shift, (0, 1))
    noise = np.tile(tile, (1, wide // _NOISE_PX + 1))[:, :wide, None] + round(1.5 * np.sin(tick / 5.0))
    for rows in _strips(high):  # as in `_lit`
        strip = seen[rows]
        seen[rows] = np.clip(strip + noise[: len(strip)], 0, 255)
    return bytes(simplejpeg.encode_jpeg(seen, quality=quality, colorspace="RGB"))


@functools.cache
def _noise() -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """A tile of sensor noise, shifted for each frame."""
    return np.random.default_rng(1).normal(0.0, 2.2, (_NOISE_PX, _NOISE_PX)).astype(np.int16)


def _perspective(corners: tuple[tuple[int, int], ...], size: tuple[int, int]) -> tuple[float, ...]:
    """The eight numbers Pillow wants: from the frame back to the sheet."""
    width, height = size
    rows, aims = [], []
    for (x, y), (u, v) in zip(corners, ((0, 0), (width, 0), (width, height), (0, height)), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        aims += [u, v]
    return tuple(float(number) for number in np.linalg.solve(np.array(rows, float), np.array(aims, float)))
