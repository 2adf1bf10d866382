"""What every step promises."""

from __future__ import annotations

from typing import Protocol

from provisioning.ground import Ground

Facts = dict[str, str]
"""What a step says of its result; may be written into the book: never a key, a token or a code."""


class Step(Protocol):
    """A step is run again and again until it holds: `check`, and only if that finds nothing, `do`, then `verify`."""

    def check(self, ground: Ground) -> bool:
        """Whether the step's result already stands. Looks, changes nothing."""
        ...

    def do(self, ground: Ground) -> str:
        """Make it so; may be interrupted anywhere and begun again. Returns what must be shown once, or ""."""
        ...

    def verify(self, ground: Ground) -> Facts:
        """Prove that it stands.

        Raises:
            StepNotVerified: it does not; the sentence says what is wrong.
        """
        ...
