"""What enrolment gave this desk: its name, its place, its key, and whom it seals for."""

from __future__ import annotations

from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from appliance.runtime.belongings import LIMIT_BYTES, load_belongings
from appliance.runtime.files import StorageError, read_bounded
from contracts.envelope import SigningKey
from contracts.errors import InvalidMessage, PueError, WhoCanAct
from contracts.messages.enrolment import Belongings, Site


class NotEnrolled(PueError):
    """The box has no name, key or recipient yet, or they cannot be read."""

    code = "desk.not_enrolled"
    who = WhoCanAct.TECHNICIAN


class Sealing(msgspec.Struct, frozen=True):
    """What a letter is sealed with."""

    key: SigningKey
    certificate: x509.Certificate
    recipient: x509.Certificate


def read_belongings(folder: Path) -> Belongings:
    """Name and place of the box.

    Raises:
        NotEnrolled: with what is missing.
    """
    try:
        return load_belongings(folder)
    except (StorageError, InvalidMessage) as why:
        raise NotEnrolled("this box was not given its belongings yet", missing=why.code) from None


def site_of(folder: Path) -> Site | None:
    """Where the box stands, for pages and papers; None while it was given no place, or that cannot be read."""
    try:
        return read_belongings(folder).site
    except NotEnrolled:
        return None


def read_sealing(folder: Path) -> Sealing:
    """Key and certificates, fresh from the disk: they are renewed while the desk runs.

    Raises:
        NotEnrolled: one of them is not there or cannot be used.
    """
    try:
        key = load_pem_private_key(read_bounded(folder / "desk" / "key.pem", limit_bytes=LIMIT_BYTES), None)
        certificate = x509.load_pem_x509_certificate(
            read_bounded(folder / "desk" / "cert.pem", limit_bytes=LIMIT_BYTES)
        )
        recipient = x509.load_pem_x509_certificate(read_belongings(folder).recipient.encode())
    except StorageError as why:
        raise NotEnrolled("the desk's key is not there", missing=why.code) from None
    except (ValueError, TypeError):
        raise NotEnrolled("the desk's key or certificate cannot be read", missing="desk_key") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise NotEnrolled("the desk's key is of a kind that cannot sign letters", missing="desk_key")
    return Sealing(key, certificate, recipient)
