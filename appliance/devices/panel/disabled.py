"""No panel, on purpose: a laptop, or a box without lights. A light that cannot be shown is no error here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.devices.disabled import Disabled
from appliance.devices.port import DeviceKind

if TYPE_CHECKING:
    from appliance.devices.panel.port import Light, OnPanelEvent


class DisabledPanel(Disabled):
    """Takes every wish and does nothing."""

    kind = DeviceKind.PANEL

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
