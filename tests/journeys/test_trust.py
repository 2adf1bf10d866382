"""An operator publishes a trust bundle: the box has it, proves it, judges the next card by it, and the board says so."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import sqlite3

import pytest

from appliance.cards.software.authority import make_test_authority
from appliance.cards.trust import TrustStore
from appliance.desk.settings import DeskSettings
from appliance.desk.wiring import given_trust
from appliance.devices.port import DeviceKind
from appliance.runtime.clock import SettableClock
from contracts.desk_api.clerk import Stage
from provisioning.demo.processes import run
from tests.peers.waiting import until

pytestmark = pytest.mark.journey
TODAY = dt.datetime.now(dt.UTC)


def stranger() -> TrustStore:
    """A list in which the State that made the demo's cards is not."""
    anchor = make_test_authority(now=TODAY, seed=b"another State").anchor_der
    return TrustStore.from_certificates([anchor], origin="Elenco straniero", version=1, dated=TODAY.date())


def familiar() -> TrustStore:
    """Those whom a simulated desk believes by itself, published."""
    simulated = DeskSettings(devices={DeviceKind.CARD_READER: {"driver": "simulated"}})
    own = given_trust(simulated, SettableClock(TODAY))
    return dataclasses.replace(own, origin="Elenco di prova", version=2, dated=TODAY.date())


def publish(world, folder, store: TrustStore) -> None:
    file = folder / f"{store.version}.json"
    file.write_bytes(store.to_bytes())
    more = ("--version", str(store.version), "--dated", store.dated.isoformat(), "--origin", store.origin)
    run(["-m", "fleet", "trust", "publish", str(file), *more, *world.config("fleet")])


def told(world) -> dict:
    """What the fleet last heard of the box's trust."""
    with sqlite3.connect(f"file:{world.folder / 'fleet' / 'fleet.db'}?mode=ro", uri=True) as book:
        row = book.execute("SELECT health FROM latest WHERE box = ?", (world.box,)).fetchone()
    return (json.loads(row[0]) if row else {}).get("trust") or {}


def judged(clerk):
    clerk.begin()
    verdict = clerk.read_card().verdict
    assert clerk.sitting.stage is Stage.COMPARE
    clerk.ask("abandon", reason="mistake")
    return verdict


def test_a_published_bundle_decides_about_the_next_card(world, clerk, tmp_path):
    before = judged(clerk)
    try:
        publish(world, tmp_path, stranger())
        until(lambda: told(world).get("used") == 1 and told(world)["held"] == 1, "the board says 1", 30)
        strange = judged(clerk)
        assert any("Elenco straniero" in line for line in strange.technical)
        assert strange.kind != before.kind, "nobody vouches for this card any more"
    finally:
        publish(world, tmp_path, familiar())
        until(lambda: told(world).get("used") == 2, "the board says 2", 30)
    after = judged(clerk)
    assert after.kind == before.kind
    assert any("Elenco di prova" in line for line in after.technical)
    assert told(world) == {"held": 2, "used": 2, "dated": TODAY.date().isoformat(), "code": ""}
