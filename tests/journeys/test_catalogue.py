"""An operator publishes a catalogue: the box has it, offers what is in it, and the fleet knows."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3

import pytest

from contracts.practices.catalogue import shipped_files
from provisioning.demo.processes import run
from tests.peers.waiting import until

pytestmark = pytest.mark.journey
REMOVED = "estratto_conto"


def publish(world, folder, version: int, files: dict[str, bytes]) -> None:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    more = ("--version", str(version), "--dated", dt.datetime.now(dt.UTC).date().isoformat())
    words = ["-m", "fleet", "catalogue", "publish", str(folder), *more]
    run([*words, "--origin", "Catalogo di prova", *world.config("fleet")])


def told(world) -> dict:
    """What the fleet last heard of the box's catalogue."""
    with sqlite3.connect(f"file:{world.folder / 'fleet' / 'fleet.db'}?mode=ro", uri=True) as book:
        row = book.execute("SELECT health FROM latest WHERE box = ?", (world.box,)).fetchone()
    return (json.loads(row[0]) if row else {}).get("catalogue") or {}


def offered(clerk) -> set[str]:
    return {row.key.partition("@")[0] for row in clerk.ask("practices").practices}


def test_a_published_catalogue_decides_what_is_offered_next(world, clerk, tmp_path):
    assert REMOVED in offered(clerk)
    whole = shipped_files()
    less = {name: data for name, data in whole.items() if not name.startswith(REMOVED)}
    try:
        publish(world, tmp_path / "uno", 1, less)
        until(lambda: told(world).get("used") == 1, "the board says 1", 60)
        assert REMOVED not in offered(clerk)
    finally:
        publish(world, tmp_path / "due", 2, whole)
        until(lambda: told(world).get("used") == 2, "the board says 2", 60)
    assert REMOVED in offered(clerk)
    assert told(world) == {"held": 2, "used": 2, "code": ""}
