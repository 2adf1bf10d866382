"""Enrolment: how a box gets its name, its two certificates and the addresses it needs.

The certificates travel by EST (RFC 7030): ``/.well-known/est/link/simpleenroll`` for the
agent's TLS key and ``/.well-known/est/desk/simpleenroll`` for the desk's letter key. The
desk's key is never on the agent's side of the house.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta

from contracts.codec import Message
from contracts.identity import BoxName, CodiceIstat, Shard, SiteName
from contracts.messages.report import Short

Pem = Annotated[str, Meta(max_length=65_536)]


class KeyUse(enum.StrEnum):
    """EST labels: what a certificate is for."""

    LINK = "link"
    """TLS client of the agent: broker, intake."""
    DESK = "desk"
    """Signature of sealed letters by the desk."""


class Site(Message, frozen=True, kw_only=True):
    """Where the box stands."""

    site: SiteName
    istat: CodiceIstat
    comune: Short
    provincia: Annotated[str, Meta(pattern=r"^[A-Z]{2}$")]
    office: Short = ""


class Belongings(Message, frozen=True, kw_only=True):
    """All a box is given besides its certificates.

    Attributes:
        authority: PEM bundle of the fleet's certificate authority (old and new when rotating).
        recipient: PEM certificate letters are sealed for.
        fleet_key: base64 of the Ed25519 public key that signs orders and receipts.
        recipient_key: base64 of the Ed25519 public key that signs letter states.
        broker_host: name in the broker's certificate.
        post_url: HTTPS root of the intake.
    """

    v: int = 1
    box: BoxName
    shard: Shard
    site: Site
    authority: Pem
    recipient: Pem
    fleet_key: Short
    recipient_key: Short
    broker_host: Short
    broker_port: Annotated[int, Meta(ge=1, le=65_535)]
    post_url: Short
