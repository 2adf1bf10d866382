"""The verdict: what is green and, above all, what is not."""

from __future__ import annotations

import dataclasses
import datetime
import io

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from appliance.cards import lds, tlv
from appliance.cards.evidence import ChipProof
from appliance.cards.passive_authentication import Finding, check, listed_groups
from appliance.cards.software.authority import KeyKind, make_test_authority
from appliance.cards.software.shelf import issue
from appliance.cards.steps import Can, CanAndMrz
from appliance.cards.trust import InvalidTrustBundle, TrustStore, empty
from appliance.cards.verdict import Instant, NotChecked, Reason, judge
from contracts.desk_api.clerk import VerdictKind

GREEN = VerdictKind.VERIFIED


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("cie", GREEN, Reason.DATA_AUTHENTIC),
        ("cie_aldo", GREEN, Reason.DATA_AUTHENTIC),
        ("cie_aes", GREEN, Reason.DATA_AUTHENTIC),
        ("cie_without_chip_key", VerdictKind.CHIP_UNPROVEN, Reason.CHIP_UNPROVEN),
        ("cie_unknown_authority", VerdictKind.NOT_VERIFIED, Finding.SIGNER_AUTHORITY_UNKNOWN),
        ("cie_expired", VerdictKind.REFUSED, Reason.DOCUMENT_EXPIRED),
        ("cie_tampered", VerdictKind.REFUSED, Finding.GROUP_ALTERED),
        ("cie_cloned", VerdictKind.REFUSED, Reason.CHIP_NOT_ORIGINAL),
        ("cie_cloned_silent", VerdictKind.REFUSED, Reason.CHIP_NOT_ORIGINAL),
    ],
)
def test_each_card_of_the_shelf(card, read, trust, instant, name, kind, code):
    made = card(name)
    evidence, _ = read(made, CanAndMrz(Can(made.can), made.mrz_key))
    verdict = judge(evidence, trust, instant)
    assert (verdict.kind, verdict.code) == (kind, code)
    assert 2 <= len(verdict.lines) <= 4
    assert {NotChecked.THEFT, NotChecked.REVOCATION} <= set(verdict.not_checked)
    assert (NotChecked.CHIP in verdict.not_checked) == (Reason.CHIP_PROVEN not in verdict.codes)
    assert (verdict.portrait is not None) == (kind in (GREEN, VerdictKind.CHIP_UNPROVEN))
    assert "ESEMPIO" not in repr(verdict)


def test_the_photo_of_a_verdict_can_be_shown(good_evidence, trust, instant):
    portrait = judge(good_evidence, trust, instant).portrait
    assert portrait.kind is lds.ImageKind.JPEG2000
    assert Image.open(io.BytesIO(portrait.image), formats=("JPEG2000",)).size == (480, 640)


def test_the_person_of_a_verdict(good_evidence, trust, instant):
    person = judge(good_evidence, trust, instant).identity
    assert (person.surname, person.given_names, person.codice_fiscale) == (
        "ESEMPIO",
        "MARIA",
        "SMPMRA85D52H501E",
    )
    assert person.birth == datetime.date(1985, 4, 12)
    assert person.address == "VIA DELLE PROVE 1, BORGO ESEMPIO, RM"


def test_an_altered_card_names_nobody(card, read, trust, instant):
    evidence, _ = read(card("cie_tampered"))
    assert judge(evidence, trust, instant).identity is None


def test_a_doubtful_hour_gives_no_green(good_evidence, trust, now):
    verdict = judge(good_evidence, trust, Instant(now, trusted=False))
    assert (verdict.kind, verdict.code) == (VerdictKind.NOT_VERIFIED, Reason.TIME_UNTRUSTED)
    assert NotChecked.VALIDITY in verdict.not_checked
    assert NotChecked.SIGNATURE not in verdict.not_checked


def test_a_doubtful_hour_is_not_before_the_trust_bundle(card, read, authority):
    evidence, _ = read(card("cie_expired"))
    woken = Instant(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), trusted=False)
    bundle = authority.trust_store(datetime.date(2026, 11, 20))
    assert Reason.DOCUMENT_EXPIRED in judge(evidence, bundle, woken).codes


