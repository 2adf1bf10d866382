"""A Raspberry Pi camera (or a UVC camera under libcamera) by picamera2.

One configuration with two streams serves preview and still alike: no mode switch, hence no shutter lag and
no slow leak of contiguous memory. picamera2 comes with Raspberry Pi OS, not from an index of packages, so it
is imported when the camera is opened.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

import msgspec

from appliance.devices.camera.planes import Planes, jpeg_of, planes_of
from appliance.devices.camera.port import CameraAbsent, CameraClosed, CameraError, CameraFault, Claim
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
    from collections.abc import Callable, Iterator, Mapping

DRIVER: Final = "picamera2"
_MAINS_PERIOD_US: Final = 10_000
"""Half a period of 50 Hz mains: lamps flicker at 100 Hz."""

Pixels = Annotated[int, msgspec.Meta(ge=64, le=10_000, multiple_of=2)]


class Picamera2Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of a libcamera camera.

    Attributes:
        number: which camera, as picamera2 counts them.
        width, height: the full picture; by default the IMX708's full resolution.
        preview_width, preview_height: the small stream, not larger than the full one.
        turn_deg: turn pictures so that the clerk sees them upright.
        lens_position: fixed focus in dioptres (1/metres), found once by calibration; none = continuous autofocus.
        buffers: frames in flight; each costs about 33 MB of contiguous memory at full resolution.
        frame_s: the longest wait for a frame.
    """

    number: Annotated[int, msgspec.Meta(ge=0, le=7)] = 0
    width: Pixels = 4608
    height: Pixels = 2592
    preview_width: Pixels = 640
    preview_height: Pixels = 360
    turn_deg: Literal[0, 90, 180, 270] = 0
    lens_position: Annotated[float, msgspec.Meta(ge=0, le=15)] | None = None
    buffers: Annotated[int, msgspec.Meta(ge=2, le=5)] = 3
    frame_s: Annotated[float, msgspec.Meta(gt=0, le=30)] = 3.0


def _open_picamera2(number: int) -> Any:
    """Import and open; both fail in many ways, all translated by the caller."""
    from picamera2 import Picamera2

    return Picamera2(number)


class Picamera2Camera:
    """Keeps the streams running while it is open and not lent."""

    def __init__(
        self,
        settings: Picamera2Settings,
        *,
        open_camera: Callable[[int], Any] = _open_picamera2,
        now: Now = utc_now,
    ) -> None:
        self._settings = settings
        self._open_camera = open_camera
        self._keeper = StateKeeper(DeviceKind.CAMERA, DRIVER, now=now)
        self._claim = Claim(self._show)
        self._lock = threading.RLock()
        self._wanted = False
        self._camera: Any = None
        self._trouble: CameraError | None = None

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """See `Picamera2Settings`."""
        return cls(driver_settings(Picamera2Settings, settings, kind=DeviceKind.CAMERA, driver=DRIVER))

    def open(self) -> None:
        """Start the streams; a camera that is not there is tried again at the next picture."""
        with self._lock:
            self._wanted = True
            with suppress(CameraError):
                self._running()

    def close(self) -> None:
        """Let go of the hardware."""
        with self._lock:
            self._wanted = False
            self._let_go()
            self._trouble = None
        self._show()

    def state(self) -> DeviceState:
        """How it is."""
        return self._keeper.state()

    def watch(self, on_change: OnChange) -> None:
        """Tell of changes."""
        self._keeper.watch(on_change)

    def preview(self) -> bytes:
        """A small JPEG from the small stream."""
        return self._picture("lores", fresh=False, quality=75)

    def still(self) -> bytes:
        """A full JPEG, taken after this call began."""
        return self._picture("main", fresh=True, quality=92)

    def hold(self, by: str) -> Any:
        """Keep it for one task."""
        return self._claim.hold(by)

    @contextmanager
    def lend(self, to: str) -> Iterator[None]:
        """Give it away: the streams stop, so that another program can open the camera."""
        with self._claim.lend(to):
            with self._lock:
                self._let_go()
            yield
        with self._lock, suppress(CameraError):
            self._running()

    # ---- inside

    def _picture(self, stream: str, *, fresh: bool, quality: int) -> bytes:
        with self._lock:
            self._claim.refuse_if_lent()  # within the lock: a lender takes it to let go of the hardware
            camera = self._running()
            try:
                picture = self._frame(camera, stream, fresh=fresh)
            except Exception as error:
                self._let_go()  # libcamera rarely recovers within an open camera; the next picture starts afresh
                self._trouble = CameraFault("the camera gave no picture", reason=type(error).__name__)
                self._show()
                raise self._trouble from error
        return jpeg_of(picture, quality, self._settings.turn_deg)

    def _frame(self, camera: Any, stream: str, *, fresh: bool) -> Planes:
        # Only a sensor that reports its exposure can tell which frame began after now (a UVC camera does not).
        job = camera.capture_request(wait=False, flush=fresh and "ExposureTime" in camera.camera_controls)
        request = camera.wait(job, timeout=self._settings.frame_s)
        try:
            frame, given = request.make_array(stream), request.config[stream]
        finally:
            request.release()
        return planes_of(frame, given["format"], *given["size"])

    def _running(self) -> Any:
        if not self._wanted:
            raise CameraClosed("the camera is not open")
        if self._camera is None:
            try:
                self._camera = self._start()
                self._trouble = None
            except Exception as error:
                self._trouble = CameraAbsent("no camera can be opened here", reason=type(error).__name__)
                self._show()
                raise self._trouble from error
            self._show()
        return self._camera

    def _start(self) -> Any:
        chosen = self._settings
        camera = self._open_camera(chosen.number)
        try:
            camera.configure(
                camera.create_preview_configuration(  # the one that is full-range (JPEG) colour by default
                    main={"size": (chosen.width, chosen.height), "format": "YUV420"},
                    lores={"size": (chosen.preview_width, chosen.preview_height), "format": "YUV420"},
                    buffer_count=chosen.buffers,
                    controls={
                        name: value
                        for name, value in self._controls().items()
                        if name in camera.camera_controls
                    },
                )
            )
            camera.start()
        except BaseException:
            with suppress(Exception):
                camera.close()
            raise
        return camera

    def _controls(self) -> dict[str, object]:
        """What we wish; a sensor without autofocus, or a UVC camera, does not know all of it."""
        focus: dict[str, object] = {"AfMode": 2}
        if self._settings.lens_position is not None:
            focus = {"AfMode": 0, "LensPosition": self._settings.lens_position}
        return {"AeFlickerMode": 1, "AeFlickerPeriod": _MAINS_PERIOD_US, "NoiseReductionMode": 2, **focus}

    def _let_go(self) -> None:
        camera, self._camera = self._camera, None
        if camera is not None:
            with suppress(Exception):
                camera.stop()
            with suppress(Exception):
                camera.close()

    def _show(self) -> None:
        with self._lock:
            self._show_locked()

    def _show_locked(self) -> None:
        condition, code, facts = self._claim.condition()
        if not self._wanted:
            self._keeper.become(Condition.ABSENT, CameraClosed.code)
        elif condition is Condition.LENT:
            self._keeper.become(condition, code, **facts)
        elif isinstance(self._trouble, CameraAbsent):
            self._keeper.become(Condition.ABSENT, self._trouble.code, **self._trouble.facts)
        elif self._trouble is not None:
            self._keeper.become(Condition.TROUBLE, self._trouble.code, **self._trouble.facts)
        else:
            self._keeper.become(condition, code, **facts)
