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
from appliance.cards import verdict as verdict_module
from appliance.cards.evidence import Access, ChipProof
from appliance.cards.passive_authentication import Finding, check, listed_groups
from appliance.cards.software.authority import KeyKind, make_test_authority
from appliance.cards.software.shelf import issue
from appliance.cards.trust import InvalidTrustBundle, TrustStore, empty
from appliance.cards.verdict import Instant, NotChecked, Reason, judge
from contracts.desk_api.clerk import VerdictKind

NOW = datetime.datetime(2026, 11, 23, 10, 0, tzinfo=datetime.UTC)
GREEN = VerdictKind.VERIFIED


AMBER, GREY, RED = VerdictKind.CHIP_UNPROVEN, VerdictKind.NOT_VERIFIED, VerdictKind.REFUSED
PROVEN, FAILED, NOT_OFFERED = ChipProof.PROVEN, ChipProof.FAILED, ChipProof.NOT_OFFERED


# ---------------------------------------------------------------- the truth table
#
# A good evidence, one thing said about it, the verdict. Changes are made in order; each is one fact of the world.


def dropped(*numbers):
    """The chip lists these groups, was asked for them and did not give them."""

    def change(evidence, state):
        groups = {number: data for number, data in evidence.groups.items() if number not in numbers}
        return dataclasses.replace(evidence, groups=groups, missing=evidence.missing | set(numbers))

    return change


def unread(number):
    """Nobody asked for it."""

    def change(evidence, state):
        groups = {other: data for other, data in evidence.groups.items() if other != number}
        return dataclasses.replace(evidence, groups=groups)

    return change


def altered(number, place=-1):
    def change(evidence, state):
        data = bytearray(evidence.groups[number])
        data[place % len(data)] ^= 1
        return dataclasses.replace(evidence, groups={**evidence.groups, number: bytes(data)})

    return change


def unsigned(*numbers):
    """On the chip, but the State never signed them."""

    def change(evidence, state):
        signed = {number: data for number, data in evidence.groups.items() if number not in numbers}
        return dataclasses.replace(evidence, sod=state.security_object(signed))

    return change


def proofs(chip, active):
    return lambda evidence, state: dataclasses.replace(evidence, chip_proof=chip, active_proof=active)


def opened(access=Access.PACE, card_access=b""):
    def change(evidence, state):
        offers = evidence.card_access if card_access == b"" else card_access
        return dataclasses.replace(evidence, access=access, card_access=offers)

    return change


def rewritten(number, old, new):
    """The State itself signed it so."""

    def change(evidence, state):
        assert old in evidence.groups[number]
        groups = {**evidence.groups, number: evidence.groups[number].replace(old, new)}
        return dataclasses.replace(evidence, groups=groups, sod=state.security_object(groups))

    return change


def without_sod(evidence, state):
    return dataclasses.replace(evidence, sod=None)


def sod_of(**options):
    def change(evidence, state):
        other = make_test_authority(now=NOW, **options)
        return dataclasses.replace(evidence, sod=other.security_object(evidence.groups))

    return change


