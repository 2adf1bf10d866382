"""Revocation lists: whose they are, what they cover, how old they are, and what a verdict makes of them."""

from __future__ import annotations

import dataclasses
import datetime
import subprocess

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.cards import trust_renewal
from appliance.cards.cns import Pin
from appliance.cards.cns_verdict import judge_cns
from appliance.cards.passive_authentication import Finding
from appliance.cards.reading import read_and_judge
from appliance.cards.revocation import InvalidRevocationList, RevocationList, RevocationState
from appliance.cards.software import certificates, der
from appliance.cards.software.authority import KeyKind
from appliance.cards.software.cns_authority import make_cns_authority
from appliance.cards.software.cns_card import PIN
from appliance.cards.software.lists import write_revocation_list
from appliance.cards.software.shelf import issue
from appliance.cards.software.trusted import demo_trust
from appliance.cards.trust import Purpose, TrustStore
from appliance.cards.trust_renewal import IssuerUnknown, TrustOlder
from appliance.cards.verdict import Instant, NotChecked, judge
from contracts.desk_api.clerk import VerdictKind
from contracts.errors import PueError
from tests.appliance.cards.lists import NOW, days_ago, state

SERIAL = 0x1234567890ABCDEF


def crl(one, serials=(), days=3, *, number=5, **options):
    return write_revocation_list(one, serials, days_ago(days), number=number, **options)


def take(store, raw):
    return trust_renewal.take_revocation_list(store, raw, NOW).store


@pytest.fixture
def signer(authority):
    return asn1_x509.Certificate.load(authority.signer_certificate.public_bytes(Encoding.DER))


# ---------------------------------------------------------------- what is taken


@pytest.mark.parametrize("kind", KeyKind)
def test_a_list_of_each_kind_of_state(kind):
    one = state("IT", kind)
    store = take(one.trust_store(), crl(one, [SERIAL, 7], number=9))
    (found,) = store.revocation_lists
    assert (found.country, found.number, found.serials) == ("IT", 9, {SERIAL, 7})
    assert (found.this_update, found.next_update) == (days_ago(3), days_ago(-27))
    assert store.version == one.trust_store().version + 1
    again = TrustStore.from_bytes(store.to_bytes())
    assert [one.der for one in again.revocation_lists] == [found.der]


def test_openssl_reads_our_list(tmp_path, authority):
    (tmp_path / "ca.pem").write_bytes(authority.authority_certificate.public_bytes(Encoding.PEM))
    (tmp_path / "list.crl").write_bytes(crl(authority, [SERIAL], number=77))
    command = "openssl crl -inform DER -in list.crl -CAfile ca.pem -noout -text -crlnumber"
    done = subprocess.run(
        command.split(), cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True
    )
    assert "verify OK" in done.stderr
    assert f"Serial Number: {SERIAL:X}" in done.stdout
    assert "crlNumber=0x4D" in done.stdout


def test_a_list_of_openssl_is_taken(tmp_path):
    """`openssl ca` keeps the register, revokes a certificate and writes the list."""
    (tmp_path / "index.txt").touch()
    (tmp_path / "serial").write_text("1000\n")
    (tmp_path / "crlnumber").write_text("2A\n")
    (tmp_path / "openssl.cnf").write_text(
        "[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\nserial=serial\ncrlnumber=crlnumber\nnew_certs_dir=.\n"
        "certificate=ca.pem\nprivate_key=ca.key\ndefault_md=sha256\npolicy=p\ncrl_extensions=crl_ext\n"
        "default_days=30\ndefault_crl_days=40\nunique_subject=no\n[p]\ncountryName=supplied\n"
        "commonName=supplied\n[crl_ext]\nauthorityKeyIdentifier=keyid\n[req]\ndistinguished_name=n\n[n]\n"
        "[v3]\nbasicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
    )
    for command in (
        "ecparam -name brainpoolP256r1 -param_enc explicit -genkey -noout -out ca.key",
        "req -x509 -config openssl.cnf -extensions v3 -key ca.key -subj /C=IT/CN=ESEMPIO -days 900 -out ca.pem",
        "ecparam -name prime256v1 -genkey -noout -out ds.key",
        "req -new -config openssl.cnf -key ds.key -subj /C=IT/CN=signer -out ds.csr",
        "ca -batch -config openssl.cnf -in ds.csr -out ds.pem -notext",
        "ca -config openssl.cnf -revoke ds.pem",
        "ca -config openssl.cnf -gencrl -out list.pem",
        "crl -in list.pem -outform DER -out list.der",
        "x509 -in ds.pem -outform DER -out ds.der",
    ):
        subprocess.run(
            ["openssl", *command.split()], cwd=tmp_path, check=True, capture_output=True, timeout=60
        )
    now = datetime.datetime.now(datetime.UTC)
    store = TrustStore.from_pem(
        (tmp_path / "ca.pem").read_bytes(), origin="openssl", version=1, dated=now.date()
    )
    done = trust_renewal.take_revocation_list(store, (tmp_path / "list.der").read_bytes(), now)
    certificate = asn1_x509.Certificate.load((tmp_path / "ds.der").read_bytes())
    found = done.store.revocation(certificate)
    assert found.state is RevocationState.REVOKED
    assert abs((found.until - now.date()).days - 40) <= 1
    assert done.store.revocation_lists[0].number == 0x2A


