"""Programs and files of tests in the root of `root.py`."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from tests.peers.debian_13.root import PROJECT, PYTHON, command_in

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT_S = 300
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": "/srv",
    # the root itself cannot be written
    "TMPDIR": "/mnt",
    "HYPOTHESIS_STORAGE_DIRECTORY": "/mnt/hypothesis",
}


class Root:
    """Runs what it is given.

    Args:
        scratch: the programs find it at /mnt.
        environment: besides what every program there needs.
        instead: files and folders of the root that shall be others.
        many_users: programs there become others than root.
    """

    def __init__(
        self,
        scratch: Path,
        environment: Mapping[str, str] | None = None,
        instead: Mapping[str, Path] | None = None,
        *,
        many_users: bool = False,
    ) -> None:
        self.scratch = scratch
        self._environment = ENVIRONMENT | dict(environment or {})
        self._instead = instead
        self._many_users = many_users

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The root's Python with these words."""
        command = command_in(
            self.scratch, [PYTHON, *words], instead=self._instead, many_users=self._many_users
        )
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )

    def check(self, file: Path, *options: str) -> dict[str, str]:
        """Run a file of tests: the name of each case, and what was wrong ("" for nothing)."""
        there = Path("/srv") / file.relative_to(PROJECT)
        quiet = ["-q", "-p", "no:cacheprovider", "--noconftest", "-c", "/dev/null", "--rootdir", "/mnt"]
        report = f"{file.stem}.xml"
        done = self.run(
            "-m", "pytest", *quiet, f"--junitxml=/mnt/{report}", "-W", "error", *options, str(there)
        )
        assert (self.scratch / report).exists(), done.stdout + done.stderr
        return {
            case.get("name", ""): "\n".join(part.text or part.get("message", "") for part in case)
            for case in ElementTree.parse(self.scratch / report).iter("testcase")
        }
