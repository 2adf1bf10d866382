"""The ingest worker: from the broker into the database, acknowledged only after the commit.

What the broker has not been told is stored, it keeps and sends again; what arrives twice, the tables' keys
recognise. So a kill at any moment loses nothing and doubles nothing. Client id, session and shards of a
worker are fixed: who takes its place takes its queue (shared subscriptions would drop it, ADR in docs).
"""

from __future__ import annotations

import functools
import hashlib
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions
from sqlalchemy.orm import Session

from contracts import codec, topics
from contracts.errors import PueError, WhoCanAct
from contracts.identity import BoxName, Shard
from contracts.messages.report import Stored
from contracts.topics import Down
from fleet.clock import Clock
from fleet.database import Database, DatabaseUnavailable
from fleet.link import router, watermark
from fleet.link.router import Arrival, Router
from fleet.link.tables import OutboundRow, RefusedRow, WatermarkRow
from fleet.link.watermark import Mark
from fleet.settings import Ingest

log = logging.getLogger(__name__)

INBOX: Final = 10_000
"""Messages read from the wire and not yet stored. When full the network thread stops reading: TCP pushes
back and the broker queues. Receive Maximum alone bounds nothing at mosquitto 2.0 (measured)."""

RECEIVE_MAXIMUM: Final = 1_000
OUTBOUND_BATCH: Final = 100
OUTBOUND_EVERY_S: Final = 0.25
IDLE_S: Final = 0.2
RETRY_S: Final = 1.0
STORED_EXPIRY_S: Final = 3_600


class LinkDied(PueError):
    """The network thread ended unasked; the process must end with it."""

    code = "fleet.link_died"
    who = WhoCanAct.OPERATOR


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """Where the broker is and who we are there. `name` is user name, client id and common name."""

    host: str
    port: int
    name: str
    authority: Path
    certificate: Path
    key: Path


class Tick(msgspec.Struct, frozen=True):
    """Work of a room at regular times, in a transaction of its own.

    `run` gets the session, the hour, and since when we hear the boxes (None: we do not).
    """

    every_s: float
    run: Callable[[Session, datetime, datetime | None], None]