# ---------------------------------------------------------------- what is refused


def test_only_an_authority_of_the_bundle_revokes(authority, trust):
    with pytest.raises(IssuerUnknown):
        take(trust, crl(state("FR"), [1]))
    same_name = state("IT", KeyKind.EC_PLAIN)  # another key under the same name
    with pytest.raises(IssuerUnknown):
        take(trust, crl(same_name, [1]))


LIST = crl(state("IT"), [SERIAL])


@given(st.integers(0, len(LIST) - 1), st.integers(0, 7))
@settings(max_examples=80)
@example(LIST.index(b"\x03\x48\x00\x30") + 2, 0)  # how many bits of the signature's last byte do not count
def test_no_changed_bit_changes_what_a_list_says(place, bit):
    store = state("IT").trust_store()
    raw = bytearray(LIST)
    raw[place] ^= 1 << bit
    try:
        lists = take(store, bytes(raw)).revocation_lists
    except PueError as why:
        lists, refused = (), why.code.startswith("trust.")
    assert lists or refused
    for found in lists:
        assert (found.serials, found.number, found.this_update) == ({SERIAL}, 5, days_ago(3))
        assert found.next_update == days_ago(-27)


@given(st.binary(max_size=120))
def test_garbage_is_no_list(garbage):
    with pytest.raises(InvalidRevocationList):
        RevocationList.from_der(garbage, Purpose.CNS)


def test_an_older_list_is_never_taken(authority, trust):
    present = take(trust, crl(authority, [1, 2], days=3, number=5))
    for older in (
        crl(authority, [], days=4, number=5),
        crl(authority, [], days=2, number=4),
        crl(authority, [], days=3, number=5),
    ):
        with pytest.raises(TrustOlder):
            take(present, older)
    assert not trust_renewal.take_revocation_list(present, crl(authority, [1, 2], days=3), NOW).changed
    newer = take(present, crl(authority, [1, 2, 3], days=2, number=6))
    assert [one.serials for one in newer.revocation_lists] == [{1, 2, 3}]
    with pytest.raises(TrustOlder, match="has not come"):
        take(newer, crl(authority, [], days=-2, number=7))


@pytest.mark.parametrize(
    ("begins", "ends", "may_sign", "taken"),
    [(900, -900, True, True), (900, -900, False, False), (1, -900, True, False), (900, 10, True, False)],
)
def test_the_authority_may_sign_lists_and_was_one_that_day(begins, ends, may_sign, taken):
    """The list is of three days ago."""
    one = state("IT")
    name = certificates.name("IT", "ESEMPIO Country Signing Authority")
    raw = certificates.certificate(
        subject=name,
        key=one.authority_key,
        issuer=name,
        issuer_key=one.authority_key,
        serial=5,
        validity=certificates.Validity(days_ago(begins), days_ago(ends)),
        authority=may_sign,
    )
    store = TrustStore.from_certificates([raw], origin="x", version=1, dated=NOW.date())
    if taken:
        assert take(store, crl(one)).revocation_lists
    else:
        with pytest.raises(IssuerUnknown):
            take(store, crl(one))


