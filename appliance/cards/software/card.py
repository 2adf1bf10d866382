"""What every card in software is: something a reader can talk to."""

from __future__ import annotations

from typing import Protocol

from appliance.cards.steps import Secret


class SoftwareCard(Protocol):
    """Answers commands. One object is one card; `reset` is what a reader does when the card enters its field or slot."""

    @property
    def atr(self) -> bytes:
        """Answer to reset, as PC/SC shows it."""
        ...

    @property
    def opens_with(self) -> Secret | None:
        """The code printed on it; None for a card that is read without one."""
        ...

    def reset(self) -> None:
        """Sessions and selections are gone."""
        ...

    def transmit(self, raw: bytes) -> bytes:
        """One command as bytes, one response as bytes.

        Raises:
            CardGone: this card leaves its reader now.
        """
        ...