class Rooms(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the worker works for.

    Attributes:
        router: who listens to what.
        life_of: life of a box in the book; None if it has no business here.
        on_sent: an outbound message with a `ref` is at the broker.
        on_gap: reports of a box were given up.
        ticks: regular work.
    """

    router: Router
    life_of: Callable[[Session, BoxName], int | None]
    on_sent: Callable[[Session, str, datetime], None]
    on_gap: Callable[[Session, BoxName, range, datetime], None]
    ticks: Sequence[Tick] = ()


class _Item(msgspec.Struct, frozen=True):
    connection: int
    mid: int
    qos: int
    topic: str
    payload: bytes
    retained: bool


class BoxUnknownHere(PueError):
    """A box that is not in the book, or is retired, speaks with a valid certificate."""

    code = "fleet.box_unknown"


class Worker:
    """One connection, one writer. `run` blocks until `stop`.

    Args:
        post: the broker and our certificate there.
        database: where it is stored.
        rooms: who listens.
        clock: the server's hour.
        rules: batch size, patience.
        shards: which boxes are ours.
        for_all: whether we also publish the words that are for every box (one worker does).
    """

    def __init__(
        self,
        post: Post,
        database: Database,
        rooms: Rooms,
        *,
        clock: Clock,
        rules: Ingest,
        shards: Sequence[Shard],
        for_all: bool = True,
    ) -> None:
        self._post, self._database, self._rooms = post, database, rooms
        self._clock, self._rules, self._shards = clock, rules, list(shards)
        self._outbound_shards = [*shards, ""] if for_all else list(shards)
        self._inbox: queue.Queue[_Item] = queue.Queue(INBOX)
        self._sent: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._line = threading.Lock()
        self._connection = 0
        self._listening_since: datetime | None = None
        self._in_flight: dict[int, int] = {}
        self._due: dict[int, float] = {}
        self._outbound_due = 0.0
        self.ready = threading.Event()
        """Set once we hear the boxes for the first time."""

        self._thread_name = f"paho-mqtt-client-{post.name}"
        self._client = self._make_client()

    # ---- life

    def run(self) -> None:
        """Read, store, acknowledge, publish, until `stop`.

        Raises:
            LinkDied: the network thread ended.
        """
        self._open_line()
        try:
            while not self._stop.is_set():
                self._turn()
                if not _alive(self._thread_name):
                    msg = "the link's network thread ended"
                    raise LinkDied(msg)
        finally:
            self._stop.set()
            self._client.disconnect()
            self._client.loop_stop()

    def stop(self) -> None:
        """Ask `run` to end; what is not acknowledged stays at the broker. Safe in a signal handler."""
        self._stop.set()

    def _turn(self) -> None:
        batch = self._gather()
        while batch and not self._survived(self._take, batch):
            # Nothing was acknowledged: the broker holds it, and so do we.
            if self._stop.wait(RETRY_S):
                return
        self._survived(self._speak)
        self._survived(self._tick)

    @staticmethod
    def _survived(act: Callable[..., None], *args: Any) -> bool:
        """Whether the act was done; False when the database was away."""
        try:
            act(*args)
        except DatabaseUnavailable as why:
            log.error("database: %s", why)  # noqa: TRY400 - the sentence says it; a trace would repeat it every second
            return False
        return True

    # ---- the wire

    def _make_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._post.name,
            protocol=paho.MQTTv5,
            manual_ack=True,
        )
        client.tls_set(
            ca_certs=str(self._post.authority),
            certfile=str(self._post.certificate),
            keyfile=str(self._post.key),
        )
        client.reconnect_delay_set(1, 15)
        client.connect_timeout = 30.0
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def _open_line(self) -> None:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = self._rules.session_hours * 3_600
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        self._client.connect_async(
            self._post.host, self._post.port, keepalive=60, clean_start=False, properties=properties
        )
        self._client.loop_start()

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _props: Any) -> None:
        if reason.is_failure:
            log.error("the broker refused us: %s", reason)
            return
        # Kept words only for a new subscription: after a reconnect they would be old news told as new.
        options = SubscribeOptions(qos=1, retainHandling=1)
        client.subscribe([(text, options) for text in topics.up_filters(self._shards)])

    def _on_subscribe(self, _c: Any, _d: Any, _mid: int, reasons: Sequence[Any], _p: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error("the broker refused a subscription")
            return
        with self._line:
            self._listening_since = self._clock.now()
        log.info("listening to %d shards", len(self._shards))
        self.ready.set()

    def _on_disconnect(self, _c: Any, _d: Any, _flags: Any, reason: Any, _props: Any) -> None:
        with self._line:
            # Packet numbers mean nothing on the next connection.
            self._connection += 1
            self._listening_since = None
            self._in_flight.clear()
        if not self._stop.is_set():
            log.warning("link lost: %s", reason)

    def _on_message(self, _c: Any, _d: Any, message: paho.MQTTMessage) -> None:
        item = _Item(
            self._connection, message.mid, message.qos, message.topic, bytes(message.payload), message.retain
        )
        while not self._stop.is_set():
            try:
                self._inbox.put(item, timeout=0.5)
            except queue.Full:
                continue
            return

    def _on_publish(self, _c: Any, _d: Any, mid: int, _reason: Any, _props: Any) -> None:
        self._sent.put(mid)

    # ---- into the database

    def _gather(self) -> list[_Item]:
        try:
            batch = [self._inbox.get(timeout=IDLE_S)]
        except queue.Empty:
            return []
        while len(batch) < self._rules.batch:
            try:
                batch.append(self._inbox.get_nowait())
            except queue.Empty:
                break
        return batch

    def _take(self, batch: list[_Item]) -> None:
        try:
            marks = self._store(batch)
        except DatabaseUnavailable:
            raise
        except Exception:
            # One of them cannot be stored, whatever the reason: find out which, store the others.
            log.exception("a batch of %d could not be stored; trying one by one", len(batch))
            marks = {}
            for item in batch:
                marks |= self._store_alone(item)
        self._acknowledge(batch)
        self._tell_stored(marks)

    def _store_alone(self, item: _Item) -> dict[BoxName, int]:
        try:
            return self._store([item])
        except DatabaseUnavailable:
            raise
        except Exception as why:  # noqa: BLE001 - a poison message must not be delivered for ever
            with self._database.write() as session:
                self._refuse(session, item, "fleet.poison", type(why).__name__)
            return {}

    def _store(self, batch: list[_Item]) -> dict[BoxName, int]:
        now = self._clock.now()
        marks: dict[tuple[BoxName, int], Mark] = {}
        with self._database.write() as session:
            life_of = functools.cache(functools.partial(self._rooms.life_of, session))
            # A box's newest words are written once a batch, not once a report.
            with session.no_autoflush:
                for item in batch:
                    try:
                        self._store_one(session, item, now, marks, life_of)
                    except PueError as why:
                        self._refuse(session, item, why.code, str(why))
            self._keep_marks(session, marks, now)
        return {box: mark.stored for (box, _), mark in marks.items()}

    def _store_one(
        self,
        session: Session,
        item: _Item,
        now: datetime,
        marks: dict[tuple[BoxName, int], Mark],
        life_of: Callable[[BoxName], int | None],
    ) -> None:
        if not item.payload:
            return  # a kept word was cleared
        box, subject, message = router.read(item.topic, item.payload)
        life = life_of(box)
        if life is None:
            msg = "the box is not in the book, or is retired"
            raise BoxUnknownHere(msg, box=box)
        arrival = Arrival(
            box=box, life=life, subject=subject, message=message, received_at=now, retained=item.retained
        )
        try:
            self._rooms.router.handler(subject)(session, arrival)
        except PueError as why:
            # Read, understood, refused: it is dealt with, and must not be sent again for ever.
            self._refuse(session, item, why.code, str(why))
        if message.seq:
            before = marks.get((box, life)) or _mark(session, box, life)
            marks[box, life] = watermark.advance(before, message.seq, now)

    def _keep_marks(self, session: Session, marks: dict[tuple[BoxName, int], Mark], now: datetime) -> None:
        patience = timedelta(seconds=self._rules.gap_patience_s)
        for (box, life), mark in marks.items():
            kept, lost = watermark.give_up(mark, now, patience)
            if lost:
                self._rooms.on_gap(session, box, lost, now)
            marks[box, life] = kept
            session.merge(
                WatermarkRow(
                    box=box, life=life, stored=kept.stored, beyond=list(kept.beyond), gap_since=kept.gap_since
                )
            )

    def _refuse(self, session: Session, item: _Item, code: str, why: str) -> None:
        log.warning("refused a message of %d bytes on %.80s: %s", len(item.payload), item.topic, code)
        session.add(
            RefusedRow(
                at=self._clock.now(),
                topic=item.topic[:200],
                code=code[:80],
                why=why[:300],
                size_bytes=len(item.payload),
                sha256=hashlib.sha256(item.payload).hexdigest(),
            )
        )

    # ---- back to the broker

    def _acknowledge(self, batch: list[_Item]) -> None:
        for item in batch:
            if not item.qos:
                continue
            with self._line:
                if item.connection == self._connection:
                    self._client.ack(item.mid, item.qos)

    def _tell_stored(self, marks: dict[BoxName, int]) -> None:
        if self._listening_since is None:
            return  # the box asks again; nothing piles up here meanwhile
        properties = Properties(PacketTypes.PUBLISH)
        properties.MessageExpiryInterval = STORED_EXPIRY_S
        for box, stored in marks.items():
            payload = codec.encode(Stored(seq=stored))
            self._client.publish(topics.topic(box, Down.STORED), payload, qos=1, properties=properties)

    def _speak(self) -> None:
        """Publish what the rooms have written to be said, and forget what the broker has."""
        self._forget_sent()
        now_s = self._clock.monotonic_s()
        if self._listening_since is None or now_s < self._outbound_due:
            return
        self._outbound_due = now_s + OUTBOUND_EVERY_S
        now = self._clock.now()
        waiting = sa.select(OutboundRow).where(
            OutboundRow.shard.in_(self._outbound_shards),
            OutboundRow.entry.not_in(list(self._in_flight.values())),
        )
        with self._database.read() as session:
            rows = list(session.scalars(waiting.order_by(OutboundRow.entry).limit(OUTBOUND_BATCH)))
        late = [row.entry for row in rows if row.expires_at is not None and row.expires_at <= now]
        if late:
            with self._database.write() as session:
                session.execute(sa.delete(OutboundRow).where(OutboundRow.entry.in_(late)))
        for row in rows:
            if row.entry not in late:
                self._publish(row, now)

    def _publish(self, row: OutboundRow, now: datetime) -> None:
        properties = Properties(PacketTypes.PUBLISH)
        if row.expires_at is not None:
            properties.MessageExpiryInterval = max(1, int((row.expires_at - now).total_seconds()))
        with self._line:
            if self._listening_since is None:
                return
            info = self._client.publish(
                row.topic, row.payload, qos=1, retain=row.retain, properties=properties
            )
            if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._in_flight[info.mid] = row.entry

    def _forget_sent(self) -> None:
        mids = set()
        while not self._sent.empty():
            mids.add(self._sent.get())
        with self._line:
            entries = [self._in_flight[mid] for mid in mids if mid in self._in_flight]
        if not entries:
            return
        try:
            self._forget(entries)
        except DatabaseUnavailable:
            for mid in mids:
                self._sent.put(mid)
            raise
        with self._line:
            for mid in mids:
                self._in_flight.pop(mid, None)

    def _forget(self, entries: list[int]) -> None:
        now = self._clock.now()
        with self._database.write() as session:
            rows = list(session.scalars(sa.select(OutboundRow).where(OutboundRow.entry.in_(entries))))
            for row in rows:
                if row.ref:
                    self._rooms.on_sent(session, row.ref, now)
                session.delete(row)

    # ---- regular work

    def _tick(self) -> None:
        for number, tick in enumerate(self._rooms.ticks):
            now_s = self._clock.monotonic_s()
            if now_s < self._due.get(number, 0.0):
                continue
            self._due[number] = now_s + tick.every_s
            with self._database.write() as session:
                tick.run(session, self._clock.now(), self._listening_since)


def _alive(name: str) -> bool:
    return any(thread.name == name for thread in threading.enumerate())


def _mark(session: Session, box: BoxName, life: int) -> Mark:
    row = session.get(WatermarkRow, (box, life))
    return Mark() if row is None else Mark(row.stored, tuple(row.beyond), row.gap_since)


def close_gaps(
    session: Session,
    now: datetime,
    patience: timedelta,
    on_gap: Callable[[Session, BoxName, range, datetime], None],
) -> None:
    """Give up holes of boxes that say nothing new; a tick of the wiring calls it."""
    stale = sa.select(WatermarkRow).where(WatermarkRow.gap_since <= now - patience).limit(200)
    for row in session.scalars(stale):
        kept, lost = watermark.give_up(Mark(row.stored, tuple(row.beyond), row.gap_since), now, patience)
        if lost:
            on_gap(session, row.box, lost, now)
        row.stored, row.beyond, row.gap_since = kept.stored, list(kept.beyond), kept.gap_since
