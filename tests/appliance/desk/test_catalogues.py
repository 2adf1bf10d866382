"""The desk takes a published catalogue between sittings, and a draft keeps the one it began with."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import http.client
import itertools
import json
import os
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.desk.catalogues import Catalogues
from appliance.runtime.release_files import CATALOGUE, RELEASE, make_release_folder
from contracts import codec
from contracts.desk_api.clerk import Stage
from contracts.desk_api.status import CatalogueUse
from contracts.envelope import Purpose, public_key_text, sign_statement
from contracts.messages.enrolment import Belongings
from contracts.messages.releases import CatalogueRelease
from contracts.practices.bundle import pack
from contracts.practices.catalogue import shipped, shipped_files
from tests.appliance.desk.kit import ESTRATTO, ROME, DeskProcess

DAY = dt.date(2026, 11, 2)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
FILES = shipped_files()
NOTICE = "informativa_comune.2026-01.yaml"
REMOVED = "estratto_conto.2026-01.yaml"
KEPT = "estratto_conto@2026-01"
WITHOUT = {name: data for name, data in FILES.items() if name != REMOVED}
TITLE = "Titolo di prova"
STEP = shipped().get(KEPT).steps[0].title


def changed() -> dict[str, bytes]:
    """A catalogue in which the same version of a practice asks in other words."""
    text = FILES[REMOVED].decode()
    assert STEP in text
    return FILES | {REMOVED: text.replace(STEP, TITLE, 1).encode()}


def lay(folder, version: int, files=None, *, bundle=None, key=KEY, purpose=Purpose.CATALOGUE_RELEASE) -> None:
    """What the agent does, or what somebody in its place would."""
    data = pack(FILES if files is None else files) if bundle is None else bundle
    release = CatalogueRelease(
        version=version,
        dated=DAY,
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
        origin="Catalogo di prova",
    )
    make_release_folder(folder)
    CATALOGUE.bundle_path(folder, release).write_bytes(data)
    CATALOGUE.lay_release(folder, codec.encode(sign_statement(release, purpose, key)), release)


class Bench:
    """A desk's catalogues without the desk."""

    def __init__(self, tmp_path) -> None:
        self.tmp, self.folder = tmp_path, tmp_path / "catalogue"
        self.notes: list[tuple[str, dict]] = []
        self.wake()

    def wake(self) -> None:
        """The desk starts (again)."""
        self.them = Catalogues(
            self.folder,
            self.tmp / "floor",
            self.tmp / "kept",
            fleet_key=KEY.public_key,
            note=lambda what, **facts: self.notes.append((what, facts)),
        )

    def state(self) -> tuple[int, str]:
        return self.them.current[0], self.them.use.code

    def copies(self) -> list[str]:
        return sorted(path.name for path in (self.tmp / "kept").iterdir())


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_a_box_that_never_heard_of_a_release_uses_what_came_with_it(bench):
    assert bench.them.current == (0, shipped())
    assert bench.them.use.version == 0


def test_a_newer_one_is_taken_and_the_older_stays_loadable_until_nobody_needs_it(bench):
    lay(bench.folder, 1, WITHOUT)
    bench.them.look()
    assert "estratto_conto" not in {one.id for one in bench.them.current[1].practices}
    lay(bench.folder, 2, changed())
    bench.them.look()
    assert bench.state() == (2, "")
    assert bench.them.of(1) != bench.them.of(2)
    assert bench.them.of(0) == shipped()
    bench.wake()
    assert bench.them.of(1).practices != bench.them.of(2).practices, "over a restart too"
    bench.them.forget_all_but({1})
    assert bench.copies() == ["1.catalogue", "2.catalogue"]
    bench.them.forget_all_but({0})
    assert bench.copies() == ["2.catalogue"]
    assert [facts for what, facts in bench.notes if what == "catalogue.forgotten"] == [{"version": 1}]


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"key": Ed25519PrivateKey.generate()}, "catalogue.release_refused"),
        ({"purpose": Purpose.TRUST_RELEASE}, "catalogue.release_refused"),
        ({"bundle": b"{}"}, "catalogue.invalid"),
        ({"files": FILES | {REMOVED: b"id: estratto_conto\n"}}, "catalogue.invalid"),
    ],
)
def test_what_does_not_hold_is_refused_and_the_last_good_one_stays(bench, how, code):
    lay(bench.folder, 1, WITHOUT)
    bench.them.look()
    lay(bench.folder, 2, **how)
    bench.them.look()
    assert bench.state() == (1, code)
    assert bench.copies() == ["1.catalogue"]
    bench.wake()
    assert bench.state() == (1, code), "also after a restart"


