"""Types made ready for threads: msgspec works a type out at its first use, and whoever uses it meanwhile ends the process.

Seen with msgspec 0.22: two threads that decode the same struct for the first time at once meet a half-built description of it,
and the process dies of a segmentation fault. Building one type at a time, before anybody decodes with it, keeps that away.
"""

from __future__ import annotations

import threading
from typing import Final, TypeVar

import msgspec

K = TypeVar("K")

_lock: Final = threading.Lock()
_ready: Final[set[object]] = set()


def settled(kind: K) -> K:
    """The same type, worked out: every decoder and every conversion of this project asks for its type by this name.

    Args:
        kind: a struct, or any type msgspec can decode into.

    Raises:
        TypeError: msgspec cannot decode into it.
    """
    if kind not in _ready:
        with _lock:
            msgspec.json.Decoder(kind)
            _ready.add(kind)
    return kind
