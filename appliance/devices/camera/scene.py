"""What a simulated camera looks at: a sheet on a dark desk, or a person's shape before a wall. All of it invented."""

from __future__ import annotations

import io
import itertools
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from appliance.devices.fonts import Fonts

A4_PX: Final = (1240, 1754)
"""A4 at 150 dots per inch: what lies on the simulated desk."""

FRAME_PX: Final = (1500, 2000)
PREVIEW_PX: Final = (480, 640)

_DESK: Final = (52, 54, 60)
_WALL: Final = (186, 192, 198)


def sample_page(number: int = 1) -> Image.Image:
    """A typed page of an office that does not exist."""
    page = Image.new("RGB", A4_PX, (250, 249, 245))
    draw = ImageDraw.Draw(page)
    fonts = Fonts()
    draw.text((130, 130), "COMUNE DI ESEMPIO", font=fonts.face(44, bold=True), fill=(25, 25, 30))
    draw.text((130, 200), f"Documento di prova n. {number}", font=fonts.face(34), fill=(25, 25, 30))
    draw.line((130, 262, 1110, 262), fill=(120, 120, 120), width=3)
    sentences = itertools.cycle(
        (
            "Questa pagina serve soltanto alle prove e non riguarda nessuno.",
            "Il testo è inventato: le righe imitano una lettera d'ufficio.",
            "Città, perché, già: le lettere accentate devono restare leggibili.",
            "Totale 1.234,56 € - protocollo 0000000 - anno 2026.",
        )
    )
    face = fonts.face(27)
    for top in range(320, 1500, 52):
        draw.text((130, top), next(sentences), font=face, fill=(35, 35, 40))
    draw.ellipse((840, 1500, 1040, 1690), outline=(40, 60, 150), width=6)
    return page


def desk_with(page: Image.Image | None) -> Image.Image:
    """The desk from above, with a sheet lying slightly askew, or empty."""
    width, height = FRAME_PX
    desk = Image.new("RGB", FRAME_PX, _DESK)
    if page is not None:
        sheet = page.convert("RGB").resize(A4_PX)
        corners = ((118, 128), (1386, 104), (1402, 1902), (96, 1884))
        coefficients = _perspective(corners, A4_PX)
        turned = sheet.transform(
            FRAME_PX, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC, fillcolor=_DESK
        )
        mask = Image.new("L", FRAME_PX, 0)
        ImageDraw.Draw(mask).polygon(corners, fill=255)
        desk.paste(turned, (0, 0), mask)
    falloff = (
        np.linspace(1.0, 0.9, width, dtype=np.float32)[None, :] * np.linspace(1.0, 0.94, height)[:, None]
    )
    return Image.fromarray((np.asarray(desk, np.float32) * falloff[:, :, None]).astype(np.uint8))


def portrait() -> Image.Image:
    """Head and shoulders of nobody."""
    scene = Image.new("RGB", FRAME_PX, _WALL)
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
    return scene.filter(ImageFilter.GaussianBlur(3))


def darkness() -> Image.Image:
    """A lens under a hand."""
    return Image.new("RGB", FRAME_PX, (9, 7, 6))


def frame_jpeg(scene: Image.Image, tick: int, *, small: bool) -> bytes:
    """One frame as JPEG: the scene with the noise and the breath of a living sensor.

    Args:
        scene: what is seen.
        tick: the frame's number; the same number gives the same bytes.
        small: a preview instead of a full picture.
    """
    picture = scene.resize(PREVIEW_PX, Image.Resampling.BILINEAR) if small else scene
    noise = np.random.default_rng(tick).normal(0.0, 2.2, (picture.height, picture.width)).astype(np.float32)
    breath = 1.0 + 0.012 * np.sin(tick / 5.0)
    seen = np.asarray(picture, np.float32) * breath + noise[:, :, None]
    out = io.BytesIO()
    Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=75 if small else 88)
    return out.getvalue()


def _perspective(corners: tuple[tuple[int, int], ...], size: tuple[int, int]) -> tuple[float, ...]:
    """The eight numbers Pillow wants: from the frame back to the sheet."""
    width, height = size
    rows, aims = [], []
    for (x, y), (u, v) in zip(corners, ((0, 0), (width, 0), (width, height), (0, height)), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        aims += [u, v]
    return tuple(float(number) for number in np.linalg.solve(np.array(rows, float), np.array(aims, float)))
