"""Security objects as States write them, and as nobody should."""

from __future__ import annotations

import datetime

import pytest
from asn1crypto import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.cards import curves, tlv
from appliance.cards.errors import MalformedData
from appliance.cards.passive_authentication import Finding, check, listed_groups, parse_security_object
from appliance.cards.software import certificates, der
from appliance.cards.software.authority import KeyKind, make_test_authority
from appliance.cards.software.certificates import Validity
from appliance.cards.software.security_object import (
    OLD_SECURITY_OBJECT,
    SECURITY_OBJECT,
    Writing,
    lds_security_object,
    security_object,
)
from appliance.cards.software.signed_message import signer_info
from appliance.cards.software.state_keys import CurveStateKey
from appliance.cards.trust import TrustStore

GROUPS = {1: b"one", 2: b"two", 14: b"fourteen"}
ALL = frozenset(GROUPS)
HASHES = ("sha1", "sha224", "sha256", "sha384", "sha512")
WRITINGS = [
    Writing(),
    Writing(ber=True),
    Writing(content_type=OLD_SECURITY_OBJECT),
    Writing(content_type=OLD_SECURITY_OBJECT, ber=True, lds_version="0108"),
    Writing(lds_version="0108"),
    *(Writing(hash_name=name) for name in HASHES),
]


def judge(state, now, *, groups=GROUPS, store=None, sod=None, issuing_state="ITA"):
    sod = state.security_object(GROUPS) if sod is None else sod
    return check(sod, groups, store or state.trust_store(), now, issuing_state)


@pytest.mark.parametrize("kind", KeyKind)
@pytest.mark.parametrize("hash_name", HASHES)
def test_every_key_with_every_hash(now, kind, hash_name):
    state = make_test_authority(now=now, kind=kind, hash_name=hash_name)
    found = judge(state, now)
    assert (found.findings, found.authentic) == ((), ALL)
    altered = judge(state, now, groups={**GROUPS, 2: b"another"})
    assert altered.findings == (Finding.GROUP_ALTERED,)
    assert altered.authentic == ALL - {2}


@pytest.mark.parametrize("writing", WRITINGS, ids=str)
def test_every_way_of_writing(now, writing):
    state = make_test_authority(now=now, writing=writing)
    sod = state.security_object(GROUPS)
    assert (b"\x30\x80" in sod[:6]) is writing.ber
    assert listed_groups(sod) == ALL
    found = judge(state, now, sod=sod)
    assert (found.findings, found.authentic) == ((), ALL)


@pytest.mark.parametrize("kind", KeyKind)
@pytest.mark.parametrize("ber", [False, True])
def test_a_signature_by_the_wrong_key(now, kind, ber):
    """The right certificate, another's signature."""
    writing = Writing(ber=ber)
    state = make_test_authority(now=now, kind=kind, writing=writing)
    impostor = make_test_authority(now=now, kind=kind, writing=writing, seed=b"impostor")
    certificate = state.signer_certificate.public_bytes(Encoding.DER)
    parsed = x509.Certificate.load(certificate)
    sid = der.sequence(parsed.issuer.dump(), der.integer(parsed.serial_number))
    sod = security_object(GROUPS, writing, impostor.signer_key, certificate, sid)
    found = judge(state, now, sod=sod)
    assert found.findings == (Finding.SOD_SIGNATURE_INVALID,)
    assert found.tampered
    assert not found.authentic


def put_together(state, content, signer_info):
    """A security object whose parts need not fit."""
    certificate = state.signer_certificate.public_bytes(Encoding.DER)
    inner = der.sequence(der.oid(SECURITY_OBJECT), tlv.build(0xA0, der.octets(content)))
    algorithms = der.set_of(der.sequence(der.oid("2.16.840.1.101.3.4.2.1")))
    parts = (der.integer(3), algorithms, inner, tlv.build(0xA0, certificate), der.set_of(signer_info))
    message = der.sequence(der.oid("1.2.840.113549.1.7.2"), tlv.build(0xA0, der.sequence(*parts)))
    return tlv.build(0x77, message)


