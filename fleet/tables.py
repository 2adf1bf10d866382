"""Every table of the fleet, so that one import knows the whole schema (migrations' check, tests).

The rooms' packages are looked for by name, because a room may be built later than this list.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Final

from fleet.database import Base

if TYPE_CHECKING:
    import sqlalchemy as sa

ROOMS: Final = ("registry", "link", "health", "orders", "intake", "releases", "consult", "kpi", "console")


def whole_schema() -> sa.MetaData:
    """The tables declared by all rooms that exist."""
    for room in ROOMS:
        if importlib.util.find_spec(f"fleet.{room}") and importlib.util.find_spec(f"fleet.{room}.tables"):
            importlib.import_module(f"fleet.{room}.tables")
    return Base.metadata
