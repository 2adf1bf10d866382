"""A CMS message with one signer, as an invented State writes it. RFC 5652 §5; BER where a streaming signer would."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from appliance.cards import tlv
from appliance.cards.software import der
from appliance.cards.software.state_keys import StateKey, hash_algorithm

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"


def signed_message(
    content_type: str,
    content: bytes,
    *,
    key: StateKey,
    certificates: Sequence[bytes],
    sid: bytes,
    attributes: Sequence[tuple[str, bytes]] = (),
    ber: bool = False,
) -> bytes:
    """The whole message.

    Args:
        content_type: dotted.
        content: what is signed.
        key: of the signer.
        certificates: DER, the signer's among them.
        sid: IssuerAndSerialNumber or [0] key identifier of the signer's certificate, DER.
        attributes: signed ones beside content type and digest: dotted name and DER value.
        ber: lengths left open, content in pieces.
    """
    build = der.indefinite if ber else tlv.build
    octets = der.octets_in_pieces if ber else der.octets
    inner = build(0x30, der.oid(content_type) + build(0xA0, octets(content)))
    signed = build(
        0x30,
        der.integer(3)
        + build(0x31, hash_algorithm(key.hash_name))
        + inner
        + build(0xA0, b"".join(sorted(certificates)))
        + build(0x31, signer_info(content_type, content, key=key, sid=sid, attributes=attributes, ber=ber)),
    )
    return build(0x30, der.oid(_SIGNED_DATA) + build(0xA0, signed))


def signer_info(
    content_type: str,
    content: bytes,
    *,
    key: StateKey,
    sid: bytes,
    attributes: Sequence[tuple[str, bytes]] = (),
    ber: bool = False,
) -> bytes:
    """The part that says who signed what; arguments as `signed_message`."""
    build = der.indefinite if ber else tlv.build
    digest = hashlib.new(key.hash_name, content, usedforsecurity=False).digest()
    values = (
        (_CONTENT_TYPE, der.oid(content_type)),
        (_MESSAGE_DIGEST, der.octets(digest)),
        *attributes,
    )
    # what is signed is the DER of the attributes, however they are sent (RFC 5652 §5.4)
    signed = der.set_of(*(der.sequence(der.oid(name), tlv.build(0x31, value)) for name, value in values))
    sent = b"".join(
        build(0x30, der.oid(name) + build(0x31, value))
        for name, value in sorted(values, key=lambda item: len(item[1]))
    )
    version = der.integer(3 if sid[:1] == b"\x80" else 1)
    return build(
        0x30,
        version
        + sid
        + hash_algorithm(key.hash_name)
        + build(0xA0, sent)
        + key.algorithm
        + der.octets(key.sign(signed)),
    )
