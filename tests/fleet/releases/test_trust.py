"""A trust bundle is published once: the book says what stands, every twin asks for it, the gate hands it out."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
import requests
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts import codec
from contracts.envelope import Purpose, Statement, read_statement
from contracts.identity import fingerprint
from contracts.messages.releases import MAX_TRUST_BYTES, TrustRelease
from contracts.messages.twin import Desired
from contracts.topics import Down, topic
from fleet import cli
from fleet.database import Database
from fleet.enrolment.keys import fleet_key
from fleet.link.tables import OutboundRow
from fleet.registry import boxes, timeline
from fleet.registry.certificates import Unit
from fleet.releases import trust
from fleet.releases.trust import ReleaseRefused, ReleaseUnknown
from fleet.settings import Boxes
from tests.fleet.fleet_house import House

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
BUNDLE = bytes(range(256)) * 400


@pytest.fixture
def database(tmp_path):
    opened = Database(f"sqlite:///{tmp_path / 'fleet.db'}")
    opened.upgrade()
    yield opened
    opened.close()


def publish(session, version=1, bundle=BUNDLE, **how):
    given = {"dated": date(2026, 2, 27), "origin": "Elenco di prova", "by": "operatore", "key": KEY} | how
    return trust.publish(session, bundle, version=version, now=NOON, **given)


def add(session, name):
    return boxes.add_box(session, "a074-1", now=NOON, first=Boxes(), name=name)


def twins(session, box):
    query = (
        sa.select(OutboundRow).where(OutboundRow.topic == topic(box, Down.TWIN)).order_by(OutboundRow.entry)
    )
    rows = list(session.scalars(query))
    assert all(row.retain for row in rows)
    return [codec.decode(Desired, row.payload) for row in rows]


def test_every_box_is_asked_and_one_that_comes_later_too(database):
    with database.write() as session:
        for name in ("prova0000001", "prova0000002", "prova0000003"):
            add(session, name)
        boxes.begin_life(session, "prova0000001", now=NOON)
        boxes.retire(session, "prova0000003", now=NOON)
        done = publish(session, 4)
        add(session, "prova0000004")
    assert done.boxes == 2
    with database.read() as session:
        for name in ("prova0000001", "prova0000002"):
            before, after = twins(session, name)
            assert (before.trust_version, after.trust_version) == (0, 4)
            assert after.rev == before.rev + 1
            assert boxes.get(session, name).desired == after
        assert [twin.trust_version for twin in twins(session, "prova0000003")] == [0]
        assert [twin.trust_version for twin in twins(session, "prova0000004")] == [4]
        assert timeline.lines(session, "prova0000001")[0].facts == {"rev": 2, "trust_version": 4}


def test_the_twin_keeps_asking_when_something_else_changes(database):
    with database.write() as session:
        add(session, "prova0000001")
        publish(session, 4)
        changed = boxes.set_desired(session, "prova0000001", now=NOON, health_every_s=60)
    assert (changed.trust_version, changed.health_every_s, changed.rev) == (4, 60, 3)


def test_what_is_published_is_signed_for_this_and_nothing_else(database):
    with database.write() as session:
        publish(session, 4)
    with database.read() as session:
        statement = codec.decode(Statement, trust.statement(session, 4).encode())
        assert trust.bundle(session, 4) == (fingerprint(BUNDLE), BUNDLE)
    release = read_statement(statement, TrustRelease, Purpose.TRUST_RELEASE, KEY.public_key())
    assert (release.version, release.dated, release.origin) == (4, date(2026, 2, 27), "Elenco di prova")
    assert (release.sha256, release.size_bytes) == (fingerprint(BUNDLE), len(BUNDLE))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"version": 4}, "higher"),
        ({"version": 3}, "higher"),
        ({"version": 1 << 31}, "not a release"),
        ({"dated": date(2026, 3, 3)}, "future"),
        ({"dated": date(2026, 2, 26)}, "before"),
        ({"bundle": b""}, "between 1 and"),
        ({"bundle": bytes(MAX_TRUST_BYTES + 1)}, "between 1 and"),
        ({"origin": "  "}, "not a release"),
        ({"origin": "x" * 121}, "not a release"),
    ],
)
def test_what_is_not_published(database, how, words):
    with database.write() as session:
        publish(session, 4)
    with pytest.raises(ReleaseRefused, match=words), database.write() as session:
        publish(session, **({"version": 5} | how))
    with database.read() as session:
        assert [(one.version, one.current) for one in trust.every(session)] == [(4, True)]
        assert boxes.wanted(session, boxes.Wanted.TRUST) == 4
        with pytest.raises(ReleaseUnknown):
            trust.statement(session, 5)


# ---- the command and the gate


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("fleet"))
    house.start("gate")
    yield house
    house.close()


@pytest.fixture(scope="module")
def published(house, tmp_path_factory):
    file = tmp_path_factory.mktemp("bundle") / "bundle.json"
    file.write_bytes(BUNDLE)
    assert command(house, "publish", str(file), "--version", "3") == 0
    return file


def command(house, *words):
    more = ("--dated", "2026-02-27", "--origin", "Elenco di prova", "--by", "operatore")
    return cli.main(["trust", *words, *(more if words[0] == "publish" else ()), *house.words])


def ask(house, path, unit=Unit.LINK, **headers):
    cert = house.person("prova0000001", unit) if unit else None
    return requests.get(house.url(path), cert=cert, verify=str(house.ca), headers=headers, timeout=20)


def test_the_command_says_what_stands_and_refuses_with_a_reason(house, published, capsys, tmp_path):
    assert command(house, "list", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["version"], row["current"], row["published_by"]) == (3, True, "operatore")
    assert command(house, "publish", str(published), "--version", "3") == 1
    assert "needs a higher one" in capsys.readouterr().err
    assert command(house, "publish", str(tmp_path / "none"), "--version", "4") == 1
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(MAX_TRUST_BYTES + 1)
    assert command(house, "publish", str(large), "--version", "4") == 1
    assert "is larger than" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        cli.main(["trust", "publish", str(published), "--version", "4", "--origin", "x", "--dated", "oggi"])


def test_a_box_gets_statement_and_bytes(house, published):
    statement = codec.decode(Statement, ask(house, "/releases/trust/3").content)
    release = read_statement(
        statement, TrustRelease, Purpose.TRUST_RELEASE, fleet_key(house.folder).public_key()
    )
    whole = ask(house, "/releases/trust/3/bundle")
    assert (whole.status_code, whole.content) == (200, BUNDLE)
    assert whole.headers["ETag"] == f'"{release.sha256}"'
    assert "Accept-Ranges" in whole.headers


def test_a_torn_download_goes_on(house, published):
    etag = f'"{fingerprint(BUNDLE)}"'
    path = "/releases/trust/3/bundle"
    rest = ask(house, path, Range="bytes=1000-", **{"If-Range": etag})
    assert (rest.status_code, rest.content) == (206, BUNDLE[1000:])
    assert rest.headers["Content-Range"] == f"bytes 1000-{len(BUNDLE) - 1}/{len(BUNDLE)}"
    other = ask(house, path, Range="bytes=1000-", **{"If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, BUNDLE)
    assert ask(house, path, **{"If-None-Match": etag}).status_code == 304
    assert ask(house, path, Range=f"bytes={len(BUNDLE)}-").status_code == 416


@pytest.mark.parametrize("path", ["/releases/trust/3", "/releases/trust/3/bundle"])
def test_only_a_link_opens_this_door(house, published, path):
    assert ask(house, path, unit=None).status_code == 401
    assert ask(house, path, unit=Unit.RECIPIENT).status_code == 403


@pytest.mark.parametrize("version", ["0", "4", "2147483648", "99999999999999999999", "-1", "x"])
def test_what_was_never_published_is_not_found(house, published, version):
    for path in (f"/releases/trust/{version}", f"/releases/trust/{version}/bundle"):
        assert ask(house, path).status_code == 404
