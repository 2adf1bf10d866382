"""Teaches the small network of `appliance.capture.mrz.shapes` the signs of OCR-B, and writes what it learnt into its file.

    python -m tests.papers.teach_signs

The signs are drawn here, in both cuts of the typeface, thin and bold, turned, squeezed, out of focus, on uneven paper; pictures of
documents (`tests/papers/cards.py`) are not used, so that those stay strange to it. One processor learns some minutes.
"""

from __future__ import annotations

import itertools
import sys
from importlib import resources
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from appliance.capture.mrz.shapes import (
    ALPHABET,
    FILE,
    HIGH_PX,
    LAYERS,
    WIDE_PX,
    answer,
    even_ink,
    packed,
    unpacked,
)
from tests.papers.cards import FACES

LARGE: Final = 3
"""Signs are drawn so many times larger than they are learnt."""
WEIGHTS: Final = (0, 1, 2, 3)
"""Strokes made thicker by so many pixels of the large drawing, on either side."""
A_SHEET: Final = 37 * 60
TWINS: Final = "0O0OD0QO1I2Z5S8B6G0ODQ"
"""Drawn once more in each sheet, so many times: they are what the network is for."""
SOFT_PX: Final = (0.25, 0.6, 1.0, 1.5)
"""How far out of focus, in pixels of what is learnt."""
SHEETS: Final = 160
NONSENSE: Final = 180
"""Pictures of no sign in each sheet: bare paper, half of two signs, two signs over each other. Nothing may be sure of them."""
NO_SIGN: Final = -1
BATCH: Final = 222
RATE: Final = 1.5e-3


def drawn() -> np.ndarray:
    """Looks (face, weight, focus) × signs × high × wide: ink from 0 to 1, in the middle of its place."""
    looks = [
        [cv2.GaussianBlur(sign, (0, 0), soft * LARGE) for sign in _cut(path, bold)]
        for path, bold, soft in itertools.product(FACES, WEIGHTS, SOFT_PX)
    ]
    return np.array(looks, np.float32)


def _cut(path: str, bold: int) -> list[np.ndarray]:
    wide, high = WIDE_PX * LARGE, (HIGH_PX + 12) * LARGE
    probe = ImageFont.truetype(path, 1000).getlength("0" * 10) / 10
    font = ImageFont.truetype(path, round(1000 * wide / probe))
    _, top, _, bottom = font.getbbox("0")
    signs = []
    for sign in ALPHABET:
        sheet = Image.new("L", (wide, high), 0)
        spot = (0, round(high / 2 - (top + bottom) / 2))
        ImageDraw.Draw(sheet).text(spot, sign, font=font, fill=255, stroke_width=bold, stroke_fill=255)
        signs.append(np.asarray(sheet, np.float32) / 255)
    return signs


