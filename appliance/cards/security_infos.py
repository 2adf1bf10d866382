"""What a card says it can do: the SET OF SecurityInfo of EF.CardAccess and DG14. BSI TR-03110-3 A.1, ICAO 9303-11 §9.2."""

from __future__ import annotations

import contextlib
import dataclasses

from appliance.cards import curves, dh_groups, tlv
from appliance.cards.agreement import DhAgreement, EcAgreement
from appliance.cards.cipher import Suite
from appliance.cards.dh_groups import DhGroup
from appliance.cards.errors import MalformedData, Unsupported
from appliance.cards.signatures import PLAIN_ECDSA_HASHES

PACE_PREFIX = bytes.fromhex("04007F0007020204")
"""id-PACE, 0.4.0.127.0.7.2.2.4; two arcs follow: mapping and agreement, then suite."""
PUBLIC_KEY_PREFIX = bytes.fromhex("04007F0007020201")
"""id-PK, 0.4.0.127.0.7.2.2.1; one arc follows: 1 DH, 2 ECDH."""
CHIP_AUTHENTICATION_PREFIX = bytes.fromhex("04007F0007020203")
"""id-CA, 0.4.0.127.0.7.2.2.3; two arcs follow: 1 DH or 2 ECDH, then suite."""

ACTIVE_AUTHENTICATION = bytes.fromhex("678108010105")
"""id-icao-mrtd-security-aaProtocolObject, 2.23.136.1.1.5: version, then the OID of an ECDSA signature. ICAO 9303-11 §6.1.2.3."""

PACE_DH_GM, PACE_ECDH_GM, PACE_DH_IM, PACE_ECDH_IM, PACE_ECDH_CAM = 1, 2, 3, 4, 6

_SET, _SEQUENCE, _OID, _INTEGER, _BIT_STRING = 0x31, 0x30, 0x06, 0x02, 0x03
_OID_DH = (bytes.fromhex("2A864886F70D010301"), bytes.fromhex("2A8648CE3E0201"))
"""PKCS #3 dhKeyAgreement and X9.42 dhpublicnumber."""
_OID_STANDARD_PARAMETERS = bytes.fromhex("04007F00070102")
"""standardizedDomainParameters: the parameters are one number of TR-03110 table 4."""
_OID_EC_PUBLIC_KEY = bytes.fromhex("2A8648CE3D0201")
_MAX_INFOS = 32


@dataclasses.dataclass(frozen=True)
class PaceInfo:
    """One way to run PACE. `raw` is the SecurityInfo as read, to compare EF.CardAccess with the signed DG14."""

    oid: bytes
    parameter_id: int | None
    raw: bytes = dataclasses.field(repr=False)
    domain: DhAgreement | EcAgreement | None = None
    """What a PACEDomainParameterInfo spells out, where the parameters are the card's own."""

    @property
    def mapping(self) -> int:
        return self.oid[-2]

    @property
    def is_curve(self) -> bool:
        return self.mapping in (PACE_ECDH_GM, PACE_ECDH_CAM)

    @property
    def suite(self) -> Suite:
        return Suite(self.oid[-1])

    @property
    def is_supported(self) -> bool:
        try:
            self.agreement()
        except Unsupported:
            return False
        return True

    def agreement(self) -> DhAgreement | EcAgreement:
        """Generic mapping, alone or with chip authentication: integrated mapping is offered only beside it or BAC."""
        if self.mapping not in (PACE_DH_GM, PACE_ECDH_GM, PACE_ECDH_CAM) or (
            self.mapping == PACE_ECDH_CAM and self.suite is Suite.TRIPLE_DES
        ):
            raise Unsupported("a PACE mapping this box does not speak", mapping=self.mapping)
        if self.domain is not None:
            return self.domain
        if self.parameter_id is None:
            raise Unsupported("PACE with parameters nobody spells out")
        if self.mapping == PACE_DH_GM:
            return DhAgreement(dh_groups.by_standard_number(self.parameter_id))
        return EcAgreement(curves.by_standard_number(self.parameter_id))


@dataclasses.dataclass(frozen=True)
class ChipKey:
    """The static public key of a chip and how to use it (chip authentication version 1)."""

    agreement: DhAgreement | EcAgreement
    public_key: bytes
    key_id: int | None
    oid: bytes | None
    """The id-CA protocol; None when the card lists none (then 3DES is meant)."""

    @property
    def suite(self) -> Suite:
        return Suite.TRIPLE_DES if self.oid is None else Suite(self.oid[-1])


def _infos(data: bytes) -> list[tuple[bytes, list[tlv.Tlv], bytes]]:
    """(oid, remaining fields, raw) of each SecurityInfo of a SET."""
    entries = tlv.parse_one(data, _SET).children()
    if len(entries) > _MAX_INFOS:
        raise MalformedData("too many SecurityInfos", reason="security_infos")
    found = []
    for entry in entries:
        fields = entry.children() if entry.tag == _SEQUENCE else []
        if not fields or fields[0].tag != _OID:
            raise MalformedData("a SecurityInfo without OID", reason="security_infos")
        found.append((fields[0].value, fields[1:], entry.raw))
    return found


