"""The operators' accounts live in the fleet's database."""

from __future__ import annotations

from typing import Final

from fleet.database import Base
from fleet.faces import accounts

ACCOUNT_TABLES: Final = accounts.define(Base.metadata)
