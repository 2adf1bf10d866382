"""What every driver called `disabled` is: absent on purpose, without settings, never changing."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, NoReturn, Self

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

DRIVER: Final = "disabled"


class NoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """It has none."""


class Disabled:
    """The life of a device that this box does not have. A kind adds how it answers its own verbs."""

    kind: ClassVar[DeviceKind]

    def __init__(self) -> None:
        self._keeper = StateKeeper(self.kind, DRIVER)
        self._keeper.become(Condition.ABSENT, DeviceDisabled.code)

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """Takes no settings."""
        driver_settings(NoSettings, settings, kind=cls.kind, driver=DRIVER)
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

    def _refuse(self) -> NoReturn:
        raise DeviceDisabled(f"this desk has no {self.kind.value}", kind=self.kind)
