"""The comuni of Italy: ISTAT code, Belfiore code, province, people, distance.

Data: ISTAT and Openpolis, CC BY 4.0; postal codes by Garda Informatica; 7,899 rows, 2023.
"""

from __future__ import annotations

import csv
import functools
import io
import unicodedata
from importlib import resources

import msgspec


class Comune(msgspec.Struct, frozen=True):
    """One comune. Distances are straight lines in km to the nearest provincial capital."""

    istat: str
    belfiore: str
    name: str
    provincia: str
    region: str
    people: int | None
    people_65: int | None
    latitude: float
    longitude: float
    cap: str
    nearest_capital: str
    distance_km: float


@functools.cache
def comuni() -> tuple[Comune, ...]:
    """All comuni, in the order of their ISTAT codes."""
    text = (resources.files("contracts") / "data" / "comuni.csv").read_text("utf-8")
    return tuple(_row(row) for row in csv.DictReader(io.StringIO(text)))


def _row(row: dict[str, str]) -> Comune:
    return Comune(
        istat=row["istat"],
        belfiore=row["belfiore"],
        name=row["comune"],
        provincia=row["sigla"],
        region=row["regione"],
        people=int(row["pop"]) if row["pop"] else None,
        people_65=int(row["pop65"]) if row["pop65"] else None,
        latitude=float(row["lat"]),
        longitude=float(row["lon"]),
        cap=row["cap"],
        nearest_capital=row["capoluogo_vicino"],
        distance_km=float(row["km_linea_aria"] or 0),
    )


@functools.cache
def _by_istat() -> dict[str, Comune]:
    return {comune.istat: comune for comune in comuni()}


@functools.cache
def _by_name() -> dict[str, list[Comune]]:
    index: dict[str, list[Comune]] = {}
    for comune in comuni():
        index.setdefault(_plain(comune.name), []).append(comune)
    return index


def by_istat(code: str) -> Comune | None:
    """The comune of a six-digit ISTAT code."""
    return _by_istat().get(code)


def named(text: str) -> list[Comune]:
    """Comuni of this name, whatever its accents, case or apostrophes; two share a few names."""
    return list(_by_name().get(_plain(text), []))


def _plain(text: str) -> str:
    spread = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in spread if c.isalnum())
