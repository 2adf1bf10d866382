"""Hard pictures of sheets on desks, with the truth: a seed gives the same picture for ever.

A frame shows one sheet (a letter, a form with a printed frame, a receipt, a photograph, coloured paper, a card) on a dark mat,
wood, white laminate or a cluttered desk, under uneven light, with shadows, lamps in the paper, fingers over its edge, motion,
noise and a camera's compression. What is hard is drawn as often as an ordinary desk has it; `sample` takes what a test fixes.
Only where it is asked for, a corner is folded over, edges are bent, or a second sheet lies beside or under the first.
"""

from __future__ import annotations

import dataclasses
import functools
import random
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FRAME: Final = (2304, 1296)
DESKS: Final = ("dark", "wood", "white", "clutter")
PAPERS: Final = ("letter", "form", "receipt", "photo", "coloured")
FACES: Final = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSerif-Regular.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationMono-Regular.ttf",
)
WORDS: Final = [
    "la",
    "persona",
    "che",
    "firma",
    "chiede",
    "di",
    "ricevere",
    "quanto",
    "le",
    "spetta",
    "e",
    "dichiara",
    "che",
    "i",
    "dati",
    "scritti",
    "qui",
    "sono",
    "veri",
    "il",
    "comune",
    "attesta",
    "la",
    "residenza",
    "del",
    "nucleo",
    "familiare",
    "composto",
    "da",
    "genitori",
    "e",
    "figli",
    "a",
    "carico",
    "nel",
    "periodo",
    "indicato",
    "sotto",
    "l'ufficio",
    "rilascia",
    "copia",
    "della",
    "domanda",
    "con",
    "numero",
    "di",
    "protocollo",
    "data",
    "importo",
    "e",
    "scadenza",
    "per",
    "gli",
    "usi",
    "consentiti",
    "dalla",
    "legge",
]
SIZES_MM: Final = {"receipt": (80, 160), "card": (85.6, 54)}


@dataclasses.dataclass(frozen=True)
class Frame:
    """A picture (BGR), the sheet's true corners in it, and what was done to it."""

    picture: np.ndarray
    corners: np.ndarray
    desk: str
    paper: str
    tags: tuple[str, ...]

    @property
    def cut(self) -> bool:
        """A corner lies outside the picture."""
        high, wide = self.picture.shape[:2]
        return bool((self.corners < 0).any() or (self.corners > (wide, high)).any())


