"""`pue-box scan` as a person at a shell meets it: a folder of pictures in, one PDF/A out, nothing bad in silence."""

from __future__ import annotations

import json
import stat
import subprocess

import pikepdf
import pytest

from appliance.cli import main
from appliance.devices.camera import scene


def lay(path, number, paper="letter", **how):
    path.write_bytes(
        scene.frame_jpeg(scene.desk_with(scene.sample_page(number, paper), scene.Lay(**how)), 1, 88)
    )


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Five photographs of paper as they come: one upside down, one blurred, one that is cut."""
    folder = tmp_path_factory.mktemp("desk")
    lay(folder / "1.jpg", 1)
    lay(folder / "2.jpg", 2, upside_down=True)
    lay(folder / "3.jpg", 3, "iban")
    lay(folder / "4-blurred.jpg", 4, blurred=True)
    lay(folder / "5-cut.jpg", 5, cut=True)
    (folder / "notes.txt").write_text("no picture")
    return folder


def scan(capsys, *words):
    code = main(["scan", *map(str, words)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_folder_becomes_one_document_only_when_it_is_said_why_bad_pages_are_kept(desk, tmp_path, capsys):
    out = tmp_path / "out.pdf"
    code, said, told = scan(capsys, desk, "-o", out)
    assert (code, out.exists()) == (1, False)
    assert "page 4, 5" in told
    assert "! blurred" in said
    assert "! cut" in said
    code, said, _ = scan(capsys, desk, "-o", out, "--keep", "no_better", "--ocr", "ita", "--json")
    answer = json.loads(said)
    assert (code, answer["kept_because"], [page["degrees"] for page in answer["pages"]]) == (
        0,
        "no_better",
        [0, 180, 0, 0, 0],
    )
    assert {"kind": "iban", "value": "IT24D0542811101000000654321"} in answer["pages"][2]["found"]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with pikepdf.open(out) as pdf:
        assert len(pdf.pages) == 5
        assert pikepdf.pdfa.validate_written(out, "2b").verdict == "pass"
    text = subprocess.run(
        ["pdftotext", str(out), "-"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert "Attestazione di coordinate bancarie" in text


def test_a_page_is_blackened_and_its_words_are_gone(desk, tmp_path, capsys):
    out = tmp_path / "black.pdf"
    words = (desk / "3.jpg", "-o", out, "--ocr", "ita", "--redact", "1:0,17,100,22", "--json")
    code, said, _ = scan(capsys, *words)
    page = json.loads(said)["pages"][0]
    assert (code, page["redacted"]) == (0, 1)
    text = subprocess.run(
        ["pdftotext", str(out), "-"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert "0654" not in text
    assert "MARIA ESEMPIO" not in text or "0654" not in page["text"]
    assert "coordinate" in text


def test_pictures_are_judged_without_a_document(desk, capsys):
    code, said, _ = scan(capsys, desk / "1.jpg")
    assert code == 0
    assert "210 × 297 mm" in said
    assert "g4" in said


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("{desk}/nothing.jpg",), "storage.missing"),
        (("{desk}/notes.txt",), "capture.picture_invalid"),
        (("{empty}",), "capture.nothing_named"),
        (("{desk}/1.jpg", "--redact", "2:0,0,10,10"), "capture.nothing_named"),
        (("{desk}/1.jpg", "-o", "{desk}/notes.txt"), "storage.exists"),
        (("{desk}/1.jpg", "-o", "{desk}/no/folder.pdf"), "storage.missing"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(desk, tmp_path, capsys, words, code):
    done, said, told = scan(capsys, *(word.format(desk=desk, empty=tmp_path) for word in words))
    assert done == 1
    assert code in told
    assert "Traceback" not in said + told


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("x.jpg", "--ocr", "klingon"),
        ("x.jpg", "--redact", "1:50,50,10,10"),
        ("x.jpg", "--redact", "everything"),
        ("x.jpg", "--turn", "1:45"),
        ("x.jpg", "--keep", "because"),
    ],
)
def test_wrong_use_is_exit_two(capsys, words):
    with pytest.raises(SystemExit) as ended:
        scan(capsys, *words)
    assert ended.value.code == 2
