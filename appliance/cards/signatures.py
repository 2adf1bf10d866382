"""Signatures of document signers and country authorities: RSA (PKCS #1, PSS) and ECDSA on any standard curve.

`cryptography` does the work wherever it can; curves it lacks (brainpool P224r1, P320r1) and explicit curve
parameters are recognised and verified by `curves`.
"""

from __future__ import annotations

import hashlib

from asn1crypto import algos, keys
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from appliance.cards import curves, tlv
from appliance.cards.errors import MalformedData, Unsupported

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_NATIVE_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "secp224r1": ec.SECP224R1,
    "secp256r1": ec.SECP256R1,
    "brainpoolP256r1": ec.BrainpoolP256R1,
    "secp384r1": ec.SECP384R1,
    "brainpoolP384r1": ec.BrainpoolP384R1,
    "brainpoolP512r1": ec.BrainpoolP512R1,
    "secp521r1": ec.SECP521R1,
}
_RSA_BITS = range(1024, 8193)
PLAIN_ECDSA_HASHES = {
    f"0.4.0.127.0.7.1.1.4.1.{arc}": name
    for arc, name in enumerate(("sha1", "sha224", "sha256", "sha384", "sha512"), start=1)
}
"""ecdsa-plain-SHA…: r and s side by side instead of a DER sequence. BSI TR-03111 §5.2.1."""
_EC_SIGNATURES = ("ecdsa", "1.2.840.10045.2.1")
"""The second: some signers write the key's OID where the signature's belongs."""


def hash_named(name: str) -> type[hashes.HashAlgorithm]:
    if name not in _HASHES:
        raise Unsupported("a hash this box does not know", algorithm=name)
    return _HASHES[name]


def digest(name: str, data: bytes) -> bytes:
    hash_named(name)
    return hashlib.new(name, data, usedforsecurity=False).digest()


def verify(
    key: keys.PublicKeyInfo,
    algorithm: algos.SignedDigestAlgorithm,
    fallback_hash: str | None,
    message: bytes,
    signature: bytes,
) -> bool:
    """True when `signature` over `message` was made by `key`.

    Args:
        key: SubjectPublicKeyInfo.
        algorithm: as written beside the signature.
        fallback_hash: for algorithms that do not name their hash (plain rsaEncryption in a SignerInfo).
        message: what was signed.
        signature: RSA block, DER of (r, s), or r and s side by side where the algorithm says plain.

    Raises:
        Unsupported: an algorithm or curve nobody should use here.
        MalformedData: key or signature cannot be what they claim.
    """
    name = algorithm["algorithm"].native
    if name in PLAIN_ECDSA_HASHES:
        return verify_plain_ec(key, PLAIN_ECDSA_HASHES[name], message, signature)
    if name in _EC_SIGNATURES or name.endswith("_ecdsa"):
        return verify_ec(key, _hash_of(algorithm, fallback_hash), message, signature)
    if name == "rsassa_pss":
        return _verify_pss(key, algorithm, message, signature)
    if name.endswith("_rsa") or name == "rsassa_pkcs1v15":
        chosen = hash_named(_hash_of(algorithm, fallback_hash))()
        return _rsa_passes(key, signature, message, padding.PKCS1v15(), chosen)
    raise Unsupported("a signature algorithm this box does not know", algorithm=str(name))


def _hash_of(algorithm: algos.SignedDigestAlgorithm, fallback: str | None) -> str:
    try:
        return str(algorithm.hash_algo)
    except ValueError:
        if fallback is None:
            raise Unsupported("a signature that does not name its hash") from None
        return fallback


def _verify_pss(
    key: keys.PublicKeyInfo, algorithm: algos.SignedDigestAlgorithm, message: bytes, signature: bytes
) -> bool:
    parameters = algorithm["parameters"]
    if not isinstance(parameters, algos.RSASSAPSSParams):
        parameters = algos.RSASSAPSSParams({})  # left out: SHA-1 and its salt, RFC 4055 §3.1
    chosen = hash_named(parameters["hash_algorithm"]["algorithm"].native)
    mask = hash_named(parameters["mask_gen_algorithm"]["parameters"]["algorithm"].native)
    salt_bytes = parameters["salt_length"].native
    if not 0 <= salt_bytes <= 256:
        raise MalformedData("a strange salt length", reason="pss")
    shape = padding.PSS(padding.MGF1(mask()), salt_bytes)
    return _rsa_passes(key, signature, message, shape, chosen())


