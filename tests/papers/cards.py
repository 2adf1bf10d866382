"""Hard pictures of identity documents with their printed lines, and the truth: a seed gives the same picture for ever.

A card (TD1: identity cards, residence permits), an older large card (TD2) or the page of a passport (TD3) lies turned and
tilted on a desk under uneven light, sometimes with a lamp in it, printed on wavy security lines, seen by a camera with noise.
"""

from __future__ import annotations

import dataclasses
import functools
import random
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from appliance.cards.mrz import build_td1, build_td3, check_digit

FACES: Final = ("/usr/share/fonts/opentype/ocr-b/OCRB.otf", "/usr/share/fonts/opentype/ocr-b/OCRBS.otf")
LABELS: Final = "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf"
PX_PER_MM: Final = 14
SIZES_MM: Final = {"td1": (85.6, 54.0), "td2": (105.0, 74.0), "td3": (125.0, 88.0)}
PITCH_MM: Final = 2.54
LINE_MM: Final = {"td1": 4.23, "td2": 6.35, "td3": 6.35}
SURNAMES: Final = (
    "ESEMPIO", "DI PROVA", "MUSTERMANN", "NOVAK", "DELLA PROVA", "ZOBEL", "OIO", "QUINTIS", "EXAMPLE", "SPECIMEN",
    "D'ESEMPIO", "IBSOZ", "BALDI", "KOS",
)  # fmt: skip
GIVEN: Final = (
    "MARIA",
    "GINO ZENO",
    "ANNA MARIA",
    "BOB",
    "ZOE",
    "IOLE",
    "OTTO",
    "SISSI",
    "LUIGI",
    "XENIA",
    "YURI",
)
STATES: Final = ("ITA", "ITA", "ITA", "ROU", "ALB", "MAR", "UKR", "D", "SVN", "PER")


@dataclasses.dataclass(frozen=True)
class Printed:
    """A picture (BGR) and what stands in its zone."""

    picture: np.ndarray
    lines: tuple[str, ...]
    kind: str


def sample(seed: int, kind: str = "", px_per_mm: float = 10.0) -> Printed:
    """Picture number `seed`; the resolution is that of the camera on the desk."""
    facts, rng = random.Random(seed), np.random.default_rng(seed)
    kind = kind or facts.choices(("td1", "td2", "td3"), (6, 1, 3))[0]
    lines = lines_of(facts, kind)
    flat = _document(facts, rng, kind, lines)
    return Printed(seen(facts, rng, flat, px_per_mm), lines, kind)


def lines_of(facts: random.Random, kind: str) -> tuple[str, ...]:
    """The zone of some document of that kind, with the right check digits."""
    state = facts.choice(STATES)
    says = {
        "issuing_state": state,
        "document_number": _number(facts, kind, state),
        "birth": f"{facts.randint(0, 99):02}{facts.randint(1, 12):02}{facts.randint(1, 28):02}",
        "sex": facts.choice("MF"),
        "expiry": f"{facts.randint(26, 37):02}{facts.randint(1, 12):02}{facts.randint(1, 28):02}",
        "nationality": facts.choice((state, state, facts.choice(STATES))),
        "surname": facts.choice(SURNAMES),
        "given_names": facts.choice(GIVEN),
    }
    if kind == "td1":
        text = build_td1(document_code=facts.choice(("C", "C", "I", "IR", "AR")), **says)
        return text[:30], text[30:60], text[60:]
    if kind == "td3":
        text = build_td3(document_code=facts.choice(("P", "P", "PO")), **says)
        return text[:44], text[44:]
    return _td2(says)


def _number(facts: random.Random, kind: str, state: str) -> str:
    """Italy's numbers have their form, Germany's only signs that no other is taken for; one in five has no rule at all."""
    digits = "".join(facts.choices("0123456789", k=7))
    letters = "".join(facts.choices("ABCDEFGHIJKLMNOPRSTUVXYZ", k=4))
    if state == "ITA":
        return f"C{letters[0]}{digits[:5]}{letters[1:3]}" if kind == "td1" else f"Y{letters[0]}{digits}"
    if state == "D":
        return "".join(facts.choices("0123456789CFGHJKLMNPRTVWXYZ", k=9))
    if facts.random() < 0.2:
        return "".join(facts.choices("0123456789OIZSBGDQ", k=9))
    return letters[:2] + digits


def _td2(says: dict[str, str]) -> tuple[str, ...]:
    names = f"{says['surname']}<<{says['given_names']}".replace(" ", "<").replace("'", "")
    upper = f"I<{says['issuing_state'].ljust(3, '<')}{names}".ljust(36, "<")[:36]
    number = says["document_number"].ljust(9, "<")
    lower = f"{number}{check_digit(number)}{says['nationality'].ljust(3, '<')}"
    lower += f"{says['birth']}{check_digit(says['birth'])}{says['sex']}"
    lower = f"{lower}{says['expiry']}{check_digit(says['expiry'])}".ljust(35, "<")
    return upper, lower + check_digit(lower[0:10] + lower[13:20] + lower[21:35])


