"""Pages → one PDF/A-2b (ISO 19005-2), made by img2pdf and pikepdf and validated as written.

Nothing about a person, a place or a machine enters the metadata; provenance belongs to the manifest.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import img2pdf
import pikepdf
import pikepdf.pdfa
from PIL import ImageCms

from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.capture.pages import Page

MAX_PAGES: Final = 60
DOCUMENT_LIMIT_BYTES: Final = 30 * 1024 * 1024


class InvalidDocument(PueError, ValueError):
    """No pages, or more than a document of a sitting can have."""

    code = "capture.document_invalid"
    who = WhoCanAct.CLERK


class DocumentTooLarge(InvalidDocument):
    """The finished document is larger than the road can carry."""

    code = "capture.document_too_large"


class NotArchivable(PueError):
    """What was made is not PDF/A-2b after all; it was thrown away."""

    code = "capture.not_archivable"
    who = WhoCanAct.TECHNICIAN


def document_pdf(pages: Sequence[Page]) -> bytes:
    """The pages as one PDF/A-2b on A4, in order; JPEG data goes in unchanged.

    Raises:
        InvalidDocument: no pages or too many.
        DocumentTooLarge: over `DOCUMENT_LIMIT_BYTES`.
        NotArchivable: the validator refused the result.
    """
    if not 1 <= len(pages) <= MAX_PAGES:
        raise InvalidDocument(f"a document has 1 to {MAX_PAGES} pages, not {len(pages)}", pages=len(pages))
    if sum(len(page.jpeg) for page in pages) > DOCUMENT_LIMIT_BYTES:
        raise DocumentTooLarge(
            f"a document has at most {DOCUMENT_LIMIT_BYTES} bytes", limit_bytes=DOCUMENT_LIMIT_BYTES
        )
    return _archivable(_plain_pdf(pages))


def _plain_pdf(pages: Sequence[Page]) -> bytes:
    """Each page fitted onto A4, lying or standing as the picture is; no dates, no producer's chatter."""
    sheet = (img2pdf.mm_to_pt(210), img2pdf.mm_to_pt(297))
    layout = img2pdf.get_layout_fun(sheet, fit=img2pdf.FitMode.into, auto_orient=True)
    try:
        plain = img2pdf.convert([page.jpeg for page in pages], layout_fun=layout, nodate=True, producer="PUE")
    except (img2pdf.ImageOpenError, img2pdf.PdfTooLargeError, ValueError) as error:
        raise InvalidDocument("a page is not a picture any more") from error
    return bytes(plain)


def _archivable(plain: bytes) -> bytes:
    """Declare PDF/A-2b with an sRGB output intent, write, and validate what was written."""
    out = io.BytesIO()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    try:
        with pikepdf.open(io.BytesIO(plain)) as pdf:
            pikepdf.pdfa.save(
                pdf,
                out,
                "2b",
                output_intent=profile,
                output_condition_identifier="sRGB",
                deterministic_id=True,
            )
    except pikepdf.pdfa.PdfaError as error:
        raise NotArchivable("the document is not PDF/A-2b", reason=str(error)[:200]) from error
    return out.getvalue()
