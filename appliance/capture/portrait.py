"""The photo of a chip made fit for a browser, by a child process that may crash, hang or burst without consequence.

Decoders of JPEG 2000 have a long record of faults, and the image comes from a card. The caller must have seen it prove
authentic before; the child is for the day when that was not enough.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from appliance.capture import portrait_program

LIMIT_S: Final = 8.0
"""By the wall clock; a box under load draws a photo in well under two seconds."""
_PROGRAM: Final = Path(portrait_program.__file__)
_JPEG: Final = (b"\xff\xd8\xff", b"\xff\xd9")


def portrait_jpeg(image: bytes, *, limit_s: float = LIMIT_S, program: Path = _PROGRAM) -> bytes | None:
    """The image as a JPEG a browser can show; None where it cannot be drawn, for whatever reason.

    Args:
        image: JPEG or JPEG 2000, as it lay on the chip.
        limit_s: how long the child may live.
        program: the child's.
    """
    if not 0 < len(image) <= portrait_program.MAX_IMAGE_BYTES:
        return None
    # Files in memory, not pipes: neither side can block the other, and the kernel's limit on file size holds for the
    # answer. Both vanish with the last of the two processes.
    question, answer = os.memfd_create("portrait"), os.memfd_create("portrait")
    try:
        os.write(question, image)
        os.lseek(question, 0, os.SEEK_SET)
        if not _run(program, question, answer, limit_s):
            return None
        drawn = os.pread(answer, portrait_program.MAX_OUTPUT_BYTES + 1, 0)
    finally:
        os.close(question)
        os.close(answer)
    whole = len(drawn) <= portrait_program.MAX_OUTPUT_BYTES
    return drawn if whole and drawn.startswith(_JPEG[0]) and drawn.endswith(_JPEG[1]) else None


def _run(program: Path, question: int, answer: int, limit_s: float) -> bool:
    """Isolated (`-I`): no environment, no current folder, nothing from a user's site decides what the child runs."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(program)],
            stdin=question,
            stdout=answer,
            stderr=subprocess.DEVNULL,
            env={},
            timeout=limit_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False  # `run` has killed and reaped the child
    return done.returncode == portrait_program.DRAWN