NAME = 65
"""Where the names begin in data group 1 of a CIE; no check digit covers them."""
CA, AA, BOTH = "chip authentication", "active authentication", "both keys"
SURE, DOUBTFUL, LATER = "sure", "doubtful", "later"
TRUTH = [
    # made with  what is different                                       hour      verdict  the deciding code
    (CA,   [],                                                           SURE,     GREEN, Reason.DATA_AUTHENTIC),
    (AA,   [],                                                           SURE,     GREEN, Reason.DATA_AUTHENTIC),
    (CA,   [proofs(PROVEN, NOT_OFFERED)],                                SURE,     GREEN, Reason.DATA_AUTHENTIC),
    (BOTH, [proofs(PROVEN, ChipProof.NOT_TRIED)],                        SURE,     GREEN, Reason.DATA_AUTHENTIC),
    (BOTH, [proofs(ChipProof.NOT_SUPPORTED, PROVEN)],                    SURE,     GREEN, Reason.DATA_AUTHENTIC),
    # the chip did not prove itself, and need not have
    (CA,   [proofs(NOT_OFFERED, NOT_OFFERED)],                           SURE,     AMBER, Reason.CHIP_UNPROVEN),
    (CA,   [proofs(ChipProof.NOT_POSSIBLE, NOT_OFFERED)],                SURE,     AMBER, Reason.CHIP_UNPROVEN),
    (CA,   [proofs(ChipProof.NOT_SUPPORTED, NOT_OFFERED)],               SURE,     AMBER, Reason.CHIP_UNPROVEN),
    (AA,   [proofs(NOT_OFFERED, ChipProof.NOT_POSSIBLE)],                SURE,     AMBER, Reason.CHIP_UNPROVEN),
    (AA,   [proofs(NOT_OFFERED, ChipProof.NOT_TRIED)],                   SURE,     AMBER, Reason.CHIP_UNPROVEN),
    # a proof with a key that is not signed, or not there
    (CA,   [unsigned(14)],                                               SURE,     AMBER, Reason.CHIP_UNPROVEN),
    (AA,   [unsigned(15)],                                               SURE,     AMBER, Reason.CHIP_UNPROVEN),
    (BOTH, [unsigned(15), proofs(NOT_OFFERED, PROVEN)],                  SURE,     AMBER, Reason.CHIP_UNPROVEN),
    (BOTH, [unsigned(14), proofs(PROVEN, NOT_OFFERED)],                  SURE,     AMBER, Reason.CHIP_UNPROVEN),
    (CA,   [proofs(NOT_OFFERED, PROVEN)],                                SURE,     AMBER, Reason.CHIP_UNPROVEN),
    # the chip should have proven itself
    (CA,   [proofs(FAILED, NOT_OFFERED)],                                SURE,     RED,   Reason.CHIP_NOT_ORIGINAL),
    (AA,   [proofs(NOT_OFFERED, FAILED)],                                SURE,     RED,   Reason.CHIP_NOT_ORIGINAL),
    (BOTH, [proofs(PROVEN, FAILED)],                                     SURE,     RED,   Reason.CHIP_NOT_ORIGINAL),
    (BOTH, [proofs(FAILED, PROVEN)],                                     SURE,     RED,   Reason.CHIP_NOT_ORIGINAL),
    (CA,   [dropped(14)],                                                SURE,     RED,   Reason.CHIP_NOT_ORIGINAL),
    (AA,   [dropped(15)],                                                SURE,     RED,   Reason.CHIP_NOT_ORIGINAL),
    (BOTH, [dropped(15), proofs(PROVEN, NOT_OFFERED)],                   SURE,     RED,   Reason.CHIP_NOT_ORIGINAL),
    (AA,   [dropped(15), proofs(NOT_OFFERED, NOT_OFFERED)],              DOUBTFUL, RED,   Reason.CHIP_NOT_ORIGINAL),
    # somebody changed or invented something
    (CA,   [altered(1, NAME)],                                           SURE,     RED,   Finding.GROUP_ALTERED),
    (CA,   [altered(2)],                                                 SURE,     RED,   Finding.GROUP_ALTERED),
    (CA,   [altered(11)],                                                SURE,     RED,   Finding.GROUP_ALTERED),
    (CA,   [altered(14)],                                                SURE,     RED,   Finding.GROUP_ALTERED),
    (AA,   [altered(12)],                                                SURE,     RED,   Finding.GROUP_ALTERED),
    (AA,   [altered(15)],                                                SURE,     RED,   Finding.GROUP_ALTERED),
    (CA,   [altered(2)],                                                 DOUBTFUL, RED,   Finding.GROUP_ALTERED),
    (CA,   [unsigned(1)],                                                SURE,     RED,   Finding.GROUP_ALTERED),
    (CA,   [sod_of(country="FR", seed=b"trusted, of another State")],    SURE,     RED,   Finding.SIGNER_OF_OTHER_STATE),
    # something is kept back or does not agree
    (CA,   [dropped(2)],                                                 SURE,     AMBER, Reason.PHOTO_MISSING),
    (CA,   [unsigned(2)],                                                SURE,     AMBER, Reason.PHOTO_MISSING),
    (CA,   [dropped(11)],                                                SURE,     AMBER, Reason.GROUP_MISSING),
    (CA,   [unread(11)],                                                 SURE,     AMBER, Reason.GROUP_MISSING),
    (AA,   [unread(12)],                                                 SURE,     GREEN, Reason.DATA_AUTHENTIC),
    (CA,   [unread(14)],                                                 SURE,     AMBER, Reason.CHIP_UNPROVEN),
    (AA,   [dropped(12)],                                                SURE,     AMBER, Reason.GROUP_MISSING),
    (CA,   [opened(card_access=None)],                                   SURE,     AMBER, Reason.ACCESS_DIFFERS),
    (AA,   [opened(Access.BAC, None)],                                   SURE,     AMBER, Reason.ACCESS_DIFFERS),
    (CA,   [rewritten(11, b"85D52H501E", b"85D12H501A")],                SURE,     AMBER, Reason.CODICE_FISCALE_INCONSISTENT),
    (CA,   [rewritten(11, b"<<MARIA", b"<<MARTA")],                      SURE,     AMBER, Reason.NAME_DIFFERS),
    # whom to believe, and when
    (CA,   [sod_of(seed=b"nobody knows it")],                            SURE,     GREY,  Finding.SIGNER_AUTHORITY_UNKNOWN),
    (CA,   [sod_of(signer_days=29)],                                     SURE,     GREY,  Finding.SIGNER_EXPIRED),
    (CA,   [without_sod],                                                SURE,     GREY,  Finding.SOD_MISSING),
    (CA,   [],                                                           DOUBTFUL, GREY,  Reason.TIME_UNTRUSTED),
    (AA,   [],                                                           DOUBTFUL, GREY,  Reason.TIME_UNTRUSTED),
    (CA,   [],                                                           LATER,    RED,   Reason.DOCUMENT_EXPIRED),
    (AA,   [],                                                           LATER,    RED,   Reason.DOCUMENT_EXPIRED),
    # the graver fact decides
    (CA,   [altered(1, NAME), proofs(FAILED, NOT_OFFERED)],              LATER,    RED,   Reason.CHIP_NOT_ORIGINAL),
    (CA,   [sod_of(seed=b"nobody knows it"), proofs(FAILED, NOT_OFFERED)], SURE,   RED,   Reason.CHIP_NOT_ORIGINAL),
    (CA,   [sod_of(seed=b"nobody knows it"), altered(11)],               SURE,     RED,   Finding.GROUP_ALTERED),
    (CA,   [dropped(11), proofs(NOT_OFFERED, NOT_OFFERED)],              SURE,     AMBER, Reason.CHIP_UNPROVEN),
]  # fmt: skip


