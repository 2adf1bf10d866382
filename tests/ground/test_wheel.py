"""The wheel holds everything a box or a server needs, and none of the tests."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSES = ["appliance", "contracts", "firmware_config", "fleet", "provisioning", "web_local"]
NOT_SHIPPED = {".pyc", ".sqlite", ".new", ".po"}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy, because a build leaves its own folders in the tree."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for house in HOUSES:
        shutil.copytree(ROOT / house, source / house, ignore=shutil.ignore_patterns("__pycache__"))
    return source


@pytest.fixture(scope="module")
def files_of_the_wheel(source):
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    done = subprocess.run(
        [*command, "-w", str(source), "."], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = source.glob("pue_box-*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_every_file_of_the_houses_is_in_the_wheel(source, files_of_the_wheel):
    wanted = {
        str(file.relative_to(source))
        for house in HOUSES
        for file in (source / house).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.suffix not in NOT_SHIPPED
    }
    assert sorted(wanted - files_of_the_wheel) == []


def test_nothing_else_is_in_the_wheel(files_of_the_wheel):
    tops = {name.split("/")[0] for name in files_of_the_wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(HOUSES)


def test_the_licence_travels_along(files_of_the_wheel):
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in files_of_the_wheel)
