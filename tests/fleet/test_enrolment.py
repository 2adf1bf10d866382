"""A box gets its certificates by EST with requests made by openssl; everything else is refused with a reason."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import requests
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from contracts import codec
from contracts.messages.enrolment import Belongings
from fleet.backoffice import keys as recipient_keys
from fleet.clock import SystemClock
from fleet.enrolment import request
from fleet.enrolment.request import RequestRefused
from fleet.registry import boxes, certificates, recipients
from fleet.registry.certificates import Unit
from fleet.registry.tables import CertificateRow
from fleet.serve import material
from tests.fleet.fleet_house import make_request, openssl

P_NAME = "INPS (prova)"


@pytest.fixture
def open_house(house):
    house.start("gate")
    return house


@pytest.fixture
def recipient(house, tmp_path):
    given_file = recipient_keys.create(tmp_path / "backoffice", P_NAME, datetime.now(UTC))
    read = recipients.read_file(msgspec.json.encode(given_file))
    material.add_recipient(house.settings, house.database, read, now=datetime.now(UTC))
    return read


def enrolled(house, box, token, use, folder):
    """Enrol with openssl's request; certificate and key files."""
    csr = make_request(folder, box)
    answer = house.enrol(box, token, use, csr)
    assert answer.status_code == 200, answer.text
    pem = openssl("pkcs7", "-inform", "DER", "-print_certs", data=base64.b64decode(answer.content))
    (folder / "cert.pem").write_bytes(pem)
    return str(folder / "cert.pem"), str(folder / "key.pem")


def get_belongings(house, pair):
    return requests.get(house.url("/enrolment/v1/belongings"), cert=pair, verify=str(house.ca), timeout=20)


def code(answer):
    return answer.json()["code"]


def test_openssl_enrols_both_keys_and_the_link_opens_the_belongings(open_house, recipient, tmp_path):
    box, token = open_house.expected_box()
    link = enrolled(open_house, box, token, "link", tmp_path / "link")
    enrolled(open_house, box, token, "desk", tmp_path / "desk")
    verified = openssl("verify", "-CAfile", str(open_house.ca), link[0], str(tmp_path / "desk" / "cert.pem"))
    assert verified.count(b"OK") == 2
    answer = get_belongings(open_house, link)
    belongings = codec.decode(Belongings, answer.content)
    assert (belongings.box, belongings.site.comune, belongings.recipient) == (
        box,
        "Agliè",
        recipient.certificate_pem,
    )
    assert belongings.broker_port == open_house.settings.broker.port
    with open_house.database.read() as session:
        assert boxes.get(session, box).state is boxes.BoxState.ENROLLED


def test_cacerts_gives_the_root(open_house):
    for label in ("", "/link", "/desk"):
        answer = requests.get(
            open_house.url(f"/.well-known/est{label}/cacerts"), verify=str(open_house.ca), timeout=20
        )
        pem = openssl("pkcs7", "-inform", "DER", "-print_certs", data=base64.b64decode(answer.content))
        assert x509.load_pem_x509_certificate(pem) == open_house.authority.certificate


def test_an_answer_lost_on_the_road_costs_nothing_but_another_key_is_refused(open_house, tmp_path):
    box, token = open_house.expected_box()
    csr = make_request(tmp_path / "link", box)
    first = open_house.enrol(box, token, "link", csr)
    again = open_house.enrol(box, token, "link", csr)
    assert (again.status_code, again.content) == (200, first.content)
    other = open_house.enrol(box, token, "link", make_request(tmp_path / "other", box))
    assert (other.status_code, code(other)) == (401, "enrolment.token_refused")


