"""One PDF/A for many years: approved by who wrote it and by strangers, with nothing in it that was not put there."""

from __future__ import annotations

import io
import re
import subprocess

import cv2
import msgspec
import numpy as np
import pikepdf
import pytest
from PIL import Image

from appliance.capture import document, srgb
from appliance.capture.cleaning import Ink
from appliance.capture.developing import redact_leaf
from appliance.capture.document import DocumentTooLarge, InvalidDocument, archivable, document_pdf
from appliance.capture.encoding import encode, g4, pixels_of
from appliance.capture.jobs import Redact
from appliance.capture.leaf import Encoding, Leaf, Word
from appliance.capture.redaction import blacken, words_left
from appliance.devices.camera import scene
from tests.peers.preflight import verdicts

WORDS = (
    Word("Città,", 0.10, 0.10, 0.20, 0.12, 0, 0.9),
    Word("perché", 0.22, 0.10, 0.33, 0.12, 0, 0.9),
    Word("1.234,56", 0.10, 0.20, 0.25, 0.22, 1, 0.9),
    Word("€", 0.27, 0.20, 0.29, 0.22, 1, 0.9),
)


def drawn(ink: Ink, width_mm=210.0, height_mm=297.0, words=()) -> Leaf:
    colour = cv2.cvtColor(np.asarray(scene.sample_page()), cv2.COLOR_RGB2BGR)
    page = colour if ink is Ink.COLOUR else cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)
    return msgspec.structs.replace(encode(page, ink, width_mm, height_mm), words=words)


@pytest.fixture(scope="module")
def leaves():
    return [
        drawn(Ink.BITONAL, words=WORDS),
        drawn(Ink.GREY),
        drawn(Ink.COLOUR),
        drawn(Ink.BITONAL, 297.0, 210.0),
        drawn(Ink.GREY, 85.6, 53.98, WORDS),
        drawn(Ink.BITONAL, 80.0, 190.0),
    ]


@pytest.fixture(scope="module")
def pdf(leaves):
    return document_pdf(leaves, title="Lettera di prova")


@pytest.fixture(scope="module")
def file(pdf, tmp_path_factory):
    path = tmp_path_factory.mktemp("pdf") / "document.pdf"
    path.write_bytes(pdf)
    return path


def said_by(*command) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_it_declares_what_it_is_and_the_validator_agrees(pdf):
    assert pikepdf.pdfa.validate_written(io.BytesIO(pdf), "2b").verdict == "pass"
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        with opened.open_metadata() as xmp:
            assert (xmp["pdfaid:part"], xmp["pdfaid:conformance"], xmp["dc:title"]) == (
                "2",
                "B",
                "Lettera di prova",
            )
        (intent,) = opened.Root.OutputIntents
        assert intent.DestOutputProfile.read_bytes() == srgb.profile()
        assert str(opened.Root.Lang) == "it"


def test_a_stranger_calls_the_stricter_profile_valid(leaves, tmp_path):
    """Apache Preflight knows PDF/A-1b only; what we draw is the same there."""
    files = []
    for number, some in enumerate((leaves, leaves[:1], leaves[1:3], leaves[4:5])):
        files.append(tmp_path / f"{number}.pdf")
        files[-1].write_bytes(document_pdf(some, title="Prova", profile="1b"))
    plain = tmp_path / "plain.pdf"
    Image.new("RGB", (100, 100)).save(plain, "PDF")
    assert verdicts([*files, plain]) == [True, True, True, True, False]


def test_every_page_is_as_large_as_its_paper(file):
    sizes = re.findall(r"Page +\d+ size: +([\d.]+) x ([\d.]+)", said_by("pdfinfo", "-l", "9", str(file)))
    millimetres = [tuple(round(float(side) / 72 * 25.4) for side in size) for size in sizes]
    assert millimetres == [(210, 297), (210, 297), (210, 297), (297, 210), (210, 297), (80, 190)]


def test_a_card_stands_on_its_sheet_at_its_true_size(file, tmp_path):
    said_by("pdftoppm", "-r", "50", "-f", "5", "-l", "5", "-gray", str(file), str(tmp_path / "card"))
    (picture,) = tmp_path.glob("card*")
    dark = np.argwhere(np.asarray(Image.open(picture)) < 252)
    (top, left), (bottom, right) = dark.min(0), dark.max(0)
    assert [round(side / 50 * 25.4) for side in (right - left, bottom - top)] == pytest.approx(
        [85, 54], abs=2
    )
    assert round(top / 50 * 25.4) == pytest.approx(30, abs=2)


