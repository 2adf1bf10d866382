"""Master lists: what is taken, what is refused, and what is said of each certificate."""

from __future__ import annotations

import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.cards import census, master_list, tlv, trust_renewal
from appliance.cards.census import Standing
from appliance.cards.master_list import InvalidMasterList, open_master_list
from appliance.cards.software import certificates, der
from appliance.cards.software.authority import KeyKind, make_test_authority
from appliance.cards.software.certificates import Validity
from appliance.cards.software.lists import list_signer, write_master_list, write_revocation_list
from appliance.cards.software.signed_message import SIGNING_TIME, signed_message
from appliance.cards.trust import Purpose
from contracts.errors import PueError
from tests.appliance.cards.lists import (
    NOBODY,
    NOW,
    anchors,
    certificate,
    days_ago,
    offered,
    pinned,
    state,
    take,
)

GOOD = write_master_list(state("DE"), anchors("DE", "IT", "FR"), days_ago(30))


def refusal(raw):
    with pytest.raises(InvalidMasterList) as refused:
        open_master_list(raw)
    assert refused.value.who == "operator"
    return refused.value.facts["reason"]


@pytest.mark.parametrize("kind", KeyKind)
@pytest.mark.parametrize("ber", [False, True])
def test_a_list_of_each_kind_of_state(kind, ber):
    publisher = state("DE", kind)
    raw = write_master_list(publisher, anchors("IT", "FR"), days_ago(3), ber=ber)
    found = open_master_list(raw)
    assert set(found.certificates) == set(anchors("IT", "FR"))
    assert (found.publisher, found.signed_at, found.repeated) == ("DE", days_ago(3), 0)
    assert trust_renewal.find_publisher(found, NOBODY, [pinned(publisher)]).dump() == publisher.anchor_der


def test_openssl_believes_our_list(tmp_path):
    (tmp_path / "list.ml").write_bytes(GOOD)
    (tmp_path / "csca.pem").write_bytes(state("DE").authority_certificate.public_bytes(Encoding.PEM))
    command = (
        "openssl cms -verify -inform DER -in list.ml -CAfile csca.pem -purpose any -binary -out content.der"
    )
    done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    version, certificates = tlv.parse_one((tmp_path / "content.der").read_bytes(), 0x30).children()
    assert version.value == b"\x00"
    assert tuple(one.raw for one in certificates.children()) == open_master_list(GOOD).certificates


@pytest.mark.parametrize("options", ["", "-stream"])
def test_we_believe_a_list_that_openssl_signs(tmp_path, options):
    content = der.sequence(der.integer(0), der.set_of(*anchors("IT", "FR")))
    (tmp_path / "content.der").write_bytes(content)
    (tmp_path / "openssl.cnf").write_text(
        "[req]\ndistinguished_name=n\n[n]\n"
        "[ca]\nbasicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n"
        "subjectKeyIdentifier=hash\n"
        "[signer]\nextendedKeyUsage=critical,2.23.136.1.1.3\nauthorityKeyIdentifier=keyid\n"
        "subjectKeyIdentifier=hash\nkeyUsage=critical,digitalSignature\n"
    )
    for command in (
        "ecparam -name brainpoolP256r1 -param_enc explicit -genkey -noout -out ca.key",
        "ecparam -name prime256v1 -genkey -noout -out signer.key",
        "req -x509 -config openssl.cnf -extensions ca -key ca.key -subj /C=NL/CN=ESEMPIO -days 900 -out ca.pem",
        "req -new -config openssl.cnf -key signer.key -subj /C=NL/CN=signer -out signer.csr",
        "x509 -req -in signer.csr -CA ca.pem -CAkey ca.key -days 90 -extfile openssl.cnf -extensions signer -CAcreateserial -out signer.pem",
        "x509 -in ca.pem -outform DER -out ca.der",
        f"cms -sign -nodetach -binary -in content.der -econtent_type 2.23.136.1.1.2 -signer signer.pem -inkey signer.key -outform DER -out list.ml -keyid {options}",
    ):
        subprocess.run(
            ["openssl", *command.split()], cwd=tmp_path, check=True, capture_output=True, timeout=60
        )
    found = open_master_list((tmp_path / "list.ml").read_bytes())
    assert set(found.certificates) == set(anchors("IT", "FR"))
    authority = master_list.x509.Certificate.load((tmp_path / "ca.der").read_bytes())
    assert trust_renewal.find_publisher(found, NOBODY, [authority]) is authority


# ---------------------------------------------------------------- hostile lists


def test_another_content_is_no_master_list():
    """A document's security object is signed by a State too."""
    raw = write_master_list(state("DE"), anchors("IT"), days_ago(3), content_type="2.23.136.1.1.1")
    assert refusal(raw) == "malformed"


