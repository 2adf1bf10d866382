"""One printed line of a machine readable zone as a picture → its signs, each with its place and how sure it is.

The recogniser is PP-OCRv6, which knows eighteen thousand signs; it is asked for thirty-seven of them only (ICAO 9303-3,
§4.1), and one answer among those is what it gives. Its model file lies in rapidocr's wheel.
"""

from __future__ import annotations

import functools
from typing import Any, Final

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from appliance.capture.geometry import Pixels
from appliance.capture.mrz.shapes import ALPHABET
from appliance.capture.turning import ModelMissing, model_path, session

_MODEL: Final = ("rapidocr", "models", "PP-OCRv6_rec_small.onnx")
_HEIGHT_PX: Final = 48
_STEP_PX: Final = 8
"""The model answers once for so many columns of its picture."""
PITCH_PX: Final = 22
"""Columns a sign gets: with fewer the recogniser loses fillers, with more it only takes longer."""
_LEAST: Final = 1e-6


class Sign(msgspec.Struct, frozen=True):
    """One sign of a line.

    Attributes:
        text: of the alphabet.
        at: its middle, as a fraction of the line's picture.
        likely: for each sign of the alphabet how likely it stands here, adding to 1.
    """

    text: str
    at: float
    likely: dict[str, float]


@functools.cache
def _recogniser() -> tuple[Any, npt.NDArray[np.intp]]:
    """The model, and its columns: blank first, then the alphabet."""
    model = session(model_path(*_MODEL))
    known = model.get_modelmeta().custom_metadata_map.get("character", "").splitlines()
    if not set(ALPHABET) <= set(known):
        raise ModelMissing("the recogniser does not know the signs of a machine readable zone")
    return model, np.array([0, *(known.index(sign) + 1 for sign in ALPHABET)])


def read_line(line: Pixels, signs: int) -> list[Sign]:
    """The signs from left to right.

    Args:
        line: height × width grey, dark on light, with a little paper above and below.
        signs: about how many stand there; the picture is made as wide as the recogniser needs for them.

    Raises:
        ModelMissing: the recogniser is not installed.
    """
    model, columns = _recogniser()
    wide = signs * PITCH_PX // _STEP_PX * _STEP_PX
    way = cv2.INTER_AREA if line.shape[0] > _HEIGHT_PX else cv2.INTER_CUBIC
    small = cv2.resize(line, (wide, _HEIGHT_PX), interpolation=way)
    tensor = np.repeat((small.astype(np.float32) / 127.5 - 1)[None], 3, 0)[None]
    likely = model.run(None, {model.get_inputs()[0].name: tensor})[0][0][:, columns]
    return _collapse(likely / np.maximum(likely.sum(1, keepdims=True), _LEAST))


def _collapse(likely: npt.NDArray[np.float32]) -> list[Sign]:
    """Steps of one and the same sign, with no blank between, are that sign once."""
    best = likely.argmax(1)
    found: list[Sign] = []
    start = 0
    for stop in range(1, len(best) + 1):
        if stop < len(best) and best[stop] == best[start]:
            continue
        if best[start]:
            weights = likely[start:stop, best[start]]
            mean = likely[start:stop, 1:].max(0)
            at = float((np.arange(start, stop) * weights).sum() / weights.sum() + 0.5) / len(best)
            total = float(mean.sum())
            found.append(
                Sign(
                    ALPHABET[best[start] - 1],
                    at,
                    {sign: float(value) / total for sign, value in zip(ALPHABET, mean, strict=True)},
                )
            )
        start = stop
    return found
