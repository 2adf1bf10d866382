"""Which way up a page is: the direction of its lines, and the way their letters stand."""

from __future__ import annotations

import dataclasses
import functools
from importlib import resources
from typing import Any, Final

import cv2
import numpy as np

from appliance.capture.geometry import Pixels
from contracts.errors import PueError, WhoCanAct

WORK_DPI: Final = 110
_MODEL: Final = ("rapidocr", "models", "ch_ppocr_mobile_v2.0_cls_mobile.onnx")
_INPUT: Final = (192, 48)
_LINES: Final = 14
_LEAST_LINES: Final = 3
_CLEAR: Final = 0.62
"""Mean vote, of 1, from which a page is turned without asking."""


class ModelMissing(PueError):
    """A model that comes with a library is not there."""

    code = "capture.model_missing"
    who = WhoCanAct.TECHNICIAN


@dataclasses.dataclass(frozen=True)
class Turn:
    """Attributes: `degrees` to turn clockwise (0, 90, 180, 270); `sure`: otherwise the page better stays as it lies."""

    degrees: int
    sure: bool


def model_path(*parts: str) -> str:
    """A model file that a library's wheel ships.

    Raises:
        ModelMissing: the library is not installed, or without it.
    """
    try:
        path = resources.files(parts[0]).joinpath(*parts[1:])
    except ModuleNotFoundError as error:
        raise ModelMissing(f"{parts[0]} is not installed") from error
    if not path.is_file():
        raise ModelMissing(f"{parts[0]} came without {parts[-1]}")
    return str(path)


def session(path: str) -> Any:
    """A model ready to run, on one processor."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False  # it grows to the largest picture there was and never gives back
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@functools.cache
def _classifier() -> Any:
    return session(model_path(*_MODEL))


def upright(page: Pixels, dpi: float) -> Turn:
    """How a clean grey page must be turned to be read.

    Args:
        page: height × width.
        dpi: its dots per inch.

    Raises:
        ModelMissing: the classifier is not installed.
    """
    scale = WORK_DPI / dpi
    small = page if scale >= 1 else cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    lying = _lines_strength(small) < _lines_strength(np.ascontiguousarray(small.T))
    level = np.ascontiguousarray(np.rot90(small, -1)) if lying else small
    lines = _lines(level)
    if len(lines) < _LEAST_LINES:
        return Turn(0, sure=False)
    votes = _classifier().run(
        None, {_classifier().get_inputs()[0].name: np.stack([_tensor(line) for line in lines])}
    )[0]
    over = float(votes[:, 1].mean())
    turned = over > 0.5
    sure = max(over, 1 - over) >= _CLEAR
    base = 90 if lying else 0
    return Turn((base + (180 if turned else 0)) % 360, sure)


def turn(page: Pixels, degrees: int) -> Pixels:
    """The page turned clockwise by a multiple of 90 degrees."""
    return np.ascontiguousarray(np.rot90(page, -(degrees // 90) % 4))


def _lines_strength(page: Pixels) -> float:
    """How much the page alternates between dark and light rows: lines of text do, columns of letters do less."""
    dark = (page < 150).astype(np.float32)
    rows = dark.mean(1)
    return float(np.abs(np.diff(rows)).sum() / (rows.sum() + 1e-3))


def _lines(page: Pixels) -> list[Pixels]:
    """Crops of the longest lines of text, letters about as high as the model learnt them."""
    dark = (page < 160).astype(np.uint8)
    joined = cv2.morphologyEx(dark, cv2.MORPH_CLOSE, np.ones((1, 15), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined)
    found = []
    for left, top, wide, high, _area in stats[1:]:
        if 6 <= high <= 40 and wide >= 4 * high:
            found.append(
                (int(wide), page[max(0, top - 2) : top + high + 2, left : left + min(wide, high * 5)])
            )
    found.sort(key=lambda pair: -pair[0])
    return [np.ascontiguousarray(crop) for _, crop in found[:_LINES]]


def _tensor(line: Pixels) -> np.ndarray[Any, np.dtype[np.float32]]:
    wide = min(_INPUT[0], max(1, round(line.shape[1] * _INPUT[1] / line.shape[0])))
    small = cv2.resize(line, (wide, _INPUT[1]), interpolation=cv2.INTER_CUBIC)
    padded = np.full((_INPUT[1], _INPUT[0]), 127.5, np.float32)
    padded[:, :wide] = small
    return np.repeat((padded / 127.5 - 1)[None], 3, 0).astype(np.float32)
