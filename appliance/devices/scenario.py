"""A small world file that plays the simulators: who comes, which card, when the paper ends.

Format (TOML):

    about = "The roll ends while the receipt is printed."

    [[step]]
    device = "printer"      # a name in the world, by default the device's kind
    do = "run_out"          # a deed on the back of its simulator, from the list below
    at_s = 12.0             # seconds after the start of the timeline …
    # on = "receipt"        # … or when this cue is given: exactly one of the two
    # with = { number = 2 } # arguments of the deed
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.devices.port import Device, DeviceKind
from appliance.runtime.workers import Worker
from contracts.errors import PueError, WhoCanAct
from contracts.settled import settled

if TYPE_CHECKING:
    import threading

SCENARIO_LIMIT_BYTES: Final = 64 * 1024
MAX_STEPS: Final = 500
LONGEST_S: Final = 24 * 3600.0

DEEDS: Final[Mapping[DeviceKind, frozenset[str]]] = {
    DeviceKind.CARD_READER: frozenset({"insert", "remove", "tear", "unplug", "plug", "mend"}),
    DeviceKind.PRINTER: frozenset({"run_out", "near_end", "open_cover", "unplug", "mend"}),
    DeviceKind.CAMERA: frozenset(
        {
            "place_sample",
            "take_away",
            "show_document",
            "show_tessera",
            "show_portrait",
            "cover_lens",
            "uncover_lens",
            "lose_focus",
            "unplug",
            "mend",
        }
    ),
    DeviceKind.BARCODE: frozenset({"scan", "half_scan", "unplug", "mend"}),
    DeviceKind.PANEL: frozenset({"press", "open_housing", "close_housing", "unplug", "mend"}),
}
"""What a scenario may do. A file from outside can call these methods of a simulator, and nothing else."""


class InvalidScenario(PueError, ValueError):
    """Not a scenario: the sentence names the step."""

    code = "scenario.invalid"
    who = WhoCanAct.OPERATOR


class UnplayableStep(PueError):
    """The world has no such device, or its driver has no back."""

    code = "scenario.unplayable"
    who = WhoCanAct.OPERATOR


Argument = str | int | float | bool


class Step(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"arguments": "with"}
):
    """One deed. Exactly one of `at_s` and `on` is set."""

    device: DeviceKind
    do: str
    at_s: float | None = None
    on: str = ""
    arguments: dict[str, Argument] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a step nobody could play."""
        if self.do not in DEEDS[self.device]:
            known = ", ".join(sorted(DEEDS[self.device]))
            raise ValueError(f"{self.device} cannot {self.do!r}; it can {known}")
        if (self.at_s is None) == (not self.on):
            raise ValueError("say either at_s or on")
        if self.at_s is not None and not 0 <= self.at_s <= LONGEST_S:
            raise ValueError(f"at_s lies between 0 and {LONGEST_S:g}")


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    about: str
    step: list[Step]


World = Mapping[DeviceKind, Device]


class Scenario(msgspec.Struct, frozen=True):
    """What happens, in order."""

    about: str
    steps: tuple[Step, ...]

    @classmethod
    def load(cls, data: bytes) -> Scenario:
        """Read a world file.

        Raises:
            InvalidScenario: too large, not TOML, an unknown key, device or deed.
        """
        if len(data) > SCENARIO_LIMIT_BYTES:
            raise InvalidScenario(f"a scenario has at most {SCENARIO_LIMIT_BYTES} bytes")
        try:
            file = msgspec.convert(tomllib.loads(data.decode("utf-8")), settled(_File))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise InvalidScenario(f"this is not a scenario: {error}") from error
        if len(file.step) > MAX_STEPS:
            raise InvalidScenario(f"a scenario has at most {MAX_STEPS} steps")
        return cls(file.about, tuple(file.step))

    @classmethod
    def shipped(cls, name: str) -> Scenario:
        """One of the scenarios that come with the product, by its name without `.toml`.

        Raises:
            InvalidScenario: there is none of that name.
        """
        if name not in shipped_names():
            raise InvalidScenario(f"no scenario is called {name!r}; there are {', '.join(shipped_names())}")
        return cls.load((resources.files("appliance.devices") / "scenarios" / f"{name}.toml").read_bytes())

    @property
    def cues(self) -> tuple[str, ...]:
        """All cues, in the order they first appear."""
        return tuple(dict.fromkeys(step.on for step in self.steps if step.on))

    @property
    def timeline(self) -> tuple[Step, ...]:
        """The steps with a time, earliest first."""
        return tuple(sorted((step for step in self.steps if step.at_s is not None), key=_time_of))

    def play(self, world: World, cue: str) -> int:
        """Do everything that waits for this cue, in the file's order; returns how many deeds were done.

        Raises:
            UnplayableStep: the world lacks a device, or its driver is not a simulator; earlier steps stand.
        """
        chosen = [step for step in self.steps if step.on == cue]
        for step in chosen:
            perform(world, step)
        return len(chosen)

    def timeline_worker(self, world: World, *, monotonic_s: Callable[[], float]) -> Worker:
        """A worker that plays the timed steps once, from the moment it is started."""

        def live(stopping: threading.Event) -> None:
            begin_s = monotonic_s()
            for step in self.timeline:
                if stopping.wait(max(0.0, _time_of(step) - (monotonic_s() - begin_s))):
                    return
                perform(world, step)
            stopping.wait()

        return Worker("scenario", body=live)


def shipped_names() -> tuple[str, ...]:
    """Names of the scenarios that come with the product."""
    folder = resources.files("appliance.devices") / "scenarios"
    return tuple(
        sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))
    )


def perform(world: World, step: Step) -> None:
    """One deed on the back of a simulator.

    Raises:
        UnplayableStep: no such device, no back, or arguments that do not fit.
    """
    device = world.get(step.device)
    deed = getattr(device, step.do, None)
    if device is None or not callable(deed):
        raise UnplayableStep(
            f"this world has no simulated {step.device} that can {step.do}", device=step.device, do=step.do
        )
    try:
        deed(**step.arguments)
    except TypeError as error:
        raise UnplayableStep(
            f"{step.device} cannot {step.do} with {sorted(step.arguments)}", device=step.device, do=step.do
        ) from error


def _time_of(step: Step) -> float:
    return 0.0 if step.at_s is None else step.at_s