def test_the_last_day_counts(good_evidence, trust):
    expiry = datetime.datetime(2032, 4, 12, 23, 59, tzinfo=datetime.UTC)
    assert judge(good_evidence, trust, Instant(expiry, trusted=True)).kind is GREEN
    later = Instant(expiry + datetime.timedelta(minutes=2), trusted=True)
    assert judge(good_evidence, trust, later).code == Reason.DOCUMENT_EXPIRED


def test_nobody_is_believed_without_anchors(good_evidence, now, instant):
    verdict = judge(good_evidence, empty(now.date()), instant)
    assert (verdict.kind, verdict.code) == (VerdictKind.NOT_VERIFIED, Finding.SIGNER_AUTHORITY_UNKNOWN)


@pytest.mark.parametrize("number", [1, 2, 11, 14])
def test_one_changed_byte_in_any_group(good_evidence, trust, instant, number):
    data = bytearray(good_evidence.groups[number])
    data[-1] ^= 1
    changed = dataclasses.replace(good_evidence, groups={**good_evidence.groups, number: bytes(data)})
    assert judge(changed, trust, instant).kind is VerdictKind.REFUSED


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.data())
def test_no_changed_bit_of_the_security_object_is_green(good_evidence, trust, instant, data):
    sod = bytearray(good_evidence.sod)
    place = data.draw(st.integers(0, len(sod) - 1))
    sod[place] ^= 1 << data.draw(st.integers(0, 7))
    verdict = judge(dataclasses.replace(good_evidence, sod=bytes(sod)), trust, instant)
    # Bits that carry no meaning (an algorithm's NULL, version numbers) may change; what was signed may not.
    if verdict.kind is GREEN:
        assert listed_groups(bytes(sod)) == listed_groups(good_evidence.sod)
        passive = check(bytes(sod), good_evidence.groups, trust, instant.moment, "ITA")
        assert passive.authentic == {1, 2, 11, 14}


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_as_security_object_is_a_finding(good_evidence, trust, instant, garbage):
    for sod in (garbage, tlv.build(0x77, garbage)):
        found = check(sod, good_evidence.groups, trust, instant.moment, "ITA")
        assert found.findings
        assert not found.authentic


def test_no_security_object(good_evidence, trust, instant):
    verdict = judge(dataclasses.replace(good_evidence, sod=None), trust, instant)
    assert (verdict.kind, verdict.code) == (VerdictKind.NOT_VERIFIED, Finding.SOD_MISSING)


def test_a_group_the_state_did_not_sign_proves_nothing(good_evidence, authority, trust, instant):
    """As on a specimen chip of the BSI: a key is there, its hash is not in the security object."""
    signed = {number: data for number, data in good_evidence.groups.items() if number != 14}
    forged = dataclasses.replace(good_evidence, sod=authority.security_object(signed))
    verdict = judge(forged, trust, instant)
    assert verdict.kind is VerdictKind.CHIP_UNPROVEN
    invented = dataclasses.replace(good_evidence, sod=authority.security_object({2: good_evidence.groups[2]}))
    assert judge(invented, trust, instant).kind is VerdictKind.REFUSED


def test_a_signer_of_another_state(good_evidence, now, instant):
    foreign = make_test_authority(now=now, country="FR", seed=b"another invented state")
    forged = dataclasses.replace(good_evidence, sod=foreign.security_object(good_evidence.groups))
    verdict = judge(forged, foreign.trust_store(), instant)
    assert (verdict.kind, verdict.code) == (VerdictKind.REFUSED, Finding.SIGNER_OF_OTHER_STATE)


def test_a_signer_who_names_our_authority_but_is_not_signed_by_it(good_evidence, now, authority, instant):
    """Same names, same key identifier: only the authority's signature under the certificate is not its own."""
    real = authority.signer_certificate.public_bytes(Encoding.DER)
    own = authority.security_object(good_evidence.groups)
    forged = own.replace(real, real[:-1] + bytes([real[-1] ^ 1]))
    assert forged != own
    verdict = judge(dataclasses.replace(good_evidence, sod=forged), authority.trust_store(), instant)
    assert (verdict.kind, verdict.code) == (VerdictKind.REFUSED, Finding.SIGNER_FORGED)


