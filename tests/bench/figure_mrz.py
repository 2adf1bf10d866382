"""Printed lines of 100 documents nobody tuned on, at the resolution of the box's camera, against Tesseract told the alphabet.

The peer is helped: it gets the same flat document, right way up, and only the part where the lines stand.
"""

from __future__ import annotations

import statistics
import time

import cv2
import numpy as np
import tesserocr
from PIL import Image

from appliance.capture.lying import flat_documents
from appliance.capture.mrz.reading import LONG_SIDE_PX, read_printed_lines
from appliance.capture.mrz.rows import BAND
from appliance.capture.mrz.signs import ALPHABET
from tests.bench.measure import Figure, machine
from tests.papers import cards

SEEDS = range(700_000, 700_100)
PEER = "Tesseract with the 37 signs"


def figures() -> list[Figure]:
    """Exact, sure and wrong, time."""
    cv2.setNumThreads(1)
    read_printed_lines(cards.sample(1).picture)  # loads the model
    ms, their_ms, exact, theirs, wrong = [], [], 0, 0, 0
    with tesserocr.PyTessBaseAPI(path="/usr/share/tesseract-ocr/5/tessdata", lang="ita", psm=6) as engine:
        engine.SetVariable("tessedit_char_whitelist", ALPHABET)
        for seed in SEEDS:
            printed = cards.sample(seed)
            began = time.process_time()
            found = read_printed_lines(printed.picture)
            ms.append(1e3 * (time.process_time() - began))
            exact += found is not None and found.lines == printed.lines
            wrong += found is not None and found.sure and found.lines != printed.lines
            began = time.process_time()
            theirs += _by_tesseract(engine, printed.picture) == printed.lines
            their_ms.append(1e3 * (time.process_time() - began))
    middle, peer_ms = statistics.median(ms), statistics.median(their_ms)
    return [
        _figure("documents read exactly", exact, "of 100", ">= 99", exact >= 99, theirs),
        _figure("sure and wrong", wrong, "of 100", "<= 0", wrong == 0, 0.0),
        _figure("a document, median", middle, "ms of CPU", "<= 300 ms", middle <= 300, peer_ms),
    ]


def _by_tesseract(engine: tesserocr.PyTessBaseAPI, picture: np.ndarray) -> tuple[str, ...]:
    page = next(flat_documents(picture, LONG_SIDE_PX))
    if page.shape[0] > page.shape[1]:
        page = np.rot90(page)
    zone = np.ascontiguousarray(page[round(page.shape[0] * (1 - BAND)) :])
    engine.SetImage(Image.fromarray(zone))
    lines = ["".join(line.split()) for line in engine.GetUTF8Text().splitlines()]
    return tuple(line for line in lines if len(line) > 20)


def _figure(name: str, value: float, unit: str, goal: str, ok: bool, peer_value: float) -> Figure:  # noqa: FBT001
    return Figure(
        name=name,
        value=float(value),
        unit=unit,
        peer=PEER,
        peer_value=float(peer_value),
        ratio=value / peer_value if peer_value else float("inf"),
        goal=goal,
        rounds=len(SEEDS),
        machine=machine(),
        ok=ok,
    )