@functools.cache
def _face(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


def sheet(rng: np.random.Generator, paper: str, wide: int = 1240) -> np.ndarray:
    """The sheet itself, flat, as printed."""
    size_mm = SIZES_MM.get(paper, (210, 297))
    high = round(wide * size_mm[1] / size_mm[0])
    tone = (252, 252, 249)
    if paper == "coloured":
        tone = ((250, 243, 204), (206, 227, 243), (241, 216, 223), (226, 226, 220))[rng.integers(4)]
    elif paper == "card":
        tone = (222, 231, 240)
    drawn = Image.new("RGB", (wide, high), tone)
    pen = ImageDraw.Draw(drawn)
    path = FACES[rng.integers(len(FACES))]
    if paper == "card":
        _card(pen, wide, high)
    else:
        pen.text((wide * 0.1, wide * 0.09), "COMUNE DI ESEMPIO", font=_face(path, 44), fill=(12, 12, 60))
        {"form": _form, "photo": _photo}.get(paper, _lines)(rng, drawn, pen, path)
    return cv2.cvtColor(np.asarray(drawn), cv2.COLOR_RGB2BGR)


def _card(pen: ImageDraw.ImageDraw, wide: int, high: int) -> None:
    for row in range(12):
        pen.line((0, high * row / 12, wide, high * (row + 0.6) / 12), fill=(190, 206, 224), width=3)
    pen.rectangle((wide * 0.05, high * 0.2, wide * 0.3, high * 0.85), fill=(150, 150, 155))
    for row in range(5):
        pen.rectangle(
            (wide * 0.38, high * (0.2 + row * 0.13), wide * 0.8, high * (0.25 + row * 0.13)),
            fill=(50, 50, 60),
        )


def _form(rng: np.random.Generator, drawn: Image.Image, pen: ImageDraw.ImageDraw, path: str) -> None:
    """A printed frame all round: what looks most like a sheet's edge without being one."""
    wide, high = drawn.size
    pen.rectangle((60, 60, wide - 60, high - 60), outline=(30, 30, 30), width=3)
    for row in range(12):
        top = 220 + row * 110
        pen.rectangle((100, top, wide - 100, top + 90), outline=(60, 60, 60), width=2)
        pen.text((115, top + 8), " ".join(rng.choice(WORDS, 4)), font=_face(path, 26), fill=(40, 40, 40))
        if rng.random() < 0.7:
            pen.text(
                (560, top + 42),
                " ".join(rng.choice(WORDS, 3)).upper(),
                font=_face(path, 26),
                fill=(20, 20, 120),
            )


def _photo(rng: np.random.Generator, drawn: Image.Image, _pen: ImageDraw.ImageDraw, _path: str) -> None:
    spots = rng.integers(0, 255, (12, 9, 3), dtype=np.uint8)
    drawn.paste(Image.fromarray(cv2.resize(spots, (700, 900), interpolation=cv2.INTER_CUBIC)), (260, 420))


def _lines(rng: np.random.Generator, drawn: Image.Image, pen: ImageDraw.ImageDraw, path: str) -> None:
    wide, high = drawn.size
    face = _face(path, int(rng.integers(24, 32)))
    top, left = wide * 0.18, wide * 0.1
    while top < high * 0.92:
        line = ""
        while pen.textlength(line, font=face) < wide * 0.73:
            line += f" {rng.choice(WORDS)}"
        pen.text((left, top), line.strip(), font=face, fill=(25, 25, 25))
        top += face.size * (1.5 if rng.random() > 0.12 else 2.6)


def _clouds(rng: np.random.Generator, shape: tuple[int, int], base: int) -> np.ndarray:
    """Smooth noise of four octaves."""
    total, strength = np.zeros(shape, np.float32), 1.0
    for octave in range(4):
        across = base * 2**octave
        grid = rng.standard_normal((max(2, across * shape[0] // shape[1] + 1), across + 1)).astype(np.float32)
        total += strength * cv2.resize(grid, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
        strength /= 2
    return total


def _desk(rng: np.random.Generator, kind: str, wide: int, high: int) -> np.ndarray:
    shape = (high, wide)
    if kind == "dark":
        return np.full((*shape, 3), rng.integers(25, 70), np.float32) + _clouds(rng, shape, 8)[..., None] * 3
    if kind == "white":
        return (
            np.full((*shape, 3), rng.integers(205, 242), np.float32) + _clouds(rng, shape, 4)[..., None] * 2.5
        )
    if kind == "wood":
        return _wood(rng, wide, high)
    top = np.full((*shape, 3), rng.integers(90, 170), np.float32) + _clouds(rng, shape, 6)[..., None] * 6
    for _ in range(int(rng.integers(3, 8))):
        middle, size = rng.integers((0, 0), (wide, high)), rng.integers(120, 700, 2)
        box = cv2.boxPoints((tuple(map(float, middle)), tuple(map(float, size)), float(rng.uniform(0, 180))))
        cv2.fillPoly(top, [box.astype(np.int32)], tuple(map(float, rng.integers(20, 250, 3))))
    for _ in range(6):
        ends = [tuple(map(int, rng.integers((0, 0), (wide, high)))) for _ in range(2)]
        cv2.line(top, *ends, tuple(map(float, rng.integers(0, 255, 3))), int(rng.integers(2, 12)))
    return top


def _wood(rng: np.random.Generator, wide: int, high: int) -> np.ndarray:
    grain = cv2.resize(_clouds(rng, (high, wide // 16), 6), (wide, high))
    rows = np.arange(high, dtype=np.float32)[:, None] / high * rng.uniform(20, 50)
    tone = np.sin(rows * 6.28 + grain * 2.2) * 18 + _clouds(rng, (high, wide), 40) * 7
    colour = ((70, 110, 160), (100, 145, 190), (50, 80, 115), (130, 170, 205))[rng.integers(4)]
    return np.asarray(colour, np.float32) + tone[..., None] * np.array([0.7, 0.9, 1.0], np.float32)


def _place(
    rng: np.random.Generator, size: tuple[int, int], frame: tuple[int, int], tilt: float
) -> np.ndarray:
    """Where the sheet lies: 60 to 88 % of the frame, turned up to 14 degrees, standing or lying."""
    pw, ph = size
    flat = np.array([[0, 0], [pw, 0], [pw, ph], [0, ph]], np.float32)
    if rng.random() < 0.5:
        flat = np.array([[ph, 0], [ph, pw], [0, pw], [0, 0]], np.float32)
    extent = np.ptp(flat, axis=0)
    scale = min(frame[1] * rng.uniform(0.6, 0.88) / extent[1], frame[0] * rng.uniform(0.6, 0.88) / extent[0])
    turn = np.deg2rad(rng.uniform(-14, 14))
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]], np.float32)
    corners = ((flat - flat.mean(0)) * scale) @ spin.T
    corners += rng.uniform(-1, 1, corners.shape) * tilt * extent.max() * scale
    room = np.asarray(frame) - np.ptp(corners, axis=0)
    return (corners + rng.uniform(0.08, 0.92, 2) * np.maximum(room, 0) - corners.min(0)).astype(np.float32)


def sample(seed: int, **fixed: object) -> Frame:
    """One frame.

    `fixed`: desk, paper, tilt, size (wide, high), finger, shadow, glare; shift (sheet moved by, in pixels); fold_mm (the legs of
    a dog-ear on an A4 sheet); bend (how far edges are bent, of the sheet's width); beside (a paper that lies beside it); under
    (one that shows from under it).
    """
    rng = np.random.default_rng(seed)
    random.seed(seed)
    desk = str(fixed.get("desk", DESKS[seed % 4]))
    paper = str(fixed.get("paper", PAPERS[(seed // 4) % 5]))
    wide, high = fixed.get("size", FRAME)  # type: ignore[misc]
    flat = sheet(rng, paper)
    under = _desk(rng, desk, wide, high)
    tilt = float(fixed.get("tilt", rng.choice([0.012, 0.05], p=[0.6, 0.4])))  # type: ignore[arg-type]
    corners = _place(rng, (flat.shape[1], flat.shape[0]), (wide, high), tilt)
    corners = corners + np.asarray(fixed.get("shift", (0, 0)), np.float32)
    more = np.random.default_rng(
        [seed, 1]
    )  # of its own: without these, a seed gives the picture it always gave
    if "under" in fixed:
        under = _lay_other(more, under, corners, str(fixed["under"]), covered=True)
    if "beside" in fixed:
        under = _lay_other(more, under, corners, str(fixed["beside"]), covered=False)
    shape = np.full(flat.shape[:2], 255, np.uint8)
    if "fold_mm" in fixed:
        _fold(more, flat, shape, float(fixed["fold_mm"]) * flat.shape[1] / 210)  # type: ignore[arg-type]
    picture = _lay(rng, under, flat, corners, shape, bend=float(fixed.get("bend", 0)))  # type: ignore[arg-type]
    picture, tags = _disturb(rng, picture, corners, fixed)
    return Frame(_camera(rng, picture), _clockwise(corners), desk, paper, tuple(tags))


def _clockwise(corners: np.ndarray) -> np.ndarray:
    middle = corners.mean(0)
    ordered = corners[np.argsort(np.arctan2(*(corners - middle).T[::-1]))]
    return np.roll(ordered, -int(ordered.sum(1).argmin()), 0)


def _lay(
    rng: np.random.Generator,
    under: np.ndarray,
    flat: np.ndarray,
    corners: np.ndarray,
    shape: np.ndarray | None = None,
    bend: float = 0.0,
) -> np.ndarray:
    """The sheet on the desk, with the shadow it throws on it; `shape` is 255 where there is paper."""
    high, wide = under.shape[:2]
    ph, pw = flat.shape[:2]
    shape = np.full((ph, pw), 255, np.uint8) if shape is None else shape
    room = round(2 * bend * pw)
    if bend:
        flat, shape = (_bent(plane, room, bend * pw) for plane in (flat, shape))
    borders = np.array([[0, 0], [pw, 0], [pw, ph], [0, ph]], np.float32) + room
    perspective = cv2.getPerspectiveTransform(borders, corners)
    laid = cv2.warpPerspective(flat, perspective, (wide, high), flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(shape, perspective, (wide, high))
    edge = cv2.GaussianBlur(mask, (3, 3), 0).astype(np.float32)[..., None] / 255
    fallen = np.roll(mask, (int(rng.integers(2, 9)), int(rng.integers(-8, 9))), (0, 1))
    shadow = cv2.GaussianBlur(fallen, (0, 0), rng.uniform(3, 9)).astype(np.float32)[..., None] / 255
    return under * (1 - rng.uniform(0.10, 0.35) * shadow) * (1 - edge) + laid * edge


def _bent(plane: np.ndarray, room: int, far: float) -> np.ndarray:
    """Upper and lower edges bulge downwards by `far` pixels in their middle; the corners stay."""
    padded = cv2.copyMakeBorder(plane, room, room, room, room, cv2.BORDER_CONSTANT, value=(0.0, 0.0, 0.0))
    high, wide = padded.shape[:2]
    x, y = np.meshgrid(np.arange(wide, dtype=np.float32), np.arange(high, dtype=np.float32))
    along = np.clip((x - room) / (wide - 2 * room), 0, 1)
    return np.asarray(cv2.remap(padded, x, y - far * np.sin(np.pi * along), cv2.INTER_LINEAR))


def _fold(rng: np.random.Generator, flat: np.ndarray, shape: np.ndarray, leg: float) -> None:
    """A corner folded over: the desk where it was, the back of the paper where it lies now."""
    high, wide = shape.shape
    corner = np.array([(0, 0), (wide, 0), (wide, high), (0, high)][rng.integers(4)], np.float32)
    inwards = np.where(corner > 0, -1, 1).astype(np.float32)
    ends = corner + inwards * np.array([[leg * rng.uniform(0.8, 1.25), 0], [0, leg]], np.float32)
    along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    foot = ends[0] + along * float((corner - ends[0]) @ along)
    flap = np.rint([*ends, 2 * foot - corner]).astype(np.int32)
    cv2.fillPoly(shape, [np.rint([*ends, corner]).astype(np.int32)], 0.0)
    cv2.fillPoly(flat, [flap], (226.0, 228.0, 228.0))
    cv2.polylines(flat, [flap], True, (190.0, 190.0, 190.0), 5)


def _lay_other(
    rng: np.random.Generator, under: np.ndarray, corners: np.ndarray, paper: str, *, covered: bool
) -> np.ndarray:
    """Another paper: wholly beside the sheet, where there is most room; or partly under it."""
    high, wide = under.shape[:2]
    flat = sheet(rng, paper, 620)
    low, far = corners.min(0), corners.max(0)
    on_left = low[0] > wide - far[0]
    free = low[0] if on_left else wide - far[0]
    mm = np.sqrt(cv2.contourArea(corners.astype(np.float32)) / (210 * 297))
    size = np.asarray(SIZES_MM.get(paper, (210, 297)), np.float32) * mm
    if not covered:
        size *= min(1.0, 0.86 * free / size[0], 0.9 * high / size[1])
    turn = np.deg2rad(rng.uniform(-6, 6))
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]], np.float32)
    place = (np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32) * size / 2) @ spin.T
    half = np.abs(place).max(0)
    x = free - half[0] + size[0] * rng.uniform(0.4, 0.6) if covered else free / 2
    middle = x if on_left else wide - x
    y = rng.uniform(half[1], high - half[1]) if 2 * half[1] < high else high / 2
    return _lay(rng, under, flat, np.add(place, (middle, y)).astype(np.float32))


def _disturb(
    rng: np.random.Generator, picture: np.ndarray, corners: np.ndarray, fixed: dict[str, object]
) -> tuple[np.ndarray, list[str]]:
    high, wide = picture.shape[:2]
    tags = []
    falloff = _clouds(rng, (high, wide), 1)
    light = 1 - rng.uniform(0.05, 0.30) * (falloff - falloff.min()) / (np.ptp(falloff) + 1e-6)
    if fixed.get("shadow", rng.random() < 0.5):
        outline = np.cumsum(rng.integers(-500, 500, (5, 2)), 0) + rng.integers((0, 0), (wide, high))
        cast = np.zeros((high, wide), np.uint8)
        cv2.fillPoly(cast, [cv2.convexHull(outline.astype(np.int32))], 255)
        light *= 1 - rng.uniform(0.15, 0.45) * cv2.GaussianBlur(cast, (0, 0), rng.uniform(6, 50)) / 255
        tags.append("shadow")
    picture = picture * light[..., None] * rng.uniform(0.93, 1.07, 3)
    if fixed.get("glare", rng.random() < 0.2):
        spot = np.zeros((high, wide), np.float32)
        at = tuple(map(int, rng.integers((0, 0), (wide, high))))
        cv2.ellipse(spot, at, (int(rng.integers(60, 220)), int(rng.integers(40, 120))), 0, 0, 360, 1, -1)
        picture = picture + cv2.GaussianBlur(spot, (0, 0), 40)[..., None] * 120
        tags.append("glare")
    if fixed.get("finger", rng.random() < 0.25):
        _fingers(rng, picture, corners)
        tags.append("finger")
    return picture, tags


def _fingers(rng: np.random.Generator, picture: np.ndarray, corners: np.ndarray) -> None:
    """One to three fingers from outside over one edge."""
    side, along = int(rng.integers(4)), rng.uniform(0.15, 0.85)
    tip = corners[side] * (1 - along) + corners[(side + 1) % 4] * along
    out = tip - corners.mean(0)
    out /= np.linalg.norm(out)
    for finger in range(int(rng.integers(1, 4))):
        at = tip + np.array([-out[1], out[0]]) * finger * 75 + out * 60
        tone = (130.0 + int(rng.integers(-15, 15)), 165.0, 215.0)
        turn = float(np.degrees(np.arctan2(out[1], out[0])))
        cv2.ellipse(picture, tuple(map(int, at)), (150, 34), turn, 0, 360, tone, -1)


def _camera(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Lens, sensor and JPEG."""
    high, wide = picture.shape[:2]
    seen = cv2.GaussianBlur(np.clip(picture, 0, 255).astype(np.float32), (0, 0), rng.uniform(0.6, 1.5))
    seen += rng.standard_normal((high, wide, 1), np.float32) * rng.uniform(1, 5)
    seen += rng.standard_normal((high, wide, 3), np.float32) * rng.uniform(0.5, 2.5)
    _, packed = cv2.imencode(".jpg", np.clip(seen, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 88])
    return cv2.imdecode(packed, cv2.IMREAD_COLOR)
