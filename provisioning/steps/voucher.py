"""voucher: the hand-over code with which the first clerk opens the desk. Shown once; only its hash stays."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING, Final

from provisioning.errors import StepNotVerified
from provisioning.files import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from provisioning.ground import Ground
    from provisioning.steps.port import Facts

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: nothing a person mistakes for something else on paper."""
SIGNS: Final = 16
"""Eighty bits."""

_RECORD: Final = re.compile(rb"sha256:[0-9a-f]{64}\n")


class Voucher:
    """`vault/voucher` holds ``sha256:`` of the code; the desk erases it with the first clerk."""

    def check(self, ground: Ground) -> bool:
        # The desk takes the record away when it has served; the mark beside the identity stays.
        return _mark(ground).exists() and not ground.new_voucher

    def do(self, ground: Ground) -> str:
        code = "".join(secrets.choice(ALPHABET) for _ in range(SIGNS))
        digest = hashlib.sha256(code.encode()).hexdigest()
        write_private(_record(ground), f"sha256:{digest}\n".encode())
        write_private(_mark(ground), b"given\n")
        return "-".join(code[at : at + 4] for at in range(0, SIGNS, 4))

    def verify(self, ground: Ground) -> Facts:
        if not _mark(ground).exists():
            raise StepNotVerified("no hand-over code was made")
        record = _record(ground)
        if record.exists() and not _RECORD.fullmatch(record.read_bytes()):
            raise StepNotVerified("the hand-over code's record is damaged: run again with --new-voucher")
        return {"voucher": "given"}


def _record(ground: Ground) -> Path:
    return ground.state_dir / "vault" / "voucher"


def _mark(ground: Ground) -> Path:
    return ground.state_dir / "identity" / "voucher.given"
