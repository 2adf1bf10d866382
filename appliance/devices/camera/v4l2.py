"""A USB document camera by Video4Linux. A child process holds it, because the desk loads no OpenCV (decision 0011)."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

import msgspec

from appliance.devices.camera.port import CameraAbsent, CameraClosed, CameraError, CameraFault, Claim
from appliance.devices.camera.v4l2_child import Child
from appliance.devices.camera.v4l2_finding import path_of, usb_cameras
from appliance.devices.camera.v4l2_words import Failed, Focus, Focused, Open, Opened, Take, Taken
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

    from appliance.devices.camera.v4l2_finding import UsbCamera

DRIVER: Final = "v4l2"
Pixels = Annotated[int, msgspec.Meta(ge=64, le=10_000)]
Steps = Annotated[int, msgspec.Meta(ge=0, le=100_000)]


class V4l2Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of a USB camera.

    Attributes:
        device: a name in /dev/v4l/by-id (or its beginning), what the camera calls itself, or a path; empty: the only one.
        width, height: wished; the camera takes the nearest size it has.
        preview_px: the longer side of live pictures.
        turn_deg: turn pictures so that the clerk sees them upright.
        focus: fixed, in the camera's own steps; none: by itself.
        exposure: fixed, in the camera's own steps (usually 0.1 ms); none: by itself.
        open_s: the longest wait for the camera to start.
        frame_s: the longest wait for a picture.
    """

    device: str = ""
    width: Pixels = 3264
    height: Pixels = 2448
    preview_px: Pixels = 640
    turn_deg: Literal[0, 90, 180, 270] = 0
    focus: Steps | None = None
    exposure: Steps | None = None
    open_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 15.0
    frame_s: Annotated[float, msgspec.Meta(gt=0, le=30)] = 5.0


class V4l2Camera:
    """Keeps the child while it is open and not lent; a camera that went is looked for again at the next picture."""

    def __init__(
        self,
        settings: V4l2Settings,
        *,
        cameras: Callable[[], list[UsbCamera]] = usb_cameras,
        now: Now = utc_now,
    ) -> None:
        self._settings = settings
        self._cameras = cameras
        self._keeper = StateKeeper(DeviceKind.CAMERA, DRIVER, now=now)
        self._claim = Claim(self._show)
        self._lock = threading.RLock()
        self._wanted = False
        self._child: Child | None = None
        self._path: Path | None = None
        self._unknown = ""
        self._trouble: CameraError | None = None

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """See `V4l2Settings`."""
        return cls(driver_settings(V4l2Settings, settings, kind=DeviceKind.CAMERA, driver=DRIVER))

    def open(self) -> None:
        """Start the camera; one that is not there is tried again at the next picture."""
        with self._lock:
            self._wanted = True
            with suppress(CameraError):
                self._running()

    def close(self) -> None:
        """Let go of the camera."""
        with self._lock:
            self._wanted = False
            self._let_go()
            self._trouble = None
        self._show()

    def state(self) -> DeviceState:
        """How it is; its facts name the settings that the camera cannot follow. A pulled cable is seen here, too."""
        if self._lock.acquire(blocking=False):
            try:
                if self._child is not None and self._path is not None and not self._path.exists():
                    self._lost("no device")
            finally:
                self._lock.release()
        return self._keeper.state()

    def watch(self, on_change: OnChange) -> None:
        """Tell of changes."""
        self._keeper.watch(on_change)

    def preview(self) -> bytes:
        """A small JPEG."""
        return self._take(full=False)

    def still(self) -> bytes:
        """A full JPEG of a frame that began after this call."""
        return self._take(full=True)

    def hold(self, by: str) -> Any:
        """Keep it for one task."""
        return self._claim.hold(by)

    @contextmanager
    def lend(self, to: str) -> Iterator[None]:
        """Give it away: the child ends, so that another program can open the camera."""
        with self._claim.lend(to):
            with self._lock:
                self._let_go()
            yield
        with self._lock, suppress(CameraError):
            self._running()

    def refocus(self) -> bool:
        """Switch its autofocus off and on; the next frames show what came of it."""
        with self._lock:
            self._claim.refuse_if_lent()
            answer = self._running().ask(Focus(), self._settings.frame_s)
            if isinstance(answer, Focused):
                return answer.moves
            raise self._lost(answer.reason if isinstance(answer, Failed) else "nonsense")

    # ---- inside

    def _take(self, *, full: bool) -> bytes:
        with self._lock:
            self._claim.refuse_if_lent()  # within the lock: a lender takes it to let go of the hardware
            answer = self._running().ask(Take(full=full), self._settings.frame_s)
            if isinstance(answer, Taken):
                return answer.jpeg
            raise self._lost(answer.reason if isinstance(answer, Failed) else "nonsense")

    def _running(self) -> Child:
        if not self._wanted:
            raise CameraClosed("the camera is not open")
        if self._child is None:
            try:
                self._start()
            except CameraError as error:
                self._trouble = error
                self._show()
                raise
            self._trouble = None
            self._show()
        assert self._child is not None
        return self._child

    def _start(self) -> None:
        chosen = self._settings
        self._path = path_of(chosen.device, self._cameras())
        self._child = Child()
        wanted = Open(
            path=str(self._path),
            width=chosen.width,
            height=chosen.height,
            preview_px=chosen.preview_px,
            turn_deg=chosen.turn_deg,
            focus=chosen.focus,
            exposure=chosen.exposure,
        )
        answer = self._child.ask(wanted, chosen.open_s)
        if not isinstance(answer, Opened):
            raise self._lost(answer.reason if isinstance(answer, Failed) else "nonsense")
        self._unknown = ", ".join(answer.unknown)

    def _lost(self, reason: str) -> CameraError:
        """It gave nothing: unplugged, or there and out of order."""
        self._let_go(kill=True)
        if self._path is not None and not self._path.exists():
            self._trouble = CameraAbsent("the USB camera was unplugged", reason=reason)
        else:
            self._trouble = CameraFault("the USB camera gave no picture", reason=reason)
        self._show()
        return self._trouble

    def _let_go(self, *, kill: bool = False) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.close(kill=kill)

    def _show(self) -> None:
        with self._lock:
            condition, code, facts = self._claim.condition()
            trouble = self._trouble
            if not self._wanted:
                self._keeper.become(Condition.ABSENT, CameraClosed.code)
            elif condition is Condition.LENT or trouble is None:
                unknown = {"unknown": self._unknown} if self._unknown and condition is Condition.READY else {}
                self._keeper.become(condition, code, **facts, **unknown)
            else:
                worse = Condition.ABSENT if isinstance(trouble, CameraAbsent) else Condition.TROUBLE
                self._keeper.become(worse, trouble.code, **trouble.facts)
