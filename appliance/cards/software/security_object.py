"""EF.SOD as an invented State writes it: LDSSecurityObject inside a signed CMS message.

ICAO 9303-10 appendix D, RFC 5652 §5. The variants are those met in the field: BER, the older content type, version 1.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping

from appliance.cards import tlv
from appliance.cards.software import der
from appliance.cards.software.state_keys import StateKey, hash_algorithm

SECURITY_OBJECT = "2.23.136.1.1.1"
OLD_SECURITY_OBJECT = "1.3.27.1.1.1"
_SIGNED_DATA = "1.2.840.113549.1.7.2"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_PRINTABLE = 0x13


@dataclasses.dataclass(frozen=True)
class Writing:
    """How a State writes its security objects.

    Attributes:
        hash_name: of the data groups.
        content_type: `SECURITY_OBJECT`, or the number some early documents carry.
        lds_version: four digits make an LDSSecurityObject of version 1 that names them; None is version 0.
        ber: lengths left open and the content in pieces, as a streaming signer writes.
    """

    hash_name: str = "sha256"
    content_type: str = SECURITY_OBJECT
    lds_version: str | None = None
    ber: bool = False


def lds_security_object(groups: Mapping[int, bytes], writing: Writing) -> bytes:
    def digest(data: bytes) -> bytes:
        return hashlib.new(writing.hash_name, data, usedforsecurity=False).digest()

    hashes = [
        der.sequence(der.integer(number), der.octets(digest(data))) for number, data in sorted(groups.items())
    ]
    version = der.integer(0 if writing.lds_version is None else 1)
    parts = [version, hash_algorithm(writing.hash_name), der.sequence(*hashes)]
    if writing.lds_version is not None:
        words = (writing.lds_version, "130000")
        parts.append(der.sequence(*(tlv.build(_PRINTABLE, word.encode("ascii")) for word in words)))
    return der.sequence(*parts)


def security_object(
    groups: Mapping[int, bytes], writing: Writing, key: StateKey, certificate: bytes, sid: bytes
) -> bytes:
    """EF.SOD. `sid` is IssuerAndSerialNumber of `certificate`; both DER."""
    message = signed_message(lds_security_object(groups, writing), writing, key, certificate, sid)
    return tlv.build(0x77, message)


def signed_message(content: bytes, writing: Writing, key: StateKey, certificate: bytes, sid: bytes) -> bytes:
    """A CMS message of one signer over `content`."""
    build = der.indefinite if writing.ber else tlv.build
    octets = der.octets_in_pieces if writing.ber else der.octets
    kind = der.oid(writing.content_type)
    inner = build(0x30, kind + build(0xA0, octets(content)))
    signed = build(
        0x30,
        der.integer(3)
        + build(0x31, hash_algorithm(key.hash_name))
        + inner
        + build(0xA0, certificate)
        + build(0x31, _signer_info(content, kind, writing, key, sid)),
    )
    return build(0x30, der.oid(_SIGNED_DATA) + build(0xA0, signed))


def _signer_info(content: bytes, kind: bytes, writing: Writing, key: StateKey, sid: bytes) -> bytes:
    build = der.indefinite if writing.ber else tlv.build
    digest = hashlib.new(key.hash_name, content, usedforsecurity=False).digest()
    values = ((_CONTENT_TYPE, kind), (_MESSAGE_DIGEST, der.octets(digest)))
    # what is signed is the DER of the attributes, however they are sent (RFC 5652 §5.4)
    signed = der.set_of(*(der.sequence(der.oid(name), tlv.build(0x31, value)) for name, value in values))
    sent = b"".join(
        build(0x30, der.oid(name) + build(0x31, value))
        for name, value in sorted(values, key=lambda item: len(item[1]))
    )
    return build(
        0x30,
        der.integer(1)
        + sid
        + hash_algorithm(key.hash_name)
        + build(0xA0, sent)
        + key.algorithm
        + der.octets(key.sign(signed)),
    )
