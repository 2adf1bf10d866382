"""Pictures of single signs → how likely each sign of the alphabet is.

The signs of a zone are of one typeface, OCR-B (ICAO 9303-3, §4.1; ISO 1073-2), in which 0 and O, 1 and I … differ. A recogniser of
all the world's writing never learnt how; this small network learnt nothing else, from drawn signs (`tests/papers/teach_signs.py`).
"""

from __future__ import annotations

import base64
import functools
import itertools
from importlib import resources
from typing import Final

import numpy as np
import numpy.typing as npt

from appliance.capture.geometry import Pixels

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
WIDE_PX: Final = 20
"""A sign's place, from the middle of one gap to that of the next."""
HIGH_PX: Final = 28
FILE: Final = "shapes.txt"
LAYERS: Final = (WIDE_PX * HIGH_PX, 96, 64, len(ALPHABET))
_STEPS: Final = 127
"""Weights are kept as bytes, in this many steps to each side of nothing."""
_FAINT: Final = 40.0
"""Ink paler than this is taken for what it is, not made black."""

Floats = npt.NDArray[np.float32]
Layer = tuple[Floats, Floats]
"""Weights (in × out) and what is added."""


def even_ink(signs: Pixels) -> Floats:
    """Ink from 0 to 1, whatever the contrast, one row of numbers a sign.

    Args:
        signs: n × `HIGH_PX` × `WIDE_PX`, dark on light.
    """
    dark = 255 - signs.reshape(len(signs), -1).astype(np.float32)
    ranked = np.partition(dark, (dark.shape[1] // 4, dark.shape[1] * 19 // 20), axis=1)
    paper, ink = ranked[:, dark.shape[1] // 4, None], ranked[:, dark.shape[1] * 19 // 20, None]
    return np.asarray(np.clip((dark - paper) / np.maximum(ink - paper, _FAINT), 0, 1.3), np.float32)


def likelihoods(signs: Pixels) -> Floats:
    """For each sign (n × `HIGH_PX` × `WIDE_PX`, dark on light) and each of `ALPHABET` how likely it is it; rows add to 1."""
    return answer(_network(), even_ink(signs))


def answer(network: list[Layer], seen: Floats) -> Floats:
    for weights, added in network[:-1]:
        seen = np.maximum(seen @ weights + added, 0)
    weights, added = network[-1]
    said = seen @ weights + added
    odds = np.exp(said - said.max(1, keepdims=True))
    return np.asarray(odds / odds.sum(1, keepdims=True), np.float32)


@functools.cache
def _network() -> list[Layer]:
    return unpacked(resources.files(__package__).joinpath(FILE).read_text("ascii"))


def packed(network: list[Layer]) -> str:
    """As text: a line for each layer's weights, with their size before them, and one for what is added."""
    lines = []
    for part in (part for layer in network for part in layer):
        step = float(np.abs(part).max()) / _STEPS or 1.0
        steps = np.rint(part / step).astype(np.int8)
        lines.append(f"{step:.9g} {base64.b85encode(steps.tobytes()).decode('ascii')}\n")
    return "".join(lines)


def unpacked(text: str) -> list[Layer]:
    parts = []
    for line in text.splitlines():
        step, steps = line.split(" ", 1)
        parts.append(np.frombuffer(base64.b85decode(steps), np.int8).astype(np.float32) * np.float32(step))
    sizes = itertools.pairwise(LAYERS)
    return [
        (weights.reshape(size), added)
        for size, weights, added in zip(sizes, parts[::2], parts[1::2], strict=True)
    ]