@pytest.fixture(scope="module")
def made(read, good_evidence, authority):
    """Good evidence by the keys the chip has."""
    active, _ = read(issue("passport_aa_ec", NOW))
    groups = {**good_evidence.groups, 15: active.groups[15]}
    both = dataclasses.replace(good_evidence, groups=groups, sod=authority.security_object(groups))
    return {CA: good_evidence, AA: active, BOTH: both}


@pytest.fixture(scope="module")
def worldly_trust(authority):
    """Our State, and another that must not speak for it."""
    other = make_test_authority(now=NOW, country="FR", seed=b"trusted, of another State")
    return TrustStore.from_certificates(
        [authority.anchor_der, other.anchor_der], origin="two", version=1, dated=datetime.date(2026, 1, 1)
    )


HOURS = {
    SURE: Instant(NOW, trusted=True),
    DOUBTFUL: Instant(NOW, trusted=False),
    LATER: Instant(NOW + datetime.timedelta(days=3000), trusted=True),
}


@pytest.mark.parametrize(("keys", "changes", "hour", "kind", "code"), TRUTH)
def test_the_truth_table(made, authority, worldly_trust, keys, changes, hour, kind, code):
    evidence = made[keys]
    for change in changes:
        evidence = change(evidence, authority)
    verdict = judge(evidence, worldly_trust, HOURS[hour])
    assert (verdict.kind, verdict.code) == (kind, code)
    assert_well_said(verdict)


