"""Canonical bytes of a message, and what a message does with words it does not know.

Encoding is JSON with sorted keys, no insignificant spaces and every field present, so
equal values give equal bytes and a signature over them holds (the spirit of RFC 8785,
restricted to what our structs can hold). Decoding is strict about the fields we know
and keeps those we do not: a letter from a newer box passes through an older fleet whole
(docs/decisions/0004).
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from contracts.errors import InvalidMessage
from contracts.settled import settled

MAX_MESSAGE_BYTES = 65_536
"""Bound of one message on any wire of ours (the broker's `message_size_limit`)."""

Residue = dict[str, Any]


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """Base of everything that travels.

    Attributes:
        residue: fields that arrived and this version does not know, nested as they came.
            They are written back by `encode` and never interpreted.
    """

    residue: Residue = msgspec.field(default_factory=dict)


M = TypeVar("M", bound=Message)

_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder(order="sorted")


def to_plain(message: msgspec.Struct) -> dict[str, Any]:
    """The message as JSON-ready values, with its residue merged back where it came from."""
    plain: dict[str, Any] = msgspec.to_builtins(message)
    _drop_residue(plain)
    residue = getattr(message, "residue", None)
    return _merged(residue, plain) if residue else plain


def from_plain(kind: type[M], plain: object) -> M:
    """Build a message from decoded JSON.

    Raises:
        InvalidMessage: a known field is missing or of the wrong type; the sentence names it.
    """
    if not isinstance(plain, dict):
        msg = "a message must be a JSON object"
        raise InvalidMessage(msg, kind=kind.__name__)
    given = {key: value for key, value in plain.items() if key != "residue"}
    try:
        message = msgspec.convert(given, settled(kind), strict=True)
    except (msgspec.ValidationError, ValueError, RecursionError) as why:
        raise InvalidMessage(f"{kind.__name__}: {why}", kind=kind.__name__) from None
    left_over = _difference(given, to_plain(message))
    return msgspec.structs.replace(message, residue=left_over) if left_over else message


def encode(message: msgspec.Struct) -> bytes:
    """Canonical bytes of a message."""
    return _encoder.encode(to_plain(message))


def decode(kind: type[M], data: bytes | bytearray | memoryview, *, limit: int = MAX_MESSAGE_BYTES) -> M:
    """Parse bytes from outside.

    Args:
        kind: the message expected.
        data: JSON, UTF-8.
        limit: refuse more bytes than this before looking at them.

    Raises:
        InvalidMessage: too large, not JSON, or not this message.
    """
    if len(data) > limit:
        msg = f"{kind.__name__}: {len(data)} bytes, at most {limit} are read"
        raise InvalidMessage(msg, kind=kind.__name__, limit_bytes=limit)
    try:
        plain = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidMessage(f"{kind.__name__}: not JSON", kind=kind.__name__) from None
    return from_plain(kind, plain)


def _drop_residue(plain: object) -> None:
    if isinstance(plain, dict):
        plain.pop("residue", None)
        for value in plain.values():
            _drop_residue(value)
    elif isinstance(plain, list):
        for value in plain:
            _drop_residue(value)


def _difference(given: dict[str, Any], known: dict[str, Any]) -> Residue:
    """What `given` holds beyond `known`. Lists are compared only when equally long."""
    beyond: Residue = {}
    for key, value in given.items():
        if key not in known:
            beyond[key] = value
            continue
        nested = _difference_of(value, known[key])
        if nested:
            beyond[key] = nested
    return beyond


def _difference_of(value: object, known: object) -> Any:
    if isinstance(value, dict) and isinstance(known, dict):
        return _difference(value, known)
    if isinstance(value, list) and isinstance(known, list) and len(value) == len(known):
        parts = [_difference_of(mine, theirs) or {} for mine, theirs in zip(value, known, strict=True)]
        return parts if any(parts) else None
    return None


def _merged(residue: Any, known: Any) -> Any:
    if isinstance(residue, dict) and isinstance(known, dict):
        whole = dict(residue)
        whole.update({key: _merged(residue.get(key), value) for key, value in known.items()})
        return whole
    if isinstance(residue, list) and isinstance(known, list) and len(residue) == len(known):
        return [_merged(mine, theirs) for mine, theirs in zip(residue, known, strict=True)]
    return known
