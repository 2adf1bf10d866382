"""The words of a card conversation: what opens a card, what is asked of whoever drives it, how far it is."""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Generator
from typing import TypeVar

from appliance.cards.errors import MalformedCode
from appliance.cards.mrz import MrzKey

SHORT_RESPONSE_BYTES = 258


@dataclasses.dataclass(frozen=True, repr=False)
class Can:
    """The six digits on the front.

    Raises:
        MalformedCode: not six digits.
    """

    digits: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9]{6}", self.digits):
            raise MalformedCode("a CAN is six digits", kind="can", field="can")


@dataclasses.dataclass(frozen=True, repr=False)
class CanAndMrz:
    """Both are known: the CAN first, the printed lines where the card or the reader cannot use it."""

    can: Can
    mrz: MrzKey


Secret = Can | MrzKey | CanAndMrz


@dataclasses.dataclass(frozen=True)
class ReaderLimits:
    """What the reader can carry (dwMaxAPDUDataSize of PC/SC part 10 plus header); 261 and 258: short APDUs only."""

    command_bytes: int = 65544
    response_bytes: int = 65538


class Stage(enum.StrEnum):
    OPENING = "opening"
    IDENTITY = "identity"
    CHIP = "chip"
    PHOTO = "photo"


@dataclasses.dataclass(frozen=True)
class Transmit:
    """Send these bytes to the card; answer with its response, status word included."""

    command: bytes = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Reset:
    """Reset the card (warm), then go on."""


@dataclasses.dataclass(frozen=True)
class Progress:
    """For the screen. `ratio` from 0 to 1 within the whole reading, never running backwards."""

    stage: Stage
    ratio: float


@dataclasses.dataclass(frozen=True)
class IdentityRead:
    """The name is there, the photo is not. Nothing is verified yet."""

    surname: str = dataclasses.field(repr=False)
    given_names: str = dataclasses.field(repr=False)


Step = Transmit | Reset | Progress | IdentityRead

T = TypeVar("T")
Exchange = Generator[Step, bytes, T]
"""A piece of a conversation that ends with a `T`. Answer `Transmit` with the card's bytes, everything else with ``b""``."""
