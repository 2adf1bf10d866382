"""Where the lens of a camera on a fixed column was sharp, kept over restarts in a file of one number."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Final

from appliance.runtime.files import StorageError, read_bounded, write_atomic

log = logging.getLogger(__name__)
FARTHEST, NEAREST = 0.0, 15.0
"""Dioptres (1/metres)."""
_LIMIT_BYTES: Final = 64


class LensFile:
    """Remembers a position; a file that is missing, broken or on a full disk only costs a new search.

    Args:
        path: of the file; empty: nothing outlives the process.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path) if path else None

    def read(self) -> float | None:
        """The position in dioptres, or None."""
        if self._path is None:
            return None
        try:
            position = float(read_bounded(self._path, limit_bytes=_LIMIT_BYTES))
        except (StorageError, ValueError):
            return None
        return position if math.isfinite(position) and FARTHEST <= position <= NEAREST else None

    def write(self, position: float) -> None:
        """Keep it."""
        if self._path is None:
            return
        try:
            write_atomic(self._path, f"{position:.3f}\n".encode())
        except StorageError as error:
            log.warning("the lens' position is not kept: %s", error.code)
