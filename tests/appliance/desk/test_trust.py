"""The desk believes a published bundle only after it has proven it, and takes a newer one between sittings."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.cards.software.authority import make_test_authority
from appliance.cards.trust import TrustStore
from appliance.desk.belongings import NotEnrolled
from appliance.desk.trust import Believed
from appliance.runtime.release_files import RELEASE, make_release_folder
from appliance.runtime.trust_files import TRUST
from contracts import codec
from contracts.envelope import Purpose, public_key_text, sign_statement
from contracts.messages.enrolment import Belongings
from contracts.messages.releases import TrustRelease
from tests.appliance.desk.kit import DeskProcess

NOW = dt.datetime(2026, 11, 27, tzinfo=dt.UTC)
DAY = dt.date(2026, 11, 2)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
GIVEN = TrustStore((), "given", 1, dt.date(2026, 1, 1))


def store(version: int, seed: bytes = b"prova", dated: dt.date = DAY) -> TrustStore:
    anchor = make_test_authority(now=NOW, seed=seed).anchor_der
    return TrustStore.from_certificates([anchor], origin="Elenco di prova", version=version, dated=dated)


def lay(
    folder, bundle: bytes, version: int, *, key=KEY, purpose=Purpose.TRUST_RELEASE, **more
) -> TrustRelease:
    """What the agent does, or what somebody in its place would."""
    release = TrustRelease(
        version=version,
        dated=more.pop("dated", DAY),
        sha256=hashlib.sha256(bundle).hexdigest(),
        size_bytes=len(bundle),
        origin="Elenco di prova",
    )
    make_release_folder(folder)
    TRUST.bundle_path(folder, release).write_bytes(bundle)
    TRUST.lay_release(folder, codec.encode(sign_statement(release, purpose, key)), release)
    return release


class Bench:
    """A desk's belief without the desk."""

    def __init__(self, tmp_path) -> None:
        self.folder, self.floor = tmp_path / "trust", tmp_path / "trust.floor"
        self.key = KEY.public_key()
        self.notes: list[tuple[str, dict]] = []
        self._sittings = itertools.count(1)
        self.wake()

    def wake(self) -> None:
        """The desk starts (again)."""
        self.believed = Believed(
            self.folder,
            self.floor,
            fleet_key=lambda: self.key,
            given=GIVEN,
            note=lambda what, **facts: self.notes.append((what, facts)),
        )

    def sit(self) -> TrustStore:
        """A new citizen's card is read."""
        return self.believed.during(f"sitting {next(self._sittings)}")

    @property
    def code(self) -> str:
        return self.believed.use.code


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_what_the_desk_was_given_holds_until_something_is_published(bench):
    assert bench.sit() is GIVEN
    assert (bench.code, bench.notes) == ("", [])


def test_a_new_bundle_is_taken_with_the_next_sitting_and_not_within_one(bench):
    assert bench.believed.during("maria") is GIVEN
    lay(bench.folder, store(4).to_bytes(), 4)
    assert bench.believed.during("maria") is GIVEN, "nothing changes under a card"
    taken = bench.believed.during("aldo")
    assert (taken.version, len(taken.anchors)) == (4, 1)
    lay(bench.folder, store(5, b"altra").to_bytes(), 5)
    bench.believed.look()
    assert bench.believed.use.version == 5, "or when nobody sits there"
    assert [note[0] for note in bench.notes] == ["trust.taken", "trust.taken"]


def refusals():
    good = store(5).to_bytes()
    yield "wrong key", good, {"key": Ed25519PrivateKey.generate()}, "trust.release_refused"
    yield "wrong purpose", good, {"purpose": Purpose.ORDER}, "trust.release_refused"
    yield "no bundle", b"{}", {}, "trust.invalid"
    yield "another version inside", store(6).to_bytes(), {}, "trust.release_mismatch"
    yield "another day inside", good, {"dated": DAY - dt.timedelta(1)}, "trust.release_mismatch"


