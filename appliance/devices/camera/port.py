"""What a camera promises: a quick small picture always, a good one on demand, and who holds it."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from appliance.devices.port import Condition, Device, DeviceError
from contracts.errors import WhoCanAct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STILL_LIMIT_BYTES: Final = 32 * 1024 * 1024


class CameraError(DeviceError):
    """The camera gave no picture."""

    code = "camera.failed"


class CameraAbsent(CameraError):
    """Unplugged, or unknown to the system."""

    code = "camera.absent"


class CameraClosed(CameraError):
    """The driver is not open."""

    code = "camera.closed"
    who = WhoCanAct.WAIT


class CameraHeld(CameraError):
    """Somebody else is using it; `by` says who."""

    code = "camera.held"
    who = WhoCanAct.WAIT


class CameraLent(CameraError):
    """It is given to a video call; `to` says which. It comes back when the call ends."""

    code = "camera.lent"


class CameraFault(CameraError):
    """The camera is there and fails (memory, cable, sensor)."""

    code = "camera.fault"
    who = WhoCanAct.TECHNICIAN


FOCUSING: Final = "camera.focusing"
"""Code of the state while a camera looks for its focus; no picture comes meanwhile."""


class Camera(Device, Protocol):
    """A device that sees the desk, or the person before it."""

    def preview(self) -> bytes:
        """A small JPEG of this moment. Allowed to any reader while the camera is free or held.

        Raises:
            CameraError: no picture; the subclass says why.
        """
        ...

    def still(self) -> bytes:
        """A full picture (JPEG or PNG) of this moment.

        Raises:
            CameraError: no picture; the subclass says why.
        """
        ...

    def refocus(self) -> bool:
        """Look for the focus anew on what lies there; returns when it is found, or not.

        Returns:
            Whether there is a lens to move. A position that somebody has fixed in the settings stays.

        Raises:
            CameraError: the camera failed meanwhile.
        """
        ...

    def hold(self, by: str) -> AbstractContextManager[None]:
        """Keep the camera for one task ("scan", "portrait") while the context lasts.

        Raises:
            CameraHeld, CameraLent: on entering; nothing was taken.
        """
        ...

    def lend(self, to: str) -> AbstractContextManager[None]:
        """Give the camera away (to a video call) while the context lasts; the driver lets go of the hardware.

        Raises:
            CameraHeld, CameraLent: on entering; nothing was taken.
        """
        ...


class Claim:
    """Who has the camera: nobody, a holder or a borrower. One at a time; a context that ends gives it back.

    Args:
        on_change: called after each change, outside any lock of the caller's making.
    """

    def __init__(self, on_change: Callable[[], object]) -> None:
        self._lock = threading.Lock()
        self._on_change = on_change
        self._holder = ""
        self._borrower = ""

    @property
    def holder(self) -> str:
        """Who holds it, or ""."""
        return self._holder

    @property
    def borrower(self) -> str:
        """Whom it is lent to, or ""."""
        return self._borrower

    def condition(self) -> tuple[Condition, str, dict[str, str]]:
        """Condition, code and facts that follow from the claim alone."""
        with self._lock:
            if self._borrower:
                return Condition.LENT, CameraLent.code, {"to": self._borrower}
            if self._holder:
                return Condition.BUSY, CameraHeld.code, {"by": self._holder}
        return Condition.READY, "", {}

    def refuse_if_lent(self) -> None:
        """Raise `CameraLent` while it is away."""
        if borrower := self._borrower:
            raise CameraLent(f"the camera is lent to {borrower}", to=borrower)

    @contextmanager
    def hold(self, by: str) -> Iterator[None]:
        """See `Camera.hold`."""
        with self._lock:
            self._refuse_if_taken()
            self._holder = by
        self._on_change()
        try:
            yield
        finally:
            with self._lock:
                self._holder = ""
            self._on_change()

    @contextmanager
    def lend(self, to: str) -> Iterator[None]:
        """See `Camera.lend`."""
        with self._lock:
            self._refuse_if_taken()
            self._borrower = to
        self._on_change()
        try:
            yield
        finally:
            with self._lock:
                self._borrower = ""
            self._on_change()

    def _refuse_if_taken(self) -> None:
        self.refuse_if_lent()
        if self._holder:
            raise CameraHeld(f"the camera is held by {self._holder}", by=self._holder)