def a_sheet(rng: np.random.Generator, signs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of signs (n × high × wide, dark on light), each between two others; which they are, or `NO_SIGN`."""
    known = [*range(len(ALPHABET))] * (A_SHEET // len(ALPHABET)) + [
        ALPHABET.index(sign) for sign in TWINS
    ] * 40
    labels = rng.permutation(known)
    beside = rng.integers(0, len(ALPHABET), (len(labels), 2))
    beside[rng.random(beside.shape) < 0.3] = ALPHABET.index("<")
    three = np.stack([beside[:, 0], labels, beside[:, 1]], 1)
    softness, kinds = len(SOFT_PX), len(signs) // len(SOFT_PX)
    face = rng.integers(len(FACES), size=(len(labels), 1)) * len(WEIGHTS)
    kind = (face + rng.integers(len(WEIGHTS), size=three.shape)) % kinds
    looks = kind * softness + rng.integers(softness, size=(len(labels), 1))
    strips = (np.hstack([*signs[look, one]]) for look, one in zip(looks, three, strict=True))
    ink = np.stack([_bent(rng, strip) for strip in strips])
    spoilt = rng.permutation(len(ink))[:NONSENSE]
    bare, halves, doubled = np.split(spoilt, 3)
    ink[bare] = 0
    ink[halves] = np.roll(ink[halves], WIDE_PX // 2, 2)
    ink[doubled] = np.maximum(ink[doubled], np.roll(ink[doubled], 1, 0))
    labels[spoilt] = NO_SIGN
    return _on_paper(rng, ink), labels


def _bent(rng: np.random.Generator, ink: np.ndarray) -> np.ndarray:
    """The middle one of three signs, not quite where, as large and as upright as it should be."""
    turn, lean = np.radians(rng.normal(0, 1.7)), rng.normal(0, 0.03)
    across, down = rng.normal(1, 0.025), rng.normal(1, 0.035)
    shape = LARGE * np.array(
        [[np.cos(turn) * across, lean - np.sin(turn)], [np.sin(turn), np.cos(turn) * down]]
    )
    shift = LARGE * rng.normal(0, (0.9, 1.1)).clip(-2.7, 2.7)
    off = np.array([ink.shape[1], ink.shape[0]]) / 2 + shift - shape @ (WIDE_PX / 2, HIGH_PX / 2)
    way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(ink, np.column_stack([shape, off]), (WIDE_PX, HIGH_PX), flags=way)


def _on_paper(rng: np.random.Generator, ink: np.ndarray) -> np.ndarray:
    """Printed strongly or faintly, on paper that is not evenly light, with the camera's grain."""
    count, high, wide = ink.shape
    each = (count, 1, 1)
    y, x = np.linspace(-1, 1, high)[None, :, None], np.linspace(-1, 1, wide)[None, None]
    paper = rng.uniform(225, 255, each) + rng.normal(0, 12, each) * x + rng.normal(0, 12, each) * y
    grain = rng.standard_normal(ink.shape, np.float32) * rng.uniform(1, 20, each)
    for part in range(3):
        flat = grain[part::3].reshape(-1, wide)
        grain[part::3] = cv2.GaussianBlur(flat, (0, 0), 0.3 * (part + 1)).reshape(-1, high, wide)
    return np.clip(paper - ink * rng.uniform(60, 245, each) + grain, 0, 255).astype(np.uint8)


def learn(rng: np.random.Generator, signs: np.ndarray, sheets: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Adam (Kingma and Ba, 2015) over the cross entropy, each sheet of signs seen once."""
    parts = []
    for wide, narrow in itertools.pairwise(LAYERS):
        parts += [
            (rng.standard_normal((wide, narrow)) * np.sqrt(2 / wide)).astype(np.float32),
            np.zeros(narrow, np.float32),
        ]
    mean = [np.zeros_like(part) for part in parts]
    square = [np.zeros_like(part) for part in parts]
    step = 0
    for sheet in range(sheets):
        pictures, labels = a_sheet(rng, signs)
        seen = even_ink(pictures)
        rate = RATE * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * sheet / sheets)))
        for start in range(0, len(seen), BATCH):
            slopes = _slopes(parts, seen[start : start + BATCH], labels[start : start + BATCH])
            step += 1
            for at, slope in enumerate(slopes):
                mean[at] += 0.1 * (slope - mean[at])
                square[at] += 0.001 * (slope * slope - square[at])
                size = np.sqrt(square[at] / (1 - 0.999**step)) + 1e-8
                parts[at] -= (rate / (1 - 0.9**step)) * mean[at] / size
        if sheet % 20 == 0:
            right = (answer(_layers(parts), seen).argmax(1) == labels)[labels != NO_SIGN]
            sys.stdout.write(f"{sheet}: {right.mean():.4f}\n")
            sys.stdout.flush()
    return _layers(parts)


def _layers(parts: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(zip(parts[::2], parts[1::2], strict=True))


def _slopes(parts: list[np.ndarray], seen: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """Of the mean cross entropy, by every weight."""
    layers = _layers(parts)
    inputs = [seen]
    for weights, added in layers[:-1]:
        inputs.append(np.maximum(inputs[-1] @ weights + added, 0))
    back = answer(layers[-1:], inputs[-1])
    known = np.flatnonzero(labels != NO_SIGN)
    back[known, labels[known]] -= 1
    back[labels == NO_SIGN] -= 1 / len(ALPHABET)
    back /= len(labels)
    slopes = []
    for (weights, _), given in zip(reversed(layers), reversed(inputs), strict=True):
        slopes = [given.T @ back + 1e-5 * weights, back.sum(0), *slopes]
        back = (back @ weights.T) * (given > 0)
    return slopes


def main() -> None:
    """Learn, say how often drawn signs are taken for others, write the file."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(20_260)
    signs = drawn()
    text = packed(learn(rng, signs, SHEETS))
    pictures, labels = a_sheet(np.random.default_rng(1), signs)
    right = (answer(unpacked(text), even_ink(pictures)).argmax(1) == labels)[labels != NO_SIGN]
    with resources.as_file(resources.files("appliance.capture.mrz").joinpath(FILE)) as path:
        path.write_text(text, "ascii")
    sys.stdout.write(f"of {len(right)} drawn signs {right.sum()} are read\n")


if __name__ == "__main__":
    main()