@pytest.mark.parametrize(
    ("days", "finding"), [(-60, Finding.SIGNER_NOT_YET_VALID), (400, Finding.SIGNER_EXPIRED)]
)
def test_the_signers_own_time(good_evidence, now, days, finding):
    short = make_test_authority(now=now, signer_days=365)
    evidence = dataclasses.replace(good_evidence, sod=short.security_object(good_evidence.groups))
    moment = Instant(now + datetime.timedelta(days=days), trusted=True)
    verdict = judge(evidence, short.trust_store(), moment)
    assert (verdict.kind, verdict.code) == (VerdictKind.NOT_VERIFIED, finding)


@pytest.mark.parametrize("kind", KeyKind)
def test_every_way_a_state_signs(good_evidence, now, instant, kind):
    state = make_test_authority(now=now, kind=kind)
    evidence = dataclasses.replace(good_evidence, sod=state.security_object(good_evidence.groups))
    assert judge(evidence, state.trust_store(), instant).kind is GREEN
    other = make_test_authority(now=now, kind=kind, seed=b"another")
    assert judge(evidence, other.trust_store(), instant).kind is not GREEN


def test_announced_protections_that_were_not_signed(good_evidence, trust, instant):
    stripped = dataclasses.replace(good_evidence, card_access=None)
    verdict = judge(stripped, trust, instant)
    assert verdict.kind is VerdictKind.CHIP_UNPROVEN
    assert Reason.ACCESS_DIFFERS in verdict.codes


def without(evidence, number):
    groups = {other: data for other, data in evidence.groups.items() if other != number}
    return dataclasses.replace(evidence, groups=groups, missing=frozenset({number}))


def test_a_chip_that_keeps_its_photo_is_not_green(good_evidence, trust, instant):
    verdict = judge(without(good_evidence, 2), trust, instant)
    assert (verdict.kind, verdict.code) == (VerdictKind.CHIP_UNPROVEN, Reason.PHOTO_MISSING)
    assert verdict.title == "Dati autentici, con una riserva"
    assert NotChecked.PHOTO in verdict.not_checked
    assert NotChecked.CHIP not in verdict.not_checked


def test_a_codice_fiscale_the_state_did_not_sign_is_hearsay(good_evidence, authority, trust, instant):
    signed = {number: data for number, data in good_evidence.groups.items() if number != 11}
    evidence = dataclasses.replace(good_evidence, sod=authority.security_object(signed))
    person = judge(evidence, trust, instant).identity
    assert (person.surname, person.codice_fiscale, person.address) == ("ESEMPIO", None, None)


def test_a_proof_that_was_not_tried_is_no_proof(good_evidence, trust, instant):
    for proof in set(ChipProof) - {ChipProof.PROVEN, ChipProof.FAILED}:
        verdict = judge(dataclasses.replace(good_evidence, chip_proof=proof), trust, instant)
        assert verdict.kind is VerdictKind.CHIP_UNPROVEN


def test_a_codice_fiscale_that_cannot_be_hers(card, read, authority, now, trust, instant, good_evidence):
    other = good_evidence.groups[11].replace(b"SMPMRA85D52H501E", b"SMPMRA85D12H501S")
    groups = {**good_evidence.groups, 11: other}
    evidence = dataclasses.replace(good_evidence, groups=groups, sod=authority.security_object(groups))
    verdict = judge(evidence, trust, instant)
    assert verdict.kind is VerdictKind.CHIP_UNPROVEN
    assert Reason.CODICE_FISCALE_INCONSISTENT in verdict.codes


# ---------------------------------------------------------------- trust bundles


def test_a_bundle_survives_its_bytes(trust, good_evidence, instant):
    again = TrustStore.from_bytes(trust.to_bytes())
    assert (again.origin, again.version, again.dated) == (trust.origin, trust.version, trust.dated)
    assert judge(good_evidence, again, instant).kind is GREEN
    assert again.to_bytes() == trust.to_bytes()


@given(st.binary(max_size=200))
def test_garbage_is_no_bundle(garbage):
    with pytest.raises(InvalidTrustBundle):
        TrustStore.from_bytes(garbage)
    with pytest.raises(InvalidTrustBundle):
        TrustStore.from_certificates([garbage], origin="x", version=1, dated=datetime.date(2026, 1, 1))


def test_the_same_state_is_known_in_another_process(now, instant, read):
    """Keys follow from the seed: a box set up last year knows the card of today."""
    last_year = make_test_authority(now=now - datetime.timedelta(days=400)).trust_store()
    evidence, _ = read(issue("cie", now))
    assert judge(evidence, last_year, instant).kind is GREEN