def test_nobody_brings_an_older_one_back(bench):
    lay(bench.folder, 2)
    bench.them.look()
    lay(bench.folder, 1, WITHOUT)
    bench.wake()
    assert bench.state() == (2, "catalogue.release_older")


def test_half_a_bundle_and_half_a_copy_are_none(bench):
    lay(bench.folder, 1)
    bench.them.look()
    lay(bench.folder, 2, WITHOUT)
    for file in bench.folder.glob("*.bundle"):
        file.write_bytes(file.read_bytes()[:-1])
    bench.them.look()
    assert bench.state() == (1, "catalogue.bundle_damaged")
    copy = bench.tmp / "kept" / "1.catalogue"
    copy.write_bytes(copy.read_bytes()[:-1])
    bench.wake()
    assert bench.them.current == (0, shipped())
    assert bench.them.of(1) == shipped(), "better today's practice than none"
    assert ("catalogue.not_kept", {"version": 1, "code": "catalogue.bundle_damaged"}) in bench.notes


def test_the_agents_folder_may_vanish(bench):
    lay(bench.folder, 3, WITHOUT)
    bench.them.look()
    (bench.folder / RELEASE).unlink()
    bench.wake()
    assert bench.state() == (3, "")


@pytest.fixture
def desk(tmp_path):
    desk = DeskProcess(tmp_path)
    path = tmp_path / "identity" / "belongings.json"
    known = codec.to_plain(codec.decode(Belongings, path.read_bytes()))
    key = public_key_text(KEY.public_key())
    path.write_bytes(codec.encode(codec.from_plain(Belongings, known | {"fleet_key": key})))
    yield desk
    desk.close()


def offered(clerk) -> set[str]:
    return {row.key for row in clerk.ask("practices").practices}


def test_a_removed_practice_is_not_offered_and_a_draft_of_it_is_finished_as_it_began(desk, tmp_path):
    clerk = desk.clerk()
    clerk.come()
    lay(tmp_path / "catalogue", 1, changed())
    assert desk.status("facts").catalogue.version == 1
    clerk.identify()
    clerk.ask("choose", practice=KEPT)
    lay(tmp_path / "catalogue", 2, WITHOUT)
    assert desk.status("facts").catalogue.version == 1, "not under a citizen's hands"
    clerk.ask("lay_aside")
    desk.kill()
    desk.start()
    assert desk.status("facts").catalogue.version == 2
    clerk = desk.clerk()
    clerk.come()
    assert KEPT not in offered(clerk)
    (row,) = clerk.ask("drafts").drafts
    clerk.ask("open_draft", draft=row.draft)
    clerk.read_card()
    clerk.ask("same_person", same=True)
    assert clerk.sitting.stage is Stage.FORM
    assert clerk.sitting.form.step.title == TITLE, "in the words it began with"
    clerk.fill(ESTRATTO)
    assert clerk.sitting.pages.last_step == shipped().get(KEPT).steps[-1].id
    clerk.ask("pages_done")
    clerk.ask("confirm_read_back")
    clerk.sign_and_seal()
    clerk.until(lambda view: view.sitting.stage is Stage.DONE)
    assert clerk.sitting.stage is Stage.DONE


def notices_in(desk, letter: str) -> set[str]:
    outbox = desk.outbox()
    try:
        manifest = json.loads(desk.enrolled.open(outbox.sealed(letter)).read("manifest.json"))
    finally:
        outbox.close()
    return {one["notice"] for one in manifest["informed"]["notices"]}


