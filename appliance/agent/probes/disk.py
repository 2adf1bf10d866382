"""The disk that holds the outbox: a card that wears out turns read-only one day."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from appliance.agent.probes.port import ProbeFailed
from contracts.messages.report import Disk

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path) -> Disk:
    """Room on the file system of `folder`, as an ordinary user sees it."""
    try:
        facts = os.statvfs(folder)
    except OSError as why:
        raise ProbeFailed("the disk does not answer", folder=folder.name) from why
    return Disk(
        total_bytes=facts.f_blocks * facts.f_frsize,
        free_bytes=facts.f_bavail * facts.f_frsize,
        read_only=bool(facts.f_flag & os.ST_RDONLY),
    )