def test_a_list_of_a_part_is_not_taken(authority, trust):
    """Of some distribution point, of others' certificates, or of what changed only: silence in it says nothing."""
    for oid in ("2.5.29.28", "2.5.29.27"):
        value = der.integer(1) if oid.endswith("27") else der.sequence(b"\x84\x01\xff")
        part = certificates.extension(oid, value, critical=True)
        with pytest.raises(InvalidRevocationList, match="part"):
            take(trust, crl(authority, [], extensions=(part,)))


def test_an_authority_of_one_purpose_says_nothing_about_the_other(now):
    store = demo_trust(now)
    cns = make_cns_authority()
    taken = take(store, cns_crl(cns, [3]))
    assert [one.purpose for one in taken.revocation_lists] == [Purpose.CNS]


def test_an_authority_of_both_purposes_speaks_for_both(authority, trust, signer):
    both = dataclasses.replace(
        trust,
        anchors=(*trust.anchors, *(dataclasses.replace(one, purpose=Purpose.CNS) for one in trust.anchors)),
    )
    store = take(both, crl(authority, [signer.serial_number]))
    assert {store.revocation(signer, purpose).state for purpose in Purpose} == {RevocationState.REVOKED}
    again = trust_renewal.take_revocation_list(store, crl(authority, [signer.serial_number]), NOW)
    assert (again.changed, len(again.store.revocation_lists)) == (False, 2)


def test_a_list_counts_for_its_own_purpose_only(authority, trust, signer):
    (found,) = take(trust, crl(authority, [signer.serial_number])).revocation_lists
    store = dataclasses.replace(trust, revocation_lists=(dataclasses.replace(found, purpose=Purpose.CNS),))
    assert store.revocation(signer).state is RevocationState.NOT_CHECKED


def test_the_same_key_under_another_states_name_revokes_nothing(authority):
    name = certificates.name("FR", "ESEMPIO same key")
    other = certificates.certificate(
        subject=name,
        key=authority.authority_key,
        issuer=name,
        issuer_key=authority.authority_key,
        serial=5,
        validity=certificates.Validity(days_ago(900), days_ago(-900)),
        authority=True,
    )
    store = TrustStore.from_certificates([other], origin="x", version=1, dated=NOW.date())
    with pytest.raises(IssuerUnknown):
        take(store, crl(authority))


def test_a_list_damaged_in_its_middle(authority, trust, signer):
    """Refused when it is offered; where it lies in a bundle already, it is as if it were not there."""
    raw = crl(authority, [signer.serial_number, 0x70777])
    number = der.integer(0x70777)
    broken = raw[: raw.rindex(number)] + b"\x04" + raw[raw.rindex(number) + 1 :]
    with pytest.raises(InvalidRevocationList):
        take(trust, broken)
    damaged = RevocationList.from_der(broken, Purpose.TRAVEL_DOCUMENT)
    store = dataclasses.replace(trust, revocation_lists=(damaged,))
    assert store.revocation(signer).state is RevocationState.NOT_CHECKED


def test_a_huge_list_is_refused_unread(authority):
    with pytest.raises(InvalidRevocationList, match="too long"):
        RevocationList.from_der(bytes(4 * 1024 * 1024 + 1), Purpose.CNS)


def test_a_long_list_is_searched_by_number_alone(authority, trust):
    store = take(trust, crl(authority, range(1, 60_000, 3)))
    serials = store.revocation_lists[0].serials
    assert len(serials) == 20_000
    assert 59_998 in serials
    assert 2 not in serials


# ---------------------------------------------------------------- verdicts


def test_a_revoked_signer_refuses_the_document(good_evidence, authority, trust, instant, signer):
    store = take(trust, crl(authority, [signer.serial_number]))
    assert store.revocation(signer).state is RevocationState.REVOKED
    verdict = judge(good_evidence, store, instant)
    assert (verdict.kind, verdict.code) == (VerdictKind.REFUSED, Finding.SIGNER_REVOKED)
    assert "revocato" in verdict.lines[0]
    assert verdict.portrait is None


