"""`pue-box mrz` and `pue-box barcode`: what a camera can read of a card or a paper, by the desk's own path, darkroom included."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from appliance.capture.darkroom import Darkroom
from appliance.capture.jobs import BarcodeHere, BarcodesRead, LinesHere, LinesRead, ReadBarcodes, ReadLines
from appliance.runtime.files import read_bounded
from contracts.errors import PueError

PICTURE_LIMIT_BYTES: Final = 32 * 1024 * 1024
LEAST_SURE: Final = 0.7
R = TypeVar("R")


class LinesReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of one picture. `zone` is null where no zone holds its check digits."""

    picture: str
    zone: LinesHere | None


class BarcodeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of one picture."""

    picture: str
    codes: tuple[BarcodeHere, ...]


def add_codes(commands: Any) -> None:
    """Mount `mrz` and `barcode`."""
    mrz = commands.add_parser(
        "mrz",
        help="read the printed lines of a document in a picture",
        description="Read the machine readable zone (TD1, TD2, TD3) of the document in each picture.",
        epilog="Exit code 1: in one of the pictures there is none, or its check digits do not hold.",
    )
    mrz.set_defaults(run=mrz_command)
    barcode = commands.add_parser(
        "barcode",
        help="read the bar codes in a picture",
        description="Read Code 39, Code 128, PDF417, QR and Data Matrix codes in each picture.",
        epilog="Exit code 1: in one of the pictures there is none that can be read.",
    )
    barcode.set_defaults(run=barcode_command)
    for parser in (mrz, barcode):
        parser.add_argument(
            "pictures", nargs="+", type=Path, metavar="IMAGE", help="JPEG, PNG, TIFF, WebP or BMP"
        )
        parser.add_argument("--json", action="store_true", help="answer as JSON: a list, one entry a picture")


def mrz_command(arguments: argparse.Namespace) -> int:
    """0: every picture has a zone that holds."""

    def read(darkroom: Darkroom, name: str, picture: bytes) -> LinesReport:
        return LinesReport(picture=name, zone=darkroom.ask(ReadLines(picture=picture), LinesRead).zone)

    reports = _each(arguments.pictures, read)
    if arguments.json:
        _say(msgspec.json.encode(reports).decode())
    else:
        for report in reports:
            _say_zone(report)
    return 0 if all(report.zone for report in reports) else 1


def barcode_command(arguments: argparse.Namespace) -> int:
    """0: every picture has at least one code."""

    def read(darkroom: Darkroom, name: str, picture: bytes) -> BarcodeReport:
        return BarcodeReport(
            picture=name, codes=darkroom.ask(ReadBarcodes(picture=picture), BarcodesRead).codes
        )

    reports = _each(arguments.pictures, read)
    if arguments.json:
        _say(msgspec.json.encode(reports).decode())
    else:
        for report in reports:
            _say_codes(report)
    return 0 if all(report.codes for report in reports) else 1


def _each(paths: list[Path], read: Callable[[Darkroom, str, bytes], R]) -> list[R]:
    """What is read of each picture; a refusal names its file."""
    reports = []
    with contextlib.closing(Darkroom()) as darkroom:
        for path in paths:
            try:
                picture = read_bounded(path, limit_bytes=PICTURE_LIMIT_BYTES)
                reports.append(read(darkroom, path.name, picture))
            except PueError as error:
                error.args = (f"{path.name}: {error}",)
                raise
    return reports


def _say_zone(report: LinesReport) -> None:
    if report.zone is None:
        _say(f"{report.picture}: no printed lines whose check digits hold", sys.stderr)
        return
    sure = "" if report.zone.sure else ", not sure of the signs marked below"
    _say(f"{report.picture}: {report.zone.layout}{sure}")
    for line, confidence in zip(report.zone.lines, report.zone.confidence, strict=True):
        _say(f"  {line}")
        if any(value < LEAST_SURE for value in confidence):
            _say("  " + "".join("?" if value < LEAST_SURE else " " for value in confidence).rstrip())


def _say_codes(report: BarcodeReport) -> None:
    if not report.codes:
        _say(f"{report.picture}: no bar code that can be read", sys.stderr)
    for code in report.codes:
        plain = "".join(sign if sign.isprintable() else " " for sign in code.text)
        _say(f"{report.picture}: {code.kind} {plain}{' (codice fiscale)' if code.codice_fiscale else ''}")


def _say(line: str, where: Any = None) -> None:
    (where or sys.stdout).write(line + "\n")
