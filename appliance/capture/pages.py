"""A picture from a camera → a page: upright, bounded, with plain facts about what is wrong with it.

Finding the sheet on the desk and flattening it is not done here yet: a page is the whole frame.
"""

from __future__ import annotations

import enum
import io
from typing import Final

import msgspec
import numpy as np
from PIL import Image, ImageOps

from contracts.errors import PueError, WhoCanAct

PICTURE_LIMIT_BYTES: Final = 32 * 1024 * 1024
MAX_PIXELS: Final = 40_000_000
PAGE_LONG_SIDE_PX: Final = 2400
"""About 200 dots per inch on A4: more helps no reader and costs a thin line dearly."""

_JPEG_QUALITY: Final = 75
_ANALYSIS_PX: Final = (800, 800)
_BLACK: Final = 30.0
_DIM: Final = 110.0
_FLAT_CONTRAST: Final = 12.0
_BLUR_VARIANCE: Final = 120.0


class InvalidPicture(PueError, ValueError):
    """Not a JPEG or PNG picture that can be opened."""

    code = "capture.picture_invalid"
    who = WhoCanAct.CLERK


class PictureTooLarge(InvalidPicture):
    """More bytes or pixels than any camera of a desk makes."""

    code = "capture.picture_too_large"


class PageFlaw(enum.StrEnum):
    """What a clerk should look at before keeping a page. Advice, never a refusal."""

    TOO_DARK = "too_dark"
    BLURRED = "blurred"
    BLANK = "blank"


class Quality(msgspec.Struct, frozen=True):
    """Measured facts of a page.

    Attributes:
        median: of brightness, 0…255.
        contrast: standard deviation of brightness.
        sharpness: variance of the Laplacian at a fixed size; a coarse measure, good for gross blur only.
        flaws: what follows from the three.
    """

    median: float
    contrast: float
    sharpness: float
    flaws: tuple[PageFlaw, ...]


class Page(msgspec.Struct, frozen=True):
    """One page of a dossier.

    Attributes:
        jpeg: the picture, without any metadata of the camera.
        width_px, height_px: its size.
        quality: see `Quality`.
    """

    jpeg: bytes
    width_px: int
    height_px: int
    quality: Quality


def normalise(picture: bytes) -> Page:
    """Turn upright (EXIF), bound the size, strip metadata, measure.

    Raises:
        InvalidPicture: not a JPEG or PNG, or broken.
        PictureTooLarge: over `PICTURE_LIMIT_BYTES` or `MAX_PIXELS`.
    """
    if len(picture) > PICTURE_LIMIT_BYTES:
        raise PictureTooLarge(
            f"a picture has at most {PICTURE_LIMIT_BYTES} bytes", limit_bytes=PICTURE_LIMIT_BYTES
        )
    try:
        with Image.open(io.BytesIO(picture), formats=("JPEG", "PNG")) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise PictureTooLarge(f"a picture has at most {MAX_PIXELS} pixels", limit_px=MAX_PIXELS)
            upright = ImageOps.exif_transpose(opened)
            page = _on_white(upright)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        if isinstance(error, InvalidPicture):
            raise
        raise InvalidPicture("this is not a JPEG or PNG picture, or it is damaged") from error
    page.thumbnail((PAGE_LONG_SIDE_PX, PAGE_LONG_SIDE_PX), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    page.save(out, "JPEG", quality=_JPEG_QUALITY)
    return Page(out.getvalue(), page.width, page.height, measure(page))


def _on_white(picture: Image.Image) -> Image.Image:
    """RGB or grey without transparency: what is see-through in a PNG is paper."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        clear = picture.convert("RGBA")
        paper = Image.new("RGBA", clear.size, "white")
        return Image.alpha_composite(paper, clear).convert("RGB")
    return picture.convert("L" if picture.mode in ("1", "L", "I;16") else "RGB")


def measure(page: Image.Image) -> Quality:
    """The facts of a page, taken on a copy of fixed size so that cameras compare."""
    copy = page.convert("L")
    copy.thumbnail(_ANALYSIS_PX, Image.Resampling.BOX)
    grey = np.asarray(copy, np.float32)
    median, contrast = float(np.median(grey)), float(grey.std())
    brightest = float(np.percentile(grey, 95))
    sharpness = _laplacian_variance(grey)
    flaws: list[PageFlaw] = []
    # A dark desk without a sheet is blank rather than dark: only blackness, or dim print, counts as too dark.
    if brightest < _BLACK or (brightest < _DIM and contrast >= _FLAT_CONTRAST):
        flaws.append(PageFlaw.TOO_DARK)
    if contrast < _FLAT_CONTRAST:
        flaws.append(PageFlaw.BLANK)
    elif sharpness < _BLUR_VARIANCE:
        flaws.append(PageFlaw.BLURRED)
    return Quality(round(median, 1), round(contrast, 1), round(sharpness, 1), tuple(flaws))


def _laplacian_variance(grey: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
    if min(grey.shape) < 3:
        return 0.0
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    return float(laplacian.var())
