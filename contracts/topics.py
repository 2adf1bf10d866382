"""The topic grammar: built and parsed here, nowhere else.

``pue/v1/{shard}/{box}/up|down/{subject}`` and ``pue/v1/all/down/notice``. The number of
segments is fixed, so one pattern of three lines is the whole broker access list.
"""

from __future__ import annotations

import enum

import msgspec

from contracts.errors import InvalidName
from contracts.identity import BoxName, Shard, box_name, shard_of

ROOT = "pue/v1"
NOTICE = f"{ROOT}/all/down/notice"
"""Retained words of the fleet to every box."""

_SEGMENTS = 6


class Up(enum.StrEnum):
    """What a box says."""

    STATUS = "status"
    """Retained: birth, planned goodbye; the will lies on the same topic."""
    HEALTH = "health"
    EVENT = "event"
    TWIN = "twin"
    RESULT = "result"


class Down(enum.StrEnum):
    """What a box is told."""

    TWIN = "twin"
    """Retained: the desired state."""
    ORDER = "order"
    """Never retained."""
    STORED = "stored"
    """The watermark: every report up to it is on the fleet's disk."""
    NUDGE = "nudge"
    """There is something to fetch over HTTPS; losing it costs a delay, nothing else."""


class Topic(msgspec.Struct, frozen=True):
    """A parsed topic of one box."""

    shard: Shard
    box: BoxName
    subject: Up | Down

    def __str__(self) -> str:
        """The topic as it goes on the wire."""
        way = "up" if isinstance(self.subject, Up) else "down"
        return f"{ROOT}/{self.shard}/{self.box}/{way}/{self.subject.value}"


def topic(box: BoxName, subject: Up | Down) -> str:
    """The topic on which `box` speaks or listens about `subject`."""
    return str(Topic(shard_of(box), box_name(box), subject))


def parse(text: str) -> Topic:
    """Read a topic.

    Raises:
        InvalidName: not of our grammar, or the shard is not this box's.
    """
    parts = text.split("/")
    if len(parts) != _SEGMENTS or "/".join(parts[:2]) != ROOT:
        msg = f"a topic has {_SEGMENTS} segments and starts with {ROOT}"
        raise InvalidName(msg)
    _, _, shard, box, way, subject = parts
    try:
        word: Up | Down = Up(subject) if way == "up" else Down(subject)
    except ValueError:
        msg = "a topic ends in up/ or down/ and a subject of the grammar"
        raise InvalidName(msg) from None
    if way not in {"up", "down"} or shard != shard_of(box_name(box)):
        msg = "the topic's shard is not the shard of its box"
        raise InvalidName(msg)
    return Topic(shard, box, word)


def up_filters(shards: list[Shard]) -> list[str]:
    """Subscriptions of a worker that reads these shards."""
    return [f"{ROOT}/{shard}/+/up/{subject.value}" for shard in shards for subject in Up]


def down_filters(box: BoxName) -> list[str]:
    """Subscriptions of a box."""
    return [*(topic(box, subject) for subject in Down), NOTICE]
