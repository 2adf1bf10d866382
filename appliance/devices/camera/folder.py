"""A camera that reads picture files from a folder, one after the other: rehearsals with real scans, benches."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import msgspec
from PIL import Image

from appliance.devices.camera.port import STILL_LIMIT_BYTES, CameraAbsent, CameraClosed, CameraFault, Claim
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
from appliance.runtime.files import StorageError, read_bounded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

DRIVER: Final = "folder"
_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png"})
_PREVIEW_PX: Final = (640, 640)


class FolderCameraSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the folder camera.

    Attributes:
        folder: where the pictures are; taken in the order of their names, again from the first after the last.
    """

    folder: str


class FolderCamera:
    """`still` gives the next file, `preview` a small copy of the file that `still` would give."""

    def __init__(self, settings: FolderCameraSettings, *, now: Now = utc_now) -> None:
        self._folder = Path(settings.folder)
        self._keeper = StateKeeper(DeviceKind.CAMERA, DRIVER, now=now)
        self._claim = Claim(self._show)
        self._lock = threading.RLock()
        self._open = False
        self._next = 0

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
        data = self._read(step=0)
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
        return self._read(step=1)

    def hold(self, by: str) -> AbstractContextManager[None]:
        """Keep it for one task."""
        return self._claim.hold(by)

    def lend(self, to: str) -> AbstractContextManager[None]:
        """Give it away."""
        return self._claim.lend(to)

    def _read(self, step: int) -> bytes:
        self._claim.refuse_if_lent()
        with self._lock:
            if not self._open:
                raise CameraClosed("the camera is not open")
            files = self._files()
            self._show()
            if not files:
                raise CameraAbsent("the camera's folder holds no pictures")
            chosen = files[self._next % len(files)]
            self._next += step
        try:
            return read_bounded(chosen, limit_bytes=STILL_LIMIT_BYTES)
        except StorageError as error:
            raise CameraFault("a picture in the camera's folder cannot be read", reason=error.code) from error

    def _files(self) -> list[Path]:
        try:
            return sorted(path for path in self._folder.iterdir() if path.suffix.lower() in _SUFFIXES)
        except OSError:
            return []

    def _show(self) -> None:
        with self._lock:
            if not self._open:
                self._keeper.become(Condition.ABSENT, CameraClosed.code)
            elif not self._files():
                self._keeper.become(Condition.ABSENT, CameraAbsent.code)
            else:
                condition, code, facts = self._claim.condition()
                self._keeper.become(condition, code, **facts)