def assert_well_said(verdict):
    """What holds for every verdict."""
    assert 2 <= len(verdict.lines) <= 4
    assert all(line.endswith(".") and len(line) < 100 for line in verdict.lines)
    assert {NotChecked.THEFT, NotChecked.REVOCATION} <= set(verdict.not_checked)
    assert len(verdict.not_checked_sentences()) == len(set(verdict.not_checked))
    assert all(code in verdict_module._LINES for code in verdict.codes)
    assert (NotChecked.CHIP in verdict.not_checked) == (Reason.CHIP_PROVEN not in verdict.codes)
    if verdict.kind is GREEN:
        assert set(verdict.codes) == {Reason.DATA_AUTHENTIC, Reason.CHIP_PROVEN}
        assert NotChecked.SIGNATURE not in verdict.not_checked
    if verdict.kind is RED:
        assert verdict.portrait is None
    if verdict.portrait is None:
        assert not any("fotografia sono firmati" in line for line in verdict.lines)
    if verdict.kind is GREY and Reason.TIME_UNTRUSTED not in verdict.codes:
        assert NotChecked.SIGNATURE in verdict.not_checked
    assert "ESEMPIO" not in repr(verdict)


def test_every_code_has_a_sentence():
    assert {*Reason, *Finding} == set(verdict_module._LINES)


HARMS = {
    "keeps group {}": lambda number, place: dropped(number),
    "alters group {}": altered,
    "never signed group {}": lambda number, place: unsigned(number),
    "no security object": lambda number, place: without_sod,
    "a State nobody knows": lambda number, place: sod_of(seed=b"%d" % place),
    "another State": lambda number, place: sod_of(country="FR", seed=b"trusted, of another State"),
    "no proof": lambda number, place: proofs(*_UNPROVEN[place % len(_UNPROVEN)]),
    "announces other access": lambda number, place: opened(card_access=(None, b"\x31\x00")[place % 2]),
}
_UNPROVEN = [(chip, active) for chip in ChipProof for active in ChipProof if PROVEN not in (chip, active)]


_HARM = st.tuples(st.sampled_from(sorted(HARMS)), st.integers(0, 3), st.integers(0, 90))
_HARMED = st.lists(_HARM, min_size=1, max_size=3, unique_by=lambda harm: harm[:2])
"""Never the same twice: a bit turned twice is turned back."""


@given(st.sampled_from([CA, AA]), _HARMED, st.sampled_from([SURE, DOUBTFUL]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=120, deadline=None)
def test_nothing_harmed_is_ever_green(made, authority, worldly_trust, keys, harms, hour):
    """A good evidence, harmed in one to three ways: whatever else comes of it, it is not green."""
    evidence = made[keys]
    for harm, which, place in harms:
        # a State may leave group 11 unsigned; then nothing is said with it
        numbers = (1, 2, 14 if keys is CA else 15, *(() if harm.startswith("never signed") else (11,)))
        number = numbers[which % len(numbers)]
        if "{}" in harm and number not in evidence.groups:
            continue
        evidence = HARMS[harm](number, place)(evidence, authority)
    verdict = judge(evidence, worldly_trust, HOURS[hour])
    assert verdict.kind is not GREEN
    assert_well_said(verdict)


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


def test_the_last_day_counts(good_evidence, authority):
    expiry = datetime.datetime(2032, 4, 12, 23, 59, tzinfo=datetime.UTC)
    trust = authority.trust_store(expiry.date())
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
    last_year = make_test_authority(now=now - datetime.timedelta(days=300)).trust_store()
    evidence, _ = read(issue("cie", now))
    assert judge(evidence, last_year, instant).kind is GREEN
