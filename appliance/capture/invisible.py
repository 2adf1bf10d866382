"""Words laid invisibly under a page's picture, so that it can be searched and copied from.

They need a font, and PDF/A wants every font inside the file. This one is drawn here: its one glyph is empty and half an em
wide, every character uses it, and the table back to Unicode is the identity. It weighs less than a kilobyte.
"""

from __future__ import annotations

import functools
import io
import unicodedata
from typing import TYPE_CHECKING, Final

import pikepdf
from fontTools.fontBuilder import FontBuilder
from pikepdf import Array, Dictionary, Name, Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.capture.leaf import Word

_EM: Final = 1000
_ADVANCE: Final = 500
_NAME: Final = "GlyphLess"
RESOURCE: Final = Name("/Words")
_LOWEST_PT: Final = 2.0
_BORN_S: Final = 3_600_000_000
"""Seconds since 1904, as fonts count: any fixed day, so that the same pages give the same bytes."""
_TO_UNICODE: Final = b"""/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
100 beginbfrange
%s
endbfrange
endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""


@functools.cache
def font_file() -> bytes:
    """A TrueType font with one empty glyph."""
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    builder = FontBuilder(_EM, isTTF=True)
    builder.setupGlyphOrder([".notdef", "empty"])
    builder.setupCharacterMap({0x20: "empty"})
    empty = TTGlyphPen(None).glyph()
    builder.setupGlyf({".notdef": empty, "empty": empty})
    builder.setupHorizontalMetrics({".notdef": (_ADVANCE, 0), "empty": (_ADVANCE, 0)})
    builder.setupHorizontalHeader(ascent=_EM, descent=-1)
    builder.setupNameTable({"familyName": _NAME, "styleName": "Regular", "psName": _NAME}, mac=False)
    builder.setupOS2(sTypoAscender=_EM, sTypoDescender=-1, usWinAscent=_EM, usWinDescent=1)
    builder.setupPost()
    builder.font["head"].created = builder.font["head"].modified = _BORN_S
    builder.font.recalcTimestamp = False
    out = io.BytesIO()
    builder.save(out)
    return out.getvalue()


def add_font(pdf: pikepdf.Pdf) -> pikepdf.Object:
    """The font as an object of this PDF; one serves all pages."""
    data = font_file()
    file = Stream(pdf, data)
    file.Length1 = len(data)
    descriptor = Dictionary(
        Type=Name.FontDescriptor,
        FontName=Name(f"/{_NAME}"),
        Flags=4,
        FontBBox=Array([0, -1, _ADVANCE, _EM]),
        ItalicAngle=0,
        Ascent=_EM,
        Descent=-1,
        CapHeight=_EM,
        StemV=80,
        FontFile2=file,
    )
    descendant = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=Name(f"/{_NAME}"),
        CIDSystemInfo=Dictionary(
            Registry=pikepdf.String("Adobe"), Ordering=pikepdf.String("Identity"), Supplement=0
        ),
        FontDescriptor=pdf.make_indirect(descriptor),
        DW=_ADVANCE,
        # every character is the one empty glyph
        CIDToGIDMap=Stream(pdf, b"\0\1" * 0x10000),
    )
    font = Dictionary(
        Type=Name.Font,
        Subtype=Name.Type0,
        BaseFont=Name(f"/{_NAME}"),
        Encoding=Name("/Identity-H"),
        DescendantFonts=Array([pdf.make_indirect(descendant)]),
        ToUnicode=Stream(pdf, _to_unicode()),
    )
    return pdf.make_indirect(font)


@functools.cache
def _to_unicode() -> bytes:
    """Identity, in ranges that stay within one first byte, at most 100 in a block (PDF 32000-1, 9.10.3)."""
    ranges = [b"<%02X00> <%02XFF> <%02X00>" % (high, high, high) for high in range(256)]
    blocks = [ranges[at : at + 100] for at in range(0, 256, 100)]
    head, _, rest = _TO_UNICODE.partition(b"100 beginbfrange\n%s\nendbfrange\n")
    body = b"".join(
        b"%d beginbfrange\n%s\nendbfrange\n" % (len(block), b"\n".join(block)) for block in blocks
    )
    return head + body + rest


def _encodable(text: str) -> str:
    """Composed, so that a search for à finds it; a sign the font cannot say leaves its place to be seen."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(sign if ord(sign) < 0x10000 else "\ufffd" for sign in composed if sign.isprintable())


def _tallest(words: Sequence[Word]) -> dict[int, Word]:
    """Of each line the word that says how tall it is: readers take words of other sizes for other lines, and a dash is low."""
    tallest: dict[int, Word] = {}
    for word in words:
        known = tallest.get(word.line, word)
        tallest[word.line] = max(known, word, key=lambda one: one.bottom - one.top)
    return tallest


def content(
    words: Sequence[Word], width_pt: float, height_pt: float, left_pt: float, bottom_pt: float
) -> bytes:
    """The content stream that lays the words over a picture at this place of the page.

    Args:
        words: of the page.
        width_pt, height_pt: of the picture on the page.
        left_pt, bottom_pt: where it stands.
    """
    lines = [b"q BT 3 Tr"]
    tallest = _tallest(words)
    for word in words:
        text = _encodable(word.text)
        wide = (word.right - word.left) * width_pt
        if not text or wide <= 0:
            continue
        line = tallest[word.line]
        level = line.top <= (word.top + word.bottom) / 2 <= line.bottom
        bottom = line.bottom if level else word.bottom
        size = max(_LOWEST_PT, (line.bottom - line.top) * height_pt)
        stretch = 100 * wide / (len(text) * size * _ADVANCE / _EM)
        x, y = left_pt + word.left * width_pt, bottom_pt + (1 - bottom) * height_pt
        code = (text + " ").encode("utf-16-be").hex().encode()
        lines.append(
            b"%s %.2f Tf %.1f Tz 1 0 0 1 %.2f %.2f Tm <%s> Tj"
            % (str(RESOURCE).encode(), size, stretch, x, y, code)
        )
    return b"\n".join([*lines, b"ET Q"])
