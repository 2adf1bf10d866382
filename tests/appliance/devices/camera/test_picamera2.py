"""The libcamera driver, judged where libcamera is: each test here is the one of that name in `inside/check_picamera2.py`."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.peers.libcamera.running import Root

CHECKS = Path(__file__).parent / "inside" / "check_picamera2.py"
NAMES = [
    part.name
    for part in ast.parse(CHECKS.read_text()).body
    if isinstance(part, ast.FunctionDef) and part.name.startswith("test_")
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    return Root(tmp_path_factory.mktemp("libcamera")).check(CHECKS)


def test_every_check_was_run(outcomes):
    assert sorted(outcomes) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_inside(outcomes, name):
    assert outcomes[name] == "", outcomes[name]
