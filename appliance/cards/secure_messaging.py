"""Protected commands and responses, both sides. ICAO 9303-11 §9.8, ISO/IEC 7816-4 §10.

One object lives as long as one session: after any failure it refuses to go on.
"""

from __future__ import annotations

import dataclasses
import hmac

from appliance.cards import cipher, tlv
from appliance.cards.apdu import SECURE_MESSAGING, Command, Response
from appliance.cards.cipher import KeyUse, Suite
from appliance.cards.errors import MalformedData, SecureMessagingLost

_CRYPTOGRAM_PADDED = 0x87
_CRYPTOGRAM_ODD = 0x85
_EXPECTED = 0x97
_STATUS = 0x99
_MAC = 0x8E


class SecureMessaging:
    """Keys and counter of one session. `protect`/`open` are the reader's side, `open_command`/`seal_response` the card's."""

    def __init__(
        self, suite: Suite, key_encryption: bytes, key_authentication: bytes, counter: int = 0
    ) -> None:
        self.suite = suite
        self._key_encryption = key_encryption
        self._key_authentication = key_authentication
        self._counter = counter
        self._ended = False

    @classmethod
    def from_secret(cls, suite: Suite, shared_secret: bytes) -> SecureMessaging:
        """Session keys from a key agreement (PACE, chip authentication); the counter starts at zero."""
        return cls(
            suite,
            cipher.derive_key(suite, shared_secret, KeyUse.ENCRYPTION),
            cipher.derive_key(suite, shared_secret, KeyUse.AUTHENTICATION),
        )

    @property
    def key_authentication(self) -> bytes:
        return self._key_authentication

    @property
    def key_encryption(self) -> bytes:
        return self._key_encryption

    def answer_bytes(self, data_bytes: int) -> int:
        """How long the protected answer to a read of `data_bytes` is, status word included."""
        block_bytes = 8 if self.suite is Suite.TRIPLE_DES else 16
        padded_bytes = (data_bytes // block_bytes + 1) * block_bytes
        return len(tlv.build(_CRYPTOGRAM_PADDED, bytes(padded_bytes + 1))) + 4 + 10 + 2

    @property
    def ended(self) -> bool:
        return self._ended

    def end(self) -> None:
        self._ended = True
        self._key_encryption = self._key_authentication = b""

    # reader's side

    def protect(self, command: Command) -> Command:
        self._step()
        objects = b""
        if command.data:
            objects += self._cryptogram(command.data, odd=bool(command.ins & 1))
        if command.expected is not None:
            width = 2 if command.extended else 1
            objects += tlv.build(_EXPECTED, (command.expected & (256**width - 1)).to_bytes(width, "big"))
        header = bytes((command.cla | SECURE_MESSAGING, command.ins, command.p1, command.p2))
        objects += tlv.build(_MAC, self._mac(header, objects))
        whole = 65536 if command.extended or len(objects) > 255 else 256
        return dataclasses.replace(
            command, cla=header[0], data=objects, expected=whole, extended=command.extended
        )

    def open(self, response: Response) -> Response:
        """The response in clear.

        Raises:
            SecureMessagingLost: anything but a complete, authentic, protected response; the session is over.
        """
        self._step()
        try:
            return self._open_response(response)
        except MalformedData as fault:
            self.end()
            raise SecureMessagingLost("malformed", response.status_word) from fault
        except SecureMessagingLost:
            self.end()
            raise

    def _open_response(self, response: Response) -> Response:
        if not response.data:
            raise SecureMessagingLost("plain_status", response.status_word)
        objects = tlv.parse(response.data)
        tags = [item.tag for item in objects]
        if tags not in (
            [_STATUS, _MAC],
            [_CRYPTOGRAM_PADDED, _STATUS, _MAC],
            [_CRYPTOGRAM_ODD, _STATUS, _MAC],
        ):
            raise SecureMessagingLost("unexpected_objects", response.status_word)
        signed = b"".join(item.raw for item in objects[:-1])
        if not hmac.compare_digest(self._mac(b"", signed), objects[-1].value):
            raise SecureMessagingLost("wrong_mac")
        if objects[-2].value != response.status_word.to_bytes(2, "big"):
            raise SecureMessagingLost("status_mismatch", response.status_word)
        data = self._plain(objects[0]) if len(objects) == 3 else b""
        return Response(data, response.status_word)

    # card's side

    def open_command(self, command: Command) -> Command:
        """The command in clear, as the card sees it.

        Raises:
            MalformedData: reason ``sm_missing`` (6987) or ``sm_wrong`` (6988).
        """
        self._step()
        objects = tlv.parse(command.data)
        if not objects or objects[-1].tag != _MAC:
            raise MalformedData("no MAC", reason="sm_missing")
        if not all(item.tag in (_CRYPTOGRAM_PADDED, _CRYPTOGRAM_ODD, _EXPECTED) for item in objects[:-1]):
            raise MalformedData("objects out of place", reason="sm_wrong")
        signed = b"".join(item.raw for item in objects[:-1])
        if not hmac.compare_digest(self._mac(command.header, signed), objects[-1].value):
            raise MalformedData("wrong MAC", reason="sm_wrong")
        data, expected, wide = b"", None, False
        for item in objects[:-1]:
            if item.tag == _EXPECTED:
                wide = len(item.value) == 2
                expected = int.from_bytes(item.value, "big") or (65536 if wide else 256)
            else:
                data = self._plain(item)
        cla = command.cla & ~SECURE_MESSAGING
        return Command(cla, command.ins, command.p1, command.p2, data, expected, extended=wide)

    def seal_response(self, response: Response, *, odd: bool = False) -> Response:
        self._step()
        objects = self._cryptogram(response.data, odd=odd) if response.data else b""
        objects += tlv.build(_STATUS, response.status_word.to_bytes(2, "big"))
        objects += tlv.build(_MAC, self._mac(b"", objects))
        return Response(objects, response.status_word)

    # both

    def _step(self) -> None:
        if self._ended:
            raise SecureMessagingLost("already_ended")
        self._counter = (self._counter + 1) % (1 << (8 * self.suite.block_bytes))

    def _counter_block(self) -> bytes:
        return self._counter.to_bytes(self.suite.block_bytes, "big")

    def _iv(self) -> bytes:
        if self.suite is Suite.TRIPLE_DES:
            return bytes(8)
        return cipher.encrypt_cbc(self.suite, self._key_encryption, self._counter_block())

    def _cryptogram(self, data: bytes, *, odd: bool) -> bytes:
        padded = cipher.pad(data, self.suite.block_bytes)
        body = cipher.encrypt_cbc(self.suite, self._key_encryption, padded, self._iv())
        return tlv.build(_CRYPTOGRAM_ODD, body) if odd else tlv.build(_CRYPTOGRAM_PADDED, b"\x01" + body)

    def _plain(self, item: tlv.Tlv) -> bytes:
        body = item.value
        if item.tag == _CRYPTOGRAM_PADDED:
            if body[:1] != b"\x01":
                raise MalformedData("padding indicator", reason="sm_wrong")
            body = body[1:]
        return cipher.unpad(cipher.decrypt_cbc(self.suite, self._key_encryption, body, self._iv()))

    def _mac(self, header: bytes, objects: bytes) -> bytes:
        block = self.suite.block_bytes
        message = self._counter_block() + (cipher.pad(header, block) if header else b"")
        if objects:
            message = cipher.pad(message + objects, block)
        return cipher.mac(self.suite, self._key_authentication, message)
