"""How long the link certificate is still good: a box whose certificate ends is a box nobody reaches."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from cryptography import x509

from appliance.agent.probes.port import ProbeFailed

if TYPE_CHECKING:
    from pathlib import Path

DAY_S = 86_400


def read(certificate: Path, now: dt.datetime) -> float:
    """Days until the certificate in this file ends; negative when it has ended.

    Raises:
        ProbeFailed: there is none, or it is none.
    """
    try:
        return days(x509.load_pem_x509_certificate(certificate.read_bytes()), now)
    except (OSError, ValueError) as why:
        raise ProbeFailed("the link certificate cannot be read", file=certificate.name) from why


def days(certificate: x509.Certificate, now: dt.datetime) -> float:
    """Days until it ends."""
    return round((certificate.not_valid_after_utc - now).total_seconds() / DAY_S, 2)
