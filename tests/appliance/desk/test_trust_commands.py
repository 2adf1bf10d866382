"""`pue-box trust` as an operator at a terminal meets it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from appliance import cli
from appliance.cards.software.authority import make_test_authority
from appliance.cards.software.cns_authority import make_cns_authority
from appliance.cards.software.lists import write_master_list, write_revocation_list
from appliance.cards.trust import Purpose, TrustStore
from appliance.desk.authorities import folder
from appliance.runtime.clock import SystemClock, TimeTrust, TrustReason
from tests.appliance.cards.lists import NOW, anchors, days_ago, state


@pytest.fixture(autouse=True)
def one_hour(monkeypatch):
    monkeypatch.setattr(SystemClock, "now", lambda self: NOW)


@pytest.fixture
def desk(tmp_path):
    """Run a command beside a folder of files; gives exit code, answer and what was complained of."""

    class Desk:
        path = tmp_path

        def lay(self, name, raw):
            (tmp_path / name).write_bytes(raw)
            return str(tmp_path / name)

        def run(self, *words):
            where = ["--from" if words[0] in ("list", "show") else "--into", str(tmp_path / "trust")]
            out, errors = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
                try:
                    status = cli.main(["trust", *map(str, words), *where])
                except SystemExit as end:
                    status = end.code
            return status, out.getvalue(), errors.getvalue()

        def json(self, *words):
            status, out, _ = self.run(*words, "--json")
            return status, json.loads(out)

        def bundle(self):
            return folder.read(tmp_path / "trust")

    made = Desk()
    made.signer = made.lay("csca.der", state("DE").anchor_der)
    made.list = made.lay("de.ml", write_master_list(state("DE"), anchors("DE", "IT", "FR"), days_ago(30)))
    return made


def test_the_first_list_and_what_is_known_then(desk):
    status, answer = desk.json("import", desk.list, "--signer", desk.signer)
    assert status == 0
    assert (answer["certificates"], answer["countries"], answer["added"]) == (3, 3, 3)
    assert (answer["publisher"], answer["version"], answer["age_days"]) == ("DE", 1, 30)
    assert answer["standings"]["self_signed"] == 3
    assert answer["size_bytes"] == (desk.path / "trust" / "trust.bundle").stat().st_size
    status, known = desk.json("list")
    assert (status, known["age_days"], known["stale"], known["anchors"]) == (0, 30, False, 3)
    assert known["countries"]["IT"] == {"travel_document": 1, "cns": 0, "expired": 0}
    assert known["too_old"] == []


def test_the_same_in_words(desk):
    status, out, _ = desk.run("import", desk.list, "--signer", desk.signer)
    assert status == 0
    assert "3 certificates of 3 countries: 3 self_signed" in out
    assert "bundle 1 of 2026-10-24 (Master List DE 2026-10-24), 30 days old" in out
    status, out, _ = desk.run("list")
    assert status == 0
    assert "30 days old" in out
    assert "no revocation lists" in out
    status, out, _ = desk.run("show", "it")
    assert status == 0
    assert hashlib.sha256(state("IT").anchor_der).hexdigest() in out
    assert "named by DE" in out


def test_a_list_nobody_vouched_for_says_which_fingerprint_to_compare(desk):
    status, out, errors = desk.run("import", desk.list)
    assert (status, out) == (1, "")
    assert "trust.publisher_unknown" in errors
    assert hashlib.sha256(state("DE").anchor_der).hexdigest() in errors
    assert not (desk.path / "trust" / "trust.bundle").exists()


def test_the_next_list_of_the_same_state_needs_no_certificate(desk):
    desk.run("import", desk.list, "--signer", desk.signer)
    newer = desk.lay("newer.ml", write_master_list(state("DE"), anchors("DE", "IT"), days_ago(2)))
    status, answer = desk.json("import", newer)
    assert (status, answer["version"], answer["dropped"]) == (0, 2, 1)
    before = (desk.path / "trust" / "trust.bundle").read_bytes()
    status, answer = desk.json("import", desk.list)
    assert (status, answer["error"]["code"], answer["error"]["who"]) == (1, "trust.older", "operator")
    status, answer = desk.json("import", newer)
    assert (status, answer["changed"]) == (0, False)
    assert (desk.path / "trust" / "trust.bundle").read_bytes() == before


def test_a_changed_list_leaves_the_bundle_as_it_was(desk):
    desk.run("import", desk.list, "--signer", desk.signer)
    before = (desk.path / "trust" / "trust.bundle").read_bytes()
    raw = bytearray(write_master_list(state("DE"), anchors("DE", "IT"), days_ago(2)))
    raw[len(raw) // 4] ^= 1
    status, answer = desk.json("import", desk.lay("bad.ml", bytes(raw)), "--signer", desk.signer)
    assert (status, answer["error"]["code"]) == (1, "trust.list_invalid")
    assert (desk.path / "trust" / "trust.bundle").read_bytes() == before


def test_certificates_by_hand(desk):
    cns = make_cns_authority()
    path = desk.lay("cns.pem", cns.certificate.public_bytes(Encoding.PEM))
    status, _, errors = desk.run("import", path)
    assert status == 2
    assert "--purpose" in errors
    status, answer = desk.json("import", path, "--purpose", "cns")
    assert (status, answer["error"]["code"]) == (1, "trust.fingerprint_unconfirmed")
    status, answer = desk.json(
        "import", path, "--purpose", "cns", "--confirm", answer["error"]["facts"]["sha256"]
    )
    assert (status, answer["added"]) == (0, 1)
    assert [one.purpose for one in desk.bundle().anchors] == [Purpose.CNS]
    assert desk.json("list")[1]["countries"] == {"IT": {"travel_document": 0, "cns": 1, "expired": 0}}


def test_revocation_lists_one_by_one(desk):
    desk.run("import", desk.list, "--signer", desk.signer)
    good = desk.lay("it.crl", write_revocation_list(state("IT"), [7, 8], days_ago(3), number=4))
    strange = desk.lay("nl.crl", write_revocation_list(state("NL"), [7], days_ago(3), number=4))
    status, answer = desk.json("crl", strange, good)
    assert status == 1
    assert [one["taken"] for one in answer["files"]] == [False, True]
    assert answer["files"][0]["error"]["code"] == "trust.crl_issuer_unknown"
    assert answer["version"] == 2
    (known,) = desk.json("list")[1]["revocation_lists"]
    assert (known["country"], known["dated"], known["until"], known["revoked"]) == (
        "IT",
        "2026-11-20",
        "2026-12-20",
        2,
    )
    status, out, _ = desk.run("crl", good)
    assert (status, "nothing new" in out) == (0, True)
    assert desk.bundle().version == 2


def test_what_is_too_old_is_said(desk):
    old = desk.lay("old.ml", write_master_list(state("DE"), anchors("DE", "IT"), days_ago(400)))
    desk.run("import", old, "--signer", desk.signer)
    desk.run("crl", desk.lay("it.crl", write_revocation_list(state("IT"), [], days_ago(60), number=4)))
    _, known = desk.json("list")
    assert known["stale"]
    assert known["too_old"] == [
        "the newest list is 400 days old: from 366 days on no document is green",
        "the revocation list of IT should have been followed by another on 2026-10-24",
    ]
    assert "OVERDUE since 2026-10-24" in desk.run("list")[1]


def test_what_is_not_there(desk):
    status, answer = desk.json("list")
    assert (status, answer["error"]["code"]) == (1, "trust.none")
    assert "pue-box trust import" in answer["error"]["message"]
    desk.run("import", desk.list, "--signer", desk.signer)
    status, answer = desk.json("show", "SM")
    assert (status, answer["error"]["code"]) == (1, "trust.country_unknown")
    status, answer = desk.json("import", desk.path / "nothing.ml")
    assert (status, answer["error"]["code"]) == (1, "storage.missing")
    status, answer = desk.json("import", desk.lay("noise", b"noise" * 50))
    assert (status, answer["error"]["code"]) == (1, "trust.list_invalid")


def test_two_hands_at_once(desk):
    with folder.held(desk.path / "trust"):
        status, answer = desk.json("import", desk.list, "--signer", desk.signer)
    assert (status, answer["error"]["code"], answer["error"]["who"]) == (1, "trust.busy", "wait")
    assert desk.json("import", desk.list, "--signer", desk.signer)[0] == 0


def test_the_bundle_is_one_a_desk_takes(desk):
    """The file the folder holds is the setting `trust` of a desk, and what the fleet publishes."""
    desk.run("import", desk.list, "--signer", desk.signer)
    raw = (desk.path / "trust" / "trust.bundle").read_bytes()
    store = TrustStore.from_bytes(raw)
    assert (store.version, store.dated.isoformat()) == (1, "2026-10-24")
    assert 1 <= len(store.origin) <= 120


def test_a_card_is_judged_by_the_bundle(desk, monkeypatch):
    """From the list to the verdict: known by its State, refused once its signer is revoked, never green by an old list."""
    monkeypatch.setattr(
        SystemClock, "trusted", lambda self: TimeTrust(trusted=True, why=TrustReason.SYNCHRONIZED)
    )
    home = make_test_authority(now=NOW)

    def read_in(*form):
        out = io.StringIO()
        bundle = str(desk.path / "trust" / "trust.bundle")
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            cli.main(["card", "read", "--reader", "simulated:cie", "--trust", bundle, *form])
        return out.getvalue()

    def read():
        return json.loads(read_in("--json"))

    named = [*anchors("DE"), home.anchor_der]
    desk.run(
        "import",
        desk.lay("a.ml", write_master_list(state("DE"), named, days_ago(370))),
        "--signer",
        desk.signer,
    )
    old = read()
    assert (old["verdict"], old["codes"][0], old["trust"]["age_days"]) == (
        "chip_unproven",
        "trust.stale",
        370,
    )
    desk.run("import", desk.lay("b.ml", write_master_list(state("DE"), named, days_ago(5))))
    assert (read()["verdict"], read()["trust"]["age_days"]) == ("verified", 5)
    assert "judged by: Master List DE 2026-11-18 of 2026-11-18, 5 days old" in read_in()
    serial = home.signer_certificate.serial_number
    desk.run("crl", desk.lay("it.crl", write_revocation_list(home, [serial], days_ago(1), number=1)))
    revoked = read()
    assert (revoked["verdict"], revoked["codes"][0]) == ("refused", "signer.revoked")


def test_names_out_of_certificates_cannot_move_the_cursor(desk):
    from tests.appliance.cards.lists import certificate

    evil, _ = certificate(subject="\x1b[2J\x07one")
    path = desk.lay("evil.ml", write_master_list(state("DE"), [*anchors("DE"), evil], days_ago(2)))
    desk.run("import", path, "--signer", desk.signer)
    status, out, _ = desk.run("show", "XY")
    assert status == 0
    assert "one" in out
    assert "\x1b" not in out
    assert "\x07" not in out


@pytest.mark.parametrize("words", [[], ["import"], ["crl"], ["list"], ["show"]])
def test_help_of_each_command(words, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["trust", *words, "--help"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("usage: pue-box trust")


def test_who_waits_longer_than_a_second_hears_how_far_it_is(desk, monkeypatch):
    hours = iter(range(0, 100_000, 2))
    monkeypatch.setattr("appliance.desk.authorities.cli.time.monotonic", lambda: next(hours))
    _, _, errors = desk.run("import", desk.list, "--signer", desk.signer)
    assert "examining certificates: 3 of 3" in errors
