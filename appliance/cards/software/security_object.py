"""EF.SOD as an invented State writes it: LDSSecurityObject inside a signed CMS message.

ICAO 9303-10 appendix D, RFC 5652 §5. The variants are those met in the field: BER, the older content type, version 1.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping

from appliance.cards import tlv
from appliance.cards.software import der
from appliance.cards.software.signed_message import signed_message
from appliance.cards.software.state_keys import StateKey, hash_algorithm

SECURITY_OBJECT = "2.23.136.1.1.1"
OLD_SECURITY_OBJECT = "1.3.27.1.1.1"
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
    message = signed_message(
        writing.content_type,
        lds_security_object(groups, writing),
        key=key,
        certificates=[certificate],
        sid=sid,
        ber=writing.ber,
    )
    return tlv.build(0x77, message)
