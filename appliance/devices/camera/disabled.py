"""No camera, on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn, Self

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
    from contextlib import AbstractContextManager

DRIVER: Final = "disabled"


class DisabledCameraSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """It has none."""


class DisabledCamera:
    """Refuses every picture with a code that says why."""

    def __init__(self) -> None:
        self._keeper = StateKeeper(DeviceKind.CAMERA, DRIVER)
        self._keeper.become(Condition.ABSENT, DeviceDisabled.code)

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """Takes no settings."""
        driver_settings(DisabledCameraSettings, settings, kind=DeviceKind.CAMERA, driver=DRIVER)
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

    def preview(self) -> bytes:
        """Refuse."""
        self._refuse()

    def still(self) -> bytes:
        """Refuse."""
        self._refuse()

    def hold(self, by: str) -> AbstractContextManager[None]:  # noqa: ARG002 - the port's signature
        """Refuse."""
        self._refuse()

    def lend(self, to: str) -> AbstractContextManager[None]:  # noqa: ARG002 - the port's signature
        """Refuse."""
        self._refuse()

    @staticmethod
    def _refuse() -> NoReturn:
        raise DeviceDisabled("this desk has no camera", kind=DeviceKind.CAMERA)