def test_both_sides_of_a_card_stand_on_one_sheet_with_their_words(tmp_path):
    front, back = drawn(Ink.GREY, 85.6, 53.98, WORDS), drawn(Ink.COLOUR, 85.6, 53.98, WORDS[:1])
    letter = drawn(Ink.BITONAL)
    pdf = document_pdf([letter, front, back], title="Carta")
    assert pdf == document_pdf([letter, front, back], title="Carta")
    file = tmp_path / "card.pdf"
    file.write_bytes(pdf)
    assert "Pages:           2" in said_by("pdfinfo", str(file))
    said_by("pdftoppm", "-r", "50", "-f", "2", "-l", "2", "-gray", str(file), str(tmp_path / "side"))
    (picture,) = tmp_path.glob("side*")
    rows = np.flatnonzero((np.asarray(Image.open(picture)) < 252).any(1)) / 50 * 25.4
    upper, lower = rows[rows < 91], rows[rows >= 91]
    assert [upper[0], upper[-1], lower[0], lower[-1]] == pytest.approx([30, 84, 99, 153], abs=2)
    assert said_by("pdftotext", "-f", "2", "-l", "2", str(file), "-").count("Città") == 2
    listed = said_by("pdfimages", "-list", "-f", "2", "-l", "2", str(file)).splitlines()[2:]
    assert len(listed) == 2


def test_pictures_go_in_as_they_were_encoded(leaves, pdf):
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        for leaf, page in zip(leaves, opened.pages, strict=True):
            (image,) = page.get_images().values()
            filters = {Encoding.G4: "/CCITTFaxDecode", Encoding.JPEG: "/DCTDecode"}
            assert filters[leaf.encoding] in str(image.Filter)
            if leaf.encoding is Encoding.JPEG:
                assert image.read_raw_bytes() == leaf.image
    assert len(pdf) < sum(len(leaf.image) for leaf in leaves) + 40_000


def test_words_are_found_and_copied_with_their_accents(file):
    assert said_by("pdftotext", "-l", "1", str(file), "-").split() == ["Città,", "perché", "1.234,56", "€"]
    boxes = re.findall(
        r'xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">Città',
        said_by("pdftotext", "-l", "1", "-bbox", str(file), "-"),
    )
    left, top, right, bottom = (float(side) / 72 * 25.4 for side in boxes[0])
    assert (left, right) == pytest.approx((21.0, 42.0), abs=2)
    assert (top, bottom) == pytest.approx((29.7, 35.6), abs=2.5)


def test_signs_are_composed_and_low_ones_stand_as_tall_as_their_line(tmp_path):
    words = (
        Word("Citta\u0300", 0.10, 0.100, 0.20, 0.120, 0, 0.9),
        Word("-", 0.22, 0.110, 0.23, 0.111, 0, 0.9),
        Word("nuova", 0.25, 0.104, 0.33, 0.120, 0, 0.9),
    )
    path = tmp_path / "signs.pdf"
    path.write_bytes(document_pdf([drawn(Ink.BITONAL, words=words)]))
    assert said_by("pdftotext", str(path), "-").split("\n")[0] == "Citt\u00e0 - nuova"
    boxes = re.findall(
        r'yMin="([\d.]+)" xMax="[\d.]+" yMax="([\d.]+)">', said_by("pdftotext", "-bbox", str(path), "-")
    )
    dash = [float(side) / 72 * 25.4 / 297 for side in boxes[1]]
    assert dash == pytest.approx([0.10, 0.12], abs=0.004)


def test_words_are_not_seen(leaves):
    bare = msgspec.structs.replace(leaves[0], words=())
    seen = []
    for leaf in (bare, leaves[0]):
        done = subprocess.run(
            ["pdftoppm", "-r", "60", "-gray", "-"],
            input=document_pdf([leaf]),
            capture_output=True,
            timeout=60,
            check=True,
        )
        seen.append(done.stdout)
    assert seen[0] == seen[1]


def test_every_font_is_inside(file):
    (row,) = said_by("pdffonts", str(file)).splitlines()[2:]
    assert row.split()[:6] == ["GlyphLess", "CID", "TrueType", "Identity-H", "yes", "no"]


def test_metadata_say_nothing_of_people_places_machines_or_hours(pdf):
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert set(opened.docinfo.keys()) == {"/Producer", "/Title"}
        xmp = opened.Root.Metadata.read_bytes().decode()
    assert set(re.findall(r"<((?:dc|xmp|pdf|pdfaid):\w+)", xmp)) == {
        "pdf:Producer",
        "dc:title",
        "pdfaid:part",
        "pdfaid:conformance",
    }


def test_the_same_pages_give_the_same_bytes(leaves, pdf):
    assert document_pdf(leaves, title="Lettera di prova") == pdf