def test_a_token_is_for_one_box_and_for_its_time(open_house, tmp_path):
    box, token = open_house.expected_box()
    other, _ = open_house.expected_box()
    csr, other_csr = make_request(tmp_path / "a", box), make_request(tmp_path / "b", other)
    for name, word, what in (
        (box, "sbagliatosbagliatosbagliat", csr),
        (box, "", csr),
        (other, token, other_csr),
        ("nessuno00000", token, make_request(tmp_path / "c", "nessuno00000")),
    ):
        answer = open_house.enrol(name, word, "link", what)
        assert (answer.status_code, code(answer)) == (401, "enrolment.token_refused")
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
    with open_house.database.write() as session:
        now = datetime.now(UTC)
        old = boxes.new_token(session, box, now=now - timedelta(hours=2), life=timedelta(hours=1))
    assert open_house.enrol(box, old, "link", csr).status_code == 401


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("name", "common name"),
        ("curve", "P-256"),
        ("rsa", "P-256"),
        ("torn", "PKCS #10"),
        ("forged", "not signed by its own key"),
        ("huge", "at most"),
    ],
)
def test_a_request_that_is_wrong_is_refused_with_its_reason(open_house, tmp_path, how, sentence):
    box, token = open_house.expected_box()
    good = make_request(tmp_path / "good", box)
    csr = {
        "name": lambda: make_request(tmp_path / "n", "altronome000"),
        "curve": lambda: make_request(tmp_path / "c", box, curve="secp384r1"),
        "rsa": lambda: rsa_request(tmp_path, box),
        "torn": lambda: good[:-9],
        "forged": lambda: good[:-1] + bytes([good[-1] ^ 1]),
        "huge": lambda: good + bytes(20_000),
    }[how]()
    answer = open_house.enrol(box, token, "link", csr)
    assert answer.status_code == 400
    assert code(answer) == "enrolment.request_refused"
    assert sentence in answer.json()["message"]
    # The token has not suffered.
    assert open_house.enrol(box, token, "link", good).status_code == 200


def rsa_request(folder, box):
    openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", str(folder / "r.key"), "-subj",
            f"/CN={box}", "-out", str(folder / "r.csr"))  # fmt: skip
    return openssl("req", "-in", str(folder / "r.csr"), "-outform", "DER")


def test_nobody_enrols_without_credentials_or_for_an_unknown_label(open_house, tmp_path):
    box, token = open_house.expected_box()
    csr = base64.b64encode(make_request(tmp_path / "x", box))
    url = open_house.url("/.well-known/est/link/simpleenroll")
    for headers in ({}, {"Authorization": "Basic !!!"}, {"Authorization": "Bearer x"}):
        answer = requests.post(url, data=csr, headers=headers, verify=str(open_house.ca), timeout=20)
        assert (answer.status_code, code(answer)) == (401, "enrolment.token_missing")
    answer = open_house.enrol(box, token, "altro", base64.b64decode(csr))
    assert (answer.status_code, code(answer)) == (404, "enrolment.unknown_label")


def test_the_link_is_renewed_with_a_new_key_and_the_desk_only_with_its_own(open_house, recipient, tmp_path):
    box, token = open_house.expected_box()
    link = enrolled(open_house, box, token, "link", tmp_path / "link")
    enrolled(open_house, box, token, "desk", tmp_path / "desk")

    def renew(use, csr):
        return requests.post(
            open_house.url(f"/.well-known/est/{use}/simplereenroll"),
            data=base64.b64encode(csr),
            cert=link,
            verify=str(open_house.ca),
            timeout=20,
        )

    assert renew("link", make_request(tmp_path / "new", box)).status_code == 200
    same = openssl("req", "-new", "-key", str(tmp_path / "desk" / "key.pem"), "-subj", f"/CN={box}",
                   "-outform", "DER")  # fmt: skip
    assert renew("desk", same).status_code == 200
    refused = renew("desk", make_request(tmp_path / "mine", box))
    assert (refused.status_code, code(refused)) == (400, "enrolment.request_refused")
    assert get_belongings(open_house, link).status_code == 200


def test_enrolling_again_revokes_what_was_before(open_house, recipient, tmp_path):
    box, token = open_house.expected_box()
    before = enrolled(open_house, box, token, "link", tmp_path / "one")
    with open_house.database.write() as session:
        token = boxes.new_token(session, box, now=datetime.now(UTC), life=timedelta(hours=1))
    after = enrolled(open_house, box, token, "link", tmp_path / "two")
    assert get_belongings(open_house, after).status_code == 200
    answer = get_belongings(open_house, before)
    assert (answer.status_code, code(answer)) == (403, "gate.certificate_refused")


def test_who_comes_to_the_belongings_without_the_right_certificate(open_house, recipient):
    url = open_house.url("/enrolment/v1/belongings")
    bare = requests.get(url, verify=str(open_house.ca), timeout=20)
    assert (bare.status_code, code(bare)) == (401, "gate.certificate_missing")
    office = get_belongings(open_house, open_house.person("Ufficio di prova", Unit.RECIPIENT))
    assert (office.status_code, code(office)) == (403, "gate.certificate_refused")
    # A desk's certificate signs letters; TLS itself does not let it in as a client.
    with pytest.raises(requests.exceptions.ConnectionError):
        get_belongings(open_house, open_house.person(open_house.box(), Unit.DESK))