@pytest.mark.parametrize(
    ("bundle", "how", "code"), [row[1:] for row in refusals()], ids=[row[0] for row in refusals()]
)
def test_what_does_not_hold_is_refused_and_the_last_good_one_stays(bench, bundle, how, code):
    lay(bench.folder, store(4).to_bytes(), 4)
    assert bench.sit().version == 4
    lay(bench.folder, bundle, 5, **how)
    assert bench.sit().version == 4
    assert bench.code == code
    assert bench.notes[-1] == ("trust.refused", {"code": code})
    bench.sit()
    assert len(bench.notes) == 2, "said once"
    lay(bench.folder, store(6).to_bytes(), 6)
    assert (bench.sit().version, bench.code) == (6, "")


def test_a_bundle_that_goes_bad_on_the_disk_is_believed_again_once_it_is_brought_anew(bench):
    bundle = store(4).to_bytes()
    release = lay(bench.folder, bundle, 4)
    path = TRUST.bundle_path(bench.folder, release)
    path.write_bytes(bundle[:-1] + b" ")
    assert bench.sit() is GIVEN
    assert bench.code == "trust.bundle_damaged"
    path.unlink()
    lay(bench.folder, bundle, 4)
    assert (bench.sit().version, bench.code) == (4, "")


def test_nobody_brings_an_older_bundle_back_not_even_over_a_restart(bench):
    lay(bench.folder, store(5).to_bytes(), 5)
    assert bench.sit().version == 5
    lay(bench.folder, store(4).to_bytes(), 4)
    assert (bench.sit().version, bench.code) == (5, "trust.release_older")
    bench.wake()
    assert bench.sit() is GIVEN
    assert bench.code == "trust.release_older"


def test_another_fleet_begins_its_own_count(bench):
    lay(bench.folder, store(5).to_bytes(), 5)
    bench.sit()
    other = Ed25519PrivateKey.generate()
    bench.key = other.public_key()
    lay(bench.folder, store(1).to_bytes(), 1, key=other)
    bench.wake()
    assert bench.sit().version == 1


def test_a_desk_without_belongings_believes_what_it_was_given(bench):
    lay(bench.folder, store(5).to_bytes(), 5)

    def none():
        raise NotEnrolled("not yet")

    bench.believed = Believed(
        bench.folder, bench.floor, fleet_key=none, given=GIVEN, note=lambda *_, **__: None
    )
    assert bench.sit() is GIVEN
    assert bench.code == "desk.not_enrolled"


def test_a_bundle_that_breaks_its_reader_ends_no_desk(bench, monkeypatch):
    lay(bench.folder, store(5).to_bytes(), 5)

    def breaks(_raw):
        raise AttributeError("an odd certificate")

    monkeypatch.setattr(TrustStore, "from_bytes", breaks)
    bench.wake()
    assert bench.sit() is GIVEN
    assert bench.code == "trust.invalid"


@pytest.mark.parametrize("raw", [b"", b"\xff", b"[]", b"{}", b"[" * 50_000, b"x" * 200_000])
def test_any_bytes_may_lie_there(bench, raw):
    make_release_folder(bench.folder)
    (bench.folder / RELEASE).write_bytes(raw)
    assert bench.sit() is GIVEN
    assert bench.code in {"trust.release_refused", "storage.too_large"}


def test_a_running_desk_takes_it_and_says_so_at_both_doors(tmp_path):
    desk = DeskProcess(tmp_path)
    try:
        path = tmp_path / "identity" / "belongings.json"
        known = codec.to_plain(codec.decode(Belongings, path.read_bytes()))
        key = public_key_text(KEY.public_key())
        path.write_bytes(codec.encode(codec.from_plain(Belongings, known | {"fleet_key": key})))
        lay(tmp_path / "trust", store(7, b"another State").to_bytes(), 7)
        clerk = desk.clerk()
        clerk.come()
        clerk.begin()
        verdict = clerk.read_card().verdict
        assert any(word.startswith(f"trust: Elenco di prova ({DAY}, ") for word in verdict.technical)
        clerk.ask("abandon", reason="mistake")
        assert desk.status("facts").trust.version == 7
        lay(tmp_path / "trust", b"{}", 8)
        told = desk.status("facts").trust
        assert (told.version, told.code) == (7, "trust.invalid")
        clerk.begin()
        assert "published trust refused: trust.invalid" in clerk.read_card().verdict.technical
    finally:
        desk.close()
