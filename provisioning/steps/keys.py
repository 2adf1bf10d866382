"""keys: two private keys, made on the box and never leaving it: the agent's for TLS, the desk's for letters."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from contracts.identity import fingerprint
from contracts.messages.enrolment import KeyUse
from provisioning.errors import StepNotVerified
from provisioning.files import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from provisioning.ground import Ground
    from provisioning.steps.port import Facts


class Keys:
    """P-256 keys in PKCS #8 PEM, 0600, each in its own folder for its own user."""

    def check(self, ground: Ground) -> bool:
        return all(ground.key_file(use).exists() for use in KeyUse)

    def do(self, ground: Ground) -> str:
        for use in KeyUse:
            if not ground.key_file(use).exists():
                key = ec.generate_private_key(ec.SECP256R1())
                pem = key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
                write_private(ground.key_file(use), pem)
        return ""

    def verify(self, ground: Ground) -> Facts:
        prints = {}
        for use in KeyUse:
            path = ground.key_file(use)
            if stat.S_IMODE(path.stat().st_mode) != 0o600:
                raise StepNotVerified(f"the {use.value} key can be read by others: chmod 600")
            public = load_key(path).public_key()
            spki = public.public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            prints[f"{use.value}_public_key"] = fingerprint(spki)
        if len(set(prints.values())) != len(prints):
            raise StepNotVerified("link and desk have the same key: remove both and run again")
        return prints


def load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The private key in a file.

    Raises:
        StepNotVerified: it is not there, damaged, or not on P-256.
    """
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as why:
        raise StepNotVerified(f"{path.parent.name}/{path.name} is not a private key") from why
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise StepNotVerified(f"{path.parent.name}/{path.name} is not a P-256 key")
    return key