@pytest.mark.parametrize("count", [0, 61])
def test_no_page_and_too_many_pages_are_refused(leaves, count):
    with pytest.raises(InvalidDocument) as refusal:
        document_pdf(leaves[:1] * count)
    assert refusal.value.facts["pages"] == count


def test_too_many_bytes_are_refused_before_work_begins(leaves, monkeypatch):
    monkeypatch.setattr(document, "DOCUMENT_LIMIT_BYTES", 1000)
    with pytest.raises(DocumentTooLarge):
        document_pdf(leaves[:1])


@pytest.mark.parametrize(
    "wrong",
    [{"image": b"not a picture"}, {"width_mm": 0.0}, {"height_mm": 5000.0}, {"width_mm": float("nan")}],
)
def test_a_page_that_is_no_page_is_refused(leaves, wrong):
    with pytest.raises(InvalidDocument):
        document_pdf([msgspec.structs.replace(leaves[0], **wrong)])


def test_a_pdf_with_a_font_outside_is_not_called_archivable():
    bare = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.pages[0].contents_add(b"BT /F1 12 Tf (x) Tj ET")
        font = pikepdf.Dictionary(
            Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
        )
        pdf.pages[0].add_resource(font, pikepdf.Name.Font, pikepdf.Name("/F1"))
        pdf.save(bare)
    with pytest.raises(document.NotArchivable):
        archivable(bare.getvalue(), title="x")


# ---------------------------------------------------------------- what is blackened


@pytest.mark.parametrize("ink", [Ink.BITONAL, Ink.GREY, Ink.COLOUR])
def test_what_is_blackened_is_in_no_byte_of_the_document(ink, tmp_path):
    box = (0.05, 0.06, 0.95, 0.16)
    leaf = drawn(ink, words=WORDS)
    black = redact_leaf(Redact(leaf=leaf, boxes=(box,))).leaf
    black = msgspec.structs.replace(black, words=words_left(leaf.words, (box,)))
    path = tmp_path / "black.pdf"
    path.write_bytes(document_pdf([black]))
    assert said_by("pdftotext", str(path), "-").split() == ["1.234,56", "€"]
    said_by("pdfimages", "-png", str(path), str(tmp_path / "image"))
    (picture,) = tmp_path.glob("image*")
    seen = np.asarray(Image.open(picture).convert("L"))
    high, wide = seen.shape
    inside = seen[int(0.065 * high) : int(0.155 * high), int(0.06 * wide) : int(0.94 * wide)]
    assert inside.max() < 12
    before = pixels_of(leaf)
    below = (
        before[int(0.2 * high) :]
        if before.ndim == 2
        else cv2.cvtColor(before[int(0.2 * high) :], cv2.COLOR_BGR2GRAY)
    )
    assert np.abs(seen[int(0.2 * high) :].astype(int) - below).mean() < 2


@pytest.mark.parametrize(
    "box", [(0.201, 0.303, 0.607, 0.404), (0.0, 0.11, 0.333, 0.5), (0.777, 0.9, 1.0, 1.0)]
)
@pytest.mark.parametrize("ink", [Ink.BITONAL, Ink.GREY, Ink.COLOUR])
def test_nothing_around_a_blackened_place_depends_on_what_was_there(ink, box):
    """A JPEG rings into the rest of its blocks: two pages that differ only under the box are the same page afterwards."""
    page = np.array(scene.sample_page())[:800, :640, ::-1].copy()
    rows, columns = (
        slice(round(box[1] * 800), round(box[3] * 800)),
        slice(round(box[0] * 640), round(box[2] * 640)),
    )
    hidden = []
    for seed in (1, 2):
        page[rows, columns] = np.random.default_rng(seed).integers(
            0, 255, page[rows, columns].shape, np.uint8
        )
        tones = page if ink is Ink.COLOUR else cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)
        leaf = encode(tones, Ink.GREY if ink is Ink.BITONAL else ink, 120.0, 150.0)
        if ink is Ink.BITONAL:  # with one threshold for both: which one is chosen says nothing of a place
            black = cv2.medianBlur(np.where(tones < 128, 0, 255).astype(np.uint8), 3)
            leaf = msgspec.structs.replace(leaf, image=g4(black), encoding=Encoding.G4)
        hidden.append(redact_leaf(Redact(leaf=leaf, boxes=(box,))).leaf.image)
    assert hidden[0] == hidden[1]


def test_never_less_is_covered_than_was_asked():
    page = np.full((101, 99), 255, np.uint8)
    black = blacken(page, ((0.101, 0.2, 0.405, 0.333),))
    rows, columns = np.nonzero(black == 0)
    assert (columns.min() / 99, rows.min() / 101) <= (0.101, 0.2)
    assert (columns.max() + 1) / 99 >= 0.405
    assert (rows.max() + 1) / 101 >= 0.333
    assert page.min() == 255
