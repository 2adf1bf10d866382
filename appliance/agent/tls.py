"""TLS as both roads of the agent use it: our certificate, and nobody believed but the fleet's own authority."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from pathlib import Path


class IdentityUnusable(PueError):
    """The link certificate, its key or the fleet's authority cannot be used."""

    code = "box.identity_unusable"
    who = WhoCanAct.TECHNICIAN


def client_tls(authority: str, certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 or better, our certificate, and no authority but the fleet's own.

    Raises:
        IdentityUnusable: certificate, key or authority cannot be loaded.
    """
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=authority)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate, key)
    except (OSError, ValueError) as why:
        raise IdentityUnusable(
            f"certificate, key or authority cannot be loaded: {why}; run pue-provision"
        ) from why
    return context
