"""Two ways to agree on a secret, one shape: Diffie-Hellman over numbers and over curves.

Public values travel as bytes exactly as the card writes them; every foreign value is checked before use
(BSI TR-03110-3 A.2.2: on the curve, in the group, never the trivial element).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from appliance.cards.curves import Curve
from appliance.cards.dh_groups import DhGroup
from appliance.cards.errors import MalformedData

RandomBytes = Callable[[int], bytes]
"""How many bytes are wanted → that many unpredictable bytes."""


class KeyAgreement(Protocol):
    @property
    def public_tag(self) -> int:
        """The tag of a public value inside an authentication token: 0x84 or 0x86."""

    @property
    def base(self) -> bytes:
        """The standard generator, encoded."""

    def private_key(self, random_bytes: RandomBytes) -> int: ...

    def public_key(self, private: int, base: bytes) -> bytes: ...

    def map_generic(self, nonce: int, private: int, peer: bytes) -> bytes:
        """The ephemeral generator of PACE generic mapping, encoded."""

    def shared_secret(self, private: int, peer: bytes) -> bytes: ...


def _below(order: int, random_bytes: RandomBytes) -> int:
    """A number in 1 … order-1, without bias."""
    size, mask = (order.bit_length() + 7) // 8, (1 << order.bit_length()) - 1
    for _ in range(200):
        candidate = int.from_bytes(random_bytes(size), "big") & mask
        if 0 < candidate < order:
            return candidate
    raise MalformedData("the source of randomness does not work", reason="randomness")


class DhAgreement:
    public_tag = 0x84

    def __init__(self, group: DhGroup) -> None:
        self.group = group

    @property
    def base(self) -> bytes:
        return self._encode(self.group.g)

    def private_key(self, random_bytes: RandomBytes) -> int:
        return _below(self.group.q or (self.group.p - 1) // 2, random_bytes)

    def public_key(self, private: int, base: bytes) -> bytes:
        return self._encode(pow(self._decode(base), private, self.group.p))

    def map_generic(self, nonce: int, private: int, peer: bytes) -> bytes:
        p = self.group.p
        mapped = pow(self.group.g, nonce, p) * pow(self._decode(peer), private, p) % p
        return self._encode(self._checked(mapped))

    def shared_secret(self, private: int, peer: bytes) -> bytes:
        return self._encode(self._checked(pow(self._decode(peer), private, self.group.p)))

    def _encode(self, value: int) -> bytes:
        return value.to_bytes(self.group.value_bytes, "big")

    def _decode(self, raw: bytes) -> int:
        if len(raw) > self.group.value_bytes:
            raise MalformedData("a public value longer than its group", reason="dh_value")
        value = self._checked(int.from_bytes(raw, "big"))
        if self.group.q is not None and pow(value, self.group.q, self.group.p) != 1:
            raise MalformedData("a public value outside its subgroup", reason="dh_value")
        return value

    def _checked(self, value: int) -> int:
        if not 1 < value < self.group.p - 1:
            raise MalformedData("a trivial public value", reason="dh_value")
        return value


class EcAgreement:
    public_tag = 0x86

    def __init__(self, curve: Curve) -> None:
        self.curve = curve

    @property
    def base(self) -> bytes:
        return self.curve.encode(self.curve.generator)

    def private_key(self, random_bytes: RandomBytes) -> int:
        return _below(self.curve.n, random_bytes)

    def public_key(self, private: int, base: bytes) -> bytes:
        return self.curve.encode(self.curve.multiply(private, self.curve.decode(base)))

    def map_generic(self, nonce: int, private: int, peer: bytes) -> bytes:
        shared = self.curve.multiply(private, self.curve.decode(peer))
        if nonce % self.curve.n == 0:
            return self.curve.encode(shared)
        return self.curve.encode(self.curve.add(self.curve.multiply(nonce, self.curve.generator), shared))

    def shared_secret(self, private: int, peer: bytes) -> bytes:
        x, _ = self.curve.multiply(private, self.curve.decode(peer))
        return x.to_bytes(self.curve.field_bytes, "big")
