"""The agent's door of the desk: health facts, the quiet claim, the light. No citizen passes here."""

from __future__ import annotations

from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from contracts.messages.report import ClockHealth, Count, DeviceHealth, Short, SittingHealth

QUIET = "quiet"
"""Path of the claim: the connection stays open as long as the agent needs the desk quiet.
The desk writes one line, ``granted`` or ``busy``; when the connection ends, so does the claim."""


class Nothing(msgspec.Struct, frozen=True):
    """An empty request or answer."""


class TrustUse(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the desk believes about documents.

    Attributes:
        version: of the trust bundle in use.
        dated: the day of the newest list in it, ISO 8601: from it the age is counted.
        code: why the published bundle that lies on the box is refused; empty when it is not.
    """

    version: Count
    dated: Short
    code: Short = ""


class CatalogueUse(msgspec.Struct, frozen=True, kw_only=True):
    """Which practices the desk serves.

    Attributes:
        version: of the catalogue in use; 0 = the one of its software.
        code: why the published catalogue that lies on the box is refused; empty when it is not.
    """

    version: Count
    code: Short = ""


class DeskFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent may know of the desk."""

    software: Short
    devices: list[DeviceHealth]
    sitting: SittingHealth
    clock: ClockHealth
    quiet: bool
    trust: TrustUse | None = None
    catalogue: CatalogueUse | None = None


class LinkFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the desk may know of the link, so that the clerk reads the truth.

    Attributes:
        connected: the broker holds our connection now.
        heard_s: seconds since the fleet last answered anything; None if it never did.
        waiting_why: stable code of what keeps letters waiting, empty if nothing does.
    """

    connected: bool
    heard_s: Annotated[int, Meta(ge=0)] | None = None
    waiting_why: Short = ""


class Blink(msgspec.Struct, frozen=True, kw_only=True):
    """Blink the desk's light so that a person in the room finds the box."""

    seconds: Annotated[int, Meta(ge=1, le=600)] = 30


class StatusDoor(Protocol):
    """What the agent may ask."""

    def facts(self, request: Nothing) -> DeskFacts:
        """Health of the desk and its devices."""
        ...

    def tell_link(self, request: LinkFacts) -> Nothing:
        """Tell the desk how the link is."""
        ...

    def blink(self, request: Blink) -> Nothing:
        """Blink the light."""
        ...
