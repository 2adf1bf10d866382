"""Who this box is: its belongings, its link certificate and key, as provisioning laid them down."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from appliance.agent.tls import IdentityUnusable, client_tls
from appliance.runtime.belongings import LIMIT_BYTES, load_belongings
from appliance.runtime.files import StorageError, read_bounded
from contracts.errors import InvalidMessage, PueError, WhoCanAct
from contracts.messages.enrolment import Belongings
from contracts.messages.report import Certificate


class NotProvisioned(PueError):
    """The box has no identity yet, or one that does not hold together: provision it."""

    code = "box.not_provisioned"
    who = WhoCanAct.TECHNICIAN


class LinkFiles(msgspec.Struct, frozen=True):
    """Where the agent's TLS identity lies."""

    certificate: Path
    key: Path


def link_files(state_dir: Path) -> LinkFiles:
    """`identity/link/{cert.pem,key.pem}`."""
    folder = state_dir / "identity" / "link"
    return LinkFiles(folder / "cert.pem", folder / "key.pem")


def read_belongings(state_dir: Path) -> Belongings:
    """What the fleet gave the box.

    Raises:
        NotProvisioned: there is nothing, or it cannot be read.
    """
    try:
        return load_belongings(state_dir / "identity")
    except (StorageError, InvalidMessage) as why:
        raise NotProvisioned(f"this box has no belongings: run pue-provision ({why})") from why


def read_certificate(path: Path) -> Certificate:
    """Validity of the link certificate, for the birth.

    Raises:
        NotProvisioned: there is none, or it is not one.
    """
    try:
        found = x509.load_pem_x509_certificate(read_bounded(path, limit_bytes=LIMIT_BYTES))
    except (StorageError, ValueError) as why:
        raise NotProvisioned("this box has no link certificate: run pue-provision") from why
    return Certificate(
        not_before=int(found.not_valid_before_utc.timestamp() * 1000),
        not_after=int(found.not_valid_after_utc.timestamp() * 1000),
        fingerprint=found.fingerprint(hashes.SHA256()).hex(),
    )


def prove_identity(authority: str, files: LinkFiles) -> None:
    """Refuse to start rather than never to connect.

    Raises:
        NotProvisioned: certificate, key or authority is missing or does not fit.
    """
    read_certificate(files.certificate)
    try:
        client_tls(authority, files.certificate, files.key)
    except IdentityUnusable as why:
        raise NotProvisioned(str(why)) from why


def software_version() -> str:
    """Of the product."""
    try:
        return metadata.version("pue-box")
    except metadata.PackageNotFoundError:
        return "0"


def os_name() -> str:
    """Pretty name of the operating system."""
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")[:120]
    except OSError:
        return platform.system()
