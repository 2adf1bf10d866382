"""Who is at the gate: the client certificate of the connection, looked up in the book of certificates."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, Final

import flask
import msgspec

from contracts.errors import PueError, WhoCanAct
from contracts.identity import Fingerprint, fingerprint
from fleet.gate.premises import premises
from fleet.registry import certificates
from fleet.registry.certificates import Unit

PEER: Final = "pue.peer_certificate"
"""WSGI key under which a server other than gunicorn (tests) hands over the peer's certificate, DER."""


class CertificateMissing(PueError):
    """This door needs a client certificate and none was shown."""

    code = "gate.certificate_missing"
    who = WhoCanAct.TECHNICIAN
    http_status = 401


class CertificateRefused(PueError):
    """The certificate is not ours, was taken back, or does not open this door."""

    code = "gate.certificate_refused"
    who = WhoCanAct.OPERATOR
    http_status = 403


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """Who is at the door. For a box, `cn` is its name."""

    cn: str
    ou: Unit
    fingerprint: Fingerprint


def client_identity(*allowed: Unit) -> Client:
    """The client of this request, if its certificate opens this door.

    Args:
        allowed: units that may come in, e.g. ``client_identity(Unit.LINK)``.

    Raises:
        CertificateMissing: no certificate was shown.
        CertificateRefused: unknown, revoked, expired, or of another unit.
    """
    shown = peer_certificate(flask.request.environ)
    if shown is None:
        msg = "this door needs a client certificate of this fleet"
        raise CertificateMissing(msg)
    ground = premises()
    with ground.database.read() as session:
        known = certificates.find(session, fingerprint(shown))
    now = ground.clock.now()
    if known is None or known.revoked_at is not None or not known.not_before <= now < known.not_after:
        msg = "the certificate is not in the book of this fleet, was revoked, or has expired"
        raise CertificateRefused(msg)
    if known.ou not in allowed:
        msg = "this certificate does not open this door"
        raise CertificateRefused(msg, unit=known.ou.value)
    return Client(cn=known.cn, ou=known.ou, fingerprint=known.fingerprint)


def peer_certificate(environ: Mapping[str, Any]) -> bytes | None:
    """The certificate TLS has verified against our authority, DER; None when none was shown."""
    given = environ.get(PEER)
    if isinstance(given, bytes):
        return given
    line = environ.get("gunicorn.socket")
    return line.getpeercert(binary_form=True) if isinstance(line, ssl.SSLSocket) else None
