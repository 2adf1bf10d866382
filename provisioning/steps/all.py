"""The list of steps a recipe may name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from provisioning.steps.belongings import Belongings
from provisioning.steps.certificates import Certificates
from provisioning.steps.keys import Keys
from provisioning.steps.voucher import Voucher

if TYPE_CHECKING:
    from provisioning.steps.port import Step

STEPS: Final[dict[str, Step]] = {
    "keys": Keys(),
    "certificates": Certificates(),
    "belongings": Belongings(),
    "voucher": Voucher(),
}
