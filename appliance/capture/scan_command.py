"""`pue-box scan`: pictures → pages → one PDF/A, by the desk's own path, darkroom included.

Nothing bad is accepted in silence here either: a page that is not as it should be stops the command until `--keep` says why.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

import msgspec

from appliance.capture.darkroom import Darkroom
from appliance.capture.document import MAX_PAGES, document_pdf
from appliance.capture.jobs import Box, Develop, Developed, Measure, Measured, Read, Redact, Redacted, WasRead
from appliance.capture.leaf import Encoding, Leaf
from appliance.capture.recognition.text import plain
from appliance.runtime.files import StorageError, read_bounded, write_atomic
from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PICTURE_LIMIT_BYTES: Final = 32 * 1024 * 1024
PICTURES: Final = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"})
LANGUAGES: Final = ("ita", "deu", "fra", "slv")
REASONS: Final = ("original_is_so", "no_better", "complete")


class NothingToScan(PueError):
    """No pictures were named, or more than a document holds."""

    code = "capture.nothing_named"
    who = WhoCanAct.CLERK


class FileThere(StorageError):
    """The PDF is there already."""

    code = "storage.exists"
    who = WhoCanAct.CLERK


class PageReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one picture. `corners` are fractions of it; sizes are of the finished page."""

    picture: str
    corners: list[tuple[float, float]]
    degrees: int
    width_mm: float
    height_mm: float
    width_px: int
    height_px: int
    dpi: int
    encoding: Encoding
    size_bytes: int
    remarks: list[str]
    grave: list[str]
    redacted: int = 0
    text: str = ""
    found: list[dict[str, str]] = []


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer. `written` is empty where no PDF was made."""

    pages: list[PageReport]
    written: str = ""
    size_bytes: int = 0
    kept_because: str = ""
    problem: str = ""


def add_scan(commands: Any) -> None:
    """Mount `scan`."""
    scan = commands.add_parser(
        "scan", help="make one PDF/A of pictures of paper", description=(__doc__ or "").split("\n\n")[0]
    )
    scan.add_argument(
        "pictures", nargs="+", type=Path, metavar="IMAGE", help="in order; a folder stands for its pictures"
    )
    scan.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="the PDF; without it pictures are only judged"
    )
    scan.add_argument("--force", action="store_true", help="write over a PDF that is there")
    scan.add_argument(
        "--ocr",
        metavar="LANGUAGES",
        type=_languages,
        default=(),
        help="read the text too: ita, deu, fra, slv, joined by +",
    )
    scan.add_argument(
        "--keep", choices=REASONS, metavar="REASON", help=f"keep bad pages: {', '.join(REASONS)}"
    )
    scan.add_argument(
        "--redact",
        action="append",
        type=_redaction,
        default=[],
        metavar="PAGE:LEFT,TOP,RIGHT,BOTTOM",
        help="blacken a place of a page for good, in per cent of its width and height",
    )
    scan.add_argument(
        "--turn",
        action="append",
        type=_turn,
        default=[],
        metavar="PAGE:DEGREES",
        help="turn a page clockwise",
    )
    scan.add_argument(
        "--px-per-mm", type=float, metavar="N", help="the camera's scale on the desk, where it is known"
    )
    scan.add_argument(
        "--measure",
        choices=("a4", "a5", "id1"),
        help="make no pages: each picture shows one such paper alone, and the camera's scale is said",
    )
    scan.add_argument("--json", action="store_true", help="answer as JSON; it holds the text that was read")
    scan.set_defaults(run=scan_command)


def _languages(text: str) -> tuple[str, ...]:
    named = tuple(text.split("+"))
    if not named or any(one not in LANGUAGES for one in named):
        raise argparse.ArgumentTypeError(f"say one or more of {', '.join(LANGUAGES)}, joined by +")
    return named


def _redaction(text: str) -> tuple[int, Box]:
    page, _, places = text.partition(":")
    with contextlib.suppress(ValueError):
        left, top, right, bottom = (float(place) / 100 for place in places.split(","))
        if int(page) >= 1 and 0 <= left < right <= 1 and 0 <= top < bottom <= 1:
            return int(page), (left, top, right, bottom)
    raise argparse.ArgumentTypeError("say the page and four places in per cent, for example 2:10,20,60,25")


def _turn(text: str) -> tuple[int, int]:
    page, _, degrees = text.partition(":")
    with contextlib.suppress(ValueError):
        if int(page) >= 1 and int(degrees) in {0, 90, 180, 270}:
            return int(page), int(degrees)
    raise argparse.ArgumentTypeError("say the page and 0, 90, 180 or 270 degrees, for example 2:90")


def scan_command(arguments: argparse.Namespace) -> int:
    """0: every page is good or was kept; 1: a page is not, nothing was written."""
    if arguments.output is not None and not arguments.force and os.path.lexists(arguments.output):
        raise FileThere(f"{arguments.output.name} is there already; say --force", file=arguments.output.name)
    pictures = named_pictures(arguments.pictures)
    if arguments.measure:
        return _measured(arguments, pictures)
    _refuse_pages_that_are_not_there(arguments, len(pictures))
    with contextlib.closing(Darkroom()) as darkroom:
        made = list(_pages(arguments, pictures, darkroom))
    leaves, pages = [leaf for leaf, _ in made], [report for _, report in made]
    report = _finish(arguments, leaves, pages)
    _print(report, as_json=arguments.json)
    return 1 if report.problem else 0


def _measured(arguments: argparse.Namespace, pictures: list[Path]) -> int:
    """Say the scale as the desk's settings want it: the middle one of all pictures."""
    scales = []
    with contextlib.closing(Darkroom()) as darkroom:
        for path in pictures:
            job = Measure(picture=read_bounded(path, limit_bytes=PICTURE_LIMIT_BYTES), kind=arguments.measure)
            with _naming(path):
                scales.append(darkroom.ask(job, Measured).px_per_mm)
    scale = round(statistics.median(scales), 3)
    _say(
        msgspec.json.encode({"px_per_mm": scale}).decode()
        if arguments.json
        else f"[paper]\npx_per_mm = {scale}"
    )
    return 0


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """What goes wrong is said with the picture's name."""
    try:
        yield
    except PueError as error:
        error.args = (f"{path.name}: {error}",)
        raise


