"""What a box is given besides its certificates: addresses, keys to verify with, its place."""

from __future__ import annotations

import flask

from contracts import codec
from contracts.envelope import public_key_text
from contracts.identity import BoxName
from contracts.messages.enrolment import Belongings
from fleet.enrolment import keys
from fleet.enrolment.authority import Authority
from fleet.gate.identity import client_identity
from fleet.gate.premises import Premises, premises
from fleet.registry import boxes, recipients
from fleet.registry.certificates import Unit

blueprint = flask.Blueprint("belongings", __name__, url_prefix="/enrolment/v1")


@blueprint.get("/belongings")
def belongings() -> flask.Response:
    """The box's belongings, for its link certificate."""
    client = client_identity(Unit.LINK)
    body = codec.encode(belongings_of(premises(), client.cn))
    return flask.Response(body, content_type="application/json")


def belongings_of(ground: Premises, box: BoxName) -> Belongings:
    """Everything a box needs to find and believe this fleet.

    Raises:
        BoxUnknown: no such box.
        NoRecipient: nobody to seal letters for is known yet.
        KeysUnavailable: the fleet's keys cannot be read.
    """
    settings = ground.settings
    with ground.database.read() as session:
        known, recipient = boxes.get(session, box), recipients.current(session)
    host = settings.public_hosts[0]
    return Belongings(
        box=known.box,
        shard=known.shard,
        site=known.site,
        authority=Authority.open(settings.folder).pem,
        recipient=recipient.certificate_pem,
        fleet_key=public_key_text(keys.fleet_key(settings.folder).public_key()),
        recipient_key=recipient.verification_key,
        broker_host=host,
        broker_port=settings.broker.port,
        post_url=f"https://{host}:{settings.gate.port}/post/v1",
    )
