"""EST (RFC 7030) for boxes: the authority's certificates, first enrolment by token, renewal by certificate.

Paths and bodies are the standard's, so that any EST client fits; the label says which key (RFC 7030 §3.2.2).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
from typing import Final

import flask
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from contracts.errors import InvalidName, PueError, WhoCanAct
from contracts.identity import box_name
from contracts.messages.enrolment import KeyUse
from fleet.enrolment import issue, request
from fleet.enrolment.authority import Authority
from fleet.gate.identity import client_identity
from fleet.gate.premises import premises
from fleet.registry.boxes import TokenRefused
from fleet.registry.certificates import Unit

CERTIFICATES: Final = "application/pkcs7-mime; smime-type=certs-only"
MAX_CREDENTIALS: Final = 400

blueprint = flask.Blueprint("est", __name__, url_prefix="/.well-known/est")


class UnknownLabel(PueError):
    """EST is asked for a kind of key this fleet does not have."""

    code = "enrolment.unknown_label"
    who = WhoCanAct.TECHNICIAN
    http_status = 404


class TokenMissing(PueError):
    """First enrolment needs HTTP Basic: box name and one-time token."""

    code = "enrolment.token_missing"
    who = WhoCanAct.TECHNICIAN
    http_status = 401
    http_basic = True


@blueprint.get("/cacerts")
@blueprint.get("/<label>/cacerts")
def cacerts(label: str = "") -> flask.Response:
    """RFC 7030 §4.1: whom to trust."""
    if label:
        _use(label)
    return _certificates([Authority.open(premises().settings.folder).certificate])


@blueprint.post("/<label>/simpleenroll")
def simpleenroll(label: str) -> flask.Response:
    """RFC 7030 §4.2: the first certificate, for who holds the box's one-time token."""
    ground, use = premises(), _use(label)
    box, token = _basic()
    key = request.proven_key(_body(), cn=box)
    authority = Authority.open(ground.settings.folder)
    try:
        with ground.database.write() as session:
            certificate = issue.by_token(
                session,
                authority,
                ground.settings.enrolment,
                box=box,
                token=token,
                use=use,
                key=key,
                now=ground.clock.now(),
            )
    except TokenRefused as why:
        raise _WrongToken(str(why)) from None
    return _certificates([certificate])


@blueprint.post("/<label>/simplereenroll")
def simplereenroll(label: str) -> flask.Response:
    """RFC 7030 §4.2.2: a fresh certificate, for who shows the box's valid link certificate."""
    ground, use = premises(), _use(label)
    client = client_identity(Unit.LINK)
    key = request.proven_key(_body(), cn=client.cn)
    authority = Authority.open(ground.settings.folder)
    with ground.database.write() as session:
        certificate = issue.renewal(
            session,
            authority,
            ground.settings.enrolment,
            box=client.cn,
            use=use,
            key=key,
            now=ground.clock.now(),
        )
    return _certificates([certificate])


class _WrongToken(TokenRefused):
    http_status = 401
    http_basic = True


def _use(label: str) -> KeyUse:
    try:
        return KeyUse(label)
    except ValueError:
        msg = "the EST label is link or desk"
        raise UnknownLabel(msg) from None


def _basic() -> tuple[str, str]:
    scheme, _, given = flask.request.headers.get("Authorization", "").partition(" ")
    text = b""
    if scheme.lower() == "basic" and len(given) <= MAX_CREDENTIALS:
        with contextlib.suppress(binascii.Error, ValueError):
            text = base64.b64decode(given, validate=True)
    box, colon, token = text.decode("ascii", "replace").partition(":")
    try:
        return box_name(box if colon else ""), token
    except InvalidName:
        msg = "enrol with HTTP Basic: the box's name and its one-time token"
        raise TokenMissing(msg) from None


def _body() -> x509.CertificateSigningRequest:
    return request.from_est_body(flask.request.stream.read(request.MAX_REQUEST_BYTES + 1))


def _certificates(certificates: list[x509.Certificate]) -> flask.Response:
    body = base64.encodebytes(pkcs7.serialize_certificates(certificates, Encoding.DER))
    response = flask.Response(body, content_type=CERTIFICATES)
    response.headers["Content-Transfer-Encoding"] = "base64"
    return response
