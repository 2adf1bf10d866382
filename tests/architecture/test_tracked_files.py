"""What may lie in the repository: our own text; no registry's host, no other's code, no path of one machine."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PICTURES = {".png", ".jpg", ".jpeg", ".ico", ".pdf", ".woff2", ".gz", ".zip", ".der", ".bin"}
BIGGEST_FILE_BYTES = 3_000_000

# Written in pieces, because this file is held to its own rule.
REGISTRY_HOSTS = [
    ".".join(pieces)
    for pieces in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("piwheels", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("unpkg", "com"),
        ("jsdelivr", "net"),
        ("cdnjs", "cloudflare"),
        ("deb", "debian"),
        ("security", "debian"),
        ("snapshot", "debian"),
        ("archive", "raspberrypi"),
        ("crates", "io"),
        ("proxy", "golang"),
    )
]
INDEX_OPTIONS = ["--" + "index-url", "--" + "extra-index-url", "--" + "find-links", '"' + 'resolved":']
MACHINE_PATH = re.compile("/(?:wo" + "rk/(?:main|shared)|tm" + "p/bash_jobs|ro" + r"ot/\.)")


def tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def tracked_texts():
    return [(file, file.read_text()) for file in tracked() if file.suffix.lower() not in PICTURES]


def faults_in(text):
    lowered = text.lower()
    yield from (host for host in REGISTRY_HOSTS if host in lowered)
    yield from (option for option in INDEX_OPTIONS if option in lowered)
    yield from (found.group() for found in MACHINE_PATH.finditer(text))


@pytest.mark.parametrize(
    "line", [f"see https://{REGISTRY_HOSTS[0]}/x", f"pip {INDEX_OPTIONS[0]} x", "cd /wo" + "rk/main"]
)
def test_the_faults_are_seen(line):
    assert list(faults_in(line))


def test_no_file_names_a_registry_or_one_machine():
    wrong = [
        f"{file.relative_to(ROOT)}: {fault}" for file, text in tracked_texts() for fault in faults_in(text)
    ]
    assert not wrong, "\n".join(wrong)


def test_front_end_parts_are_installed_not_committed():
    wrong = [
        str(file.relative_to(ROOT)) for file in tracked() if {"vendor", "node_modules"} & set(file.parts)
    ]
    assert not wrong, wrong


def test_files_are_of_a_size_to_review():
    wrong = [str(file.relative_to(ROOT)) for file in tracked() if file.stat().st_size > BIGGEST_FILE_BYTES]
    assert not wrong, wrong


def test_every_python_file_of_the_product_parses_as_311_source():
    """The oldest Python we run on reads every file, whichever Python runs this test."""
    import ast

    for file, text in tracked_texts():
        if file.suffix == ".py":
            ast.parse(text, filename=str(file), feature_version=(3, 11))
