"""A picture of twelve megapixels becomes a page: its time, its weight, the memory it takes, and whether blur is told.

Peers in the same run: Pillow doing the same three steps, JPEG at 300 dots per inch, and the variance of the Laplacian.
"""

from __future__ import annotations

import io
import re
import statistics
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageFilter, ImageOps

from appliance.capture import quality
from appliance.capture.cleaning import Ink, clean
from appliance.capture.darkroom import Darkroom
from appliance.capture.encoding import dpi_of, encode
from appliance.capture.flattening import flatten
from appliance.capture.geometry import to_fractions
from appliance.capture.jobs import Develop, Developed, LinesRead, ReadLines
from appliance.capture.recognition.text import plain, read_words
from appliance.capture.turning import turn
from tests.bench.measure import Figure, machine
from tests.papers import cards
from tests.papers.letters import character_errors, letter, photographed

PICTURE = (4000, 3000)
ROUNDS = 9
FOCUS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0)
MOTION = (5, 8, 11, 14)
"""Of the page at 200 dots per inch: the standard deviation of what a lens spreads, and the length of a movement, in pixels."""
LETTERS = range(81_000, 81_004)
UNREADABLE = 0.02
"""Share of wrong characters from which a page is called unreadable."""


def figures() -> list[Figure]:
    """Time, weight, memory, blur."""
    cv2.setNumThreads(1)
    picture, quad = _laid()
    return [*_times(picture, quad), *_weights(picture, quad), *_memory(picture), *_blur()]


def _laid() -> tuple[np.ndarray, np.ndarray]:
    """A letter on a dark desk, seen by a camera of twelve megapixels."""
    page = letter(80_000).page
    grey = page if page.ndim == 2 else cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)
    quad = np.float32([[520, 60], [2480, 90], [2500, 2930], [500, 2900]])
    quad = np.float32([[x * PICTURE[0] / 3000 * 0.75 + 250, y * PICTURE[1] / 3000] for x, y in quad])
    high, wide = grey.shape
    here = np.float32([[0, 0], [wide, 0], [wide, high], [0, high]])
    bend = cv2.getPerspectiveTransform(here, quad)
    desk = np.full((PICTURE[1], PICTURE[0]), 58, np.uint8)
    cv2.warpPerspective(grey, bend, PICTURE, desk, cv2.INTER_AREA, cv2.BORDER_TRANSPARENT)
    light = np.linspace(1.0, 0.86, PICTURE[0], dtype=np.float32)[None]
    noise = np.random.default_rng(1).normal(0, 2, desk.shape)
    seen = np.clip(desk * light + noise, 0, 255).astype(np.uint8)
    return cv2.cvtColor(seen, cv2.COLOR_GRAY2BGR), quad


def _times(picture: np.ndarray, quad: np.ndarray) -> list[Figure]:
    corners = to_fractions(quad, *PICTURE)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        began = time.process_time()
        _ours(picture, corners, Ink.BITONAL)
        ours.append(1e3 * (time.process_time() - began))
        began = time.process_time()
        _pillow(picture, quad)
        theirs.append(1e3 * (time.process_time() - began))
    value, peer = statistics.median(ours), statistics.median(theirs)
    return [
        _figure(
            "flattened, cleaned, encoded at 12 MP",
            value,
            "ms of CPU",
            "<= 150 ms",
            value <= 150,
            "Pillow",
            peer,
        )
    ]


def _ours(picture: np.ndarray, corners: object, ink: Ink) -> bytes:
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    sheet = flatten(grey, corners, best_dpi=dpi_of(ink))
    return encode(turn(clean(sheet.pixels), 0), ink, sheet.width_mm, sheet.height_mm).image


def _pillow(picture: np.ndarray, quad: np.ndarray) -> bytes:
    image = Image.fromarray(picture[..., ::-1]).convert("L")
    a, b, c, d = quad
    corners = (*a, *d, *c, *b)  # top left, bottom left, bottom right, top right
    flat = image.transform(
        (2480, 3508), Image.Transform.QUAD, tuple(map(float, corners)), Image.Resampling.BILINEAR
    )
    paper = flat.filter(ImageFilter.BoxBlur(40))
    even = ImageOps.autocontrast(
        Image.fromarray(np.asarray(cv2.divide(np.asarray(flat), np.asarray(paper), scale=245)))
    )
    out = io.BytesIO()
    even.point(lambda tone: 255 if tone > 170 else 0).convert("1").save(out, "TIFF", compression="group4")
    return out.getvalue()