def _rsa_passes(
    key: keys.PublicKeyInfo,
    signature: bytes,
    message: bytes,
    shape: padding.AsymmetricPadding,
    chosen: hashes.HashAlgorithm,
) -> bool:
    if not is_rsa(key):
        return False
    try:
        rsa_numbers(key).public_key().verify(signature, message, shape, chosen)
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True


def is_rsa(key: keys.PublicKeyInfo) -> bool:
    return key.algorithm in ("rsa", "rsassa_pss")


def rsa_numbers(key: keys.PublicKeyInfo) -> rsa.RSAPublicNumbers:
    """Modulus and exponent of an RSA key, both of a size that can be meant honestly.

    Some chips leave out the zero byte that keeps a DER integer positive; neither number can be negative, so
    the bytes are read as they are meant.

    Raises:
        MalformedData: a trivial exponent, a modulus too small or so large that it only costs time.
    """
    numbers = key["public_key"].parsed
    modulus = int.from_bytes(numbers["modulus"].contents, "big")
    exponent = int.from_bytes(numbers["public_exponent"].contents, "big")
    if modulus.bit_length() not in _RSA_BITS or modulus % 2 == 0 or not 3 <= exponent < 1 << 64:
        raise MalformedData("an RSA key of strange size", reason="rsa_key")
    return rsa.RSAPublicNumbers(exponent, modulus)


def curve_of(key: keys.PublicKeyInfo) -> curves.Curve:
    """The standard curve of an EC key, whether named or spelled out in numbers."""
    parameters = key["algorithm"]["parameters"]
    if parameters.name == "named":
        return curves.by_oid(parameters.chosen.dotted)
    if parameters.name != "specified":
        raise Unsupported("an EC key that inherits its curve")
    domain = parameters.chosen
    return curves.by_parameters(
        int(domain["field_id"]["parameters"].native),
        int.from_bytes(domain["curve"]["a"].native, "big"),
        int.from_bytes(domain["curve"]["b"].native, "big"),
        domain["base"].native,
        int(domain["order"].native),
    )


def verify_plain_ec(key: keys.PublicKeyInfo, hash_name: str, message: bytes, signature: bytes) -> bool:
    """Verify r and s side by side, each as long as the order of the curve. BSI TR-03111 §5.2.1."""
    if key.algorithm != "ec" or len(signature) != 2 * curve_of(key).order_bytes:
        return False
    half = len(signature) // 2
    r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    return _verify_numbers(key, hash_name, message, r, s)


def verify_ec(key: keys.PublicKeyInfo, hash_name: str, message: bytes, signature: bytes) -> bool:
    """Verify r and s as a DER sequence. RFC 3279 §2.2.3."""
    if key.algorithm != "ec":
        return False
    try:
        numbers = tlv.parse_one(signature, 0x30).children()
    except MalformedData:
        return False
    if [number.tag for number in numbers] != [0x02, 0x02]:
        return False
    r, s = (int.from_bytes(number.value, "big", signed=True) for number in numbers)
    return _verify_numbers(key, hash_name, message, r, s)


def _verify_numbers(key: keys.PublicKeyInfo, hash_name: str, message: bytes, r: int, s: int) -> bool:
    curve = curve_of(key)
    point = curve.decode(key["public_key"].native)
    chosen = hash_named(hash_name)
    if not (0 < r < curve.n and 0 < s < curve.n):
        return False
    native = _NATIVE_CURVES.get(curve.name)
    if native is None:
        return curve.verify(point, digest(hash_name, message), r, s)
    try:
        ec.EllipticCurvePublicNumbers(point[0], point[1], native()).public_key().verify(
            encode_dss_signature(r, s), message, ec.ECDSA(chosen())
        )
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True
