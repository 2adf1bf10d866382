"""One open picamera2 with its two streams: a full one and a small one, in the same frame.

By default a picture is the full stream of a frame of the running camera: no mode is switched, so there is no shutter lag, and
memory that hardware can reach is laid out once. Where the full stream is too slow for a live picture, the camera runs at half the
size and switches its mode for each picture.
"""

from __future__ import annotations

import errno
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from appliance.devices.camera.planes import Planes, planes_of
from appliance.devices.camera.sensor import FOCUS_NEAR, LET_GO, Light, focus, known_of, light_of, wishes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.devices.camera.picamera2_settings import Picamera2Settings


def is_short_of_memory(error: Exception) -> bool:
    """Whether contiguous memory has run out: libcamera and picamera2 say so in several ways."""
    return (isinstance(error, OSError) and error.errno == errno.ENOMEM) or any(
        words in str(error) for words in ("Cannot allocate memory", "failed to allocate")
    )


class Streams:
    """Started when it is made.

    Args:
        camera: a picamera2, just opened; closed with this, and when this cannot be made.
        settings: see there.
        lens_position: dioptres, where the focus is known.
        buffers: frames in flight.

    Raises:
        Exception: of any kind that picamera2 and libcamera have.
    """

    def __init__(
        self, camera: Any, settings: Picamera2Settings, lens_position: float | None, buffers: int
    ) -> None:
        self._camera, self._settings = camera, settings
        self._lens_position = lens_position
        self._light: Light | None = None
        full = (settings.width, settings.height)
        running = (full[0] // 4 * 2, full[1] // 4 * 2) if settings.switch_mode else full
        try:
            # A preview configuration is the one with full-range (JPEG) colour by default.
            camera.configure(self._configuration(camera.create_preview_configuration, running, buffers))
            camera.start()
        except BaseException:
            self.close()
            raise

    @property
    def light(self) -> Light | None:
        """What is kept, while it is kept."""
        return self._light

    def small(self) -> Planes:
        """The small stream of a frame of now."""
        job = self._camera.capture_request(wait=False)
        with self._request(job) as request:
            return self._planes(request, "lores")

    def full(self) -> tuple[Planes, Light | None]:
        """The full stream of a frame that began after this call, and the light it was taken in."""
        if self._settings.switch_mode:
            size = (self._settings.width, self._settings.height)
            still = self._configuration(self._camera.create_still_configuration, size, 1)
            job = self._camera.switch_mode_and_capture_request(still, wait=False)
        else:
            # Only a sensor that reports its exposure can tell which frame began after now (a UVC camera does not).
            job = self._camera.capture_request(
                wait=False, flush="ExposureTime" in self._camera.camera_controls
            )
        with self._request(job) as request:
            planes, light = self._planes(request, "main"), light_of(request.get_metadata())
        if self._settings.switch_mode:
            self._ask(self._wishes())  # the way back to the running mode forgets what was set since
        return planes, light

    def keep(self, light: Light | None) -> None:
        """Keep exposure and white balance as they are; None: let them go."""
        self._light = light
        self._ask(light.controls() if light else LET_GO)

    @property
    def focuses(self) -> bool:
        """Whether the lens can be moved."""
        return "AfMode" in self._camera.camera_controls

    def find_focus(self) -> float | None:
        """Focus once on what lies there and stay so.

        Returns:
            The lens' position in dioptres; None: the camera has no moving lens, or found none and goes on looking by itself.
        """
        if not self.focuses:
            return None
        self._ask(FOCUS_NEAR)
        try:
            found = self._camera.wait(
                self._camera.autofocus_cycle(wait=False), timeout=self._settings.focus_s
            )
        except TimeoutError:
            self._camera.cancel_all_and_flush()
            found = False
        if found:
            with self._request(self._camera.capture_request(wait=False)) as request:
                self._lens_position = request.get_metadata().get("LensPosition")
        self._ask(focus(self._lens_position))
        return self._lens_position

    def close(self) -> None:
        """Let go of the hardware; what fails on the way is no news to anybody."""
        for step in (self._camera.stop, self._camera.close):
            with suppress(Exception):
                step()

    # ---- inside

    def _configuration(self, create: Any, size: tuple[int, int], buffers: int) -> Any:
        chosen = self._settings
        return create(
            main={"size": size, "format": "YUV420"},
            lores={"size": (chosen.preview_width, chosen.preview_height), "format": "YUV420"},
            buffer_count=buffers,
            controls=known_of(self._wishes(), self._camera.camera_controls),
        )

    def _wishes(self) -> dict[str, object]:
        return wishes(lens_position=self._lens_position, light=self._light, ev=self._settings.ev)

    def _ask(self, controls: Any) -> None:
        self._camera.set_controls(known_of(controls, self._camera.camera_controls))

    @contextmanager
    def _request(self, job: Any) -> Iterator[Any]:
        request = self._camera.wait(job, timeout=self._settings.frame_s)
        try:
            yield request
        finally:
            request.release()

    @staticmethod
    def _planes(request: Any, stream: str) -> Planes:
        given = request.config[stream]
        return planes_of(request.make_array(stream), given["format"], *given["size"])
