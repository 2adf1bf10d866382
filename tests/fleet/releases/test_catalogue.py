"""A catalogue is judged before it is published: what a desk would have to refuse never leaves the fleet."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts import codec
from contracts.envelope import Purpose, Statement, StatementRefused, read_statement
from contracts.identity import fingerprint
from contracts.messages.releases import CatalogueRelease, TrustRelease
from contracts.practices.bundle import FILE_NAME, open_catalogue, pack, unpack
from contracts.practices.catalogue import CatalogueInvalid, shipped, shipped_files
from fleet import cli
from fleet.database import Database
from fleet.enrolment.keys import fleet_key
from fleet.registry import boxes, timeline
from fleet.registry.certificates import Unit
from fleet.releases import book, catalogue, trust
from fleet.releases.book import ReleaseRefused
from fleet.releases.catalogue import CatalogueNotSound
from fleet.settings import Boxes
from tests.fleet.fleet_house import House

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
FILES = shipped_files()
NASPI = "naspi.2026-01.yaml"


@pytest.fixture
def database(tmp_path):
    opened = Database(f"sqlite:///{tmp_path / 'fleet.db'}")
    opened.upgrade()
    yield opened
    opened.close()


def publish(session, version=1, files=FILES, **how):
    given = {"dated": date(2026, 2, 27), "origin": "Catalogo di prova", "by": "operatore", "key": KEY} | how
    return catalogue.publish(session, files, version=version, now=NOON, **given)


def test_every_box_is_asked_and_its_timeline_says_so(database):
    with database.write() as session:
        boxes.add_box(session, "a074-1", now=NOON, first=Boxes(), name="prova0000001")
        trust.publish(
            session, b"elenco", version=9, dated=date(2026, 2, 1), origin="Elenco", by="a", key=KEY, now=NOON
        )
        assert publish(session, 4).boxes == 1
    with database.read() as session:
        desired = boxes.get(session, "prova0000001").desired
        assert (desired.trust_version, desired.catalogue_version) == (9, 4), "each kind counts for itself"
        assert timeline.lines(session, "prova0000001")[0].facts == {"rev": 3, "catalogue_version": 4}
        (one,) = catalogue.every(session)
        assert (one.published_by, one.published_at, one.current) == ("operatore", NOON, True)


def test_it_is_signed_as_a_catalogue_and_as_nothing_else(database):
    with database.write() as session:
        publish(session, 4)
    with database.read() as session:
        statement = codec.decode(Statement, book.statement(book.CATALOGUE, session, 4).encode())
        _, data = book.bundle(book.CATALOGUE, session, 4)
    release = read_statement(statement, CatalogueRelease, Purpose.CATALOGUE_RELEASE, KEY.public_key())
    assert (release.version, release.size_bytes) == (4, len(data))
    assert open_catalogue(data) == shipped()
    with pytest.raises(StatementRefused):
        read_statement(statement, TrustRelease, Purpose.TRUST_RELEASE, KEY.public_key())


def test_mistakes_are_told_with_file_and_line_and_nothing_is_published(database):
    lines = FILES[NASPI].decode().splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("area:"))
    lines[at] = "area: nessuna"
    spoilt = FILES | {NASPI: "\n".join(lines).encode(), "adi.2026-01.yaml": b"id: [\n"}
    with database.write() as session, pytest.raises(CatalogueNotSound) as refused:
        publish(session, files=spoilt)
    said = str(refused.value).splitlines()
    assert any(line.startswith(f"{NASPI}:{at + 1}: area: ") for line in said), said
    assert any(line.startswith("adi.2026-01.yaml:") for line in said), (
        "and every file's, not only the first's"
    )
    with database.read() as session:
        assert catalogue.every(session) == []


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "no practice"),
        ({"blocchi.yaml": b"{}"}, "no practice"),
        (FILES | {"../naspi.yaml": b"{}"}, "no name of a file"),
        (FILES | {NASPI: b"\xff\xfe"}, "UTF-8"),
        (FILES | {"naspi.2027-01.yaml": FILES[NASPI]}, "two files"),
        (FILES | {"stati.yaml": b"{"}, "stati.yaml"),
    ],
)
def test_what_is_no_catalogue_is_refused(files, words):
    with pytest.raises(CatalogueNotSound, match=words):
        catalogue.sound_bundle(files)


def test_there_is_no_way_back(database):
    with database.write() as session:
        publish(session, 4)
    with database.write() as session, pytest.raises(ReleaseRefused, match="higher"):
        publish(session, 4)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"{}",
        b'{"files":{}}',
        b'{"files":{"../a.yaml":""}}',
        b'{"v":2,"files":{"a.yaml":""}}',
        b"\xff",
    ],
)
def test_bytes_that_are_no_bundle_are_refused(raw):
    with pytest.raises(CatalogueInvalid):
        unpack(raw)


def test_equal_files_make_equal_bytes_and_come_back_whole():
    assert pack(dict(reversed(FILES.items()))) == pack(FILES)
    assert unpack(pack(FILES)) == FILES
    assert all(FILE_NAME.fullmatch(name) for name in FILES)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("fleet"))
    house.start("gate")
    yield house
    house.close()


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "catalogo"
    folder.mkdir()
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    return folder


def command(house, folder, version, *more):
    words = ["catalogue", "publish", str(folder), "--version", str(version), "--dated", "2026-02-27"]
    return cli.main([*words, "--origin", "Catalogo di prova", "--by", "operatore", *house.words, *more])


def test_an_operator_publishes_and_a_box_fetches(house, folder, capsys):
    assert command(house, folder, 3, "--json") == 0
    sha256 = json.loads(capsys.readouterr().out)["release"]["sha256"]
    cert = house.person("prova0000001", Unit.LINK)
    asked = {"cert": cert, "verify": str(house.ca), "timeout": 20}
    raw = requests.get(house.url("/releases/catalogue/3"), **asked).content
    key = fleet_key(house.folder).public_key()
    release = read_statement(codec.decode(Statement, raw), CatalogueRelease, Purpose.CATALOGUE_RELEASE, key)
    whole = requests.get(house.url("/releases/catalogue/3/bundle"), **asked)
    assert (release.sha256, fingerprint(whole.content)) == (sha256, sha256)
    assert requests.get(house.url("/releases/trust/3"), **asked).status_code == 404, "kinds are kept apart"
    assert command(house, folder, 3) == 1
    assert "higher" in capsys.readouterr().err
    assert cli.main(["catalogue", "list", *house.words]) == 0
    assert "operatore" in capsys.readouterr().out


def test_the_command_tells_file_and_line(house, folder, capsys):
    (folder / NASPI).write_bytes(b"id: naspi\n")
    assert command(house, folder, 9) == 1
    assert f"{NASPI}:1: " in capsys.readouterr().err
    assert command(house, folder / "none", 9) == 1
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("gone", "silent"),
    [
        ("informativa_", "COMUNE, INPS"),
        ("informativa_comune", "COMUNE"),
        ("informativa_inps", "INPS"),
    ],
)
def test_a_body_that_does_not_tell_what_it_does_with_data_is_not_published(database, gone, silent):
    bare = {name: data for name, data in FILES.items() if not name.startswith(gone)}
    with database.write() as session, pytest.raises(CatalogueNotSound, match=f"for {silent}:"):
        publish(session, 4, bare)
