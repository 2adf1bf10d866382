"""Boxes as CSV (RFC 4180): out for auditors, in for a province at once. In is all or nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy.orm import Session

from contracts.errors import PueError
from contracts.identity import box_name, site_name
from fleet.registry import boxes
from fleet.registry.boxes import Box
from fleet.settings import Boxes

COLUMNS: Final = (
    "box",
    "site",
    "istat",
    "comune",
    "provincia",
    "office",
    "state",
    "created_at",
    "enrolled_at",
)
MAX_ROWS: Final = 20_000


class TableRefused(PueError):
    """The CSV is not a list of boxes; the sentence names the line. Nothing of it was taken."""

    code = "fleet.table_refused"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the file: a box to be made. `name` is None when it is ours to choose."""

    site: str
    name: str | None
    office: str


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A box that was made, and its one-time token."""

    box: str
    site: str
    token: str


def export(rows: Iterable[Box]) -> str:
    """All boxes as CSV with a heading; cells that a spreadsheet would run as a formula are defused."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        site = row.site
        enrolled = row.enrolled_at.isoformat() if row.enrolled_at else ""
        cells = [row.box, site.site, site.istat, site.comune, site.provincia, site.office]
        writer.writerow([_harmless(c) for c in [*cells, row.state, row.created_at.isoformat(), enrolled]])
    return text.getvalue()


def read(text: str) -> list[Wanted]:
    """Parse a file with at least the column ``site``; ``name`` and ``office`` are optional.

    Raises:
        TableRefused: not CSV, no such column, a bad name, too many rows; says in which line.
    """
    reader = csv.DictReader(io.StringIO(text), strict=True)
    wanted: list[Wanted] = []
    try:
        if "site" not in (reader.fieldnames or []):
            msg = "the first line must name the columns; `site` is needed, `name` and `office` may be there"
            raise TableRefused(msg)
        for row in reader:
            if len(wanted) >= MAX_ROWS:
                msg = f"at most {MAX_ROWS} boxes at once"
                raise TableRefused(msg)
            name = (row.get("name") or "").strip() or None
            site = site_name((row.get("site") or "").strip().lower())
            office = (row.get("office") or "").strip()[:120]
            wanted.append(Wanted(site=site, name=box_name(name) if name else None, office=office))
    except (csv.Error, ValueError) as why:
        raise TableRefused(f"line {reader.line_num}: {why}", line=reader.line_num) from None
    return wanted


def add_all(
    session: Session, rows: Sequence[Wanted], *, now: datetime, first: Boxes, life: timedelta
) -> list[Made]:
    """Make all boxes of a file, each with a token, in the caller's one transaction.

    Raises:
        BoxExists, SiteUnknown: nothing was made.
    """
    made: list[Made] = []
    for row in rows:
        box = boxes.add_box(session, row.site, now=now, first=first, name=row.name, office=row.office)
        made.append(Made(box=box, site=row.site, token=boxes.new_token(session, box, now=now, life=life)))
    return made


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell
