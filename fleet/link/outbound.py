"""What the fleet says: written in the caller's transaction, published by the ingest process within a second.

Any process (gate, console, command line) may write; only the link speaks to the broker. A message that was
committed is published at least once; who listens de-duplicates by its id, revision or watermark.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from contracts import codec
from contracts.envelope import Statement
from contracts.identity import BoxName, shard_of
from contracts.messages.report import Notice, Nudge
from contracts.messages.twin import Desired
from contracts.topics import NOTICE, Down, topic
from fleet.link.tables import OutboundRow

NUDGE_LIFE = timedelta(minutes=10)


def publish(
    session: Session,
    topic_text: str,
    payload: bytes,
    *,
    now: datetime,
    shard: str = "",
    retain: bool = False,
    expires_at: datetime | None = None,
    ref: str = "",
) -> None:
    """Queue one message.

    Args:
        session: of `Database.write()`.
        topic_text: built by contracts.topics.
        payload: canonical bytes; empty with `retain` clears a retained message.
        now: the hour.
        shard: of the box, so that several workers can share the queue; empty for words to all.
        retain: keep it at the broker for who comes later.
        expires_at: after this hour nobody wants it any more.
        ref: a word for the writer's room, handed back once the broker has it.
    """
    session.add(
        OutboundRow(
            topic=topic_text,
            shard=shard,
            payload=payload,
            retain=retain,
            expires_at=expires_at,
            created_at=now,
            ref=ref,
        )
    )


def publish_twin(session: Session, box: BoxName, desired: Desired, *, now: datetime) -> None:
    """The desired state of a box, retained."""
    publish(session, topic(box, Down.TWIN), codec.encode(desired), now=now, shard=shard_of(box), retain=True)


def publish_order(
    session: Session, box: BoxName, statement: Statement, *, order: str, deadline: datetime, now: datetime
) -> None:
    """A signed order, never retained, gone at its deadline."""
    publish(
        session,
        topic(box, Down.ORDER),
        codec.encode(statement),
        now=now,
        shard=shard_of(box),
        expires_at=deadline,
        ref=f"order:{order}",
    )


def nudge(session: Session, box: BoxName, what: str, *, now: datetime) -> None:
    """Tell a box that something waits for it over HTTPS, e.g. ``letters``. Losing it costs a delay only."""
    payload = codec.encode(Nudge(what=what, box=box))
    publish(
        session, topic(box, Down.NUDGE), payload, now=now, shard=shard_of(box), expires_at=now + NUDGE_LIFE
    )


def publish_notice(session: Session, notice: Notice, *, now: datetime) -> None:
    """Words of the fleet to every box, retained."""
    publish(session, NOTICE, codec.encode(notice), now=now, retain=True)