def test_a_revoked_signer_stays_revoked_when_the_list_is_old(
    good_evidence, authority, trust, instant, signer
):
    store = take(trust, crl(authority, [signer.serial_number], days=60))
    assert judge(good_evidence, store, instant).kind is VerdictKind.REFUSED


def test_not_on_the_list_is_said_with_its_day(good_evidence, authority, trust, instant, signer):
    store = take(trust, crl(authority, [1, 2, 3], days=3))
    verdict = judge(good_evidence, store, instant)
    assert verdict.kind is VerdictKind.VERIFIED
    assert NotChecked.REVOCATION not in verdict.not_checked
    assert "Revoca del certificato dello Stato: controllata al 20/11/2026." in verdict.not_checked_sentences()


def test_a_list_that_should_have_been_followed_by_another(good_evidence, authority, trust, instant):
    store = take(trust, crl(authority, [1], days=40))
    verdict = judge(good_evidence, store, instant)
    assert verdict.kind is VerdictKind.VERIFIED
    assert NotChecked.REVOCATION in verdict.not_checked
    assert (
        "Revoca del certificato dello Stato: non controllata dopo il 14/10/2026."
        in verdict.not_checked_sentences()
    )


def test_without_a_list_nobody_looked(good_evidence, trust, instant):
    verdict = judge(good_evidence, trust, instant)
    assert "Revoca del certificato dello Stato: non controllata." in verdict.not_checked_sentences()
    assert verdict.revocation.dated is None


def test_a_list_of_another_authority_says_nothing(good_evidence, authority, instant, signer):
    other = state("FR")
    store = dataclasses.replace(
        authority.trust_store(), anchors=(*authority.trust_store().anchors, *other.trust_store().anchors)
    )
    store = take(store, crl(other, [signer.serial_number]))
    assert store.revocation(signer).state is RevocationState.NOT_CHECKED
    assert judge(good_evidence, store, instant).kind is VerdictKind.VERIFIED


# ---------------------------------------------------------------- CNS


def cns_crl(cns, serials):
    """Written by `cryptography`."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(cns.certificate.subject)
        .last_update(days_ago(2))
        .next_update(days_ago(-20))
        .add_extension(x509.CRLNumber(3), critical=False)
    )
    for serial in serials:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(days_ago(5)).build()
        )
    return builder.sign(cns.key, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.fixture
def cns_evidence(now):
    """A good TS-CNS, read with its PIN."""

    class Slot:
        max_command_bytes, max_response_bytes = 261, 258

        def __init__(self, card):
            self.transmit, self.reset = card.transmit, card.reset

    evidence, _ = read_and_judge(
        Slot(issue("cns", now)), None, demo_trust(now), Instant(now, trusted=True), pin=Pin(PIN)
    )
    return evidence


def test_a_revoked_cns_is_refused(cns_evidence, now, instant):
    number = asn1_x509.Certificate.load(cns_evidence.certificate).serial_number
    store = take(demo_trust(now), cns_crl(make_cns_authority(), [5, number]))
    verdict = judge_cns(cns_evidence, store, instant)
    assert (verdict.kind, verdict.code) == (VerdictKind.REFUSED, Finding.SIGNER_REVOKED)
    assert verdict.lines[0] == "Il certificato della tessera è stato revocato."


def test_a_cns_that_is_not_on_the_list(cns_evidence, now, instant):
    store = take(demo_trust(now), cns_crl(make_cns_authority(), [5]))
    verdict = judge_cns(cns_evidence, store, instant)
    assert verdict.kind is VerdictKind.VERIFIED
    assert NotChecked.REVOCATION_SINCE in verdict.not_checked
    assert any("controllata al 21/11/2026" in line for line in verdict.not_checked_sentences())


def test_a_stale_list_gives_no_green_to_a_cns(cns_evidence, now, instant):
    stale = dataclasses.replace(demo_trust(now), dated=days_ago(366).date())
    verdict = judge_cns(cns_evidence, stale, instant)
    assert (verdict.kind, verdict.code) == (VerdictKind.CHIP_UNPROVEN, "trust.stale")
