"""A picture from outside → pixels, or a refusal before a pixel is decoded. Only ever called in the darkroom.

What is not one of the formats a camera, a scanner or a telephone makes is refused by its content, not by its name. Of moving
pictures the first is taken; a file of several pages is refused.
"""

from __future__ import annotations

import io
import re
import warnings
from typing import Final

import cv2
import numpy as np
import simplejpeg
from PIL import ExifTags, Image, ImageOps

from appliance.capture.geometry import Pixels
from contracts.errors import PueError, WhoCanAct

PICTURE_LIMIT_BYTES: Final = 32 * 1024 * 1024
MAX_PIXELS: Final = 50_000_000
LEAST_SIDE_PX: Final = 32
FORMATS: Final = ("JPEG", "PNG", "TIFF", "WEBP", "BMP")
MAX_STRAY_BYTES: Final = 16
"""Cheap cameras leave a few between two markers; more of them are a hole in the picture."""
_STRAY: Final = re.compile(r"([0-9]+) extraneous bytes")
_MIRRORED: Final = {2, 4, 5, 7}
_QUARTERS: Final = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}
"""Quarter turns to the left by Exif orientation, after mirroring (Exif 2.32, 4.6.4, tag 274)."""


class InvalidPicture(PueError, ValueError):
    """Not a picture that can be opened."""

    code = "capture.picture_invalid"
    who = WhoCanAct.CLERK


class PictureTooLarge(InvalidPicture):
    """More bytes or pixels than any camera of a desk makes."""

    code = "capture.picture_too_large"


class PictureTooSmall(InvalidPicture):
    """Nothing can be read on so few pixels."""

    code = "capture.picture_too_small"


class SeveralPages(InvalidPicture):
    """A TIFF of several pages: one would be kept and the others lost without a word."""

    code = "capture.several_pages"


def open_here(data: bytes) -> Pixels:
    """The picture in colour (height × width × 3, BGR), upright by its Exif, what is see-through on white.

    Raises:
        InvalidPicture: not JPEG, PNG, TIFF, WebP or BMP, or damaged.
        PictureTooLarge, PictureTooSmall, SeveralPages: by its header; nothing was decoded.
    """
    if len(data) > PICTURE_LIMIT_BYTES:
        raise PictureTooLarge(
            f"a picture has at most {PICTURE_LIMIT_BYTES} bytes", limit_bytes=PICTURE_LIMIT_BYTES
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)
            Image.MAX_IMAGE_PIXELS = MAX_PIXELS
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                _refuse_size(*picture.size)
                _refuse_pages(picture)
                if (
                    picture.format == "JPEG"
                    and picture.mode in {"RGB", "L"}
                    and not hasattr(picture, "n_frames")
                ):
                    return _fast(data, picture.getexif().get(ExifTags.Base.Orientation, 1))
                return _plain(picture)
    except InvalidPicture:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureTooLarge(f"a picture has at most {MAX_PIXELS} pixels", limit_px=MAX_PIXELS) from error
    except Exception as error:  # decoders complain in every way there is
        raise InvalidPicture("this is no picture that can be opened, or it is damaged") from error


def _refuse_pages(picture: Image.Image) -> None:
    if picture.format == "TIFF" and getattr(picture, "n_frames", 1) > 1:
        raise SeveralPages("a TIFF of several pages: give each page as a picture of its own")


def _refuse_size(wide: int, high: int) -> None:
    if wide * high > MAX_PIXELS:
        raise PictureTooLarge(f"a picture has at most {MAX_PIXELS} pixels", limit_px=MAX_PIXELS)
    if min(wide, high) < LEAST_SIDE_PX:
        raise PictureTooSmall(
            f"a picture has at least {LEAST_SIDE_PX} pixels on each side", least_px=LEAST_SIDE_PX
        )


def _fast(data: bytes, turn: int) -> Pixels:
    """Most pictures: six times as fast as the other way, and stricter, for a JPEG with a hole still gives a whole picture."""
    try:
        pixels = simplejpeg.decode_jpeg(data, colorspace="BGR")
    except ValueError as error:
        stray = _STRAY.search(str(error))
        if stray is None or int(stray[1]) > MAX_STRAY_BYTES:
            raise InvalidPicture("this JPEG is damaged") from error
        pixels = simplejpeg.decode_jpeg(data, colorspace="BGR", strict=False)
    if turn in _MIRRORED:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(np.rot90(pixels, _QUARTERS.get(turn, 0)))


def _plain(picture: Image.Image) -> Pixels:
    if picture.mode.startswith("I;16") or picture.mode in {"I", "F"}:
        tones = np.asarray(picture, np.float64)
        most = 65535.0 if picture.mode != "F" else max(1.0, float(tones.max()))
        picture = Image.fromarray((tones.clip(0, most) * 255 / most).astype(np.uint8))
    upright = ImageOps.exif_transpose(picture)
    if upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info:
        clear = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
    return np.asarray(cv2.cvtColor(np.asarray(upright.convert("RGB")), cv2.COLOR_RGB2BGR), np.uint8)
