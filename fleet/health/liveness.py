"""Is a box alive? One pure function of what was heard and when, by the server's clock alone.

Not an event pair but a verdict recomputed every few seconds: an alarm that was raised by mistake clears by
itself, and nobody can edit it into a lie. Silence counts only while the fleet was listening.
"""

from __future__ import annotations

import enum
from datetime import datetime, timedelta

import msgspec

from contracts.messages.report import Presence
from fleet.settings import Liveness


class Life(enum.StrEnum):
    """The verdict; it decays from top to bottom, and one word from the box lifts it again."""

    NEVER = "never"
    """Nothing was ever heard."""
    ONLINE = "online"
    LATE = "late"
    """Its report is overdue; it may be a slow line."""
    OFFLINE = "offline"
    """It said goodbye, its connection broke, or it has been silent for several reports."""
    LOST = "lost"
    """Offline for so long that somebody should go and look."""
    UNKNOWN = "unknown"
    """The fleet itself was away; it is too early to blame the box."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a box.

    Attributes:
        heard_at: last word of any kind, server's hour.
        presence: last word on the status topic, of the connection that counts.
        presence_at: when it came.
        expected_s: seconds between its reports, from its twin.
    """

    heard_at: datetime | None
    presence: Presence | None
    presence_at: datetime | None
    expected_s: int


def judge(heard: Heard, *, now: datetime, listening_since: datetime, rules: Liveness) -> Life:
    """The verdict.

    Args:
        heard: what is known.
        now: the server's hour.
        listening_since: when the fleet last began to hear (start, reconnection to the broker).
        rules: factors and margins.
    """
    if heard.heard_at is None:
        return Life.NEVER
    lost_after = timedelta(seconds=rules.lost_after_s)
    if heard.presence is Presence.OFFLINE and heard.presence_at is not None:
        return Life.LOST if now - heard.presence_at >= lost_after else Life.OFFLINE
    silent = now - heard.heard_at
    late = timedelta(seconds=heard.expected_s * rules.late_factor + rules.margin_s)
    offline = timedelta(seconds=heard.expected_s * rules.offline_factor + rules.margin_s)
    in_grace = now < listening_since + timedelta(seconds=rules.grace_s)
    # While we were deaf it could not be heard: only silence to open ears makes it offline.
    to_our_ears = now - max(heard.heard_at, listening_since)
    if silent < late:
        verdict = Life.ONLINE
    elif heard.heard_at < listening_since and in_grace:
        verdict = Life.UNKNOWN
    elif silent >= lost_after:
        verdict = Life.LOST
    else:
        verdict = Life.OFFLINE if silent >= offline and to_our_ears >= late else Life.LATE
    return verdict
