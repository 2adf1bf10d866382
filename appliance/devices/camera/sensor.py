"""What is asked of a sensor behind libcamera, in libcamera's own names and numbers (its `control_ids.yaml`).

No camera knows all of it: a camera without a moving lens has no `AfMode`, a UVC camera no `AnalogueGain`. Whatever is asked goes
through `known_of` first, because libcamera takes an unknown control for an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

_MAINS_PERIOD_US: Final = 10_000
"""Half a period of 50 Hz mains: lamps flicker at 100 Hz."""
_FLICKER_MANUAL: Final = 1
_NOISE_HIGH_QUALITY: Final = 2
_FOCUS_MANUAL, _FOCUS_CONTINUOUS = 0, 2
_RANGE_MACRO: Final = 1
_SPEED_FAST: Final = 1
_EXPOSURE_CONVERGED: Final = 2
FOCUS_NEAR: Final[Mapping[str, object]] = {"AfRange": _RANGE_MACRO, "AfSpeed": _SPEED_FAST}
"""How to look for the focus on a desk."""
LET_GO: Final[Mapping[str, object]] = {"AeEnable": True, "AwbEnable": True}
"""Exposure and white balance by themselves again."""


class Light(msgspec.Struct, frozen=True):
    """Exposure and white balance of one frame: µs, gain (1 and more), gains of red and blue."""

    exposure_us: int
    gain: float
    colour_gains: tuple[float, float]

    def controls(self) -> dict[str, object]:
        """What keeps them."""
        return {
            "AeEnable": False,
            "ExposureTime": self.exposure_us,
            "AnalogueGain": self.gain,
            "AwbEnable": False,
            "ColourGains": self.colour_gains,
        }


def light_of(metadata: Mapping[str, Any]) -> Light | None:
    """The light of a frame; None while the sensor still looks for it, or does not tell."""
    try:
        settled = metadata.get("AeState", _EXPOSURE_CONVERGED) == _EXPOSURE_CONVERGED
        red, blue = metadata["ColourGains"]
        light = Light(
            int(metadata["ExposureTime"]), float(metadata["AnalogueGain"]), (float(red), float(blue))
        )
    except KeyError:
        return None
    return light if settled else None


def focus(lens_position: float | None) -> dict[str, object]:
    """A fixed lens (dioptres), or one that looks for itself."""
    if lens_position is None:
        return {"AfMode": _FOCUS_CONTINUOUS, **FOCUS_NEAR}
    return {"AfMode": _FOCUS_MANUAL, "LensPosition": lens_position}


def wishes(*, lens_position: float | None, light: Light | None, ev: float) -> dict[str, object]:
    """All that a configuration carries: `configure` forgets what was set before.

    Args:
        lens_position: dioptres (1/metres); None: the camera focuses by itself.
        light: to be kept; None: by themselves.
        ev: correction of the automatic exposure, in stops.
    """
    return {
        "AeFlickerMode": _FLICKER_MANUAL,
        "AeFlickerPeriod": _MAINS_PERIOD_US,
        "NoiseReductionMode": _NOISE_HIGH_QUALITY,
        "ExposureValue": ev,
        **focus(lens_position),
        **(light.controls() if light else LET_GO),
    }


def known_of(asked: Mapping[str, object], known: Container[str]) -> dict[str, object]:
    """The part of `asked` that the camera has."""
    return {name: value for name, value in asked.items() if name in known}
