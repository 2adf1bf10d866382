"""Which USB cameras are connected, as the kernel lists them in sysfs, under names that survive a reboot."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from appliance.devices.camera.port import CameraAbsent

SYSFS: Final = Path("/sys/class/video4linux")
BY_ID: Final = Path("/dev/v4l/by-id")
DEVICES: Final = Path("/dev")


class UsbCamera(msgspec.Struct, frozen=True):
    """One camera: what it calls itself, and the path to open."""

    name: str
    path: Path


def usb_cameras(sysfs: Path = SYSFS, by_id: Path = BY_ID, devices: Path = DEVICES) -> list[UsbCamera]:
    """All that are connected, in the order of the kernel's numbers.

    A camera shows several nodes; the first of each takes pictures, the others tell of them. What is built in (a Pi's own
    codecs) shows nodes too, and is left out.
    """
    named = {link.resolve().name: link for link in _entries(by_id)}
    return [
        UsbCamera(_line(node / "name"), named.get(node.name, devices / node.name))
        for node in sorted(_entries(sysfs), key=_number)
        if _line(node / "index") == "0" and (node / "device" / "subsystem").resolve().name == "usb"
    ]


def path_of(device: str, there: list[UsbCamera]) -> Path:
    """The path of the camera that the settings mean.

    Args:
        device: a path; a name in /dev/v4l/by-id or the beginning of one; what a camera calls itself; or "" for the only one.

    Raises:
        CameraAbsent: there is none, or more than one; the sentence says which there are.
    """
    if device.startswith("/"):
        if not Path(device).exists():
            raise CameraAbsent(f"no camera is connected at {device}", **_names(there))
        return Path(device)
    meant = [one for one in there if one.path.name.startswith(device) or one.name == device]
    if len(meant) == 1:
        return meant[0].path
    if not there:
        raise CameraAbsent("no USB camera is connected")
    names = ", ".join(one.path.name for one in there)
    if not meant:
        raise CameraAbsent(f"no USB camera is called {device!r}; there are {names}", **_names(there))
    raise CameraAbsent(f"more than one USB camera is meant; say which as device: {names}", **_names(there))


def _names(there: list[UsbCamera]) -> dict[str, str]:
    return {"there": ", ".join(one.path.name for one in there)}


def _number(node: Path) -> int:
    number = node.name.removeprefix("video")
    return int(number) if number.isdecimal() else 0


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _line(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
