"""The libcamera driver, judged where libcamera is: each test here is the one of that name in the folder `inside`."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.peers.libcamera.running import CameraRoot

FILES = sorted((Path(__file__).parent / "inside").glob("check_*.py"))
CHECKS = [
    (file, part.name)
    for file in FILES
    for part in ast.parse(file.read_text()).body
    if isinstance(part, ast.FunctionDef) and part.name.startswith("test_")
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    root = CameraRoot(tmp_path_factory.mktemp("libcamera"))
    return {file: root.check(file) for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_check_was_run(outcomes, file):
    assert sorted(outcomes[file]) == sorted(name for where, name in CHECKS if where == file)


@pytest.mark.parametrize(("file", "name"), CHECKS, ids=[name for _, name in CHECKS])
def test_inside(outcomes, file, name):
    assert outcomes[file][name] == "", outcomes[file][name]