@functools.cache
def _face(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


def _document(
    facts: random.Random, rng: np.random.Generator, kind: str, lines: tuple[str, ...]
) -> np.ndarray:
    wide, high = (round(side * PX_PER_MM) for side in SIZES_MM[kind])
    ground = _guilloche(facts, wide, high)
    image = Image.fromarray(ground)
    pen = ImageDraw.Draw(image)
    for row, text in enumerate(
        ("REPUBBLICA / REPUBLIC", "CARTA / CARD", "COGNOME / SURNAME", lines[-1][5:20])
    ):
        spot = (0.36 * wide, (4 + 5 * row) * PX_PER_MM)
        pen.text(spot, text.replace("<", " "), font=_face(LABELS, round(2.6 * PX_PER_MM)), fill=(50, 50, 80))
    face = cv2.resize(
        rng.integers(30, 220, (7, 5, 3), dtype=np.uint8),
        (22 * PX_PER_MM, 28 * PX_PER_MM),
        interpolation=cv2.INTER_CUBIC,
    )
    image.paste(Image.fromarray(face), (4 * PX_PER_MM, 5 * PX_PER_MM))
    _zone(facts, pen, kind, lines, wide, high)
    return np.asarray(image)[..., ::-1]


def _guilloche(facts: random.Random, wide: int, high: int) -> np.ndarray:
    """Fine wavy lines in pale colours over a pale ground."""
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    ground = np.full(
        (high, wide, 3), facts.choice(((228, 232, 240), (236, 226, 222), (225, 235, 226))), np.float32
    )
    for _ in range(4):
        way, fine = facts.uniform(0, 3.14), facts.uniform(0.01, 0.06)
        wave = np.sin((x * np.cos(way) + y * np.sin(way)) * fine + np.sin(y * 0.006 + facts.random() * 6) * 3)
        tint = np.array([facts.random() for _ in range(3)], np.float32)
        ground += (wave * facts.uniform(3, 10))[..., None] * tint
    return np.clip(ground, 0, 255).astype(np.uint8)


def _zone(
    facts: random.Random, pen: ImageDraw.ImageDraw, kind: str, lines: tuple[str, ...], wide: int, high: int
) -> None:
    """Signs 2.54 mm apart, as ICAO 9303-3 §4.1 has them."""
    path = facts.choice(FACES)
    pitch = PITCH_MM * PX_PER_MM
    probe = _face(path, 100)
    size = round(100 * pitch / (probe.getlength("0" * 10) / 10))
    ink = facts.randint(10, 70)
    left = (wide - len(lines[0]) * pitch) / 2
    step = LINE_MM[kind] * PX_PER_MM
    top = high - facts.uniform(3.2, 4.6) * PX_PER_MM - step * len(lines)
    for row, line in enumerate(lines):
        for place, sign in enumerate(line):
            pen.text(
                (left + place * pitch, top + row * step), sign, font=_face(path, size), fill=(ink,) * 3,
                stroke_width=facts.choice((0, 0, 1)), stroke_fill=(ink,) * 3,
            )  # fmt: skip


def seen(facts: random.Random, rng: np.random.Generator, flat: np.ndarray, px_per_mm: float) -> np.ndarray:
    """The flat document (BGR, `PX_PER_MM`) on a desk, as a camera sees it."""
    high, wide = flat.shape[:2]
    scale = px_per_mm / PX_PER_MM
    size = round(wide * scale * 1.5 + 200 * scale), round(high * scale * 1.9 + 200 * scale)
    way = np.radians(facts.uniform(-12, 12))
    turn = np.array([[np.cos(way), -np.sin(way)], [np.sin(way), np.cos(way)]])
    corners = (np.array([[0, 0], [wide, 0], [wide, high], [0, high]]) - [wide / 2, high / 2]) * scale @ turn.T
    corners += rng.uniform(-1, 1, (4, 2)) * wide * scale * 0.018 + np.array(size) / 2
    here = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    bend = cv2.getPerspectiveTransform(here, corners.astype(np.float32))
    soft = cv2.GaussianBlur(flat, (0, 0), 0.45 / scale)
    card = cv2.warpPerspective(soft, bend, size).astype(np.float32)
    where = cv2.warpPerspective(np.full((high, wide), 1.0, np.float32), bend, size)[..., None]
    desk = np.full((size[1], size[0], 3), facts.choice((40, 60, 110, 190)), np.float32)
    desk += (
        cv2.resize(rng.standard_normal((12, 16)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)[
            ..., None
        ]
        * 8
    )
    picture = desk * (1 - where) + card * where
    shade = cv2.resize(rng.random((3, 4)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    picture *= (1 - facts.uniform(0.05, 0.3) * shade)[..., None]
    if facts.random() < 0.25:
        picture += _lamp(facts, size, px_per_mm)[..., None]
    picture = cv2.GaussianBlur(np.clip(picture, 0, 255), (0, 0), facts.uniform(0.5, 1.2))
    picture += rng.standard_normal((size[1], size[0], 1)) * facts.uniform(1, 6)
    picture += rng.standard_normal(picture.shape) * 2
    _, jpeg = cv2.imencode(".jpg", np.clip(picture, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR))


def _lamp(facts: random.Random, size: tuple[int, int], px_per_mm: float) -> np.ndarray:
    light = np.zeros((size[1], size[0]), np.float32)
    middle = round(size[0] * facts.uniform(0.3, 0.7)), round(size[1] * facts.uniform(0.4, 0.7))
    axes = round(14 * px_per_mm), round(5 * px_per_mm)
    cv2.ellipse(light, middle, axes, facts.uniform(0, 180), 0, 360, 1.0, -1)
    return cv2.GaussianBlur(light, (0, 0), 4 * px_per_mm) * facts.uniform(40, 110)
