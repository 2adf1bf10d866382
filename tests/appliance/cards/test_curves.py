"""Curves: the table is right, and our arithmetic agrees with another library's."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from appliance.cards.agreement import DhAgreement, EcAgreement
from appliance.cards.curves import CURVES, by_parameters, by_standard_number
from appliance.cards.dh_groups import GROUPS
from appliance.cards.errors import MalformedData, Unsupported

LIBRARY = {
    "secp256r1": ec.SECP256R1,
    "secp384r1": ec.SECP384R1,
    "secp521r1": ec.SECP521R1,
    "brainpoolP256r1": ec.BrainpoolP256R1,
    "brainpoolP384r1": ec.BrainpoolP384R1,
    "brainpoolP512r1": ec.BrainpoolP512R1,
}


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_the_generator_is_on_its_curve_and_has_its_order(curve):
    assert curve.contains(curve.generator)
    last = curve.multiply(curve.n - 1, curve.generator)
    assert last == (curve.gx, curve.p - curve.gy)
    with pytest.raises(MalformedData):
        curve.add(last, curve.generator)


@pytest.mark.parametrize("name", LIBRARY)
def test_points_are_those_of_the_library(name):
    curve = next(curve for curve in CURVES if curve.name == name)
    for scalar in (1, 2, 3, 12345, curve.n // 3, curve.n - 2):
        numbers = ec.derive_private_key(scalar, LIBRARY[name]()).public_key().public_numbers()
        assert curve.multiply(scalar, curve.generator) == (numbers.x, numbers.y)


@pytest.mark.parametrize("name", LIBRARY)
def test_signatures_of_the_library_verify(name):
    curve = next(curve for curve in CURVES if curve.name == name)
    key = ec.generate_private_key(LIBRARY[name]())
    numbers = key.public_key().public_numbers()
    r, s = decode_dss_signature(key.sign(b"signed", ec.ECDSA(hashes.SHA512())))
    digest = hashes.Hash(hashes.SHA512())
    digest.update(b"signed")
    value = digest.finalize()
    assert curve.verify((numbers.x, numbers.y), value, r, s)
    assert not curve.verify((numbers.x, numbers.y), bytes(64), r, s)
    assert not curve.verify((numbers.x, numbers.y), value, r, 0)
    assert not curve.verify((numbers.x, numbers.y), value, s, r)


def test_a_point_off_the_curve_is_refused():
    curve = by_standard_number(13)
    raw = bytearray(curve.encode(curve.generator))
    raw[-1] ^= 1
    with pytest.raises(MalformedData):
        EcAgreement(curve).shared_secret(5, bytes(raw))
    with pytest.raises(MalformedData):
        curve.decode(b"\x00")


def test_explicit_parameters_are_believed_only_as_a_standard_curve():
    curve = by_standard_number(13)
    generator = curve.encode(curve.generator)
    assert by_parameters(curve.p, curve.a, curve.b, generator, curve.n) is curve
    other = curve.encode(curve.multiply(2, curve.generator))
    with pytest.raises(Unsupported):
        by_parameters(curve.p, curve.a, curve.b, other, curve.n)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: str(group.standard_number))
def test_generators_of_numbers_have_their_order(group):
    assert pow(group.g, group.q, group.p) == 1
    assert group.g != 1


@pytest.mark.parametrize("value", [0, 1, -1, -2, 2])
def test_trivial_and_foreign_numbers_are_refused(value):
    """0, 1, p-1, p-2 and 2: trivial, or outside the subgroup."""
    group = GROUPS[2]
    with pytest.raises(MalformedData):
        DhAgreement(group).shared_secret(7, (value % group.p).to_bytes(group.value_bytes, "big"))


def test_a_source_of_randomness_that_gives_nothing_is_noticed():
    with pytest.raises(MalformedData):
        EcAgreement(by_standard_number(13)).private_key(bytes)
