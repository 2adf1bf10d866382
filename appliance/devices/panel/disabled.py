"""No panel, on purpose: a laptop, or a box without lights. A light that cannot be shown is no error here."""

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

    from appliance.devices.panel.port import Light, OnPanelEvent

DRIVER: Final = "disabled"


class DisabledPanelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """It has none."""


class DisabledPanel:
    """Takes every wish and does nothing."""

    def __init__(self) -> None:
        self._keeper = StateKeeper(DeviceKind.PANEL, DRIVER)
        self._keeper.become(Condition.ABSENT, DeviceDisabled.code)

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """Takes no settings."""
        driver_settings(DisabledPanelSettings, settings, kind=DeviceKind.PANEL, driver=DRIVER)
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

    def show(self, light: Light) -> None:
        """Nothing to see."""

    def blink(self, seconds_s: float) -> None:
        """Nothing to see."""

    def buzz(self, seconds_s: float) -> None:
        """Nothing to hear."""

    def tamper_open(self) -> bool:
        """No switch, no alarm."""
        return False

    def on_event(self, listener: OnPanelEvent) -> None:
        """Nothing will ever come."""
