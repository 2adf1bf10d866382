"""No scanner, on purpose: codes are typed or read by the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

import msgspec

from appliance.devices.port import (
    Condition,
    DeviceDisabled,
    DeviceKind,
    DeviceState,
    OnChange,
    StateKeeper,
    driver_settings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.devices.barcode.port import OnScan

DRIVER: Final = "disabled"


class DisabledBarcodeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """It has none."""


class DisabledBarcode:
    """Never reads anything."""

    def __init__(self) -> None:
        self._keeper = StateKeeper(DeviceKind.BARCODE, DRIVER)
        self._keeper.become(Condition.ABSENT, DeviceDisabled.code)

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """Takes no settings."""
        driver_settings(DisabledBarcodeSettings, settings, kind=DeviceKind.BARCODE, driver=DRIVER)
        return cls()

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def state(self) -> DeviceState:
        """Absent, on purpose."""
        return self._keeper.state()

    def watch(self, on_change: OnChange) -> None:
        """It never changes."""
        self._keeper.watch(on_change)

    def on_scan(self, listener: OnScan) -> None:
        """Nothing will ever come."""
