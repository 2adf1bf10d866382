"""A Raspberry Pi camera (or a UVC camera under libcamera) by picamera2.

picamera2 comes with Raspberry Pi OS, not from an index of packages, so it is imported when the camera is opened.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from appliance.devices.camera.lens import LensFile
from appliance.devices.camera.picamera2_settings import FEWEST_BUFFERS, Picamera2Settings
from appliance.devices.camera.planes import Planes, jpeg_of
from appliance.devices.camera.port import (
    FOCUSING,
    CameraAbsent,
    CameraClosed,
    CameraError,
    CameraFault,
    Claim,
)
from appliance.devices.camera.streams import Streams, is_short_of_memory
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
SHEETS: Final = "scan"
"""Who holds the camera for sheets of paper; others (a portrait) have light of their own."""
T = TypeVar("T")


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
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._open_camera = open_camera
        self._monotonic = monotonic
        self._lens_file = LensFile(settings.lens_file)
        self._lens_position = settings.lens_position
        self._keeper = StateKeeper(DeviceKind.CAMERA, DRIVER, now=now)
        self._claim = Claim(self._show)
        self._lock = threading.RLock()
        self._wanted = False
        self._streams: Streams | None = None
        self._last_sheet_s = 0.0
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
        return jpeg_of(self._picture(Streams.small), 75, self._settings.turn_deg)

    def still(self) -> bytes:
        """A full JPEG, taken after this call began."""
        return jpeg_of(self._picture(self._full), 92, self._settings.turn_deg)

    def refocus(self) -> bool:
        """Focus on what lies there and stay so; the position is kept as the first one was."""
        with self._lock:
            self._claim.refuse_if_lent()
            if self._settings.lens_position is not None:
                return False
            try:
                return self._attempt(self._focus_anew)
            except Exception as error:
                raise self._failed(error) from error

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

    def _picture(self, take: Callable[[Streams], Planes]) -> Planes:
        with self._lock:
            self._claim.refuse_if_lent()  # within the lock: a lender takes it to let go of the hardware
            try:
                return self._attempt(take)
            except Exception as error:
                if isinstance(error, CameraError) or not is_short_of_memory(error):
                    raise self._failed(error) from error
            try:  # memory that was in pieces may be whole again once everything was given back
                return self._attempt(take)
            except Exception as error:
                raise self._failed(error) from error

    def _attempt(self, take: Callable[[Streams], T]) -> T:
        """Do it with the running camera.

        Raises:
            CameraError: it cannot be opened.
            Exception: whatever it failed with; it is closed, since libcamera rarely recovers within an open camera.
        """
        streams = self._running()
        try:
            if streams.light and self._monotonic() - self._last_sheet_s > self._settings.same_light_s:
                streams.keep(None)
            return take(streams)
        except Exception:
            self._let_go()
            raise

    def _failed(self, error: Exception) -> CameraError:
        if isinstance(error, CameraAbsent | CameraClosed):
            return error
        self._trouble = (
            error
            if isinstance(error, CameraFault)
            else CameraFault("the camera gave no picture", reason=type(error).__name__)
        )
        self._show()
        return self._trouble

    def _full(self, streams: Streams) -> Planes:
        """A full picture; the first sheet's light is kept for those that follow, so that they look alike."""
        sheet = self._claim.holder == SHEETS
        if streams.light and not sheet:
            streams.keep(None)
        planes, light = streams.full()
        if sheet:
            self._last_sheet_s = self._monotonic()
            if light and not streams.light:
                streams.keep(light)
        return planes

    def _running(self) -> Streams:
        if not self._wanted:
            raise CameraClosed("the camera is not open")
        if self._streams is None:
            try:
                self._streams = self._start()
                self._trouble = None
            except Exception as error:
                self._trouble = CameraAbsent("no camera can be opened here", reason=type(error).__name__)
                self._show()
                raise self._trouble from error
            self._show()
        return self._streams

    def _start(self) -> Streams:
        chosen = self._settings
        if self._lens_position is None:
            self._lens_position = self._lens_file.read()
        try:
            streams = Streams(self._open_camera(chosen.number), chosen, self._lens_position, chosen.buffers)
        except Exception as error:
            if not is_short_of_memory(error):
                raise
            camera = self._open_camera(chosen.number)
            streams = Streams(camera, chosen, self._lens_position, FEWEST_BUFFERS)
        if self._lens_position is None:
            self._focus(streams)
        return streams

    def _focus_anew(self, streams: Streams) -> bool:
        if not streams.focuses:
            return False
        self._keeper.become(Condition.BUSY, FOCUSING)
        try:
            self._focus(streams)
        finally:
            self._show()
        return True

    def _focus(self, streams: Streams) -> None:
        try:
            self._lens_position = streams.find_focus()
        except BaseException:
            streams.close()
            raise
        if self._lens_position is not None:
            self._lens_file.write(self._lens_position)

    def _let_go(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            streams.close()

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
