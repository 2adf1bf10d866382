"""The PC/SC driver where pcscd is of version 2: tests that otherwise run with this machine's service, and a few for there only.

Service and library refuse each other across the two versions (protocol 4:5 against 4:4), so both ends are Debian 13's.
"""

from __future__ import annotations

import ast
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.peers.debian_13.root import PROJECT, ROOT
from tests.peers.debian_13.running import Root

HERE = Path(__file__).parent
FILES = [
    HERE / "test_pcsc_card_reader.py",
    PROJECT / "tests/conformance/test_card_reader.py",
    PROJECT / "tests/appliance/cards/test_opensc_as_peer.py",
    *sorted((HERE / "inside").glob("check_*.py")),
]
CHECKS = [
    (file, part.name)
    for file in FILES
    for part in ast.parse(file.read_text()).body
    if isinstance(part, ast.FunctionDef) and part.name.startswith("test_")
]
NOT_AGAIN = ("-k", "not simulated")
"""What needs no card service is the same everywhere."""
PEOPLE = ("pue-desk", "pue-web", "pue-agent")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What came of each file; all at once, because most of the time they wait for a service that looks twice a second."""
    scratch = tmp_path_factory.mktemp("pcsc")
    (scratch / "rules").mkdir(mode=0o755)
    people = "".join(
        f"{name}:x:{900 + place}:{900 + place}::/:/bin/false\n" for place, name in enumerate(PEOPLE)
    )
    (scratch / "passwd").write_text((ROOT / "etc/passwd").read_text() + people)
    others = {"/etc/passwd": scratch / "passwd", "/etc/polkit-1/rules.d": scratch / "rules"}
    root = Root(scratch, instead=others, many_users=True)
    with ThreadPoolExecutor(len(FILES)) as pool:
        return dict(zip(FILES, pool.map(lambda file: root.check(file, *NOT_AGAIN), FILES), strict=True))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_check_was_run(outcomes, file):
    run = {case.partition("[")[0] for case in outcomes[file]}
    assert run == {name for where, name in CHECKS if where == file}


@pytest.mark.parametrize(("file", "name"), CHECKS, ids=[f"{file.stem}-{name}" for file, name in CHECKS])
def test_inside(outcomes, file, name):
    wrong = {case: text for case, text in outcomes[file].items() if case.partition("[")[0] == name and text}
    assert not wrong, "\n".join(f"{case}: {text}" for case, text in wrong.items())