@pytest.mark.parametrize(
    ("said_type", "said_groups", "findings"),
    [
        (SECURITY_OBJECT, GROUPS, ()),
        (OLD_SECURITY_OBJECT, GROUPS, (Finding.SOD_SIGNATURE_INVALID,)),
        (SECURITY_OBJECT, {**GROUPS, 1: b"of somebody else"}, (Finding.SOD_DIGEST_MISMATCH,)),
    ],
)
def test_attributes_must_speak_of_this_very_content(now, said_type, said_groups, findings):
    """All of it truly signed by the State, of another type or for another document."""
    state = make_test_authority(now=now)
    parsed = x509.Certificate.load(state.signer_certificate.public_bytes(Encoding.DER))
    sid = der.sequence(parsed.issuer.dump(), der.integer(parsed.serial_number))
    said = lds_security_object(said_groups, Writing())
    info = signer_info(said_type, said, key=state.signer_key, sid=sid)
    sod = put_together(state, lds_security_object(GROUPS, Writing()), info)
    found = judge(state, now, sod=sod)
    assert found.findings == findings
    assert bool(found.authentic) is not bool(findings)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_no_changed_bit_of_a_ber_object_moves_a_hash(now, data):
    state = make_test_authority(now=now, writing=Writing(ber=True))
    sod = bytearray(state.security_object(GROUPS))
    place = data.draw(st.integers(0, len(sod) - 1))
    sod[place] ^= 1 << data.draw(st.integers(0, 7))
    found = judge(state, now, sod=bytes(sod))
    if found.ok:  # a bit without meaning; what was signed stays what it was
        assert found.authentic == ALL


# ---------------------------------------------------------------- which groups


def test_a_group_beside_the_security_object_is_never_authentic(now):
    """As groups 4 and 15 of a specimen of the BSI."""
    state = make_test_authority(now=now)
    found = judge(state, now, groups={**GROUPS, 15: b"a key nobody signed"})
    assert (found.findings, found.authentic) == ((), ALL)
    assert 15 not in found.listed


def entries(*pairs, version=0, more=b""):
    hashes = (der.sequence(der.integer(number), der.octets(bytes(32))) for number in pairs)
    algorithm = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
    return der.sequence(der.integer(version), algorithm, der.sequence(*hashes), more)


@pytest.mark.parametrize(
    "content",
    [
        entries(1, 2, 1),
        entries(0),
        entries(17),
        entries(256 + 1),
        der.sequence(der.integer(0)),
        der.sequence(der.integer(0), der.sequence(der.oid("2.16.840.1.101.3.4.2.1")), b"\x30\x02\x30\x00"),
        b"",
    ],
)
def test_lists_of_hashes_that_are_none(content):
    with pytest.raises(MalformedData):
        parse_security_object(content)


@pytest.mark.parametrize(
    ("content", "version"),
    [
        (lds_security_object(GROUPS, Writing(lds_version="0108")), "0108"),
        (lds_security_object(GROUPS, Writing()), None),
        (entries(1, version=1), None),
        (entries(1, version=0, more=der.sequence(tlv.build(0x13, b"0108"))), None),
        (entries(1, version=1, more=der.sequence(tlv.build(0x13, b"\x1b[2J"))), None),
    ],
)
def test_the_version_the_state_signed(content, version):
    assert parse_security_object(content).lds_version == version


# ---------------------------------------------------------------- who signed


def anchors(*states):
    return TrustStore.from_certificates(
        [state.anchor_der for state in states], origin="several", version=1, dated=datetime.date(2026, 1, 1)
    )


def test_authorities_of_one_name_are_all_tried(now):
    """A State changes its key every few years and keeps its name."""
    states = [make_test_authority(now=now, seed=seed) for seed in (b"2016", b"2020", b"2024")]
    names = {state.authority_certificate.subject for state in states}
    assert len(names) == 1
    for state in states:
        for order in (states, states[::-1]):
            found = judge(state, now, store=anchors(*order))
            assert found.findings == ()
            assert found.anchor.der == state.anchor_der


def test_an_unknown_authority_of_a_known_name_is_only_unknown(now):
    """It names a key we do not have: the bundle may simply be old."""
    known, unknown = (make_test_authority(now=now, seed=seed) for seed in (b"known", b"unknown"))
    assert judge(unknown, now, store=anchors(known)).findings == (Finding.SIGNER_AUTHORITY_UNKNOWN,)


