"""From one bundle to the next: what comes in, what goes, and that nothing goes backwards."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib

import msgspec
import pytest
from asn1crypto import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.cards.master_list import open_master_list
from appliance.cards.software import certificates
from appliance.cards.software.authority import make_test_authority
from appliance.cards.software.cns_authority import make_cns_authority
from appliance.cards.software.lists import write_master_list
from appliance.cards.trust import (
    MAX_AGE_DAYS,
    MAX_BUNDLE_BYTES,
    InvalidTrustBundle,
    Purpose,
    SourceKind,
    TrustStore,
)
from appliance.cards.trust_renewal import FingerprintUnconfirmed, TrustOlder, take_by_hand
from appliance.cards.verdict import Instant, Reason, judge
from contracts.desk_api.clerk import VerdictKind
from contracts.errors import PueError
from tests.appliance.cards.lists import NOBODY, NOW, anchors, certificate, days_ago, offered, state, take

CNS = make_cns_authority().anchor.der
TODAY = NOW.date()


def sha256(der):
    return hashlib.sha256(der).hexdigest()


def signer_of(country):
    return x509.Certificate.load(state(country).signer_certificate.public_bytes(Encoding.DER))


def by_hand(present, *ders, purpose=Purpose.CNS, now=NOW, confirmed=None, **options):
    words = [sha256(der) for der in ders] if confirmed is None else confirmed
    return take_by_hand(present, ders, purpose, words, now, **options)


def countries(store, purpose=Purpose.TRAVEL_DOCUMENT):
    return sorted(one.country for one in store.anchors if one.purpose is purpose)


# ---------------------------------------------------------------- lists


def test_the_first_list():
    done = take(NOBODY, offered("DE", ("DE", "IT"), days=30))
    assert (done.added, done.dropped, done.store.version) == (2, 0, 1)
    assert done.store.origin == "Master List DE 2026-10-24"
    assert done.store.dated == done.store.listed == days_ago(30).date()
    assert (done.store.age_days(TODAY), done.store.stale(TODAY)) == (30, False)


def test_a_newer_list_takes_the_place_of_the_older_one():
    """Who is not named any more is not believed any more."""
    before = take(NOBODY, offered("DE", ("DE", "IT", "FR"))).store
    done = take(before, offered("DE", ("DE", "IT", "SM"), days=3))
    assert countries(done.store) == ["DE", "IT", "SM"]
    assert (done.added, done.dropped, done.store.version) == (1, 1, 2)
    assert len(done.store.sources) == 1


def test_an_authority_stays_while_any_source_names_it():
    present = take(NOBODY, offered("DE", ("DE", "IT"))).store
    present = take(present, offered("NL", ("IT", "FR"), days=20), "NL").store
    assert countries(present) == ["DE", "FR", "IT"]
    present = take(present, offered("NL", ("FR",), days=10), "NL").store
    assert countries(present) == ["DE", "FR", "IT"]
    assert countries(take(present, offered("DE", ("DE",), days=5)).store) == ["DE", "FR"]


def test_an_older_list_is_never_taken():
    present = take(NOBODY, offered("DE", days=10)).store
    with pytest.raises(TrustOlder, match="2026-11-12 10:00, the one in use on 2026-11-13"):
        take(present, offered("DE", days=11))
    with pytest.raises(TrustOlder):  # another list of the same second
        take(present, offered("DE", ("DE", "IT", "FR"), days=10))
    same = take(present, offered("DE", days=10))
    assert (same.changed, same.store) == (False, present)


def test_a_list_of_tomorrow_is_not_taken():
    """It would keep every honest one out."""
    with pytest.raises(TrustOlder, match="has not come"):
        take(NOBODY, offered("DE", days=-2))


@pytest.mark.parametrize("version", [0, 1, 7, 1 << 31])
def test_a_version_only_grows(version):
    present = take(NOBODY, offered("DE", days=10), version=7).store
    assert present.version == 7
    with pytest.raises(TrustOlder):
        take(present, offered("DE", days=3), version=version)
    assert take(present, offered("DE", days=3), version=9).store.version == 9


ATTEMPTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["DE", "NL"]), st.integers(-3, 500)),
        st.tuples(st.just("hand"), st.integers(0, 500)),
    ),
    max_size=6,
)


@given(ATTEMPTS)
@settings(max_examples=40, deadline=None)
def test_nothing_ever_goes_backwards(attempts):
    """Whatever is offered, in whatever order: version and days grow or stay, and the bundle can be loaded."""
    present, days = NOBODY, {}
    for who, day in attempts:
        try:
            if who == "hand":
                done = by_hand(present, CNS, now=days_ago(day))
            else:
                done = take(present, offered(who, days=day), who)
        except PueError:
            continue
        store = TrustStore.from_bytes(done.store.to_bytes())
        assert store.version == present.version + done.changed
        assert present.version == 0 or store.dated >= present.dated
        assert store.dated <= TODAY + datetime.timedelta(days=1)
        for source in store.sources:
            key = (source.kind, source.publisher)
            if source.kind is SourceKind.MASTER_LIST:
                assert source.dated >= days.get(key, source.dated)
                days[key] = source.dated
        present = store


# ---------------------------------------------------------------- by hand


def test_a_certificate_by_hand_needs_its_fingerprint():
    with pytest.raises(FingerprintUnconfirmed) as refused:
        by_hand(NOBODY, CNS, confirmed=["00" * 32])
    assert refused.value.facts == {"sha256": sha256(CNS), "country": "IT"}
    typed = ":".join(sha256(CNS)[at : at + 2] for at in range(0, 64, 2)).upper()
    done = by_hand(NOBODY, CNS, confirmed=[typed])
    assert countries(done.store, Purpose.CNS) == ["IT"]
    assert countries(done.store) == []
    assert not by_hand(done.store, CNS).changed


def test_by_hand_nothing_is_taken_in_part():
    leaf, _ = certificate(subject="leaf", authority=False)
    with pytest.raises(InvalidTrustBundle, match="no_authority"):
        by_hand(NOBODY, CNS, leaf)
    with pytest.raises(FingerprintUnconfirmed):
        by_hand(NOBODY, CNS, *anchors("IT"), confirmed=[sha256(CNS)])
    with pytest.raises(InvalidTrustBundle):
        by_hand(NOBODY)


def test_a_list_leaves_alone_what_came_by_hand():
    present = by_hand(NOBODY, CNS, now=days_ago(50)).store
    present = by_hand(present, *anchors("IT"), purpose=Purpose.TRAVEL_DOCUMENT, now=days_ago(40)).store
    present = take(present, offered("DE", ("DE", "IT"))).store
    present = take(present, offered("DE", ("DE",), days=2)).store
    assert countries(present) == ["DE", "IT"]
    assert countries(present, Purpose.CNS) == ["IT"]


def test_what_no_source_stands_for_is_left_where_it_is():
    """A bundle from a PEM file, as a pilot may have begun with."""
    pilot = TrustStore.from_certificates(anchors("SM"), origin="pilot", version=3, dated=days_ago(90).date())
    done = take(pilot, offered("DE", ("DE",)))
    assert (countries(done.store), done.store.version) == (["DE", "SM"], 4)


def test_what_comes_by_hand_makes_no_list_younger():
    present = take(NOBODY, offered("DE", days=300)).store
    done = by_hand(present, CNS).store
    assert (done.age_days(TODAY), done.dated) == (300, days_ago(300).date())


# ---------------------------------------------------------------- age


def test_a_stale_list_gives_no_green(good_evidence, now):
    store = make_test_authority(now=now).trust_store(days_ago(MAX_AGE_DAYS).date())
    assert judge(good_evidence, store, Instant(now, trusted=True)).kind is VerdictKind.VERIFIED
    stale = dataclasses.replace(store, dated=days_ago(MAX_AGE_DAYS + 1).date())
    verdict = judge(good_evidence, stale, Instant(now, trusted=True))
    assert (verdict.kind, verdict.code) == (VerdictKind.CHIP_UNPROVEN, Reason.TRUST_STALE)
    assert "scaduto" in verdict.lines[0]
    assert verdict.trust_dated == stale.dated


# ---------------------------------------------------------------- at rest


def test_a_country_of_a_thousand_letters_makes_no_bundle_that_nobody_can_load():
    name = certificates.name("X" * 1000, "ESEMPIO")
    key = state("DE").authority_key
    leaf = certificates.certificate(
        subject=name,
        key=key,
        issuer=name,
        issuer_key=key,
        serial=1,
        validity=certificates.Validity(days_ago(10), days_ago(-10)),
        authority=False,
    )
    given_list = open_master_list(write_master_list(state("DE"), [*anchors("DE"), leaf], days_ago(2)))
    store = take(NOBODY, given_list).store
    assert TrustStore.from_bytes(store.to_bytes()).unusable[0].country == "X" * 40


def bundle():
    present = take(NOBODY, offered("DE", ("DE", "IT", "FR"))).store
    return by_hand(present, CNS).store


def test_a_bundle_survives_its_bytes():
    store = bundle()
    raw = store.to_bytes()
    again = TrustStore.from_bytes(raw)
    assert again.to_bytes() == raw
    assert (again.origin, again.version, again.dated, again.sources) == (
        store.origin,
        store.version,
        store.dated,
        store.sources,
    )
    assert sorted((one.purpose, one.country, one.sources) for one in again.anchors) == sorted(
        (one.purpose, one.country, one.sources) for one in store.anchors
    )


def test_loading_parses_no_certificate_but_the_one_that_is_asked_for():
    """Hundreds lie in a bundle, and the desk waits for it."""
    again = TrustStore.from_bytes(bundle().to_bytes())
    assert not any("certificate" in vars(one) for one in again.anchors)
    assert [one.country for one in again.issuers_of(signer_of("IT"))] == ["IT"]
    assert {one.country for one in again.anchors if "certificate" in vars(one)} == {"IT"}


def test_an_anchor_that_is_damaged_within_signs_nothing_and_stops_nothing():
    store = TrustStore.from_bytes(bundle().to_bytes())
    broken = bytearray(state("IT").anchor_der)
    place = broken.index(b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01")
    broken[place] = 0x05
    plain = msgspec.json.decode(store.to_bytes())
    plain["anchors"].append(
        {
            "purpose": "travel_document",
            "der": msgspec.json.decode(msgspec.json.encode(bytes(broken))),
            "sources": [],
        }
    )
    again = TrustStore.from_bytes(msgspec.json.encode(plain))
    assert [one.der for one in again.issuers_of(signer_of("IT"))] == [state("IT").anchor_der]


def spoilt(change):
    plain = msgspec.json.decode(bundle().to_bytes())
    change(plain)
    return msgspec.json.encode(plain)


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one["anchors"].append(one["anchors"][0]),
        lambda one: one["anchors"][0].update(sources=[2]),
        lambda one: one["anchors"][0].update(sources=[-1]),
        lambda one: one["anchors"][0].update(der="AAAA"),
        lambda one: one["anchors"][0].update(der="A" * 40_000),
        lambda one: one["anchors"][0].update(purpose="everything"),
        lambda one: one.update(anchors=one["anchors"] * 2000),
        lambda one: one.update(format=2),
        lambda one: one.update(version=1 << 31),
        lambda one: one.update(surprise=1),
        lambda one: one["sources"][0].update(dated="2026-01-01T00:00:00"),
        lambda one: one["revocation_lists"].append({"purpose": "cns", "der": "AAAA"}),
        lambda one: one["unusable"].append({"country": "", "reason": "", "sha256": "0" * 64, "source": 9}),
        lambda one: one.pop("sources"),
    ],
)
def test_a_spoilt_bundle_is_refused(change):
    with pytest.raises(InvalidTrustBundle):
        TrustStore.from_bytes(spoilt(change))


def test_a_bundle_has_a_bound():
    with pytest.raises(InvalidTrustBundle, match="too large"):
        TrustStore.from_bytes(b" " * (MAX_BUNDLE_BYTES + 1))


RAW = bundle().to_bytes()


@given(st.integers(0, len(RAW) - 1), st.integers(0, 255))
@settings(max_examples=150)
def test_no_changed_byte_of_a_bundle_escapes_as_another_error(place, byte):
    changed = bytearray(RAW)
    changed[place] = byte
    try:
        store = TrustStore.from_bytes(bytes(changed))
    except InvalidTrustBundle:
        return
    for one in store.anchors:
        assert one.readable in (True, False)
