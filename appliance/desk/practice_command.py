"""`pue-box practice`: what the catalogue holds, whether a file of it is sound, and the shape such files have."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path
from typing import Any

import msgspec

from appliance.desk.wording import ROME, day_figures
from appliance.runtime.files import read_bounded
from contracts.practices import catalogue, lint
from contracts.practices.yaml_text import MAX_FILE_BYTES


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a practice."""

    key: str
    name: str
    area: str
    body: str
    valido_dal: dt.date
    valido_al: dt.date | None
    in_force: bool


def add_commands(commands: Any) -> None:
    """Mount `practice`."""
    practice = commands.add_parser("practice", help="the catalogue of practices")
    parts = practice.add_subparsers(required=True, metavar="COMMAND")
    listed = parts.add_parser("list", help="what this box can serve")
    listed.add_argument("--json", action="store_true", help="answer as JSON: a list, one entry a version")
    listed.set_defaults(run=list_command)
    judged = parts.add_parser(
        "lint",
        help="judge files of practices",
        description="Tell every mistake of each file with its line and what to do.",
        epilog="Exit code 1: one of the files has a mistake.",
    )
    judged.add_argument("files", nargs="+", type=Path, metavar="FILE", help="as `<id>.<year-month>.yaml`")
    judged.add_argument(
        "--with",
        dest="folder",
        type=Path,
        metavar="FOLDER",
        help=f"where {catalogue.BLOCKS_FILE} and {catalogue.STATES_FILE} are, if not those that ship",
    )
    judged.add_argument("--json", action="store_true", help="answer as JSON: a list, one entry a mistake")
    judged.set_defaults(run=lint_command)
    schema = parts.add_parser(
        "schema", help="JSON Schema of a practice's file, for editors and other programs"
    )
    schema.set_defaults(run=schema_command)


def list_command(arguments: argparse.Namespace) -> int:
    """All versions, those in force today marked."""
    today = dt.datetime.now(ROME).date()
    shipped = catalogue.shipped()
    now = {practice.key for practice in shipped.on(today)}
    rows = [
        Listed(
            key=practice.key,
            name=practice.name,
            area=practice.area,
            body=practice.body,
            valido_dal=practice.valido_dal,
            valido_al=practice.valido_al,
            in_force=practice.key in now,
        )
        for practice in sorted(shipped.practices, key=lambda practice: (practice.area, practice.key))
    ]
    if arguments.json:
        _say(msgspec.json.encode(rows).decode())
        return 0
    for row in rows:
        until = f" to {day_figures(row.valido_al)}" if row.valido_al else ""
        state = "" if row.in_force else "  (not in force today)"
        _say(f"{row.key:36} {row.body:8} from {day_figures(row.valido_dal)}{until}  {row.name}{state}")
    return 0


def lint_command(arguments: argparse.Namespace) -> int:
    """Every mistake as ``file:line: where: what``."""
    blocks, states = catalogue.shared(_shared_files(arguments.folder))
    found = [
        one
        for file in arguments.files
        for one in lint.lint(str(file), read_bounded(file, limit_bytes=MAX_FILE_BYTES), blocks, states)
    ]
    if arguments.json:
        _say(msgspec.json.encode(found).decode())
    else:
        for one in found:
            _say(f"{one.file}:{one.line}: {f'{one.where}: ' if one.where else ''}{one.says}")
        if not found:
            _say(
                f"good: {len(arguments.files)} file{'s' if len(arguments.files) > 1 else ''} without a mistake"
            )
    return 1 if found else 0


def _shared_files(folder: Path | None) -> dict[str, bytes]:
    if folder is None:
        return catalogue.shipped_files()
    names = (catalogue.BLOCKS_FILE, catalogue.STATES_FILE)
    return {
        name: read_bounded(folder / name, limit_bytes=MAX_FILE_BYTES)
        for name in names
        if (folder / name).exists()
    }


def schema_command(arguments: argparse.Namespace) -> int:
    """The schema on standard output."""
    del arguments
    sys.stdout.write(lint.schema_text())
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
