"""What a view of the gate stands on: database, settings, clock. Handed over once, when the gate is made."""

from __future__ import annotations

from typing import Final, cast

import flask
import msgspec

from fleet.clock import Clock
from fleet.database import Database
from fleet.settings import FleetSettings

_KEY: Final = "pue_fleet_premises"


class Premises(msgspec.Struct, frozen=True, kw_only=True):
    """The rooms' ground at the gate.

    Attributes:
        database: the fleet's memory.
        settings: effective settings, with the ports as they really are.
        clock: the server's hour.
    """

    database: Database
    settings: FleetSettings
    clock: Clock


def settle(app: flask.Flask, premises: Premises) -> None:
    """Give an app its premises."""
    app.extensions[_KEY] = premises


def premises() -> Premises:
    """The premises of the app that serves this request."""
    return cast("Premises", flask.current_app.extensions[_KEY])