def test_a_revoked_box_is_refused_at_the_gate_at_once(open_house, recipient):
    box = open_house.box()
    pair = open_house.person(box)
    assert get_belongings(open_house, pair).status_code == 200
    with open_house.database.write() as session:
        certificates.revoke(session, box, why="prova", now=datetime.now(UTC))
    answer = get_belongings(open_house, pair)
    assert (answer.status_code, code(answer)) == (403, "gate.certificate_refused")


def test_a_certificate_of_our_root_that_is_not_in_the_book_is_refused(open_house, recipient):
    box = open_house.box()
    pair = open_house.person(box)
    with open_house.database.write() as session:
        session.execute(sa.delete(CertificateRow).where(CertificateRow.cn == box))
    assert get_belongings(open_house, pair).status_code == 403


def test_unknown_paths_and_faults_are_problems_too(open_house):
    answer = requests.get(open_house.url("/nulla"), verify=str(open_house.ca), timeout=20)
    assert (answer.status_code, code(answer)) == (404, "gate.http_404")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_without_a_recipient_a_box_is_told_who_can_act(open_house):
    answer = get_belongings(open_house, open_house.person(open_house.box()))
    assert (answer.status_code, code(answer), answer.json()["who"]) == (503, "fleet.no_recipient", "operator")


@given(st.binary(max_size=300))
def test_any_bytes_for_a_request_raise_our_refusal_and_nothing_else(data):
    for body in (data, base64.b64encode(data)):
        with pytest.raises(RequestRefused):
            request.from_est_body(body)


def test_the_null_that_tpm2_openssl_writes_is_forgiven(tmp_path):
    csr = make_request(tmp_path, "boxdiprova00")
    oid = bytes.fromhex("300a06082a8648ce3d040302")
    spoilt = csr.replace(oid, bytes.fromhex("300c06082a8648ce3d0403020500"))
    assert spoilt != csr
    head = 4 if spoilt[1] == 0x82 else 3 if spoilt[1] == 0x81 else 2
    body = spoilt[head:]
    rewrapped = (
        b"\x30\x82" + len(body).to_bytes(2, "big") + body
        if len(body) > 255
        else b"\x30\x81" + bytes([len(body)]) + body
    )
    parsed = request.from_est_body(base64.b64encode(rewrapped))
    assert request.proven_key(parsed, cn="boxdiprova00")


@pytest.mark.parametrize("name", ["abcdefgh1234", "fleet-ingest-0", "a/b c", "x+ y", "# y"])
def test_a_recipient_cannot_take_a_name_that_speaks_at_the_broker(house, recipient, name):
    spoilt = msgspec.structs.replace(recipient, name=name)
    with pytest.raises(recipients.RecipientRefused):
        recipients.read_file(msgspec.json.encode(spoilt))


def test_the_recipients_client_certificate_is_of_its_own_key(house, tmp_path):
    given_file = recipient_keys.create(tmp_path / "backoffice", P_NAME, datetime.now(UTC))
    read = recipients.read_file(msgspec.json.encode(given_file))
    certificate = material.add_recipient(house.settings, house.database, read, now=datetime.now(UTC))
    wanted = x509.load_pem_x509_csr(given_file.client_csr_pem.encode())
    assert certificate.public_key() == wanted.public_key()
    with house.database.read() as session:
        known = certificates.find(session, certificates.fingerprint(certificate.public_bytes(Encoding.DER)))
        assert recipients.current(session).name == P_NAME
    assert known.ou is Unit.RECIPIENT


def test_keys_are_for_the_owner_only(house):
    for path in (house.folder / "keys").glob("*.key"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert (house.folder / "keys" / "fleet-key.pem").stat().st_mode & 0o077 == 0


def test_preparing_again_changes_nothing_and_new_names_make_new_server_certificates(house):
    folder = house.folder / "keys"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    material.prepare(house.settings, house.database, SystemClock())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    moved = msgspec.structs.replace(house.settings, public_hosts=["flotta.prova"])
    material.prepare(moved, house.database, SystemClock())
    assert (folder / "gate.pem").read_bytes() != before["gate.pem"]
    assert (folder / "authority.pem").read_bytes() == before["authority.pem"]
