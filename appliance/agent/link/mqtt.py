"""The link over MQTT 5 with mutual TLS, on paho-mqtt, driven by our own loop.

paho owns the protocol; this file owns the thread, the socket's waiting and the reconnecting. All calls into paho
come from one thread, so its socket has one user; other threads leave messages in a queue and ring a bell.
A connection gets a fresh paho client: what is not confirmed lies in the journal, not in paho.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from appliance.agent.link.port import Closed, Forbidden, Incoming, OnEvent, Opened, Words
from contracts.codec import MAX_MESSAGE_BYTES
from contracts.errors import PueError

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.agent.link.backoff import Backoff

log = logging.getLogger(__name__)

RECEIVE_MAXIMUM: Final = 20
_NOT_AUTHORIZED: Final = 0x87
_CONNACK_WITHIN_S: Final = 30.0
_LEAVE_WITHIN_S: Final = 2.0


class Address(msgspec.Struct, frozen=True):
    """Where the broker is, and how patient it is with us.

    Attributes:
        connect_timeout_s: for TCP and TLS together; short ones make a busy broker busier.
        session_expiry_s: how long the broker keeps our queue while we are away.
        will_delay_s: how long a lost link stays unannounced.
    """

    host: str
    port: int
    connect_timeout_s: float = 30.0
    session_expiry_s: int = 86_400
    will_delay_s: int = 90


class Waiting(msgspec.Struct, frozen=True):
    """A message on its way to the link's thread."""

    topic: str
    payload: bytes
    expiry_s: int | None = None


class MqttLink:
    """Keeps `link.port.Link` with a real broker.

    Args:
        box: client id; the broker takes it from the certificate anyway.
        address: of the broker.
        tls: makes the TLS context, asked anew for each connection (a renewed certificate is taken up).
        words: birth and will of the next connection.
        filters: subscriptions.
        on_event: told what happens, on the link's thread; must only enqueue.
        backoff: when to try again.
        keepalive_s: MQTT keep-alive.
    """

    def __init__(
        self,
        box: str,
        address: Address,
        *,
        tls: Callable[[], ssl.SSLContext],
        words: Callable[[], Words],
        filters: list[str],
        on_event: OnEvent,
        backoff: Backoff,
        keepalive_s: int = 60,
    ) -> None:
        self._box, self._address, self._tls, self._words = box, address, tls, words
        self._filters, self._on_event, self._backoff = filters, on_event, backoff
        self._keepalive_s = keepalive_s
        self._outgoing: deque[Waiting | Incoming] = deque()
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._ear.setblocking(False)
        self._connection = ""
        self._renew = threading.Event()
        self._last_word: bytes | None = None
        self._last_word_heard = threading.Event()

    # ---- the port

    @property
    def connected(self) -> bool:
        return bool(self._connection)

    def send(self, topic: str, payload: bytes, *, expiry_s: int | None = None) -> bool:
        if not self._connection:
            return False
        self._outgoing.append(Waiting(topic, payload, expiry_s))
        self.wake()
        return True

    def done(self, incoming: Incoming) -> None:
        self._outgoing.append(incoming)
        self.wake()

    def goodbye(self, payload: bytes, within_s: float) -> bool:
        self._last_word = payload
        self.wake()
        return self._last_word_heard.wait(within_s if self._connection else 0)

    def set_keepalive(self, keepalive_s: int) -> None:
        if keepalive_s != self._keepalive_s:
            self._keepalive_s = keepalive_s
            self.renew()

    def renew(self) -> None:
        self._renew.set()
        self.wake()

    def set_spread(self, spread_s: float) -> None:
        self._backoff.spread_s = spread_s

    def wake(self) -> None:
        try:
            self._bell.send(b"!")
        except OSError:
            return  # full means it rings already; closed means the end

    # ---- its thread

    def run(self, stopping: threading.Event) -> None:
        """The body of the link's worker: connect, serve, wait, again."""
        try:
            while not stopping.is_set() and self._last_word is None:
                if not self._renew.is_set():
                    self._pause(self._backoff.next_s(), stopping)
                if stopping.is_set() or self._last_word is not None:
                    break
                self._renew.clear()
                code = self._serve_one(stopping)
                self._connection = ""
                self._outgoing.clear()
                log.info("link closed: %s", code)
                self._on_event(Closed(code))
            stopping.wait()  # after the last word there is nothing to do but to be ended
        finally:
            self._connection = ""
            self._bell.close()
            self._ear.close()

    def _pause(self, wait_s: float, stopping: threading.Event) -> None:
        """Wait; the bell is heard, but only a stop or a last word ends the waiting."""
        until_s = time.monotonic() + wait_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._ear, selectors.EVENT_READ)
            while not stopping.is_set() and self._last_word is None:
                left_s = until_s - time.monotonic()
                if left_s <= 0:
                    return
                if selector.select(left_s):
                    self._hear()

    def _serve_one(self, stopping: threading.Event) -> str:
        """One connection from handshake to end; why it ended, as a stable code."""
        present: _Connection | None = None
        try:
            present = _Connection(self, self._words())
            present.open(self._tls(), self._address, self._keepalive_s)
            return self._loop(present, stopping)
        except PueError as why:  # a certificate being replaced, or spoilt
            log.warning("link: %s", why)
            return why.code
        except OSError as why:
            return _code_of(why)
        finally:
            if present is not None:
                present.close()

    def _loop(self, present: _Connection, stopping: threading.Event) -> str:
        with selectors.DefaultSelector() as selector:
            selector.register(self._ear, selectors.EVENT_READ)
            sock = present.client.socket()
            if sock is None:
                return present.why or "link.lost"
            selector.register(sock, selectors.EVENT_READ)
            while True:
                if present.ended or stopping.is_set():
                    return present.why or ("link.stopped" if stopping.is_set() else "link.lost")
                self._hand_over(present)
                if present.client.socket() is None:
                    return present.why or "link.lost"
                writing = selectors.EVENT_WRITE if present.client.want_write() else 0
                selector.modify(sock, selectors.EVENT_READ | writing)
                ready = {key.fileobj: mask for key, mask in selector.select(present.patience_s())}
                if self._ear in ready:
                    self._hear()
                present.work(ready.get(sock, 0))
                if present.last_word_heard:
                    present.leave("link.stopped")
                    self._last_word_heard.set()

    def _hand_over(self, present: _Connection) -> None:
        """Give waiting messages to paho, as long as the broker has accepted us."""
        if not self._connection:
            return
        if self._renew.is_set():
            present.leave("link.renewed")
        elif self._last_word is not None:
            present.say_last(self._last_word)
        while self._outgoing:
            message = self._outgoing.popleft()
            if isinstance(message, Incoming):
                present.acknowledge(message)
            else:
                present.publish(message)

    def _hear(self) -> None:
        try:
            self._ear.recv(4096)
        except BlockingIOError:
            return

    # ---- told by the connection, on the same thread

    def _opened(self, words: Words) -> None:
        self._backoff.succeeded()
        self._connection = words.connection
        self._on_event(Opened(words.connection))