def test_a_document_signer_signs_no_lists():
    assert refusal(write_master_list(state("DE"), anchors("IT"), days_ago(3), usages=())) == "signer_usage"
    usages = ("1.3.6.1.5.5.7.3.2",)
    assert (
        refusal(write_master_list(state("DE"), anchors("IT"), days_ago(3), usages=usages)) == "signer_usage"
    )


@pytest.mark.parametrize("country", ["", "DEUTSCHLAND", "D1"])
def test_a_list_must_say_whose_it_is(country):
    """By the State the order of its lists is kept."""
    publisher = make_test_authority(now=NOW, seed=b"nameless", country=country)
    assert refusal(write_master_list(publisher, anchors("IT"), days_ago(3))) == "publisher"


@pytest.mark.parametrize(
    ("signed", "reason"), [(None, "undated"), (61, "signer_time"), (-1500, "signer_time")]
)
def test_a_list_must_say_when_it_was_signed(signed, reason):
    publisher = state("DE")
    when = [] if signed is None else [(SIGNING_TIME, certificates.time(days_ago(signed)))]
    key, signer = list_signer(publisher, days_ago(60))
    parsed = tlv.parse_one(signer, 0x30).children()[0].children()
    raw = signed_message(
        master_list.CONTENT_TYPE,
        der.sequence(der.integer(0), der.set_of(*anchors("IT"))),
        key=key,
        certificates=[signer],
        sid=der.sequence(parsed[3].raw, parsed[1].raw),
        attributes=when,
    )
    assert refusal(raw) == reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (der.sequence(der.integer(0), der.set_of()), "empty"),
        (der.sequence(der.integer(0), tlv.build(0x31, b"\x30\x00" * 100_000)), "too_many"),
        (der.sequence(der.integer(0)), "malformed"),
        (b"", "malformed"),
        (b"\x30\x80" * 50, "malformed"),
    ],
)
def test_a_signed_content_that_is_no_list(content, reason):
    key, signer = list_signer(state("DE"), days_ago(60))
    raw = signed_message(
        master_list.CONTENT_TYPE,
        content,
        key=key,
        certificates=[signer],
        sid=tlv.build(0x80, certificates.key_identifier(key)),
        attributes=[(SIGNING_TIME, certificates.time(days_ago(1)))],
    )
    assert refusal(raw) == reason


def test_a_file_larger_than_any_list_is_not_even_parsed():
    assert refusal(bytes(master_list.MAX_LIST_BYTES + 1)) == "too_large"


@given(st.integers(0, len(GOOD) - 1))
@settings(max_examples=60)
def test_a_truncated_list(length):
    refusal(GOOD[:length])


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 7))
@settings(max_examples=200)
@example(2220, 0)  # the carried authority has no name any more
def test_no_changed_bit_adds_an_authority_or_moves_a_day(place, bit):
    changed = bytearray(GOOD)
    changed[place] ^= 1 << bit
    try:
        found = open_master_list(bytes(changed))
        trust_renewal.find_publisher(found, NOBODY, [pinned(state("DE"))])
    except PueError:
        return
    # a bit of what is beside the signature: the State's own certificate, which is not believed for being there
    assert (found.certificates, found.signed_at) == (open_master_list(GOOD).certificates, days_ago(30))


@given(st.binary(max_size=300))
def test_garbage_is_no_list(garbage):
    refusal(garbage)


# ---------------------------------------------------------------- who published it


def test_nobody_is_believed_for_carrying_his_own_authority():
    """Self-consistent from end to end, and by a State nobody has vouched for. The fingerprint to compare is said."""
    with pytest.raises(trust_renewal.PublisherUnknown) as refused:
        trust_renewal.find_publisher(offered("FR"), NOBODY, [pinned(state("DE"))])
    carried = trust_renewal.fingerprint(pinned(state("FR")))
    assert refused.value.facts["authority_sha256"] == carried
    assert refused.value.facts["publisher"] == "FR"


def test_an_authority_that_is_not_carried_is_named_by_its_signer():
    with pytest.raises(trust_renewal.PublisherUnknown) as refused:
        trust_renewal.find_publisher(offered("FR", with_authority=False), NOBODY, [])
    assert refused.value.facts["authority_sha256"] == ""
    assert len(refused.value.facts["signer_sha256"]) == 64


def test_the_signer_itself_may_be_pinned():
    given_list = offered("FR")
    assert trust_renewal.find_publisher(given_list, NOBODY, [given_list.signer]) is given_list.signer


def test_a_state_in_somebody_elses_list_publishes_none():
    """Else any of a hundred States could make itself the judge of all others."""
    present = take(NOBODY, offered("DE", ("DE", "FR"))).store
    assert trust_renewal.find_publisher(offered("DE", days=3), present, []).dump() == state("DE").anchor_der
    with pytest.raises(trust_renewal.PublisherUnknown):
        trust_renewal.find_publisher(offered("FR"), present, [])