def named_pictures(paths: Sequence[Path]) -> list[Path]:
    """Files as named; a folder's pictures in the order of their names.

    Raises:
        NothingToScan: none, or more than a document holds.
        StorageError: a folder cannot be read.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(one for one in path.iterdir() if one.suffix.lower() in PICTURES)
        else:
            found.append(path)
    if not 1 <= len(found) <= MAX_PAGES:
        raise NothingToScan(f"name 1 to {MAX_PAGES} pictures; there are {len(found)}", pictures=len(found))
    return found


def _refuse_pages_that_are_not_there(arguments: argparse.Namespace, pages: int) -> None:
    wrong = [page for page, _ in (*arguments.redact, *arguments.turn) if page > pages]
    if wrong:
        raise NothingToScan(f"there is no page {wrong[0]}; there are {pages}", page=wrong[0], pages=pages)


def _pages(
    arguments: argparse.Namespace, pictures: list[Path], darkroom: Darkroom
) -> Iterator[tuple[Leaf, PageReport]]:
    turns = dict(arguments.turn)
    earlier: list[bytes] = []
    for number, path in enumerate(pictures, 1):
        if not arguments.json:
            _say(f"{number} of {len(pictures)}: {path.name} …", sys.stderr)
        with _naming(path):
            job = Develop(
                picture=read_bounded(path, limit_bytes=PICTURE_LIMIT_BYTES),
                degrees=turns.get(number),
                px_per_mm=arguments.px_per_mm,
                earlier=tuple(earlier),
            )
            developed = darkroom.ask(job, Developed)
            earlier.append(developed.likeness)
            made = _finished(arguments, darkroom, path.name, number, developed)
        yield made


def _finished(
    arguments: argparse.Namespace, darkroom: Darkroom, name: str, number: int, developed: Developed
) -> tuple[Leaf, PageReport]:
    leaf = developed.leaf
    boxes = tuple(box for page, box in arguments.redact if page == number)
    if boxes:
        leaf = darkroom.ask(Redact(leaf=leaf, boxes=boxes), Redacted).leaf
    read = None
    if arguments.ocr:
        read = darkroom.ask(Read(leaf=leaf, languages=arguments.ocr), WasRead, limit_s=120.0)
        leaf = msgspec.structs.replace(leaf, words=read.words)
    return leaf, PageReport(
        picture=name,
        corners=list(developed.corners or ()),
        degrees=developed.degrees,
        width_mm=round(leaf.width_mm, 1),
        height_mm=round(leaf.height_mm, 1),
        width_px=leaf.width_px,
        height_px=leaf.height_px,
        dpi=round(leaf.width_px / leaf.width_mm * 25.4),
        encoding=leaf.encoding,
        size_bytes=len(leaf.image),
        remarks=list(developed.remarks),
        grave=list(developed.grave),
        redacted=len(boxes),
        text=plain(leaf.words),
        found=[{"kind": one.kind, "value": one.value} for one in read.found] if read else [],
    )


def _finish(arguments: argparse.Namespace, leaves: list[Leaf], pages: list[PageReport]) -> Report:
    bad = [number for number, page in enumerate(pages, 1) if page.grave]
    if bad and not arguments.keep:
        numbers = ", ".join(map(str, bad))
        return Report(
            pages=pages,
            problem=f"page {numbers}: take it again, or say with --keep why it is kept; nothing was written",
        )
    if arguments.output is None:
        return Report(pages=pages)
    pdf = document_pdf(leaves, language=arguments.ocr[0][:2] if arguments.ocr else "it")
    write_atomic(arguments.output, pdf)
    return Report(
        pages=pages,
        written=str(arguments.output),
        size_bytes=len(pdf),
        kept_because=arguments.keep if bad else "",
    )


def _say(line: str, where: TextIO | None = None) -> None:
    (where or sys.stdout).write(line + "\n")
    (where or sys.stdout).flush()


def _print(report: Report, *, as_json: bool) -> None:
    if as_json:
        _say(msgspec.json.encode(report).decode())
        return
    for number, page in enumerate(report.pages, 1):
        size = f"{page.width_mm:g} × {page.height_mm:g} mm, {page.dpi} dpi, {page.encoding}, {page.size_bytes / 1024:.0f} kB"
        _say(f"{number}. {page.picture}: {size}")
        for remark in page.remarks:
            _say(f"   {'!' if remark in page.grave else '-'} {remark}")
    if report.problem:
        _say(f"pue-box: {report.problem} (scan.page_not_judged)", sys.stderr)
    elif report.written:
        _say(f"{report.written}: {len(report.pages)} pages, {report.size_bytes / 1024:.0f} kB")
