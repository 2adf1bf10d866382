"""A box is enrolled at a real TLS door, interrupted, begun again, and believed only if everything holds."""

from __future__ import annotations

import json
import stat

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from appliance.vault import clerks
from contracts import codec
from contracts.messages.enrolment import Belongings, KeyUse
from provisioning import cli
from provisioning.ground import Ground
from provisioning.record import Book
from tests.peers.certificates import Authority
from tests.peers.est import EnrolmentDoor

BOX = "pue0a074prova"
TOKEN = "gettone-di-prova-0000"


@pytest.fixture
def door(tmp_path):
    with EnrolmentDoor(tmp_path / "gate", Authority(tmp_path / "ca"), box=BOX, token=TOKEN) as peer:
        yield peer


@pytest.fixture
def enrol(door, tmp_path, capsys):
    def run(*extra, token=TOKEN, box=BOX, ca=None):
        arguments = ["enrol", "--fleet", door.url, "--fleet-ca", str(ca or door.authority.path), "--box", box]
        arguments += ["--token", token, "--state-dir", str(tmp_path / "state"), "--json", *extra]
        code = cli.main(arguments)
        return code, json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def ground(door, tmp_path):
    return Ground(
        box=BOX, state_dir=tmp_path / "state", fleet_url=door.url, fleet_ca=door.authority.path, token=TOKEN
    )


def names(path):
    subject = x509.load_pem_x509_certificate(path.read_bytes()).subject
    return [
        subject.get_attributes_for_oid(kind)[0].value
        for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME)
    ]


def test_a_box_gets_all_it_needs(enrol, ground):
    code, answer = enrol()
    assert code == 0
    assert [step["already"] for step in answer["steps"]] == [False] * 4
    for use in KeyUse:
        assert names(ground.certificate_file(use)) == [BOX, use.value]
        assert stat.S_IMODE(ground.key_file(use).stat().st_mode) == 0o600
        assert stat.S_IMODE(ground.key_file(use).parent.stat().st_mode) == 0o700
    given = codec.decode(Belongings, ground.belongings_file.read_bytes())
    assert codec.encode(given) == ground.belongings_file.read_bytes()
    assert given.site.comune == "Prova"


def test_the_desk_accepts_the_hand_over_code_once(enrol, ground, tmp_path):
    import datetime as dt

    code = enrol()[1]["voucher"]
    vault = ground.state_dir / "vault"
    assert (vault / "voucher").read_bytes() == clerks.voucher_record(code)
    assert code.replace("-", "").encode() not in b"".join(
        path.read_bytes() for path in ground.state_dir.rglob("*") if path.is_file()
    )
    desk = clerks.Clerks(vault / "clerks.json", vault / "voucher", now=lambda: dt.datetime.now(dt.UTC))
    desk.first("prova", "Persona di Prova", "13579246", code.lower())
    again = enrol()[1]
    assert again["voucher"] is None
    assert not (vault / "voucher").exists(), "a used code must not come back by itself"


def test_a_second_run_finds_everything_done(enrol, ground):
    first = enrol()[1]
    before = {path: path.read_bytes() for path in ground.state_dir.rglob("*") if path.is_file()}
    code, second = enrol(token="")
    assert code == 0
    assert [step["already"] for step in second["steps"]] == [True] * 4
    assert second["line"] is None
    assert {path: path.read_bytes() for path in ground.state_dir.rglob("*") if path.is_file()} == before
    assert second["facts"] == first["facts"]


def test_an_answer_lost_on_the_road_costs_nothing(enrol, door, ground):
    door.lose_answers = 1
    code, answer = enrol()
    assert (code, answer["problem"]["code"]) == (1, "provisioning.fleet_unreached")
    key = ground.key_file(KeyUse.LINK).read_bytes()
    assert enrol()[0] == 0
    assert ground.key_file(KeyUse.LINK).read_bytes() == key
    assert door.asked == ["link", "link", "desk"]


def test_wrong_token_is_refused_with_the_fleets_own_code(enrol):
    code, answer = enrol(token="altro-gettone")
    assert (code, answer["problem"]["code"]) == (1, "enrolment.token_refused")


def test_another_fleet_is_not_believed(enrol, door, tmp_path):
    stranger = Authority(tmp_path / "stranger", "Altra autorità")
    code, answer = enrol(ca=stranger.path)
    assert (code, answer["problem"]["code"]) == (1, "provisioning.fleet_untrusted")
    assert door.asked == []


def test_a_certificate_for_another_use_is_not_written(enrol, door, ground):
    door.wrong_unit = True
    code, answer = enrol()
    assert (code, answer["problem"]["code"]) == (1, "provisioning.not_verified")
    assert not ground.certificate_file(KeyUse.LINK).exists()


def test_a_folder_of_another_box_is_left_alone(enrol, ground):
    enrol()
    code, answer = enrol(box="pue0altrascatola")
    assert (code, answer["problem"]["code"]) == (1, "provisioning.other_box")


@pytest.mark.parametrize(
    "change", [{"authority": ""}, {"fleet_key": "AAAA"}, {"post_url": "http://127.0.0.1/post/v1"}]
)
def test_belongings_that_do_not_hold_are_not_written(enrol, door, ground, change):
    door.belongings = change
    assert enrol()[0] == 1
    assert not ground.belongings_file.exists()
    door.belongings = {}
    assert enrol()[0] == 0


def test_a_key_others_can_read_is_refused(enrol, ground):
    enrol()
    ground.key_file(KeyUse.DESK).chmod(0o644)
    code, answer = enrol()
    assert (code, answer["problem"]["code"]) == (1, "provisioning.not_verified")


def test_the_book_holds_fingerprints_and_nothing_secret(enrol, ground):
    answer = enrol()[1]
    book = ground.state_dir / "provisioning" / "book.jsonl"
    (line,) = Book(book).lines()
    assert line.facts["link_certificate"] == answer["facts"]["link_certificate"]
    text = book.read_text()
    for secret in (TOKEN, answer["voucher"], answer["voucher"].replace("-", ""), "PRIVATE"):
        assert secret not in text


def test_wrong_use_is_exit_code_two():
    with pytest.raises(SystemExit) as ended:
        cli.main(["enrol"])
    assert ended.value.code == 2
