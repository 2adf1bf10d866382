"""Pages → one PDF/A-2b (ISO 19005-2), made by img2pdf and pikepdf and validated as written.

Each page has its paper's true size (two sides of a card share one, see `placing`); its picture goes in as it was encoded, its words lie invisibly under it. Nothing about a
person, a place or a machine enters the metadata; provenance belongs to the manifest.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Final, Literal

import img2pdf
import pikepdf
import pikepdf.pdfa

from appliance.capture import invisible, srgb
from appliance.capture.placing import Laid, Place, is_card, laid
from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.capture.leaf import Leaf

Profile = Literal["2b", "1b"]
MAX_PAGES: Final = 60
DOCUMENT_LIMIT_BYTES: Final = 30 * 1024 * 1024
_PT: Final = 72 / 25.4
_WHEN_DESCRIBED: Final = re.compile(rb"<xmp:MetadataDate>[^<]*</xmp:MetadataDate>\s*")
"""The hour at which the description was written says nothing of the document, and would make each copy another one."""
_LONGEST_MM: Final = 1000.0


class InvalidDocument(PueError, ValueError):
    """No pages, or more than a document of a sitting can have."""

    code = "capture.document_invalid"
    who = WhoCanAct.CLERK


class DocumentTooLarge(InvalidDocument):
    """The finished document is larger than the road can carry."""

    code = "capture.document_too_large"


class NotArchivable(PueError):
    """What was made is not PDF/A after all; it was thrown away."""

    code = "capture.not_archivable"
    who = WhoCanAct.TECHNICIAN


def document_pdf(
    leaves: Sequence[Leaf], *, title: str = "", language: str = "it", profile: Profile = "2b"
) -> bytes:
    """The pages as one PDF/A, in order. The same pages give the same bytes.

    Args:
        leaves: 1 to `MAX_PAGES`.
        title: of the document, for the reader's window; no name of a person.
        language: of the words, as BCP 47.
        profile: of PDF/A.

    Raises:
        InvalidDocument: no pages, too many, or one that is no picture.
        DocumentTooLarge: over `DOCUMENT_LIMIT_BYTES`.
        NotArchivable: the validator refused the result.
    """
    if not 1 <= len(leaves) <= MAX_PAGES:
        raise InvalidDocument(f"a document has 1 to {MAX_PAGES} pages, not {len(leaves)}", pages=len(leaves))
    if sum(len(leaf.image) for leaf in leaves) > DOCUMENT_LIMIT_BYTES:
        raise DocumentTooLarge(
            f"a document has at most {DOCUMENT_LIMIT_BYTES} bytes", limit_bytes=DOCUMENT_LIMIT_BYTES
        )
    sheets = laid([_size_mm(leaf) for leaf in leaves])
    with pikepdf.open(io.BytesIO(_pictures(leaves))) as pdf:
        _lay_together(pdf, leaves, sheets)
        _lay_words(pdf, leaves, sheets)
        return _archived(pdf, title, language, profile)


def archivable(pdf: bytes, *, title: str, language: str = "it", profile: Profile = "2b") -> bytes:
    """A PDF of our own drawing as PDF/A.

    Raises:
        NotArchivable: the validator refused it.
    """
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        for page in opened.pages:
            if "/Trans" in page.obj:  # an empty description of a slide show, which no archive needs
                del page.obj["/Trans"]
        return _archived(opened, title, language, profile)


def _size_mm(leaf: Leaf) -> tuple[float, float]:
    wide, high = leaf.width_mm, leaf.height_mm
    if not (5 <= wide <= _LONGEST_MM and 5 <= high <= _LONGEST_MM):
        raise InvalidDocument("a page of this size is no paper")
    return wide, high


def _pictures(leaves: Sequence[Leaf]) -> bytes:
    """One page for each picture, as large as it; the encoded bytes go in unchanged."""
    turns = iter(leaves)

    def layout(*_: object) -> tuple[float, float, float, float]:
        wide, high = (side * _PT for side in _size_mm(next(turns)))
        return wide, high, wide, high

    try:
        plain = img2pdf.convert([leaf.image for leaf in leaves], layout_fun=layout, nodate=True)
    except (img2pdf.ImageOpenError, img2pdf.PdfTooLargeError, ValueError) as error:
        raise InvalidDocument("a page is not a picture any more") from error
    return bytes(plain)


def _lay_together(pdf: pikepdf.Pdf, leaves: Sequence[Leaf], sheets: Sequence[Laid]) -> None:
    """Pictures that stand on a larger sheet are moved onto it: its first page becomes the sheet, the others go."""
    pages = list(pdf.pages)
    for sheet in sheets:
        if not is_card(_size_mm(leaves[sheet.places[0].page])):
            continue
        pictures = [pages[place.page].obj.Resources.XObject[pikepdf.Name.Im0] for place in sheet.places]
        first = pages[sheet.places[0].page]
        first.obj.Resources.XObject = pikepdf.Dictionary()
        drawn = [
            _drawn(first, picture, leaves[place.page], place)
            for picture, place in zip(pictures, sheet.places, strict=True)
        ]
        first.Contents = pdf.make_stream(b"\n".join(drawn))
        wide, high = (round(side * _PT, 4) for side in (sheet.width_mm, sheet.height_mm))
        first.MediaBox = pikepdf.Array([0, 0, wide, high])
    kept = {sheet.places[0].page for sheet in sheets}
    for at in sorted(set(range(len(pages))) - kept, reverse=True):
        del pdf.pages[at]


def _drawn(sheet: pikepdf.Page, picture: pikepdf.Object, leaf: Leaf, place: Place) -> bytes:
    """What draws a picture at its place on a sheet."""
    name = sheet.add_resource(picture, pikepdf.Name.XObject, pikepdf.Name(f"/Im{place.page}"))
    numbers = (leaf.width_mm, leaf.height_mm, place.left_mm, place.bottom_mm)
    wide, high, left, bottom = (number * _PT for number in numbers)
    return b"q %.4f 0 0 %.4f %.4f %.4f cm %s Do Q" % (wide, high, left, bottom, str(name).encode())


def _lay_words(pdf: pikepdf.Pdf, leaves: Sequence[Leaf], sheets: Sequence[Laid]) -> None:
    font = invisible.add_font(pdf) if any(leaf.words for leaf in leaves) else None
    for page, sheet in zip(pdf.pages, sheets, strict=True):
        for place in sheet.places:
            leaf = leaves[place.page]
            if leaf.words and font is not None:
                page.add_resource(font, pikepdf.Name.Font, invisible.RESOURCE)
                size = leaf.width_mm * _PT, leaf.height_mm * _PT
                corner = place.left_mm * _PT, place.bottom_mm * _PT
                page.contents_add(invisible.content(leaf.words, *size, *corner))


def _archived(pdf: pikepdf.Pdf, title: str, language: str, profile: Profile) -> bytes:
    """Declare the profile with an sRGB output intent, write, and validate what was written."""
    pdf.Root.Lang = pikepdf.String(language)
    if "/ID" in pdf.trailer:  # of the first writing; it holds the hour
        del pdf.trailer["/ID"]
    if title:
        with pdf.open_metadata(set_pikepdf_as_editor=False) as metadata:
            metadata["dc:title"] = title
        pdf.docinfo["/Title"] = title
        pdf.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
    out = io.BytesIO()
    try:
        pikepdf.pdfa.prepare(pdf, profile, output_intent=srgb.profile(), output_condition_identifier="sRGB")
        described = pdf.Root.Metadata.read_bytes()
        pdf.Root.Metadata.write(_WHEN_DESCRIBED.sub(b"", described))
        # In memory, not by `pikepdf.pdfa.save`: that writes a temporary file, where a page would lie open, and where a full
        # disk ends the whole process (the library's C++ throws while it tidies up).
        how = {**pikepdf.pdfa.check(pdf, profile).save_kwargs, "deterministic_id": True}
        pdf.save(out, **how)
        report = pikepdf.pdfa.validate_written(io.BytesIO(out.getvalue()), profile)
    except pikepdf.pdfa.PdfaError as error:
        raise NotArchivable(f"the document is not PDF/A-{profile}", reason=str(error)[:200]) from error
    if report.verdict != "pass":
        raise NotArchivable(f"the document is not PDF/A-{profile}", reason=str(report.findings)[:200])
    return out.getvalue()
