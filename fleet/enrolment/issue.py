"""Issuing: by one-time token, by the certificate being renewed, and for a recipient."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.orm import Session

from contracts.identity import BoxName
from contracts.messages.enrolment import KeyUse
from fleet.enrolment.authority import Authority
from fleet.enrolment.request import RequestRefused
from fleet.registry import boxes, certificates, timeline
from fleet.registry.certificates import Unit
from fleet.registry.tables import TokenRow
from fleet.settings import Enrolment

UNITS: Final = {KeyUse.LINK: Unit.LINK, KeyUse.DESK: Unit.DESK}


def by_token(
    session: Session,
    authority: Authority,
    rules: Enrolment,
    *,
    box: BoxName,
    token: str,
    use: KeyUse,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
) -> x509.Certificate:
    """The first certificate of a box for one of its keys.

    The same key asked again gets the same certificate, so an answer lost on the road costs nothing. The
    token is dead once both keys are certified, or its window after the first one has passed.

    Raises:
        TokenRefused: see `fleet.registry.boxes.find_token`; also when this label was given to another key.
    """
    row = boxes.find_token(session, box, token, now=now, window=timedelta(seconds=rules.token_window_s))
    given = row.link_fingerprint if use is KeyUse.LINK else row.desk_fingerprint
    if given is not None:
        return _again(session, given, key)
    if row.first_used_at is None:
        row.first_used_at = now
        certificates.revoke(session, box, why="superseded", now=now)
        boxes.begin_life(session, box, now=now)
    certificate = authority.certify(key, cn=box, ou=UNITS[use], days=rules.box_days, now=now)
    _remember(row, use, certificates.record(session, certificate, cn=box, ou=UNITS[use], now=now))
    timeline.note(session, box, timeline.Kind.BOX, "certified", at=now, facts={"use": use.value})
    return certificate


def renewal(
    session: Session,
    authority: Authority,
    rules: Enrolment,
    *,
    box: BoxName,
    use: KeyUse,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
) -> x509.Certificate:
    """A fresh certificate for a box that showed its valid link certificate.

    The link may change its key. The desk's key must stay: who asks is the agent, and the agent must
    not be able to make itself a key that signs letters.

    Raises:
        RequestRefused: the desk's key is not the one certified before.
    """
    unit = UNITS[use]
    if use is KeyUse.DESK:
        known = {issued.public_key for issued in certificates.of(session, box, unit) if not issued.revoked_at}
        if certificates.public_key_print(key) not in known:
            msg = "a desk certificate is renewed for the same key only: a new key needs a new enrolment token"
            raise RequestRefused(msg)
    certificate = authority.certify(key, cn=box, ou=unit, days=rules.box_days, now=now)
    certificates.record(session, certificate, cn=box, ou=unit, now=now)
    timeline.note(session, box, timeline.Kind.BOX, "renewed", at=now, facts={"use": use.value})
    return certificate


def for_recipient(
    session: Session,
    authority: Authority,
    rules: Enrolment,
    *,
    name: str,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
) -> x509.Certificate:
    """A TLS client certificate for a body that fetches letters; its common name is its name in the book.

    `fleet.registry.recipients` takes no name that a box or one of our processes could have at the broker.
    """
    certificate = authority.certify(key, cn=name, ou=Unit.RECIPIENT, days=rules.server_days, now=now)
    certificates.record(session, certificate, cn=name, ou=Unit.RECIPIENT, now=now)
    return certificate


def _again(session: Session, mark: str, key: ec.EllipticCurvePublicKey) -> x509.Certificate:
    issued = certificates.find(session, mark)
    if issued is None or issued.revoked_at or issued.public_key != certificates.public_key_print(key):
        msg = "the enrolment token has already served for another key: make a new one"
        raise boxes.TokenRefused(msg)
    return x509.load_pem_x509_certificate(issued.pem.encode())


def _remember(row: TokenRow, use: KeyUse, mark: str) -> None:
    if use is KeyUse.LINK:
        row.link_fingerprint = mark
    else:
        row.desk_fingerprint = mark
