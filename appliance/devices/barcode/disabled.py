"""No scanner, on purpose: codes are typed or read by the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.devices.disabled import Disabled
from appliance.devices.port import DeviceKind

if TYPE_CHECKING:
    from appliance.devices.barcode.port import OnScan


class DisabledBarcode(Disabled):
    """Never reads anything."""

    kind = DeviceKind.BARCODE

    def on_scan(self, listener: OnScan) -> None:
        """Nothing will ever come."""
