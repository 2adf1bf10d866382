"""What can go wrong at a station."""

from __future__ import annotations

from contracts.errors import PueError, WhoCanAct


class ProvisioningError(PueError):
    """A step could not be done; run the same command again after mending the cause."""

    code = "provisioning.failed"
    who = WhoCanAct.TECHNICIAN


class StepNotVerified(ProvisioningError):
    """A step was done and its result does not hold."""

    code = "provisioning.not_verified"


class FleetUnreached(ProvisioningError):
    """The fleet does not answer."""

    code = "provisioning.fleet_unreached"
    who = WhoCanAct.WAIT


class FleetUntrusted(ProvisioningError):
    """Whoever answers at the address is not the fleet whose authority was given."""

    code = "provisioning.fleet_untrusted"


class FleetRefused(ProvisioningError):
    """The fleet answered no; its own code and sentence are passed on."""

    def __init__(self, code: str, who: WhoCanAct, message: str, status: int) -> None:
        super().__init__(message or f"the fleet answered HTTP {status}", status=status)
        self.code, self.who = code, who


class OtherBox(ProvisioningError):
    """The folder already belongs to another box."""

    code = "provisioning.other_box"


class BookDamaged(ProvisioningError):
    """The manufacturing book's chain of hashes is broken: somebody changed a line."""

    code = "provisioning.book_damaged"
