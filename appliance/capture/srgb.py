"""The colour space of our documents: sRGB (IEC 61966-2-1) as an ICC profile of version 2, which every PDF/A allows.

The profile every library ships is either of version 4 or somebody else's file; its numbers are in the standard.
"""

from __future__ import annotations

import functools
import struct
from typing import Final

_D50: Final = (0.9642, 1.0, 0.8249)
_D65: Final = (0.9505, 1.0, 1.0891)
_RED: Final = (0.43607, 0.22249, 0.01392)
_GREEN: Final = (0.38515, 0.71687, 0.09708)
_BLUE: Final = (0.14307, 0.06061, 0.71410)
"""Primaries adapted to D50 (Bradford)."""
_STEPS: Final = 1024


@functools.cache
def profile() -> bytes:
    """The profile, about 3 kB; always the same bytes."""
    curve = b"curv" + bytes(4) + struct.pack(f">I{_STEPS}H", _STEPS, *(_linear(at) for at in range(_STEPS)))
    data = {
        b"desc": _description("sRGB"),
        b"cprt": b"text" + bytes(4) + b"No rights reserved\0",
        b"wtpt": _xyz(_D65),
        b"rXYZ": _xyz(_RED),
        b"gXYZ": _xyz(_GREEN),
        b"bXYZ": _xyz(_BLUE),
        b"rTRC": curve,
    }
    body, table, at = b"", [], 128 + 4 + 12 * (len(data) + 2)
    for name, content in data.items():
        padded = content + bytes(-len(content) % 4)
        names = (b"rTRC", b"gTRC", b"bTRC") if name == b"rTRC" else (name,)
        table += [struct.pack(">4sII", one, at + len(body), len(content)) for one in names]
        body += padded
    tags = struct.pack(">I", len(table)) + b"".join(table)
    return _header(128 + len(tags) + len(body)) + tags + body


def _header(size: int) -> bytes:
    born = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    head = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    rest = born + b"acsp" + bytes(4 + 4 + 4 + 4 + 8 + 4) + struct.pack(">3i", *map(_fixed, _D50))
    return (head + rest).ljust(128, b"\0")


def _fixed(number: float) -> int:
    return round(number * 65536)


def _xyz(point: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *map(_fixed, point))


def _description(text: str) -> bytes:
    plain = text.encode("ascii") + b"\0"
    return b"desc" + bytes(4) + struct.pack(">I", len(plain)) + plain + bytes(4 + 4 + 2 + 1 + 67)


def _linear(step: int) -> int:
    value = step / (_STEPS - 1)
    light = value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
    return round(light * 65535)
