"""A camera that reads picture files from a folder, one after the other: rehearsals with real scans, benches, a network scanner."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import msgspec
from PIL import Image

from appliance.devices.camera.dropped import Dropped
from appliance.devices.camera.port import CameraAbsent, CameraClosed, CameraFault, Claim
from appliance.devices.port import (
    Condition,
    DeviceKind,
    DeviceState,
    Now,
    OnChange,
    StateKeeper,
    driver_settings,
)
from appliance.runtime.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

DRIVER: Final = "folder"
_PREVIEW_PX: Final = (640, 640)


class FolderCameraSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the folder camera.

    Attributes:
        folder: where the pictures are; each is taken once, in the order of arrival, and then again from the first.
    """

    folder: str


class FolderCamera:
    """`still` gives the next file, `preview` a small copy of the file that `still` would give."""

    def __init__(self, settings: FolderCameraSettings, *, now: Now = utc_now) -> None:
        self._dropped = Dropped(Path(settings.folder))
        self._keeper = StateKeeper(DeviceKind.CAMERA, DRIVER, now=now)
        self._claim = Claim(self._show)
        self._lock = threading.RLock()
        self._open = False

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """See `FolderCameraSettings`."""
        return cls(driver_settings(FolderCameraSettings, settings, kind=DeviceKind.CAMERA, driver=DRIVER))

    def open(self) -> None:
        """Look whether there are pictures."""
        with self._lock:
            self._open = True
        self._show()

    def close(self) -> None:
        """Stop."""
        with self._lock:
            self._open = False
        self._show()

    def state(self) -> DeviceState:
        """How it is."""
        return self._keeper.state()

    def watch(self, on_change: OnChange) -> None:
        """Tell of changes."""
        self._keeper.watch(on_change)

    def preview(self) -> bytes:
        """A small JPEG of the next file."""
        data = self._read(take=False)
        out = io.BytesIO()
        try:
            with Image.open(io.BytesIO(data)) as picture:
                picture.draft("RGB", _PREVIEW_PX)
                small = picture.convert("RGB")
                small.thumbnail(_PREVIEW_PX)
                small.save(out, "JPEG", quality=75)
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise CameraFault("a file in the camera's folder is no picture") from error
        return out.getvalue()

    def still(self) -> bytes:
        """The next file as it is."""
        return self._read(take=True)

    def refocus(self) -> bool:
        """Files are as sharp as they are."""
        self._claim.refuse_if_lent()
        with self._lock:
            if not self._open:
                raise CameraClosed("the camera is not open")
        return False

    def hold(self, by: str) -> AbstractContextManager[None]:
        """Keep it for one task."""
        return self._claim.hold(by)

    def lend(self, to: str) -> AbstractContextManager[None]:
        """Give it away."""
        return self._claim.lend(to)

    def _read(self, *, take: bool) -> bytes:
        self._claim.refuse_if_lent()
        with self._lock:
            if not self._open:
                raise CameraClosed("the camera is not open")
            self._show()
            if not self._dropped.any():
                raise CameraAbsent("the camera's folder holds no pictures")
            if (picture := self._dropped.next(take=take)) is None:
                raise CameraFault("no file in the camera's folder is a whole picture")
            return picture

    def _show(self) -> None:
        with self._lock:
            if not self._open:
                self._keeper.become(Condition.ABSENT, CameraClosed.code)
            elif not self._dropped.any():
                self._keeper.become(Condition.ABSENT, CameraAbsent.code)
            else:
                condition, code, facts = self._claim.condition()
                self._keeper.become(condition, code, **facts)
