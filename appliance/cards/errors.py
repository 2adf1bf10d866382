"""What can go wrong between a card and us, each with a code the desk can translate.

No message and no fact here ever holds a CAN, an MRZ, an APDU, a key or a name.
"""

from __future__ import annotations

from contracts.errors import PueError, WhoCanAct

ASN1_FAULTS = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""How asn1crypto complains about hostile bytes: late, and in all these ways. Whatever it is, the object is none."""


class CardError(PueError):
    """Base of everything a card conversation refuses with."""

    code = "card.error"
    who = WhoCanAct.CLERK


class CardGone(CardError):
    """The card left the field or the slot before the reading was over."""

    code = "card.removed"


class CardUnreadable(CardError):
    """The card speaks, but what it says cannot be a document of ours. Fact ``reason`` says where."""

    code = "card.unreadable"


class NotADocument(CardError):
    """A working card that carries no electronic travel document or identity card."""

    code = "card.not_a_document"


class CardRefused(CardError):
    """The card answered a command with an error. Facts: ``step`` and ``status_word`` (four hex digits)."""

    code = "card.refused"

    def __init__(self, step: str, status_word: int) -> None:
        super().__init__(f"the card refused {step}", step=step, status_word=f"{status_word:04X}")
        self.status_word = status_word


class SecureMessagingLost(CardError):
    """The protected session ended: a missing or wrong MAC, or a plain error from the card."""

    code = "card.session_lost"

    def __init__(self, reason: str, status_word: int | None = None) -> None:
        super().__init__(
            f"secure messaging ended: {reason}",
            reason=reason,
            status_word=None if status_word is None else f"{status_word:04X}",
        )
        self.status_word = status_word


class WrongCode(CardError):
    """The card does not recognise the code that was typed. Never retried by the box on its own.

    ``attempts_left`` is None where the card does not tell (a CAN has no counter, but the chip may slow down).
    """

    code = "card.wrong_code"

    def __init__(self, kind: str, attempts_left: int | None = None) -> None:
        super().__init__(f"the card did not accept the {kind}", kind=kind, attempts_left=attempts_left)
        self.kind = kind
        self.attempts_left = attempts_left


class WrongCan(WrongCode):
    code = "card.wrong_can"

    def __init__(self, attempts_left: int | None = None) -> None:
        super().__init__("can", attempts_left)


class WrongMrz(WrongCode):
    code = "card.wrong_mrz"

    def __init__(self, attempts_left: int | None = None) -> None:
        super().__init__("mrz", attempts_left)


class WrongPin(WrongCode):
    """The PIN was not the card's; after three of them it is blocked."""

    code = "card.wrong_pin"

    def __init__(self, attempts_left: int | None = None) -> None:
        super().__init__("pin", attempts_left)


class PinBlocked(CardError):
    """The card takes no PIN any more; its issuer unblocks it."""

    code = "card.pin_blocked"


class PinSpared(CardError):
    """Only one try is left, so the PIN was not even sent: a slip here would block the holder's card."""

    code = "card.pin_spared"


class CodeNeeded(CardError):
    """A travel document lies there, and no code printed on it was given."""

    code = "card.code_needed"


class MalformedCode(CardError, ValueError):
    """A CAN or MRZ that cannot be right whatever the card: refused before the card is asked."""

    code = "card.code_malformed"


class MalformedData(CardUnreadable, ValueError):
    """Bytes that do not follow their grammar (APDU, TLV, data group, security object)."""

    code = "card.malformed"


class Unsupported(CardError):
    """A protocol or algorithm the card asks for and this box does not speak."""

    code = "card.unsupported"
    who = WhoCanAct.TECHNICIAN


class MrzNeeded(CardError):
    """The card cannot be opened with a CAN (by this reader): the lines on its back are needed."""

    code = "card.mrz_needed"