def test_an_authority_hidden_in_the_security_object_is_ignored(now):
    state, known = (make_test_authority(now=now, seed=seed) for seed in (b"self-made", b"known"))
    certificate = state.signer_certificate.public_bytes(Encoding.DER)
    parsed = x509.Certificate.load(certificate)
    sid = der.sequence(parsed.issuer.dump(), der.integer(parsed.serial_number))
    sod = security_object(GROUPS, Writing(), state.signer_key, certificate + state.anchor_der, sid)
    assert judge(state, now, sod=sod).findings == ()
    assert judge(state, now, sod=sod, store=anchors(known)).findings == (Finding.SIGNER_AUTHORITY_UNKNOWN,)


@pytest.mark.parametrize(
    ("country", "issuing_state", "findings"),
    [
        ("IT", "ITA", ()),
        ("DE", "D", ()),
        ("de", "D", ()),
        ("EU", "EUE", ()),
        ("FR", "ITA", (Finding.SIGNER_OF_OTHER_STATE,)),
        ("IT", "D", (Finding.SIGNER_OF_OTHER_STATE,)),
        ("", "ITA", (Finding.SIGNER_OF_OTHER_STATE,)),
        ("IT", "XXX", (Finding.SIGNER_OF_OTHER_STATE,)),
    ],
)
def test_a_state_signs_for_itself_only(now, country, issuing_state, findings):
    state = make_test_authority(now=now, country=country)
    found = judge(state, now, issuing_state=issuing_state)
    assert found.findings == findings
    assert bool(found.authentic) is not bool(findings)


def signed_in(now, begins, authority_ends, *, country="IT"):
    """A security object whose signer began at `begins`, under an authority that ended at `authority_ends`."""
    curve = curves.by_standard_number(12)
    root, signer = CurveStateKey(curve, 11, "sha256"), CurveStateKey(curve, 22, "sha256")
    root_name = certificates.name("IT", "ESEMPIO Country Signing Authority")
    far = now + datetime.timedelta(days=3650)
    own = {"issuer": root_name, "issuer_key": root}
    anchor = certificates.certificate(
        subject=root_name, key=root, serial=1, authority=True, **own,
        validity=Validity(now - datetime.timedelta(days=3650), authority_ends),
    )  # fmt: skip
    own["issuer"] = certificates.name(country, "ESEMPIO Country Signing Authority")
    certificate = certificates.certificate(
        subject=certificates.name(country, "ESEMPIO Document Signer"), key=signer, serial=2, authority=False,
        validity=Validity(begins, far), **own,
    )  # fmt: skip
    sod = security_object(GROUPS, Writing(), signer, certificate, der.sequence(own["issuer"], der.integer(2)))
    store = TrustStore.from_certificates([anchor], origin="x", version=1, dated=now.date())
    return check(sod, GROUPS, store, now, "ITA")


def test_an_authority_may_have_ended_since(now):
    """Documents outlive the key that signed their signers."""
    year = datetime.timedelta(days=365)
    assert signed_in(now, now - 2 * year, now - year).findings == ()
    assert signed_in(now, now - year, now - 2 * year).findings == (Finding.SIGNER_AUTHORITY_NOT_VALID,)


def test_an_authority_of_one_state_signs_no_signer_of_another(now):
    year = datetime.timedelta(days=365)
    found = signed_in(now, now - year, now + year, country="FR")
    assert found.findings == (Finding.SIGNER_OF_OTHER_STATE,)


def test_an_authority_with_an_unknown_key_forges_nothing(now):
    """The signer names an anchor's key, which is of a kind this box does not know: not green, not red either."""
    state = make_test_authority(now=now, kind=KeyKind.EC_EXPLICIT)
    curve = curves.by_standard_number(13)
    generator = curve.encode(curve.generator)
    mirrored = curve.encode((curve.gx, curve.p - curve.gy))
    certificate = state.anchor_der.replace(generator, mirrored)
    assert certificate != state.anchor_der
    store = TrustStore.from_certificates([certificate], origin="x", version=1, dated=now.date())
    found = judge(state, now, store=store)
    assert found.findings == (Finding.ALGORITHM_UNSUPPORTED,)
    assert judge(state, now, store=anchors(state)).ok


def test_parameters_of_a_curve_of_ones_own_are_not_believed(now):
    """CVE-2020-0601: another generator makes any public key one's own."""
    state = make_test_authority(now=now, kind=KeyKind.EC_EXPLICIT)
    curve = curves.by_standard_number(13)
    sod = state.security_object(GROUPS).replace(
        curve.encode(curve.generator), curve.encode((curve.gx, curve.p - curve.gy))
    )
    assert not judge(state, now, sod=sod).ok
