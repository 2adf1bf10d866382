"""Programs and tests in the Debian 13 of the tests, before two cameras that are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from appliance.devices.camera import scene
from tests.peers.debian_13.running import Root

if TYPE_CHECKING:
    from pathlib import Path

FRAME = (4608, 2592)
SIZES = [(4608, 2592), (2304, 1296), (640, 360)]
PICAMERA2_WARNS = ("-W", "ignore:setDaemon", "-W", "ignore:unclosed file:ResourceWarning")
"""Of its own: an old way to make threads, and a pipe that a camera which could not be opened keeps until it is collected."""
ENVIRONMENT = {
    "PYTHONPATH": "/srv:/srv/tests/peers/libcamera",
    "LIBCAMERA_PIPELINES_MATCH_LIST": "virtual",
    "LIBCAMERA_LOG_LEVELS": "*:ERROR",
}


class CameraRoot(Root):
    """The root with cameras.

    Args:
        scratch: an empty folder; the programs find it with `desk.jpg` and `person.jpg` as their cameras see them.
    """

    def __init__(self, scratch: Path) -> None:
        drawn = scratch / "cameras"
        super().__init__(scratch, ENVIRONMENT, {"/usr/share/libcamera/pipeline/virtual": drawn})
        drawn.mkdir()
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
        (drawn / "virtual.yaml").write_text("%YAML 1.1\n---\n" + "".join(cameras) + "...\n")

    def check(self, file: Path, *options: str) -> dict[str, str]:
        return super().check(file, *PICAMERA2_WARNS, *options)
