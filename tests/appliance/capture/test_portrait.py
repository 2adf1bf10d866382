"""A chip's photo is drawn by a child: bombs, cut images and a child that dies cost nothing but the photo."""

from __future__ import annotations

import io
import struct
import time
from pathlib import Path

import pytest
from PIL import Image

from appliance.capture import portrait_program
from appliance.capture.portrait import portrait_jpeg
from appliance.cards.software.persona import portrait_jpeg2000


def encoded(kind, size=(60, 80), mode="RGB", **options):
    out = io.BytesIO()
    Image.new(mode, size, 128).save(out, kind, **options)
    return out.getvalue()


@pytest.fixture(scope="module")
def face():
    return portrait_jpeg2000(20)


def sized(image, width, height):
    """The same JPEG 2000 file with other numbers in its headers: in the box and in the codestream."""
    box = image.index(b"ihdr") + 4
    siz = image.index(b"\xff\x51") + 6
    image = image[:box] + struct.pack(">II", height, width) + image[box + 8 :]
    return image[:siz] + struct.pack(">II", width, height) + image[siz + 8 :]


def test_the_photo_of_a_chip(face):
    drawn = portrait_jpeg(face)
    with Image.open(io.BytesIO(drawn)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (480, 640))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_every_kind_of_pixel_a_document_may_hold(mode):
    assert portrait_jpeg(encoded("JPEG2000", mode=mode)) is not None
    if mode != "RGBA":
        assert portrait_jpeg(encoded("JPEG", mode=mode)) is not None


def test_nothing_but_the_pixels_comes_out():
    told = encoded("JPEG", comment=b"<script>", exif=b"Exif\0\0nothing", icc_profile=b"no profile")
    assert b"<script>" in told
    drawn = portrait_jpeg(told)
    assert not any(word in drawn for word in (b"<script>", b"Exif", b"no profile"))


def test_a_bomb_is_only_a_photo_less(face):
    for width, height in ((60000, 60000), (2**32 - 1, 2**32 - 1), (0, 0), (4001, 1000), (1, 4_000_001)):
        assert portrait_jpeg(sized(face, width, height)) is None


def test_headers_that_disagree(face):
    """The box says a small picture, the codestream a huge one, and the other way round."""
    box = face.index(b"ihdr") + 4
    liar = sized(face, 60000, 60000)
    assert portrait_jpeg(liar[:box] + face[box : box + 8] + liar[box + 8 :]) is None
    portrait_jpeg(face[:box] + liar[box : box + 8] + face[box + 8 :])  # either answer will do, but an answer


def test_real_large_pictures_within_the_bytes_of_a_chip():
    """Flat colour packs well: the bytes alone do not bound the picture."""
    image = encoded("JPEG2000", size=(5000, 5000), quality_mode="rates", quality_layers=[1000])
    assert len(image) < portrait_program.MAX_IMAGE_BYTES
    assert portrait_jpeg(image) is None


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_a_picture_cut_short(face, share):
    drawn = portrait_jpeg(face[: int(len(face) * share)])
    assert drawn is None or drawn.startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    "image",
    [b"", b"GIF89a", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n" + bytes(50), b"<svg/>", bytes(128 * 1024 + 1)],
)
def test_what_is_no_photo(image):
    assert portrait_jpeg(image) is None


def test_no_other_format_is_opened():
    for kind in ("PNG", "GIF", "BMP", "TIFF", "WEBP"):
        assert portrait_jpeg(encoded(kind)) is None


# ---------------------------------------------------------------- children that go wrong

WRONG = {
    "crashes": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "is killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "hangs": "import time; time.sleep(60)",
    "says nothing": "",
    "fails after half an answer": "import sys; sys.stdout.buffer.write(b'\\xff\\xd8\\xff'); sys.exit(3)",
    "answers something else": "print('<html>')",
    "eats memory": "confine(); x = bytearray(1 << 30)",
    "eats time": "confine(1)\nwhile True: pass",
    "floods": "confine()\nwhile True: sys.stdout.buffer.write(bytes(1 << 20))",
}
LIMITS = f"""
import sys; sys.path.insert(0, {str(Path(portrait_program.__file__).parent)!r})
import portrait_program
def confine(cpu_s=portrait_program.MAX_CPU_S):
    portrait_program.MAX_CPU_S = cpu_s
    portrait_program.confine()
"""


@pytest.mark.parametrize("how", WRONG)
def test_a_child_that_goes_wrong_takes_nobody_along(how, tmp_path, face):
    program = tmp_path / "child.py"
    program.write_text(LIMITS + WRONG[how])
    before = len(list(Path("/proc/self/fd").iterdir()))
    begin_s = time.monotonic()
    limit_s = 0.5 if how == "hangs" else 8.0
    assert portrait_jpeg(face, limit_s=limit_s, program=program) is None
    assert time.monotonic() - begin_s < 8
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_no_interpreter_no_photo(face, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.executable", str(tmp_path / "gone"))
    assert portrait_jpeg(face) is None


def test_the_child_needs_nothing_of_its_surroundings(face, monkeypatch, tmp_path):
    """Neither the current folder nor the environment decides what the child imports."""
    (tmp_path / "PIL.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert portrait_jpeg(face) is not None