def _small_integer(field: tlv.Tlv) -> int:
    if field.tag != _INTEGER or not 1 <= len(field.value) <= 2:
        raise MalformedData("not a small integer", reason="security_infos")
    return int.from_bytes(field.value, "big")


def pace_infos(data: bytes) -> list[PaceInfo]:
    """The PACEInfos of EF.CardAccess or DG14, in the card's order."""
    infos = _infos(data)
    domains = _domains(infos)
    found = []
    for oid, fields, raw in infos:
        # id-PACE with exactly two more arcs; one arc less is a PACEDomainParameterInfo
        if not oid.startswith(PACE_PREFIX) or len(oid) != len(PACE_PREFIX) + 2 or not fields:
            continue
        if oid[-1] not in set(Suite):
            continue
        parameter_id = _small_integer(fields[1]) if len(fields) > 1 else None
        found.append(PaceInfo(oid, parameter_id, raw, domains.get((oid[-2], parameter_id))))
    return found


def _domains(
    infos: list[tuple[bytes, list[tlv.Tlv], bytes]],
) -> dict[tuple[int, int | None], DhAgreement | EcAgreement]:
    """(mapping, parameter id) → the PACEDomainParameterInfos of which this box knows the group. ICAO 9303-11 §9.2.1."""
    found: dict[tuple[int, int | None], DhAgreement | EcAgreement] = {}
    for oid, fields, _ in infos:
        if not oid.startswith(PACE_PREFIX) or len(oid) != len(PACE_PREFIX) + 1 or not fields:
            continue
        parameter_id = _small_integer(fields[1]) if len(fields) > 1 else None
        with contextlib.suppress(Unsupported):
            found[oid[-1], parameter_id] = _group_of(fields[0])
    return found


def _group_of(algorithm: tlv.Tlv) -> DhAgreement | EcAgreement:
    """AlgorithmIdentifier with domain parameters: the standard group or curve that has them."""
    parts = algorithm.children() if algorithm.tag == _SEQUENCE else []
    if len(parts) < 2 or parts[0].tag != _OID:
        raise MalformedData("no domain parameters", reason="security_infos")
    oid, parameters = parts[0].value, parts[1]
    if oid == _OID_STANDARD_PARAMETERS:
        number = _small_integer(parameters)
        return _standard_group(number)
    if oid == _OID_EC_PUBLIC_KEY:
        return EcAgreement(_ec_parameters(parameters))
    if oid in _OID_DH:
        group = _dh_parameters(parameters)
        # nobody signed these numbers: in a group of the card's own it could find out the code that was typed
        if group.standard_number is None:
            raise Unsupported("a group that is no standard one")
        return DhAgreement(group)
    raise Unsupported("domain parameters of an unknown kind")


def _standard_group(number: int) -> DhAgreement | EcAgreement:
    """Numbers below eight are groups, the others curves. BSI TR-03110-3 table 4."""
    if number < 8:
        return DhAgreement(dh_groups.by_standard_number(number))
    return EcAgreement(curves.by_standard_number(number))


def chip_keys(data: bytes) -> list[ChipKey]:
    """The chip authentication keys of DG14's SET that this box can use, each with its protocol.

    Raises:
        Unsupported: there are keys, and this box can use none of them.
    """
    infos = _infos(data)
    protocols: list[tuple[bytes, int | None]] = []
    for oid, fields, _ in infos:
        if oid.startswith(CHIP_AUTHENTICATION_PREFIX) and len(oid) == len(CHIP_AUTHENTICATION_PREFIX) + 2:
            protocols.append((oid, _small_integer(fields[1]) if len(fields) > 1 else None))
    keys, unknown = [], None
    for oid, fields, _ in infos:
        if not oid.startswith(PUBLIC_KEY_PREFIX) or len(oid) != len(PUBLIC_KEY_PREFIX) + 1 or not fields:
            continue
        key_id = _small_integer(fields[1]) if len(fields) > 1 else None
        try:
            agreement, public_key = _public_key(fields[0])
        except Unsupported as fault:
            unknown = fault
            continue
        fitting = [name for name, ident in protocols if name[-2] == oid[-1] and ident in (key_id, None)]
        spoken = [name for name in fitting if name[-1] in set(Suite)]
        if fitting and not spoken:
            unknown = Unsupported("chip authentication with a cipher this box does not know")
            continue
        keys.append(ChipKey(agreement, public_key, key_id, max(spoken, default=None)))
    if not keys and unknown is not None:
        raise unknown
    return keys


_ECDSA_HASHES = {
    "1.2.840.10045.4.1": "sha1",
    "1.2.840.10045.4.3.1": "sha224",
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
} | PLAIN_ECDSA_HASHES


