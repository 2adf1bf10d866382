"""What must lie in the fleet's folder before a process of it can start: keys, certificates, list, schema."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from fleet.clock import Clock
from fleet.database import Database
from fleet.enrolment import issue, keys, request
from fleet.enrolment.authority import Authority, read_certificate
from fleet.enrolment.keys import keys_folder
from fleet.link.broker import INGEST_NAME, PROBE_NAME, Material
from fleet.link.worker import Post
from fleet.registry import certificates, recipients
from fleet.registry.certificates import Issued, Unit
from fleet.registry.recipients import RecipientFile
from fleet.settings import FleetSettings

RENEW_BEFORE: Final = timedelta(days=30)
ALWAYS: Final = ("localhost", "127.0.0.1")
REVOKED: Final = "revoked.pem"


def prepare(settings: FleetSettings, database: Database, clock: Clock) -> Authority:
    """Make or renew all of it; what is there and good stays. Safe to run again, and from two processes.

    Raises:
        KeysUnavailable, DatabaseUnavailable: the folder or the database cannot be used.
    """
    now = clock.now()
    with keys.alone(settings.folder):
        database.upgrade()
        authority = Authority.make(settings.folder, now=now)
        keys.make_fleet_key(settings.folder)
        hosts = list(dict.fromkeys([*settings.public_hosts, *ALWAYS]))
        days = settings.enrolment.server_days
        for name in ("gate", "broker"):
            _server(settings.folder, authority, name, hosts, days=days, now=now)
        for name in (f"{INGEST_NAME}-0", PROBE_NAME):
            _own_client(settings, database, authority, name, now=now)
        refresh_revoked(settings, database, authority, now=now)
    return authority


def refresh_revoked(
    settings: FleetSettings, database: Database, authority: Authority, *, now: datetime
) -> list[Issued] | None:
    """Write the revocation list if it is old or no longer says what the book says.

    Returns:
        None if nothing had to be written; else what is new on it (empty when it was only old).
    """
    path = keys_folder(settings.folder) / REVOKED
    with database.read() as session:
        revoked = certificates.revoked(session, now=now)
    told = _told(path)
    fresh_from = now - timedelta(hours=settings.enrolment.crl_refresh_hours)
    listed = {f"{entry.serial_number:x}" for entry in told} if told is not None else set()
    # A list may still name what has expired meanwhile; it must not miss what was taken back.
    new = [issued for issued in revoked if issued.serial not in listed]
    fresh = told is not None and told.last_update_utc > fresh_from and authority_signed(authority, told)
    if fresh and not new:
        return None
    data = authority.revocation_list(revoked, now=now, days=settings.enrolment.crl_days)
    keys.write_public(path, data)
    return new


def authority_signed(authority: Authority, told: x509.CertificateRevocationList) -> bool:
    """Whether a list is of our present root."""
    key = authority.certificate.public_key()
    return isinstance(key, ec.EllipticCurvePublicKey) and told.is_signature_valid(key)


def add_recipient(
    settings: FleetSettings, database: Database, given: RecipientFile, *, now: datetime, csr: bytes = b""
) -> x509.Certificate | None:
    """Write a recipient in the book; its TLS certificate if a request came along.

    Raises:
        RequestRefused: the request is not one we sign.
    """
    body = csr or (given.client_csr_pem or given.client_csr).encode()
    key = request.proven_key(request.from_est_body(body), cn=None) if body else None
    authority = Authority.open(settings.folder)
    with database.write() as session:
        recipients.add(session, given, now=now)
        if key is None:
            return None
        return issue.for_recipient(session, authority, settings.enrolment, name=given.name, key=key, now=now)


def broker_material(settings: FleetSettings) -> Material:
    """Files of the broker."""
    folder = keys_folder(settings.folder)
    return Material(
        authority=folder / "authority.pem",
        certificate=folder / "broker.pem",
        key=folder / "broker.key",
        revocation_list=folder / REVOKED,
    )


def post(settings: FleetSettings, name: str) -> Post:
    """How one of our own clients reaches the broker."""
    folder = keys_folder(settings.folder)
    return Post(
        host=own_host(settings.broker.listen),
        port=settings.broker.port,
        name=name,
        authority=folder / "authority.pem",
        certificate=folder / f"{name}.pem",
        key=folder / f"{name}.key",
    )


def own_host(listen: str) -> str:
    """How we reach a listener of our own; every server certificate holds the loopback names."""
    return "127.0.0.1" if listen in {"0.0.0.0", "::", "localhost"} else listen


def _server(
    data_dir: Path, authority: Authority, name: str, hosts: list[str], *, days: int, now: datetime
) -> None:
    folder = keys_folder(data_dir)
    if _good(folder / f"{name}.pem", authority, now) and _hosts(folder / f"{name}.pem") == set(hosts):
        return
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = authority.certify_server(key.public_key(), hosts=hosts, days=days, now=now)
    _keep(folder, name, key, certificate)


def _own_client(
    settings: FleetSettings, database: Database, authority: Authority, name: str, *, now: datetime
) -> None:
    folder = keys_folder(settings.folder)
    if _good(folder / f"{name}.pem", authority, now):
        return
    key = ec.generate_private_key(ec.SECP256R1())
    days = settings.enrolment.server_days
    certificate = authority.certify(key.public_key(), cn=name, ou=Unit.FLEET, days=days, now=now)
    with database.write() as session:
        certificates.record(session, certificate, cn=name, ou=Unit.FLEET, now=now)
    _keep(folder, name, key, certificate)


def _keep(folder: Path, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    keys.write_private(folder / f"{name}.key", keys.pem_of(key))
    keys.write_public(folder / f"{name}.pem", certificate.public_bytes(Encoding.PEM))


def _good(path: Path, authority: Authority, now: datetime) -> bool:
    if not path.exists():
        return False
    certificate = read_certificate(path)
    return authority.issued(certificate) and certificate.not_valid_after_utc - now > RENEW_BEFORE


def _hosts(path: Path) -> set[str]:
    names = read_certificate(path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}


def _told(path: Path) -> x509.CertificateRevocationList | None:
    try:
        return x509.load_pem_x509_crl(path.read_bytes())
    except (OSError, ValueError):
        return None
