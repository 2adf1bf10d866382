"""A published trust bundle comes to the box whole, signed and newer, or not at all; a power cut leaves a pair."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.agent.bringing import Bringer, BringRules
from appliance.agent.gate_files import FetchFailed, FetchTooLarge, GateFiles
from appliance.agent.probes import trust as trust_probe
from appliance.agent.probes.port import ProbeFailed
from appliance.agent.reports import Reports
from appliance.agent.rounds import gather
from appliance.agent.store import Store
from appliance.agent.tls import client_tls
from appliance.runtime.files import StorageFull
from appliance.runtime.release_files import RELEASE
from appliance.runtime.trust_files import TRUST, TrustBundleDamaged, TrustReleaseOlder, TrustReleaseRefused
from contracts import codec
from contracts.desk_api.status import DeskFacts, TrustUse
from contracts.envelope import Purpose
from contracts.messages.releases import CatalogueRelease
from contracts.messages.report import ClockHealth, Event, Health, SittingHealth
from contracts.messages.twin import Desired
from contracts.topics import Down, Up, topic
from tests.appliance.agent.conftest import BOX
from tests.peers.certificates import Authority
from tests.peers.releases import ReleasesDoor, described

TROUBLE = "trust.not_brought"
OLD, NEW = b"elenco numero uno" * 3_000, b"elenco numero due" * 20_000
NOW_MS = 1_795_000_000_000


class Box:
    """A box's folder, and the worker's parts without its thread."""

    def __init__(self, folder: Path, door: ReleasesDoor, authority: Authority) -> None:
        self.folder = TRUST.folder(folder)
        self.door, self.key = door, door.fleet_key.public_key()
        self.wanted = 0
        self.store = Store(folder / "agent" / "reports.db")
        self.reports = Reports(
            self.store, folder / "agent" / "seq.reserved", boot="0badc0de", now_ms=lambda: NOW_MS
        )
        certificate, key = authority.issue_files(BOX, folder / "link", unit="link")
        self.files = GateFiles(
            door.url, lambda: client_tls(authority.pem.decode(), Path(certificate), Path(key)), timeout_s=10
        )
        self.restart()

    def restart(self) -> None:
        """The agent starts (again)."""
        self.bringer = Bringer(
            TRUST,
            self.folder,
            self.key,
            self.files,
            wanted=lambda: self.wanted,
            reports=self.reports,
            chance=random.Random(1),
            rules=BringRules(spread_s=0, retry_base_s=0, retry_cap_s=0),
        )

    def pair(self) -> tuple[int, bytes]:
        release = TRUST.held_release(self.folder, self.key)
        return (0, b"") if release is None else (release.version, TRUST.read_bundle(self.folder, release))

    def events(self) -> list[tuple[str, str, object]]:
        told = [
            codec.decode(Event, kept.payload) for kept in self.reports.due(0.0) if kept.subject is Up.EVENT
        ]
        return [(event.key, event.state.value, event.facts.get("code")) for event in told]

    def names(self) -> set[str]:
        return {path.suffix for path in self.folder.iterdir()}


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "ca")


@pytest.fixture
def door(tmp_path, authority):
    with ReleasesDoor(tmp_path / "gate", authority) as door:
        yield door


@pytest.fixture
def box(tmp_path, door, authority):
    door.publish(OLD, 1)
    box = Box(tmp_path / "state", door, authority)
    assert box.bringer.bring(1)
    yield box
    box.store.close()


def test_the_newer_bundle_replaces_the_older_and_everybody_may_read_it(box, door):
    door.publish(NEW, 2)
    assert box.bringer.bring(2)
    assert box.pair() == (2, NEW)
    assert box.names() == {".json", ".bundle"}, "the old bundle and the part are gone"
    assert {path.stat().st_mode & 0o777 for path in box.folder.iterdir()} == {0o644}
    assert box.folder.stat().st_mode & 0o777 == 0o755


def test_the_same_bytes_under_a_new_version_cost_no_download(box, door):
    door.publish(OLD, 2)
    door.asked.clear()
    assert box.bringer.bring(2)
    assert box.pair() == (2, OLD)
    assert [path for path, _ in door.asked] == ["/releases/trust/2"]


@pytest.mark.parametrize("whole_always", [False, True])
def test_a_torn_download_goes_on_where_it_was_cut(box, door, whole_always):
    door.publish(NEW, 2)
    door.cut_after_bytes, door.whole_always = 150_000, whole_always
    with pytest.raises(FetchFailed):
        box.bringer.bring(2)
    assert box.pair() == (1, OLD), "half a bundle is none"
    door.asked.clear()
    assert box.bringer.bring(2)
    assert box.pair() == (2, NEW)
    assert door.asked[-1] == ("/releases/trust/2/bundle", "bytes=150000-")


def test_half_of_one_bundle_is_never_joined_to_another(box, door):
    door.publish(NEW, 2)
    door.cut_after_bytes = 150_000
    with pytest.raises(FetchFailed):
        box.bringer.bring(2)
    door.publish(NEW[::-1], 3)
    assert box.bringer.bring(3)
    assert box.pair() == (3, NEW[::-1])
    assert door.asked[-1] == ("/releases/trust/3/bundle", "")


def refusals():
    stranger = Ed25519PrivateKey.generate()
    yield "wrong signature", {"key": stranger}, TrustReleaseRefused
    yield "wrong purpose", {"purpose": Purpose.ORDER}, TrustReleaseRefused
    yield "another version", {"release": described(NEW, 3)}, TrustReleaseOlder
    yield "hash mismatch", {"release": described(NEW, 2, sha256="0" * 64)}, TrustBundleDamaged
    yield "larger than said", {"release": described(NEW, 2, size_bytes=len(NEW) - 1)}, FetchTooLarge
    yield "smaller than said", {"release": described(NEW, 2, size_bytes=len(NEW) + 1)}, FetchFailed
    yield "oversized", {"release": described(NEW, 2, size_bytes=1 << 40)}, TrustReleaseRefused


@pytest.mark.parametrize(("how", "why"), [row[1:] for row in refusals()], ids=[row[0] for row in refusals()])
def test_what_is_refused_leaves_the_old_pair(box, door, how, why):
    door.publish(NEW, 2, **how)
    with pytest.raises(why):
        box.bringer.bring(2)
    assert box.pair() == (1, OLD)
    assert why is FetchFailed or ".part" not in box.names(), "nothing of no use is kept"


def test_an_endless_statement_is_refused(box, door):
    door.statements[2] = b"{" + b" " * 100_000
    with pytest.raises(FetchTooLarge):
        box.bringer.bring(2)


def test_an_older_version_never_comes_back_even_over_a_damaged_one(box, door):
    door.publish(NEW, 5)
    assert box.bringer.bring(5)
    for file in box.folder.glob("*.bundle"):
        file.write_bytes(b"x")
    with pytest.raises(TrustReleaseOlder):
        box.bringer.bring(1)
    box.wanted = 5
    box.bringer.step()
    assert box.pair() == (5, NEW), "but the same is brought again"


def test_room_for_letters_comes_first(box, door, monkeypatch):
    door.publish(NEW, 2)
    monkeypatch.setattr("appliance.agent.bringing.ROOM_BYTES", 1 << 60)
    with pytest.raises(StorageFull):
        box.bringer.bring(2)
    assert box.pair() == (1, OLD)


def test_a_trouble_is_told_once_and_cleared_when_it_is_over(box, door):
    box.wanted, door.fail_status = 2, 503
    for _ in range(3):
        box.bringer.step()
    assert box.events() == [(TROUBLE, "raised", "fetch.failed")]
    door.fail_status = 0
    door.publish(NEW, 2, key=Ed25519PrivateKey.generate())
    box.bringer.step()
    door.publish(NEW, 2)
    box.bringer.step()
    assert box.events()[1:] == [
        (TROUBLE, "raised", "trust.release_refused"),
        (TROUBLE, "cleared", None),
        ("trust.brought", "info", None),
    ]
    assert box.bringer.step() == BringRules().look_every_s, "then it sleeps"


def test_what_an_agent_before_us_raised_is_cleared_too(box, door):
    box.wanted = 2
    box.bringer.step()
    assert box.events() == [(TROUBLE, "raised", "fetch.failed")]
    box.restart()
    door.publish(NEW, 2)
    box.bringer.step()
    assert (TROUBLE, "cleared", None) in box.events()


def test_nothing_is_asked_while_nothing_newer_is_wanted(box, door):
    door.asked.clear()
    for box.wanted in (0, 1):
        box.bringer.step()
    assert door.asked == []


# ---- a power cut at any moment


class PlugPulled(BaseException):
    """Nothing catches it, as nothing catches a power cut."""


class Plug:
    """Pulled at the n-th step on the disk; what was written and not synced is lost, what was renamed stays."""

    def __init__(self, monkeypatch, pull_at: int) -> None:
        self.left = pull_at
        self.dirty: set[int] = set()
        write, fsync, replace, unlink = os.write, os.fsync, Path.replace, Path.unlink

        def lossy_write(handle, data):
            self.step()
            self.dirty.add(os.fstat(handle).st_ino)
            return write(handle, data)

        def sure_fsync(handle):
            self.step()
            self.dirty.discard(os.fstat(handle).st_ino)
            fsync(handle)

        def stepped(deed):
            def do(*given, **more):
                self.step()
                return deed(*given, **more)

            return do

        monkeypatch.setattr(os, "write", lossy_write)
        monkeypatch.setattr(os, "fsync", sure_fsync)
        monkeypatch.setattr(Path, "replace", stepped(replace))
        monkeypatch.setattr(Path, "unlink", stepped(unlink))

    def step(self) -> None:
        self.left -= 1
        if self.left <= 0:
            raise PlugPulled

    def lose(self, folder: Path) -> None:
        for path in folder.iterdir():
            if path.stat().st_ino in self.dirty:
                os.truncate(path, 0)


def test_a_power_cut_leaves_the_old_pair_or_the_new_one(tmp_path, door, authority, monkeypatch):
    door.publish(OLD, 1)
    door.publish(NEW, 2)
    seen = set()
    for moment in range(1, 60):
        box = Box(tmp_path / f"state{moment}", door, authority)
        assert box.bringer.bring(1)
        with monkeypatch.context() as patch:
            plug = Plug(patch, moment)
            try:
                whole = box.bringer.bring(2)
            except PlugPulled:
                whole = False
        plug.lose(box.folder)
        found = box.pair()
        assert found in {(1, OLD), (2, NEW)}, f"a mix after step {moment}"
        seen.add(found[0])
        assert box.bringer.bring(2), "the next start brings it"
        assert box.pair() == (2, NEW)
        box.store.close()
        if whole:
            break
    assert seen == {1, 2}
    assert whole, "the last round had no power cut"


# ---- what the report says


def desk_facts(**trust) -> DeskFacts:
    return DeskFacts(
        software="prova",
        devices=[],
        sitting=SittingHealth(active=False, idle_s=0, completed_today=0, abandoned_today=0),
        clock=ClockHealth(trusted=True, why="synchronized"),
        quiet=False,
        trust=TrustUse(**trust) if trust else None,
    )


def report(box, desk) -> Health:
    parts = {
        "trust": lambda: trust_probe.read(box.folder, box.key),
        "desk": lambda: desk,
        "uptime_s": lambda: 1,
    }
    return gather(parts, ts=NOW_MS, boot="0badc0de", software="prova")


def test_the_report_says_what_lies_there_and_what_the_desk_uses(box):
    told = report(box, desk_facts(version=7, dated="2026-01-02", code="trust.invalid")).trust
    assert (told.held, told.used, told.dated, told.code) == (1, 7, "2026-01-02", "trust.invalid")
    silent = report(box, desk_facts()).trust
    assert (silent.held, silent.used, silent.dated) == (1, None, "")
    (box.folder / RELEASE).unlink()
    assert report(box, None).trust.held == 0


def test_what_is_damaged_is_not_called_zero(box):
    for file in box.folder.glob("*.bundle"):
        file.write_bytes(b"short")
    with pytest.raises(ProbeFailed):
        trust_probe.read(box.folder, box.key)
    assert report(box, desk_facts(version=1, dated="2026-01-02")).failed == {"trust": "probe.failed"}


def test_the_agent_fetches_what_its_twin_asks_for_and_says_so(world, tmp_path):
    with ReleasesDoor(tmp_path / "releases", world.authority) as door:
        door.fleet_key = world.gate.fleet_key
        door.publish(NEW, 2)
        world.lay_belongings(post_url=door.url)
        world.agent(**{"trust.spread_s": 0.05})
        world.wait_for(Up.HEALTH, lambda r: r["trust"] and r["trust"]["held"] == 0, "none at first")
        desired = Desired(rev=3, health_every_s=1, trust_version=2)
        world.fleet.say(topic(BOX, Down.TWIN), codec.encode(desired), retain=True)
        world.wait_for(Up.HEALTH, lambda r: r["trust"]["held"] == 2, "it lies on the box")
    kept = json.loads((world.state / "trust" / RELEASE).read_bytes())
    assert kept["purpose"] == Purpose.TRUST_RELEASE


def test_a_catalogue_comes_the_same_way_and_counts_for_itself(world, tmp_path):
    with ReleasesDoor(tmp_path / "releases", world.authority) as door:
        door.fleet_key = world.gate.fleet_key
        door.publish(OLD, 2, release=catalogue_of(OLD, 2), purpose=Purpose.CATALOGUE_RELEASE)
        world.lay_belongings(post_url=door.url)
        world.agent(**{"catalogue.spread_s": 0.05})
        world.wait_for(Up.HEALTH, lambda r: r["catalogue"] and r["catalogue"]["held"] == 0, "none at first")
        desired = Desired(rev=3, health_every_s=1, catalogue_version=2)
        world.fleet.say(topic(BOX, Down.TWIN), codec.encode(desired), retain=True)
        world.wait_for(Up.HEALTH, lambda r: r["catalogue"]["held"] == 2, "it lies on the box")
        assert {path for path, _ in door.asked if "/releases/" in path} == {
            "/releases/catalogue/2",
            "/releases/catalogue/2/bundle",
        }
    assert not (world.state / "trust" / RELEASE).exists()


def catalogue_of(bundle, version) -> CatalogueRelease:
    return codec.from_plain(CatalogueRelease, codec.to_plain(described(bundle, version)))
