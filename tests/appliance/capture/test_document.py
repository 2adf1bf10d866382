from __future__ import annotations

import io
import re

import pikepdf
import pytest

from appliance.capture import document
from appliance.capture.document import DocumentTooLarge, InvalidDocument, document_pdf
from appliance.capture.pages import Page, normalise
from appliance.devices.camera import scene


@pytest.fixture(scope="module")
def page():
    return normalise(scene.frame_jpeg(scene.desk_with(scene.sample_page()), 1, small=False))


@pytest.fixture(scope="module")
def pdf_bytes(page):
    return document_pdf([page, page, page])


def test_it_opens_has_its_pages_on_a4_and_declares_what_it_is(pdf_bytes):
    with pikepdf.open(io.BytesIO(pdf_bytes)) as pdf:
        assert len(pdf.pages) == 3
        assert [round(float(side)) for side in pdf.pages[0].mediabox] == [0, 0, 595, 842]
        (intent,) = pdf.Root.OutputIntents
        assert intent.S == "/GTS_PDFA1"
        assert intent.DestOutputProfile.N == 3
        with pdf.open_metadata() as xmp:
            assert xmp["pdfaid:part"] == "2"
            assert xmp["pdfaid:conformance"] == "B"


def test_the_validator_says_so_of_the_bytes_as_written(pdf_bytes):
    report = pikepdf.pdfa.validate_written(io.BytesIO(pdf_bytes), "2b")
    assert report.verdict == "pass"


def test_metadata_says_nothing_of_people_places_or_machines(pdf_bytes):
    with pikepdf.open(io.BytesIO(pdf_bytes)) as pdf:
        assert set(pdf.docinfo.keys()) <= {"/Producer"}
        xmp = pdf.Root.Metadata.read_bytes().decode()
    names = set(re.findall(r"<((?:dc|xmp|pdf|pdfaid):\w+)", xmp)) | set(
        re.findall(r"\s((?:dc|xmp|pdf|pdfaid):\w+)=", xmp)
    )
    assert names <= {"pdf:Producer", "pdfaid:part", "pdfaid:conformance", "xmp:MetadataDate"}


def test_pictures_go_in_unchanged_and_little_is_added(page, pdf_bytes):
    with pikepdf.open(io.BytesIO(pdf_bytes)) as pdf:
        (image,) = pdf.pages[0].get_images().values()
        assert image.read_raw_bytes() == page.jpeg
    assert len(pdf_bytes) < 3 * len(page.jpeg) + 20_000


def test_a_lying_page_lies(page):
    wide = Page(normalise_wide(), 400, 200, page.quality)
    with pikepdf.open(io.BytesIO(document_pdf([wide]))) as pdf:
        assert [round(float(side)) for side in pdf.pages[0].mediabox] == [0, 0, 842, 595]


def normalise_wide() -> bytes:
    out = io.BytesIO()
    scene.sample_page().resize((400, 200)).save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize("count", [0, 61])
def test_no_page_and_too_many_pages_are_refused(page, count):
    with pytest.raises(InvalidDocument) as refusal:
        document_pdf([page] * count)
    assert refusal.value.facts["pages"] == count


def test_too_many_bytes_are_refused_before_work_begins(page, monkeypatch):
    monkeypatch.setattr(document, "DOCUMENT_LIMIT_BYTES", 1000)
    with pytest.raises(DocumentTooLarge):
        document_pdf([page])


def test_a_page_that_is_no_picture_is_refused(page):
    with pytest.raises(InvalidDocument):
        document_pdf([Page(b"not a picture", 1, 1, page.quality)])