def test_an_authority_that_only_somebody_else_names_publishes_none():
    """The Dutch list may name a German key; it does not say whose lists are German."""
    rogue = make_test_authority(now=NOW, seed=b"rogue", country="DE")
    present = take(NOBODY, offered("DE", ("DE", "FR"), days=30)).store
    named = open_master_list(write_master_list(state("NL"), [*anchors("NL"), rogue.anchor_der], days_ago(20)))
    present = take(present, named, "NL").store
    assert rogue.anchor_der in {one.der for one in present.anchors}
    forged = open_master_list(write_master_list(rogue, anchors("FR"), days_ago(1)))
    with pytest.raises(trust_renewal.PublisherUnknown):
        trust_renewal.find_publisher(forged, present, [])


def test_a_signer_that_was_revoked_publishes_no_more():
    given_list = offered("DE", days=2)
    present = take(NOBODY, offered("DE", days=30)).store
    revoked = write_revocation_list(state("DE"), [given_list.signer.serial_number], days_ago(1), number=1)
    present = trust_renewal.take_revocation_list(present, revoked, NOW).store
    with pytest.raises(trust_renewal.PublisherRevoked):
        trust_renewal.find_publisher(given_list, present, [pinned(state("DE"))])


@pytest.mark.parametrize(
    ("country", "begins", "ends", "believed"),
    [
        ("DE", 900, -900, True),
        ("FR", 900, -900, False),  # the same key under another State's name
        ("DE", 30, -900, False),  # not yet an authority when it certified the signer
        ("DE", 900, 70, False),  # no longer one
    ],
)
def test_the_authority_was_one_and_of_that_state(country, begins, ends, believed):
    """The signer's certificate begins thirty days before the list of thirty days ago."""
    one, name = state("DE"), certificates.name(country, "ESEMPIO same key")
    other = certificates.certificate(
        subject=name,
        key=one.authority_key,
        issuer=name,
        issuer_key=one.authority_key,
        serial=5,
        validity=Validity(days_ago(begins), days_ago(ends)),
        authority=True,
    )
    candidate = master_list.x509.Certificate.load(other)
    found = master_list.authority_of(offered("DE", days=30).signer, [candidate])
    assert (found is candidate) is believed


# ---------------------------------------------------------------- certificates one by one


def standings(*given_certificates):
    return [one.standing for one in census.examine(given_certificates, Purpose.TRAVEL_DOCUMENT)]


def test_links_are_kept_with_and_without_their_first_half():
    old, old_key = certificate(subject="old")
    new, new_key = certificate(subject="old")
    for named in (True, False):
        link, _ = certificate(subject="old", key=new_key, issuer_key=old_key, aki=named)
        assert standings(old, link, new) == [Standing.SELF_SIGNED, Standing.LINK, Standing.SELF_SIGNED]
    link, _ = certificate(subject="old", key=new_key, issuer_key=old_key, aki=True)
    assert standings(link, new) == [Standing.VOUCHED, Standing.SELF_SIGNED]


def test_a_wrong_signature_is_not_believed():
    good, _ = certificate(subject="one")
    bad = bytearray(good)
    bad[-1] ^= 1
    other, other_key = certificate(subject="other")
    forged, _ = certificate(subject="third", issuer="one", issuer_key=other_key)
    assert standings(good, bytes(bad), other) == [
        Standing.SELF_SIGNED,
        Standing.WRONG_SIGNATURE,
        Standing.SELF_SIGNED,
    ]
    assert standings(good, forged) == [Standing.SELF_SIGNED, Standing.VOUCHED]


def test_what_cannot_be_used_is_counted_by_country_and_refuses_nothing():
    strange, _ = certificate(ec.SECP256K1(), subject="strange curve")
    leaf, _ = certificate(subject="leaf", authority=False)
    broken = tlv.build(0x30, b"\x30\x03\x02\x01\x05" * 3)
    raw = write_master_list(state("DE"), [*anchors("DE", "IT"), strange, leaf, broken, leaf], days_ago(2))
    found = open_master_list(raw)
    assert found.repeated == 1
    done = take(NOBODY, found)
    assert {(one.country, one.reason) for one in done.store.unusable} == {
        ("XY", "unsupported_key"),
        ("XY", "no_authority"),
        ("", "unreadable"),
    }
    assert {one.der for one in done.store.anchors} == {*anchors("DE", "IT"), strange}
    assert type(done.store).from_bytes(done.store.to_bytes()).unusable == tuple(
        sorted(done.store.unusable, key=lambda one: (one.source, one.country, one.sha256))
    )


def test_expired_authorities_are_kept():
    """Documents outlive the authority that signed their signers."""
    old, _ = certificate(subject="old", ends=days_ago(1))
    found = open_master_list(write_master_list(state("DE"), [*anchors("DE"), old], days_ago(2)))
    done = take(NOBODY, found)
    assert old in {one.der for one in done.store.anchors}
    assert done.store.unusable == ()
