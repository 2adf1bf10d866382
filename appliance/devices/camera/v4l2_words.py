"""What the V4L2 driver and its child say to each other. Values only; they travel as MessagePack."""

from __future__ import annotations

import msgspec


class Word(msgspec.Struct, frozen=True, kw_only=True, tag_field="word", tag=str.lower):
    """One message."""


class Open(Word, frozen=True, kw_only=True):
    """Open a camera; the first message to a child.

    Attributes:
        path: of the device, or of a file of moving pictures that plays the camera.
        width, height: wished of the camera, which may choose others.
        preview_px: the longer side of a small picture.
        turn_deg: turn pictures clockwise.
        focus, exposure: fixed, in the camera's own steps; None: by itself.
    """

    path: str
    width: int
    height: int
    preview_px: int
    turn_deg: int
    focus: int | None
    exposure: int | None


class Take(Word, frozen=True, kw_only=True):
    """Give a picture of now, full or small."""

    full: bool


class Focus(Word, frozen=True, kw_only=True):
    """Look for the focus anew."""


class Opened(Word, frozen=True, kw_only=True):
    """It runs.

    Attributes:
        width, height: of full pictures, before they are turned.
        unknown: the settings that this camera cannot follow.
    """

    width: int
    height: int
    unknown: tuple[str, ...]


class Taken(Word, frozen=True, kw_only=True):
    """A JPEG."""

    jpeg: bytes


class Focused(Word, frozen=True, kw_only=True):
    """It was asked to; `moves` tells whether the camera has an autofocus to ask."""

    moves: bool


class Failed(Word, frozen=True, kw_only=True):
    """Nothing came; `reason` is a word for the log."""

    reason: str


Question = Open | Take | Focus
Reply = Opened | Taken | Focused | Failed
