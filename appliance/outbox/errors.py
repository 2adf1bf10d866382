"""What can go wrong with the letter box, in words a clerk's page has sentences for."""

from __future__ import annotations

from contracts.errors import PueError, WhoCanAct


class OutboxError(PueError):
    """The letter box did not do what it was asked, and nothing of it was half done."""

    code = "outbox.failed"
    who = WhoCanAct.TECHNICIAN


class OutboxFull(OutboxError):
    """No room on the disk. Nothing was stored."""

    code = "outbox.full"


class OutboxDamaged(OutboxError):
    """The file cannot be read any more; the next start sets it aside and saves what can be proved whole."""

    code = "outbox.damaged"


class OutboxBusy(OutboxError):
    """The other process has held the file for too long."""

    code = "outbox.busy"
    who = WhoCanAct.WAIT


class OutboxNewer(OutboxError):
    """The file was written by a newer version of the product."""

    code = "outbox.newer"


class LetterUnknown(OutboxError):
    """No letter of this id."""

    code = "outbox.unknown_letter"
    who = WhoCanAct.OPERATOR


class LetterErased(OutboxError):
    """The recipient has the letter; its bytes were erased here."""

    code = "outbox.letter_erased"
    who = WhoCanAct.OPERATOR


class LetterMismatch(OutboxError):
    """The bytes are not the ones the label or the receipt speaks of."""

    code = "outbox.letter_mismatch"
    who = WhoCanAct.OPERATOR
