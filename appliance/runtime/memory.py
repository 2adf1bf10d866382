"""What the C library is told about memory."""

from __future__ import annotations

import contextlib
import ctypes
from typing import Final

LARGE_BYTES: Final = 1024 * 1024
_M_MMAP_THRESHOLD: Final = -3
"""mallopt(3)."""


def give_large_blocks_back() -> None:
    """From now on blocks as large as pictures go back to the system in the moment they are freed.

    Left alone, glibc learns from the first large block that is freed to keep the next ones, in an arena for each thread:
    a desk that handles one picture a thread would hold a few of them for ever.
    """
    with contextlib.suppress(AttributeError):  # not every C library has it
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)


def give_back() -> None:
    """Return to the system what was freed: the C library would keep it, and two darkrooms and the desk share a small box."""
    with contextlib.suppress(AttributeError):  # as above
        ctypes.CDLL(None).malloc_trim(0)
