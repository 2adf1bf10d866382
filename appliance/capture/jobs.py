"""What can be asked of the darkroom, and what it answers. Values only; they travel as MessagePack."""

from __future__ import annotations

from typing import Literal

import msgspec

from appliance.capture.geometry import Corners
from appliance.capture.leaf import Leaf, Word
from contracts.errors import Problem

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of a page."""


class Job(msgspec.Struct, frozen=True, kw_only=True, tag_field="job", tag=str.lower):
    """Something to be done with a picture."""


class Look(Job, frozen=True, kw_only=True):
    """Say what is under the camera now.

    Attributes:
        frame: a live picture (JPEG).
        at_s: when it was taken, on any clock that only goes forward.
        anew: nothing that was seen before counts (another sitting, another paper).
    """

    frame: bytes
    at_s: float
    anew: bool = False


class Develop(Job, frozen=True, kw_only=True):
    """Make a page of a picture.

    Attributes:
        picture: JPEG, PNG, TIFF or WebP; nobody has looked at it yet.
        corners: the clerk's own; None: find them.
        degrees: to turn clockwise; None: find the upright one.
        px_per_mm: of the full picture on the desk's surface, where the camera's height is known.
        earlier: likenesses of the pages there are already.
    """

    picture: bytes
    corners: Corners | None = None
    degrees: int | None = None
    px_per_mm: float | None = None
    earlier: tuple[bytes, ...] = ()


class Measure(Job, frozen=True, kw_only=True):
    """Find the camera's scale.

    Attributes:
        picture: a paper of known size, alone on the desk.
        kind: `a4`, `a5` or `id1`.
    """

    picture: bytes
    kind: Literal["a4", "a5", "id1"]


class Redact(Job, frozen=True, kw_only=True):
    """Blacken places of a finished page."""

    leaf: Leaf
    boxes: tuple[Box, ...]


class Read(Job, frozen=True, kw_only=True):
    """Read what stands on a finished page.

    Attributes:
        languages: as Tesseract names them, the first one first.
        asked: id of the paper this page was taken for.
    """

    leaf: Leaf
    languages: tuple[str, ...] = ("ita",)
    asked: str = ""


class ReadLines(Job, frozen=True, kw_only=True):
    """Read the printed lines (MRZ) of the identity document in a picture."""

    picture: bytes


class ReadBarcodes(Job, frozen=True, kw_only=True):
    """Read the bar codes in a picture."""

    picture: bytes


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag_field="answer", tag=str.lower):
    """What came of a job."""


class Refused(Answer, frozen=True, kw_only=True):
    """Nothing, and why."""

    problem: Problem


class Looked(Answer, frozen=True, kw_only=True):
    """See `contracts.desk_api.clerk.LookView`.

    Attributes:
        shoot: the page lies still and was not photographed yet: now.
    """

    corners: Corners | None
    hint: str
    steady: float
    shoot: bool


class Developed(Answer, frozen=True, kw_only=True):
    """A page.

    Attributes:
        seen: the page as the clerk looks at it (JPEG, at most 1600 pixels).
        corners: of the sheet in the picture; None: the whole picture is the page.
        degrees: it was turned clockwise.
        remarks: codes of what is not as it should be, gravest first; `grave` those that a clerk must judge.
        likeness: see `appliance.capture.likeness`.
    """

    leaf: Leaf
    seen: bytes
    corners: Corners | None
    degrees: int
    remarks: tuple[str, ...]
    grave: tuple[str, ...]
    likeness: bytes


class Measured(Answer, frozen=True, kw_only=True):
    """Attributes: `px_per_mm`: of the full picture on the desk's surface."""

    px_per_mm: float


class Redacted(Answer, frozen=True, kw_only=True):
    """The page without what was under the boxes."""

    leaf: Leaf
    seen: bytes


class FoundHere(msgspec.Struct, frozen=True, kw_only=True):
    """Something read on a page.

    Attributes:
        value: canonical.
        shown: as printed.
        repaired: a sign was read as one that looks like it, and put right because only so the number's own check holds.
    """

    kind: str
    value: str
    shown: str
    box: Box
    repaired: bool = False


class WasRead(Answer, frozen=True, kw_only=True):
    """What stands on a page.

    Attributes:
        looks_like: id of the paper it seems to be, where that is not the one that was asked for.
    """

    words: tuple[Word, ...]
    found: tuple[FoundHere, ...]
    looks_like: str = ""


class LinesHere(msgspec.Struct, frozen=True, kw_only=True):
    """A machine readable zone whose check digits all hold.

    Attributes:
        layout: TD1, TD2 or TD3.
        lines: as printed.
        confidence: of each sign, line by line, from 0 to 1.
        sure: no sign is doubtful. A name has no check digit: only this tells a wrong one.
    """

    layout: str
    lines: tuple[str, ...]
    confidence: tuple[tuple[float, ...], ...]
    sure: bool


class BarcodeHere(msgspec.Struct, frozen=True, kw_only=True):
    """One bar code.

    Attributes:
        kind: code39, code128, pdf417, qr or datamatrix.
        text: what it says.
        codice_fiscale: the same, if that is what it is.
    """

    kind: str
    text: str
    codice_fiscale: str = ""


class LinesRead(Answer, frozen=True, kw_only=True):
    """The document's lines; None: there are none, or none whose check digits hold."""

    zone: LinesHere | None


class BarcodesRead(Answer, frozen=True, kw_only=True):
    """All codes of the picture."""

    codes: tuple[BarcodeHere, ...]


AnyJob = Look | Develop | Measure | Redact | Read | ReadLines | ReadBarcodes
AnyAnswer = Refused | Looked | Developed | Measured | Redacted | WasRead | LinesRead | BarcodesRead

MESSAGE_LIMIT_BYTES = 64 * 1024 * 1024
"""More than any picture of a desk with its page."""
