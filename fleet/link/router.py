"""From topic and bytes to a message and the room that listens to it.

Reading is pure and refuses with a `PueError`; nothing a box can send ends the worker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy.orm import Session

from contracts import codec, topics
from contracts.errors import InvalidMessage
from contracts.identity import BoxName
from contracts.messages.orders import Result
from contracts.messages.report import Birth, Event, Goodbye, Head, Health, Presence
from contracts.messages.twin import Reported
from contracts.topics import Up


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a box, read and checked.

    Attributes:
        box: who; the broker has proven it, the topic says it.
        life: the box's present life in the book; report numbers are unique within it.
        subject: what about.
        message: typed.
        received_at: the server's hour.
        retained: an old word the broker kept, not one said now.
    """

    box: BoxName
    life: int
    subject: Up
    message: Head
    received_at: datetime
    retained: bool


Handler = Callable[[Session, Arrival], None]
"""Writes what an arrival means, in the worker's transaction. Idempotent by (box, life, seq); refuses with a
`PueError` before it writes anything; flushes what it may look for again (the worker turns autoflush off)."""

_KINDS: Final[dict[Up, type[Head]]] = {
    Up.HEALTH: Health,
    Up.EVENT: Event,
    Up.TWIN: Reported,
    Up.RESULT: Result,
}


class _Word(codec.Message, frozen=True, kw_only=True):
    presence: Presence


class Router:
    """Subjects and the rooms that listen to them.

    Args:
        handlers: one per subject; a subject nobody listens to is refused.
    """

    def __init__(self, handlers: Mapping[Up, Handler]) -> None:
        self._handlers = dict(handlers)

    def handler(self, subject: Up) -> Handler:
        """Who listens to a subject.

        Raises:
            InvalidMessage: nobody.
        """
        try:
            return self._handlers[subject]
        except KeyError:
            msg = "nobody in this fleet listens to this subject"
            raise InvalidMessage(msg, subject=subject.value) from None


def read(topic_text: str, payload: bytes) -> tuple[BoxName, Up, Head]:
    """Parse topic and payload.

    Raises:
        InvalidName: the topic is not of our grammar.
        InvalidMessage: not a topic of a box speaking, or not the message that belongs there.
    """
    topic = topics.parse(topic_text)
    if not isinstance(topic.subject, Up):
        msg = "a box speaks on up topics only"
        raise InvalidMessage(msg)
    kind = _status_kind(payload) if topic.subject is Up.STATUS else _KINDS[topic.subject]
    return topic.box, topic.subject, codec.decode(kind, payload)


def _status_kind(payload: bytes) -> type[Head]:
    return Birth if codec.decode(_Word, payload).presence is Presence.ONLINE else Goodbye
