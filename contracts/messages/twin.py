"""The twin: what the fleet wants of a box, and what the box says it did about it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from contracts.codec import Message
from contracts.messages.report import Count, Head, Short


class Desired(Message, frozen=True, kw_only=True):
    """Desired state (``down/twin``, retained). Level-triggered: only the newest counts.

    Attributes:
        rev: grows by one with every change.
        health_every_s: seconds between reports.
        keepalive_s: MQTT keep-alive; long on metered lines.
        trust_version: the trust bundle the box shall have (`contracts.messages.releases`); 0 = none is published.
        catalogue_version: the catalogue of practices the box shall have; 0 = the one that comes with its software.
    """

    v: int = 1
    rev: Count
    health_every_s: Annotated[int, Meta(ge=1, le=86_400)] = 300
    keepalive_s: Annotated[int, Meta(ge=5, le=3_600)] = 60
    trust_version: Count = 0
    catalogue_version: Count = 0


class Reported(Head, frozen=True, kw_only=True):
    """What the box applied (``up/twin``); `errors` says, by field, why something was not."""

    applied_rev: Count
    errors: dict[str, Short] = {}
