"""Programs and tests in the root of `root.py`, before two cameras that are drawn."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

from appliance.devices.camera import scene
from tests.peers.libcamera.root import PROJECT, PYTHON, command_in

FRAME = (4608, 2592)
SIZES = [(4608, 2592), (2304, 1296), (640, 360)]
LIMIT_S = 300
PICAMERA2_WARNS = ("-W", "ignore:setDaemon", "-W", "ignore:unclosed file:ResourceWarning")
"""Of its own: an old way to make threads, and a pipe that a camera which could not be opened keeps until it is collected."""
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": "/srv:/srv/tests/peers/libcamera",
    "LIBCAMERA_PIPELINES_MATCH_LIST": "virtual",
    "LIBCAMERA_LOG_LEVELS": "*:ERROR",
}


class Root:
    """Runs what it is given.

    Args:
        scratch: an empty folder; the programs find it at /mnt, with `desk.jpg` and `person.jpg` as their cameras see them.
    """

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        (scratch / "cameras").mkdir()
        cameras = []
        # picamera2 counts cameras in the order of their names, backwards: the desk is 0, the person 1.
        for name, seen in (("person", scene.portrait()), ("desk", scene.desk_with(scene.sample_page(2)))):
            lying = seen.transpose(Image.Transpose.ROTATE_90).resize(FRAME)
            lying.save(scratch / f"{name}.jpg", quality=95, subsampling="4:2:0")
            sizes = "".join(f"  - {{width: {w}, height: {h}, frame_rates: [15, 30]}}\n" for w, h in SIZES)
            cameras.append(
                f'"Virtual{len(cameras)}":\n  supported_formats:\n{sizes}'
                f'  frames: {{path: "/mnt/{name}.jpg"}}\n  location: "CameraLocationExternal"\n  model: "{name}"\n'
            )
        (scratch / "cameras" / "virtual.yaml").write_text("%YAML 1.1\n---\n" + "".join(cameras) + "...\n")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The root's Python with these words."""
        command = command_in(self.scratch, [PYTHON, *words])
        return subprocess.run(
            command, env=ENVIRONMENT, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )

    def check(self, file: Path) -> dict[str, str]:
        """Run a file of tests: the name of each, and what was wrong ("" for nothing)."""
        there = Path("/srv") / file.relative_to(PROJECT)
        quiet = ["-q", "-p", "no:cacheprovider", "--noconftest", "-c", "/dev/null", "--rootdir", "/mnt"]
        done = self.run(
            "-m", "pytest", *quiet, "--junitxml=/mnt/report.xml", "-W", "error", *PICAMERA2_WARNS, str(there)
        )
        report = self.scratch / "report.xml"
        assert report.exists(), done.stdout + done.stderr
        return {
            case.get("name", ""): "\n".join(part.text or part.get("message", "") for part in case)
            for case in ElementTree.parse(report).iter("testcase")
        }