class _Connection:
    """One life of a paho client."""

    def __init__(self, link: MqttLink, words: Words) -> None:
        self._link, self._words = link, words
        self.why = ""
        self.ended = False
        self.last_word_heard = False
        self._accepted = False
        self._last_mid: int | None = None
        self._topics: dict[int, str] = {}
        self._began_s = self._sent_s = self._heard_s = time.monotonic()
        self.client = self._make()

    def _make(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._link._box,  # noqa: SLF001 - the two are one subject
            protocol=paho.MQTTv5,
            manual_ack=True,
        )
        client.suppress_exceptions = False
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        return client

    def open(self, tls: ssl.SSLContext, address: Address, keepalive_s: int) -> None:
        """TCP, TLS and CONNECT; the answer comes in the loop.

        Raises:
            OSError: as the network or TLS says.
        """
        self.client.tls_set_context(tls)
        self.client.connect_timeout = address.connect_timeout_s
        will = _properties(PacketTypes.WILLMESSAGE)
        will.WillDelayInterval = address.will_delay_s
        self.client.will_set(self._words.topic, self._words.will, qos=1, retain=True, properties=will)
        ask = _properties(PacketTypes.CONNECT)
        ask.SessionExpiryInterval = address.session_expiry_s
        ask.ReceiveMaximum = RECEIVE_MAXIMUM
        ask.MaximumPacketSize = 2 * MAX_MESSAGE_BYTES
        self.client.connect(address.host, address.port, keepalive_s, clean_start=False, properties=ask)
        self._began_s = self._sent_s = self._heard_s = time.monotonic()

    def close(self) -> None:
        """Let go of the socket without a word: the broker keeps the session, the will waits its delay."""
        self.client.on_disconnect = None
        sock = self.client.socket()
        if sock is not None:
            sock.close()

    def patience_s(self) -> float:
        """How long nothing needs to be done unless something comes: once per keep-alive, not once a second."""
        sock = self.client.socket()
        if isinstance(sock, ssl.SSLSocket) and sock.pending():
            return 0.0
        if not self._accepted:
            return max(0.1, self._began_s + _CONNACK_WITHIN_S - time.monotonic())
        due_s = min(self._sent_s, self._heard_s) + self.client.keepalive
        return max(0.05, due_s - time.monotonic() + 0.05)

    def work(self, ready: int) -> None:
        """Let paho read, write and look at its clock."""
        now_s = time.monotonic()
        sock = self.client.socket()
        pending = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        if ready & selectors.EVENT_READ or pending:
            self._heard_s = now_s
            self.client.loop_read()
        if ready & selectors.EVENT_WRITE and self.client.socket() is not None:
            self._sent_s = now_s
            self.client.loop_write()
        if self.client.socket() is not None:
            if now_s - min(self._sent_s, self._heard_s) >= self.client.keepalive:
                self._sent_s = self._heard_s = now_s
            self.client.loop_misc()
        if not self._accepted and not self.ended and now_s - self._began_s > _CONNACK_WITHIN_S:
            self._end("link.not_accepted")
        if self.client.socket() is None:
            self._end("link.lost" if self._accepted else "link.not_accepted")

    def publish(self, message: Waiting) -> None:
        properties: Properties | None = None
        if message.expiry_s is not None:
            properties = _properties(PacketTypes.PUBLISH)
            properties.MessageExpiryInterval = message.expiry_s
        info = self.client.publish(message.topic, message.payload, qos=1, properties=properties)
        self._topics[info.mid] = message.topic
        self._sent_s = time.monotonic()

    def acknowledge(self, incoming: Incoming) -> None:
        if incoming.connection == self._words.connection:
            self.client.ack(incoming.mark, 1)

    def say_last(self, payload: bytes) -> None:
        if self._last_mid is None:
            info = self.client.publish(self._words.topic, payload, qos=1, retain=True)
            self._last_mid = info.mid

    def leave(self, why: str) -> None:
        """A clean DISCONNECT; the broker drops the will and keeps the session.

        paho closes the socket as soon as the packet is written. Where the broker's words lie unread in it, that close is
        a reset (RFC 1122 §4.2.2.13), and the broker never reads the packet: so a second handle waits for its own close.
        """
        self.why = why
        sock = self.client.socket()
        handle = socket.socket(fileno=os.dup(sock.fileno())) if sock is not None else None
        self.client.disconnect()
        self._end(why)
        if handle is not None:
            _see_off(handle)

    def _end(self, why: str) -> None:
        self.why = self.why or why
        self.ended = True

    # ---- paho's callbacks: they note and enqueue, nothing else

    def _on_connect(
        self, client: paho.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            self._end("link.not_authorized" if reason.value in (0x86, _NOT_AUTHORIZED) else "link.refused")
            return
        self._accepted = True
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE)
        client.subscribe([(text, options) for text in self._link._filters])  # noqa: SLF001 - as above
        client.publish(self._words.topic, self._words.birth, qos=1, retain=True)
        self._link._opened(self._words)  # noqa: SLF001 - as above

    def _on_message(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._link._on_event(  # noqa: SLF001 - as above
            Incoming(topic, bytes(message.payload), message.retain, message.mid, self._words.connection)
        )

    def _on_publish(
        self, _client: paho.Client, _userdata: Any, mid: int, reason: Any, _properties: Any
    ) -> None:
        topic = self._topics.pop(mid, "")
        if reason is not None and reason.value == _NOT_AUTHORIZED:
            self._link._on_event(Forbidden(topic))  # noqa: SLF001 - as above
        if mid == self._last_mid:
            self.last_word_heard = True  # to disconnect from inside a callback would only queue the packet

    def _on_disconnect(
        self, _client: paho.Client, _userdata: Any, _flags: Any, _reason: Any, _properties: Any
    ) -> None:
        self._end("link.lost" if self._accepted else "link.not_accepted")


def _see_off(handle: socket.socket) -> None:
    """Read away what still comes until the broker closes, which it does once it has read the DISCONNECT (MQTT 5 §3.14.4)."""
    until_s = time.monotonic() + _LEAVE_WITHIN_S
    with handle:
        try:
            handle.shutdown(socket.SHUT_WR)
            while (left_s := until_s - time.monotonic()) > 0:
                handle.settimeout(left_s)
                if not handle.recv(65_536):
                    return
        except OSError:
            return  # it is gone, or does not answer: nothing more can be done for the word


def _properties(packet: int) -> Properties:
    return Properties(packet)


def _code_of(why: OSError) -> str:
    """What the network said, as a stable word."""
    if isinstance(why, ssl.SSLCertVerificationError):
        return "link.server_untrusted"
    if isinstance(why, ssl.SSLError):
        return "link.tls_failed"
    if isinstance(why, socket.gaierror):
        return "link.no_name"
    if isinstance(why, TimeoutError):
        return "link.timeout"
    if isinstance(why, ConnectionRefusedError):
        return "link.nobody_there"
    return "link.unreachable"