def _weights(picture: np.ndarray, quad: np.ndarray) -> list[Figure]:
    corners = to_fractions(quad, *PICTURE)
    text, grey = (len(_ours(picture, corners, ink)) / 1024 for ink in (Ink.BITONAL, Ink.GREY))
    flat = flatten(picture, corners, best_dpi=300).pixels
    out = io.BytesIO()
    Image.fromarray(flat[..., ::-1]).save(out, "JPEG", quality=75)
    jpeg = len(out.getvalue()) / 1024
    peer = "JPEG, 300 dpi, quality 75"
    return [
        _figure("a page of text", text, "kB", "<= 45 kB", text <= 45, peer, jpeg),
        _figure("the same in grey", grey, "kB", "<= 280 kB", grey <= 280, peer, jpeg),
    ]


def _memory(picture: np.ndarray) -> list[Figure]:
    """The child that works on pictures, at its peak, with the models for turning and for printed lines loaded."""
    jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
    card = cv2.imencode(".jpg", cards.sample(1).picture)[1].tobytes()
    darkroom = Darkroom()
    try:
        darkroom.ask(ReadLines(picture=card), LinesRead)
        darkroom.ask(Develop(picture=jpeg), Developed)
        status = Path(f"/proc/{darkroom.pid}/status").read_text("ascii")
    finally:
        darkroom.close()
    peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
    peer = picture.nbytes / 2**20
    return [
        _figure(
            "the darkroom at its peak", peak, "MiB", "<= 350 MiB", peak <= 350, "the picture itself", peer
        )
    ]


def _blur() -> list[Figure]:
    """How well a measure tells pages that cannot be read from pages that can (area under the curve)."""
    truth, ours, theirs = [], [], []
    for seed in LETTERS:
        page = letter(seed)
        seen = photographed(page.page, seed)
        small = cv2.resize(seen, None, fx=200 / 300, fy=200 / 300, interpolation=cv2.INTER_AREA)
        # cleaned as the box does: rims of shadows that are left over break lines of text, on a sharp page too
        pages = [
            *(clean(_out_of_focus(small, by)) for by in FOCUS),
            *(clean(_moved(small, by, seed)) for by in MOTION),
        ]
        wrong = [_share_wrong(page.lines, even) for even in pages]
        wrong[: len(FOCUS)] = _no_better_when_softer(wrong[: len(FOCUS)])
        truth += [share > UNREADABLE for share in wrong]
        ours += [quality.sharpness(even) or 0.0 for even in pages]
        theirs += [float(cv2.Laplacian(even, cv2.CV_64F).var()) for even in pages]
    value, peer = _under_curve(truth, ours), _under_curve(truth, theirs)
    return [
        _figure(
            "blur told from sharpness",
            value,
            "AUC",
            ">= 0.99",
            value >= 0.99,
            "variance of the Laplacian",
            peer,
        )
    ]


def _share_wrong(lines: tuple[str, ...], page: np.ndarray) -> float:
    """Of the signs that are printed."""
    printed = "\n".join(lines)
    return character_errors(printed, plain(read_words(page, 200))) / len(printed)


def _no_better_when_softer(wrong: list[float]) -> list[float]:
    """Errors that blur is to blame for, of one page ever more out of focus.

    A wider Gaussian is a narrower one and another after it, so a softer page holds nothing that the sharper one does not. Where
    the softer one is read, what the engine lost on the sharper one (whole blocks, at times) was not lost to blur.
    """
    return [min(wrong[at:]) for at in range(len(wrong))]


def _out_of_focus(page: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(page, (0, 0), sigma) if sigma else page


def _moved(page: np.ndarray, pixels: int, seed: int) -> np.ndarray:
    """The camera or the sheet moved so far, in a direction of the seed's, while the picture was taken."""
    way = np.radians(np.random.default_rng(seed + pixels).uniform(0, 180))
    track = np.zeros((pixels * 2 + 1,) * 2, np.float32)
    reach = pixels / 2 * np.array([np.cos(way), np.sin(way)])
    start, stop = (tuple(np.rint(pixels + sign * reach).astype(int).tolist()) for sign in (-1, 1))
    cv2.line(track, start, stop, 1.0, 1)
    return cv2.filter2D(page, -1, track / track.sum())


def _under_curve(bad: list[bool], sharp: list[float]) -> float:
    """How often a readable page is called sharper than one that is not."""
    pairs = [
        (good > poor) + 0.5 * (good == poor)
        for good, is_bad in zip(sharp, bad, strict=True)
        if not is_bad
        for poor, was_bad in zip(sharp, bad, strict=True)
        if was_bad
    ]
    return sum(pairs) / len(pairs) if pairs else float("nan")


def _figure(name: str, value: float, unit: str, goal: str, ok: bool, peer: str, peer_value: float) -> Figure:  # noqa: FBT001
    return Figure(
        name=name,
        value=float(value),
        unit=unit,
        peer=peer,
        peer_value=float(peer_value),
        ratio=value / peer_value if peer_value else float("inf"),
        goal=goal,
        rounds=ROUNDS,
        machine=machine(),
        ok=bool(ok),
    )
