"""tus 1.0.0 as far as the post speaks it: what a request asks for, decided from its headers alone.

https://tus.io/protocols/resumable-upload, version 1.0.0: the core protocol and the extension *creation*. Deferred
lengths, concatenation, checksums and termination are not offered; a letter is never taken back.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final

import msgspec

from contracts import codec
from contracts.errors import PueError, WhoCanAct
from contracts.messages.letters import MAX_LETTER_BYTES, Label

VERSION: Final = "1.0.0"
MEDIA_TYPE: Final = "application/offset+octet-stream"
OFFER: Final = {
    "Tus-Resumable": VERSION,
    "Tus-Version": VERSION,
    "Tus-Extension": "creation",
    "Tus-Max-Size": str(MAX_LETTER_BYTES),
}
MAX_METADATA_CHARS: Final = 6_144
MAX_LABEL_BYTES: Final = 4_096
_LONGEST_NUMBER: Final = 12


class TusRefused(PueError):
    """A request that tus 1.0.0 or the post does not allow. `http_status` is the status it is answered with."""

    code = "tus.refused"
    who = WhoCanAct.OPERATOR
    http_status = 400


class VersionUnknown(TusRefused):
    """Another version of the protocol."""

    code = "tus.version"
    http_status = 412


class TooLarge(TusRefused):
    """More bytes than a letter may have."""

    code = "letter.too_large"
    http_status = 413


class WrongMediaType(TusRefused):
    """A PATCH that is not a piece of an upload."""

    code = "tus.media_type"
    http_status = 415


class WrongOffset(TusRefused):
    """The piece does not begin where the upload stands; `offset` says where it does."""

    code = "tus.offset"
    who = WhoCanAct.WAIT
    http_status = 409


class TerminationRefused(TusRefused):
    """Letters are not taken back."""

    code = "tus.no_termination"
    http_status = 405


def check_version(headers: Mapping[str, str]) -> None:
    """Every request but OPTIONS names the version.

    Raises:
        VersionUnknown: it does not, or it is not ours.
    """
    if headers.get("Tus-Resumable") != VERSION:
        raise VersionUnknown(f"this post speaks tus {VERSION}: say so in Tus-Resumable", version=VERSION)


def creation(headers: Mapping[str, str]) -> Label:
    """The label of a letter that is about to come.

    Raises:
        TooLarge: of the length announced.
        TusRefused: no length, no label, or the two disagree.
        InvalidMessage: the label is not a `Label`.
    """
    length = _number(headers, "Upload-Length")
    if length > MAX_LETTER_BYTES:
        raise TooLarge("larger than a letter may be", size_bytes=length, limit_bytes=MAX_LETTER_BYTES)
    label = codec.decode(Label, _label_bytes(headers.get("Upload-Metadata", "")), limit=MAX_LABEL_BYTES)
    if label.size_bytes != length:
        raise TusRefused(
            "Upload-Length is not the size on the label", size_bytes=label.size_bytes, length=length
        )
    return label


def _label_bytes(metadata: str) -> bytes:
    """Value of the key ``label`` in ``key base64, key base64, …``."""
    if len(metadata) > MAX_METADATA_CHARS:
        raise TusRefused(f"Upload-Metadata has more than {MAX_METADATA_CHARS} characters")
    for pair in metadata.split(","):
        key, _, value = pair.strip().partition(" ")
        if key == "label":
            try:
                return base64.b64decode(value, validate=True)
            except binascii.Error:
                raise TusRefused("the label in Upload-Metadata is not base64") from None
    raise TusRefused("Upload-Metadata carries no label")


class Piece(msgspec.Struct, frozen=True):
    """A piece of an upload: where it begins, and how many bytes may follow."""

    offset: int
    at_most_bytes: int


def patch(headers: Mapping[str, str], *, held_bytes: int, length_bytes: int) -> Piece:
    """The piece a PATCH brings.

    Args:
        headers: of the request.
        held_bytes: how much of the letter is on disk.
        length_bytes: how long it will be.

    Raises:
        WrongMediaType, WrongOffset, TooLarge, TusRefused: see their sentences.
    """
    if headers.get("Content-Type", "").partition(";")[0].strip() != MEDIA_TYPE:
        raise WrongMediaType(f"a piece has the media type {MEDIA_TYPE}")
    offset = _number(headers, "Upload-Offset")
    if offset != held_bytes:
        raise WrongOffset("the upload stands elsewhere", offset=held_bytes, given=offset)
    left = length_bytes - held_bytes
    announced = headers.get("Content-Length")
    if announced is not None and _number(headers, "Content-Length") > left:
        raise TooLarge("the piece is longer than what is left of the letter", left_bytes=left)
    return Piece(offset, left)


def _number(headers: Mapping[str, str], name: str) -> int:
    text = headers.get(name, "")
    # isascii: str.isdigit is true of digits int() refuses.
    if not (text.isascii() and text.isdigit()) or len(text) > _LONGEST_NUMBER:
        raise TusRefused(f"{name} must be a whole number")
    return int(text)
