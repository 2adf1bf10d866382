"""A camera over a desk that exists only in memory.

Front: the port. Back: `place`, `place_sample`, `take_away`, `show_document`, `show_tessera`, `show_portrait`, `cover_lens`,
`uncover_lens`, `lose_focus`, `unplug`, `mend`.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import threading
from typing import TYPE_CHECKING, Final, Self

import msgspec
from PIL import Image, ImageFilter

from appliance.cards.software.shelf import CardName, printed_lines
from appliance.devices.camera import scene
from appliance.devices.camera.port import CameraAbsent, CameraClosed, Claim
from appliance.devices.port import (
    Condition,
    DeviceKind,
    DeviceState,
    Now,
    OnChange,
    StateKeeper,
    driver_settings,
)
from appliance.runtime.clock import utc_now
from contracts.settled import settled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

DRIVER: Final = "simulated"
LENS_COVERED: Final = "camera.lens_covered"


class SimulatedCameraSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the simulated camera.

    Attributes:
        page_on_desk: whether a sample page lies there from the start.
    """

    page_on_desk: bool = True


@dataclasses.dataclass(frozen=True)
class Seen:
    """What the camera looks at, for the full picture and for the small one."""

    full: Image.Image
    small: Image.Image

    def soft(self) -> Seen:
        """The same by a lens that is out of focus."""
        full, small = self.full.filter(ImageFilter.BoxBlur(9)), self.small.filter(ImageFilter.BoxBlur(2))
        return Seen(full, small)


@functools.cache
def _dark() -> Seen:
    dark = scene.darkness()
    return Seen(dark, scene.small(dark))


class SimulatedCamera:
    """Looks at a drawn desk."""

    def __init__(self, settings: SimulatedCameraSettings | None = None, *, now: Now = utc_now) -> None:
        self._settings = settings or SimulatedCameraSettings()
        self._now = now
        self._keeper = StateKeeper(DeviceKind.CAMERA, DRIVER, now=now)
        self._claim = Claim(self._show)
        self._world = threading.RLock()
        self._open = False
        self._plugged = True
        self._covered = False
        self._sharp = True
        self._tick = 0
        self._scene: Seen | None = None

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """See `SimulatedCameraSettings`."""
        return cls(driver_settings(SimulatedCameraSettings, settings, kind=DeviceKind.CAMERA, driver=DRIVER))

    # ---- front

    def open(self) -> None:
        """Begin to see."""
        with self._world:
            if self._scene is None:
                self._put(scene.desk_with(scene.sample_page() if self._settings.page_on_desk else None))
            self._open = True
        self._show()

    def close(self) -> None:
        """Stop seeing."""
        with self._world:
            self._open = False
        self._show()

    def state(self) -> DeviceState:
        """How it is."""
        return self._keeper.state()

    def watch(self, on_change: OnChange) -> None:
        """Tell of changes."""
        self._keeper.watch(on_change)

    def preview(self) -> bytes:
        """A small JPEG; each one differs a little."""
        seen, tick = self._look()
        return scene.frame_jpeg(seen.small, tick, quality=75)

    def still(self) -> bytes:
        """A full JPEG."""
        seen, tick = self._look()
        return scene.frame_jpeg(seen.full, tick, quality=90)

    def refocus(self) -> bool:
        """The lens finds it at once."""
        self._look()
        with self._world:
            self._sharp = True
        return True

    def hold(self, by: str) -> AbstractContextManager[None]:
        """Keep it for one task."""
        return self._claim.hold(by)

    def lend(self, to: str) -> AbstractContextManager[None]:
        """Give it away."""
        return self._claim.lend(to)

    # ---- back

    def place(self, image: bytes) -> None:
        """Put a page (PNG or JPEG bytes) on the desk."""
        with Image.open(io.BytesIO(image)) as page:
            self._put(scene.desk_with(page))

    def place_sample(self, number: int = 1, paper: str = "letter", **how: bool) -> None:
        """Put an invented page on the desk.

        Args:
            number: of the page.
            paper: one of `scene.PAPERS`.
            how: see `scene.Lay`.

        Raises:
            ValueError: there is no such paper, or no sheet lies so.
        """
        if paper not in scene.PAPERS:
            raise ValueError(f"there is no such paper; there are {', '.join(scene.PAPERS)}")
        lay = msgspec.convert(how, settled(scene.Lay), strict=True)
        if unknown := set(how) - set(scene.Lay.__struct_fields__):
            raise ValueError(f"no sheet lies so: {', '.join(sorted(unknown))}")
        self._put(scene.desk_with(scene.sample_page(int(number), paper), lay))

    def take_away(self) -> None:
        """Leave the desk empty."""
        self._put(scene.desk_with(None))

    def show_document(self, card: str = CardName.CIE) -> None:
        """Put a document of the shelf on the desk, its printed lines up.

        Raises:
            ValueError: there is no such card, or nothing is printed on it.
        """
        from appliance.devices.camera import documents

        self._put(documents.with_lines(printed_lines(card, self._now())))

    def show_tessera(self, codice_fiscale: str) -> None:
        """Put a Tessera Sanitaria on the desk, its bar code up.

        Raises:
            ValueError: no codice fiscale has that many signs.
        """
        from appliance.devices.camera import documents

        if len(codice_fiscale) != 16 or not codice_fiscale.isalnum():
            raise ValueError("a codice fiscale has sixteen signs")
        self._put(documents.tessera(codice_fiscale))

    def show_portrait(self) -> None:
        """Turn to the person."""
        self._put(scene.portrait())

    def cover_lens(self) -> None:
        """A hand on the lens."""
        self._become(covered=True)

    def uncover_lens(self) -> None:
        """The hand goes."""
        self._become(covered=False)

    def lose_focus(self) -> None:
        """Somebody pushed the column: everything is out of focus until it is looked for again."""
        with self._world:
            self._sharp = False

    def unplug(self) -> None:
        """The cable comes out."""
        self._become(plugged=False)

    def mend(self) -> None:
        """Cable in, lens free and sharp."""
        with self._world:
            self._sharp = True
        self._become(plugged=True, covered=False)

    # ---- inside

    def _put(self, picture: Image.Image) -> None:
        seen = Seen(picture, scene.small(picture))
        with self._world:
            self._scene = seen

    def _become(self, *, covered: bool | None = None, plugged: bool | None = None) -> None:
        with self._world:
            self._covered = self._covered if covered is None else covered
            self._plugged = self._plugged if plugged is None else plugged
        self._show()

    def _look(self) -> tuple[Seen, int]:
        self._claim.refuse_if_lent()
        with self._world:
            if not self._open or self._scene is None:
                raise CameraClosed("the camera is not open")
            if not self._plugged:
                raise CameraAbsent("the camera is not connected")
            self._tick += 1
            seen = _dark() if self._covered else self._scene
            return seen if self._sharp else seen.soft(), self._tick

    def _show(self) -> None:
        with self._world:
            if not self._open:
                self._keeper.become(Condition.ABSENT, CameraClosed.code)
            elif not self._plugged:
                self._keeper.become(Condition.ABSENT, CameraAbsent.code)
            elif self._covered:
                self._keeper.become(Condition.WARNING, LENS_COVERED)
            else:
                condition, code, facts = self._claim.condition()
                self._keeper.become(condition, code, **facts)
