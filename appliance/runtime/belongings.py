"""What the fleet gave the box at its enrolment, as it lies in ``state/identity``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.runtime.files import read_bounded
from contracts import codec
from contracts.messages.enrolment import Belongings

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_BYTES: Final = 256 * 1024


def load_belongings(identity: Path) -> Belongings:
    """Name, place, keys and addresses.

    Raises:
        StorageError: they are not there or cannot be read.
        InvalidMessage: they are not belongings.
    """
    return codec.decode(
        Belongings, read_bounded(identity / "belongings.json", limit_bytes=LIMIT_BYTES), limit=LIMIT_BYTES
    )
