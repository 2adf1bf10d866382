"""No camera, on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.devices.disabled import Disabled
from appliance.devices.port import DeviceKind

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class DisabledCamera(Disabled):
    """Refuses every picture with a code that says why."""

    kind = DeviceKind.CAMERA

    def preview(self) -> bytes:
        """Refuse."""
        self._refuse()

    def still(self) -> bytes:
        """Refuse."""
        self._refuse()

    def refocus(self) -> bool:
        """Refuse."""
        self._refuse()

    def hold(self, by: str) -> AbstractContextManager[None]:  # noqa: ARG002 - the port's signature
        """Refuse."""
        self._refuse()

    def lend(self, to: str) -> AbstractContextManager[None]:  # noqa: ARG002 - the port's signature
        """Refuse."""
        self._refuse()
