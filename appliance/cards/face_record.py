"""The image inside a face record, in the two encodings chips carry. Bounded: one known path, everything else passed over.

ISO/IEC 19794-5:2005 §5 begins with ``FAC``; ISO/IEC 39794-5:2019 in ICAO's application profile is ASN.1. Issuing
States may write either until 2030; the frame around the two is the same.
"""

from __future__ import annotations

from appliance.cards import tlv
from appliance.cards.errors import MalformedData, Unsupported

_FACE_IMAGE_DATA_BLOCK = 0x65
"""FaceImageDataBlock, [APPLICATION 5]."""
_ONE, _BASE, _SEQUENCE, _IMAGE = 0xA1, 0xA0, 0x30, 0x80


def image_of(block: bytes) -> bytes:
    """The encoded image, exactly as it stands in the record.

    Args:
        block: content of the biometric data block (tag 5F2E or 7F2E).

    Raises:
        MalformedData: neither encoding, or lengths that do not agree.
        Unsupported: a face in an encoding defined later, or in three dimensions.
    """
    if block.startswith(b"FAC\x00"):
        return block[_image_offset(block) :]
    return _image_39794(block)


def _image_offset(block: bytes) -> int:
    """Record header 14 bytes, facial information 20, eight for each feature point, image information 12."""
    if len(block) < 14 + 20 + 12:
        raise MalformedData("the face record is cut short", reason="dg2")
    record_bytes, points = int.from_bytes(block[8:12], "big"), int.from_bytes(block[18:20], "big")
    offset = 14 + 20 + 8 * points + 12
    if record_bytes != len(block) or offset >= len(block):
        raise MalformedData("the face record's lengths do not agree", reason="dg2")
    return offset


def _image_39794(block: bytes) -> bytes:
    """Walk one path of the module ID-ICAO-ISO-IEC-39794-5-ed-1-v1.

    [1] around FaceImageDataBlock, representationBlocks [1], the one RepresentationBlock, imageRepresentation [1],
    base [0], imageRepresentation2DBlock [0], representationData2D [0].

    The two choices are tagged explicitly although the module is IMPLICIT TAGS (X.680 §31.2.7). Members beside
    the path are optional and come in any number: they are found by tag, not by place.
    """
    data_block = tlv.need(tlv.parse_one(block, _ONE).children(), _FACE_IMAGE_DATA_BLOCK)
    representations = tlv.parse(tlv.need(tlv.parse(data_block), _ONE))
    if [item.tag for item in representations] != [_SEQUENCE]:
        raise MalformedData("not exactly one representation of the face", reason="dg2")
    representation = tlv.need(representations[0].children(), _ONE)
    for _choice in ("ImageRepresentation", "ImageRepresentationBase"):
        chosen = tlv.parse(representation)
        if [item.tag for item in chosen] != [_BASE]:
            raise Unsupported("a face that is no flat picture")
        representation = chosen[0].value
    return tlv.need(tlv.parse(representation), _IMAGE)