def test_a_draft_keeps_the_notice_it_began_under(desk, tmp_path):
    clerk = desk.clerk()
    clerk.come()
    clerk.identify()
    clerk.ask("choose", practice=KEPT)
    clerk.ask("lay_aside")
    newer = (
        FILES[NOTICE].replace(b"version: 2026-01", b"version: 2026-11").replace(b"2026-01-01", b"2026-11-01")
    )
    lay(tmp_path / "catalogue", 1, FILES | {"informativa_comune.2026-11.yaml": newer})
    desk.kill()
    desk.start()
    clerk = desk.clerk()
    clerk.come()
    (row,) = clerk.ask("drafts").drafts
    clerk.ask("open_draft", draft=row.draft)
    clerk.read_card()
    clerk.ask("same_person", same=True)
    clerk.fill(ESTRATTO)
    clerk.ask("pages_done")
    clerk.ask("confirm_read_back")
    letter = clerk.sign_and_seal().letter.letter
    assert "informativa_comune@2026-01" in notices_in(desk, letter)
    clerk.ask("finish")
    clerk.to_sign()
    letter = clerk.sign_and_seal().letter.letter
    assert "informativa_comune@2026-11" in notices_in(desk, letter)


def test_a_catalogue_without_a_notice_stops_nobody(desk, tmp_path):
    lay(tmp_path / "catalogue", 1, {name: data for name, data in FILES.items() if name != NOTICE})
    clerk = desk.clerk()
    clerk.come()
    clerk.ask("begin")
    assert desk.status("facts").catalogue.version == 1
    assert [title.partition(",")[0] for title in clerk.sitting.notice.titles] == [
        one.text.title for one in shipped().notices_on(dt.datetime.now(ROME).date())
    ]


def test_the_plug_is_pulled_while_a_catalogue_is_taken(desk, tmp_path):
    """At any moment of it; the next start has the newest, whole."""
    for version in range(1, 6):
        lay(tmp_path / "catalogue", version, changed() if version % 2 else WITHOUT)
        asking = threading.Thread(target=ask_and_forget, args=(desk,))
        asking.start()
        asking.join(0.01 * version)
        desk.kill()
        asking.join()
        desk.start()
        assert desk.status("facts").catalogue == CatalogueUse(version=version)
        names = {path.name for path in (tmp_path / "vault" / "catalogues").iterdir()}
        assert f"{version}.catalogue" in names
        assert all(name.endswith(".catalogue") for name in names), "no half of one is left"


def ask_and_forget(desk) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException, EOFError):
        desk.status("facts")


def test_a_power_cut_leaves_the_copy_whole_or_none(bench, monkeypatch):
    lay(bench.folder, 1, WITHOUT)
    bench.them.look()
    lay(bench.folder, 2, changed())
    seen = set()
    for moment in itertools.count(1):
        (bench.tmp / "kept" / "2.catalogue").unlink(missing_ok=True)
        (bench.tmp / "floor").unlink(missing_ok=True)
        (bench.folder / RELEASE).rename(bench.tmp / "aside")
        bench.wake()
        assert bench.state() == (1, "")
        (bench.tmp / "aside").rename(bench.folder / RELEASE)
        with monkeypatch.context() as patch:
            whole = pulled_at(patch, moment, bench.them.look)
        (bench.folder / RELEASE).rename(bench.tmp / "aside")
        bench.wake()
        seen.add(bench.state())
        (bench.tmp / "aside").rename(bench.folder / RELEASE)
        if whole:
            break
        bench.wake()
        assert bench.state() == (2, ""), "the next start takes it"
    assert seen == {(1, ""), (2, "")}


class PlugPulled(BaseException):
    """Nothing catches it, as nothing catches a power cut."""


def pulled_at(patch, moment: int, deed) -> bool:
    """Do the deed with the plug pulled at the n-th step on the disk; whether it came to its end."""
    left = moment

    def stepped(real):
        def step(*given, **more):
            nonlocal left
            left -= 1
            if left <= 0:
                raise PlugPulled
            return real(*given, **more)

        return step

    for module, name in ((os, "write"), (os, "fsync"), (os, "replace"), (Path, "replace")):
        patch.setattr(module, name, stepped(getattr(module, name)))
    try:
        deed()
    except PlugPulled:
        return False
    return True
