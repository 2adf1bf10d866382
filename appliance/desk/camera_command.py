"""`pue-box camera test`: whether the camera of this desk works, how fast, and whether its pictures are sharp and well lit.

Lay a printed sheet under the camera first. A desk that runs has the camera: stop it for the test.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from appliance.capture.darkroom import Darkroom
from appliance.desk.settings import DeskSettings, driver_of
from appliance.devices.camera.port import CameraError
from appliance.devices.camera.trial import Trial, try_out
from appliance.devices.port import DeviceKind
from appliance.devices.registry import open_device
from appliance.runtime.files import StorageError, write_atomic
from appliance.runtime.settings import load_settings
from contracts.errors import WhoCanAct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.devices.camera.port import Camera

LONGEST_S: Final = 60.0

ADVICE: Final[Mapping[str, str]] = {
    "not_found": "no sheet was found: lay a printed one on the dark mat, wholly in the picture",
    "cut": "the sheet leaves the picture: move it, or raise the camera",
    "several": "another paper or card lies there too: take it away",
    "unsure": "the sheet stands out badly from what is under it: use the dark mat",
    "blurred": "letters are blurred: clean the lens, check its height and focus, hold the column still",
    "soft": "letters are a little soft: focus once more if the column was moved",
    "folded": "a corner of the sheet is folded: straighten it",
    "finger": "a hand is in the picture",
    "glare": "a lamp is mirrored in the sheet: turn it aside or switch it off",
    "too_dark": "it is too dark: switch on a light, look for a cover on the lens",
    "blank": "the sheet is blank: use a printed one",
    "back": "the sheet shows only what shines through: turn it over",
}
REASONS: Final[Mapping[str, str]] = {
    "ModuleNotFoundError": "its library is not installed (Debian package python3-picamera2)",
    "RuntimeError": "the system sees no camera of that number, or another program has it: look at the cable; stop the desk",
}


class FileThere(StorageError):
    """The picture is there already."""

    code = "storage.exists"
    who = WhoCanAct.TECHNICIAN


def add_camera(commands: Any) -> None:
    """Mount `camera`."""
    camera = commands.add_parser("camera", help="try the camera out", description=__doc__)
    parts = camera.add_subparsers(required=True, metavar="COMMAND")
    test = parts.add_parser("test", help="live pictures, one full picture, its sharpness and light")
    test.add_argument("--config", type=Path, metavar="FILE", help="the desk's TOML settings")
    test.add_argument(
        "--driver",
        default="",
        metavar="NAME",
        help="another driver than the settings name; with its own settings",
    )
    test.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="a setting of the driver, for example --set turn_deg=90",
    )
    test.add_argument(
        "--seconds", type=_seconds, default=3.0, metavar="N", help="how long to count live pictures (3)"
    )
    test.add_argument("-o", "--output", type=Path, metavar="FILE", help="keep the full picture there")
    test.add_argument("--force", action="store_true", help="write over a picture that is there")
    test.add_argument("--json", action="store_true", help="answer as JSON")
    test.set_defaults(run=camera_test)


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < float(text) <= LONGEST_S:
            return float(text)
    raise argparse.ArgumentTypeError(f"say a number of seconds up to {LONGEST_S:g}")


def camera_test(arguments: argparse.Namespace) -> int:
    """0: it works and its picture is good; 1: it does not, or the picture is blurred, dark or has a lamp in it."""
    if arguments.output is not None and not arguments.force and os.path.lexists(arguments.output):
        raise FileThere(f"{arguments.output.name} is there already; say --force", file=arguments.output.name)
    desk = load_settings(DeskSettings, file=arguments.config, prefix="PUE_DESK_").value
    camera = cast("Camera", open_device(DeviceKind.CAMERA, *_chosen(desk, arguments)))
    try:
        with contextlib.closing(camera), contextlib.closing(Darkroom()) as darkroom:
            trial, picture = try_out(
                camera, darkroom, seconds=arguments.seconds, px_per_mm=desk.paper.px_per_mm
            )
    except CameraError as error:
        error.args = (f"{error}{_why(error)}",)
        raise
    if arguments.output is not None:
        write_atomic(arguments.output, picture)
    lines = [_json(trial)] if arguments.json else _sentences(trial)
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if trial.good else 1


def _chosen(desk: DeskSettings, arguments: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """Driver and its settings: the desk's, or another's from the line alone."""
    name, table = driver_of(desk, DeviceKind.CAMERA)
    if arguments.driver and arguments.driver != name:
        name, table = arguments.driver, {}
    said = [f"devices.camera.{one}" for one in arguments.overrides]
    own = load_settings(DeskSettings, environ={}, overrides=said).value.devices.get(DeviceKind.CAMERA, {})
    return name, table | own


def _why(error: CameraError) -> str:
    reason = str(error.facts.get("reason", ""))
    return f": {REASONS[reason]}" if reason in REASONS else f" ({reason})" if reason else ""


def _sentences(trial: Trial) -> list[str]:
    facts = "".join(f", {name}: {value}" for name, value in trial.facts.items())
    sharpness = {
        "sharp": "letters are sharp",
        "unknown": "nothing to judge it by; lay a printed sheet under the camera",
    }
    light = {"good": "good"}
    told = [
        f"camera: {trial.driver}, works{facts}",
        f"live: {trial.live_px[0]} × {trial.live_px[1]}, {trial.frames_per_s:g} a second, the first after {trial.first_s:g} s",
        f"picture: {trial.still_px[0]} × {trial.still_px[1]}, {trial.still_bytes / 1024:.0f} kB, after {trial.still_s:g} s",
        f"sharpness: {sharpness.get(trial.sharpness, trial.sharpness)}",
        f"light: {light.get(trial.light, trial.light.replace('_', ' '))}",
    ]
    return [*told, *(f"- {ADVICE[remark]}" for remark in trial.remarks if remark in ADVICE)]


def _json(trial: Trial) -> str:
    judged = {"sharpness": trial.sharpness, "light": trial.light, "good": trial.good}
    return msgspec.json.encode(msgspec.to_builtins(trial) | judged).decode()