def active_authentication_hash(data: bytes) -> str | None:
    """The hash an ECDSA chip signs its challenge with, as DG14's SET says; None when it does not say.

    Raises:
        Unsupported: it names a hash this box does not know.
    """
    for oid, fields, _ in _infos(data):
        if oid != ACTIVE_AUTHENTICATION or len(fields) < 2 or fields[1].tag != _OID:
            continue
        for dotted, name in _ECDSA_HASHES.items():
            if tlv_oid(dotted) == fields[1].value:
                return name
        raise Unsupported("active authentication with a hash this box does not know")
    return None


def _public_key(info: tlv.Tlv) -> tuple[DhAgreement | EcAgreement, bytes]:
    """SubjectPublicKeyInfo → agreement and the public value as the card's peer sends it."""
    if info.tag != _SEQUENCE:
        raise MalformedData("no SubjectPublicKeyInfo", reason="security_infos")
    parts = info.children()
    if [part.tag for part in parts] != [_SEQUENCE, _BIT_STRING] or parts[1].value[:1] != b"\x00":
        raise MalformedData("no SubjectPublicKeyInfo", reason="security_infos")
    algorithm, bits = parts[0].children(), parts[1].value[1:]
    if not algorithm:
        raise MalformedData("no algorithm", reason="security_infos")
    oid, parameters = algorithm[0].value, algorithm[1:]
    if oid in _OID_DH and parameters:
        group = _dh_parameters(parameters[0])
        value = int.from_bytes(tlv.parse_one(bits, _INTEGER).value, "big")
        return _dh_key(group, value)
    if oid == _OID_STANDARD_PARAMETERS and parameters:
        return _standard_key(_small_integer(parameters[0]), bits)
    if oid == _OID_EC_PUBLIC_KEY and parameters:
        return EcAgreement(_ec_parameters(parameters[0])), bits
    raise Unsupported("a chip key of an unknown kind")


def _dh_key(group: DhGroup, value: int) -> tuple[DhAgreement, bytes]:
    if not 1 < value < group.p - 1:
        raise MalformedData("a trivial chip key", reason="dh_value")
    return DhAgreement(group), value.to_bytes(group.value_bytes, "big")


def _standard_key(number: int, bits: bytes) -> tuple[DhAgreement | EcAgreement, bytes]:
    if number < 8:
        value = int.from_bytes(tlv.parse_one(bits, _INTEGER).value, "big")
        return _dh_key(dh_groups.by_standard_number(number), value)
    return EcAgreement(curves.by_standard_number(number)), bits


def _unsigned(field: tlv.Tlv, max_bytes: int = 1025) -> int:
    if field.tag != _INTEGER or not 1 <= len(field.value) <= max_bytes:
        raise MalformedData("a domain parameter is no integer", reason="security_infos")
    return int.from_bytes(field.value, "big")


def _dh_parameters(parameters: tlv.Tlv) -> DhGroup:
    """PKCS #3 (p, g, [length]) or X9.42 (p, g, q, …); a third number that divides p-1 is q."""
    fields = parameters.children()
    if parameters.tag != _SEQUENCE or len(fields) < 2:
        raise MalformedData("no DH parameters", reason="security_infos")
    p, g = _unsigned(fields[0]), _unsigned(fields[1])
    if not 1024 <= p.bit_length() <= 8192 or p % 2 == 0 or not 1 < g < p - 1:
        raise MalformedData("weak DH parameters", reason="dh_parameters")
    q = None
    if len(fields) > 2 and fields[2].tag == _INTEGER:
        third = _unsigned(fields[2])
        if third.bit_length() >= 160 and (p - 1) % third == 0:
            q = third
    known = next((group for group in dh_groups.GROUPS if (group.p, group.g) == (p, g)), None)
    return known or DhGroup(None, p, g, q)


def _ec_parameters(parameters: tlv.Tlv) -> curves.Curve:
    if parameters.tag == _OID:
        return next((curve for curve in curves.CURVES if tlv_oid(curve.oid) == parameters.value), None) or (
            curves.by_oid(parameters.value.hex())
        )
    fields = parameters.children()  # ECParameters, RFC 3279 §2.3.5: version, fieldID, curve, base, order
    if parameters.tag != _SEQUENCE or len(fields) < 5:
        raise MalformedData("no EC parameters", reason="security_infos")
    field_id, coefficients = fields[1].children(), fields[2].children()
    if len(field_id) != 2 or len(coefficients) < 2:
        raise MalformedData("no EC parameters", reason="security_infos")
    return curves.by_parameters(
        _unsigned(field_id[1]),
        int.from_bytes(coefficients[0].value, "big"),
        int.from_bytes(coefficients[1].value, "big"),
        fields[3].value,
        _unsigned(fields[4]),
    )


def tlv_oid(dotted: str) -> bytes:
    """The content bytes of an object identifier. X.690 §8.19."""
    arcs = [int(arc) for arc in dotted.split(".")]
    encoded = bytearray()
    for arc in (arcs[0] * 40 + arcs[1], *arcs[2:]):
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(arc & 0x7F | 0x80)
        encoded += bytes(reversed(septets))
    return bytes(encoded)
