"""The twin on the box: the newest desired state, remembered over restarts, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts import codec
from contracts.errors import InvalidMessage
from contracts.messages.twin import Desired

if TYPE_CHECKING:
    from appliance.agent.store import Store

_NAME: Final = "desired"


class Twin:
    """Level-triggered: only the newest revision counts.

    Args:
        store: remembers the applied state.
        default: holds until the fleet says something.
    """

    def __init__(self, store: Store, default: Desired) -> None:
        self._store = store
        kept = store.recall(_NAME)
        try:
            self.desired = default if kept is None else codec.decode(Desired, kept)
        except InvalidMessage:  # written by a version that knew more or less
            self.desired = default

    def apply(self, payload: bytes) -> bool:
        """Take a desired state; whether it is news. An older revision is a late echo.

        Raises:
            InvalidMessage: not a desired state; the present one holds.
            StoreError: it could not be remembered; the present one holds.
        """
        wanted = codec.decode(Desired, payload)
        if wanted.rev <= self.desired.rev and self._store.recall(_NAME) is not None:
            return False
        self._store.remember(_NAME, codec.encode(wanted))
        self.desired = wanted
        return True
