"""A worker whose body sleeps until something rings, and that rings itself when it is asked to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.runtime.workers import OnDeath, Worker, end_process

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable


class BelledWorker(Worker):
    """A body that waits without a timeout: no wake-ups while nothing happens, and still a prompt end."""

    def __init__(
        self,
        name: str,
        body: Callable[[threading.Event], object],
        bell: Callable[[], None],
        *,
        on_death: OnDeath = end_process,
    ) -> None:
        super().__init__(name, body=body, on_death=on_death)
        self._bell = bell

    def stop(self) -> None:
        """Ask the worker to end, and wake it to hear it."""
        super().stop()
        self._bell()
