"""The clerk compares faces, the box never does: a face turned into numbers is biometric data (GDPR, article 9)."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSES = ["appliance", "contracts", "firmware_config", "fleet", "provisioning", "web_local"]
NAMES = re.compile(
    r"FaceRecognizer|FaceDetector|CascadeClassifier|FisherFace|EigenFace|LBPHFace"
    r"|face_(?:match|recogni|embed|encod|distance|descriptor)|(?:match|recogni[sz]e|embed|compare)_faces?",
    re.IGNORECASE,
)
LIBRARIES = re.compile(
    r"^(?:face[-_].*|facenet.*|deepface|insightface|dlib.*|mediapipe|retina-?face|opencv-contrib.*|compreface.*)$",
    re.IGNORECASE,
)
MODELS = {".onnx", ".tflite", ".pb", ".caffemodel", ".dat", ".xml", ".npz", ".bin", ".txt"}
READS_PAPER = {"appliance/capture/mrz/shapes.txt"}


def names_of_faces(root):
    """Every name in our code that would find or compare a face."""
    for house in HOUSES:
        for file in sorted((root / house).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                for name in (getattr(node, key, None) for key in ("id", "attr", "name", "module", "arg")):
                    if isinstance(name, str) and NAMES.search(name):
                        yield f"{file.relative_to(root)}: {name}"


def test_no_code_of_ours_finds_or_compares_faces():
    assert list(names_of_faces(ROOT)) == []


@pytest.mark.parametrize(
    "line",
    [
        "import cv2; cv2.FaceRecognizerSF.create('a', 'b')",
        "def compare_faces(a, b): ...",
        "import face_recognition",
    ],
)
def test_code_that_does_is_caught(tmp_path, line):
    for house in HOUSES:
        (tmp_path / house).mkdir()
    (tmp_path / "appliance" / "bad.py").write_text(line + "\n")
    assert list(names_of_faces(tmp_path))


def test_no_library_for_it_is_installed():
    locked = re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert len(locked) > 50
    assert [name for name in locked if LIBRARIES.match(name)] == []
    assert LIBRARIES.match("face-recognition")


def test_every_model_that_ships_reads_paper():
    """What a learned model recognises cannot be seen in code: each is listed here with its purpose."""
    found = {
        str(file.relative_to(ROOT))
        for house in HOUSES
        for file in (ROOT / house).rglob("*")
        if file.suffix in MODELS and "vendor" not in file.parts
    }
    assert found == READS_PAPER
