"""belongings: place, addresses and the keys to believe, fetched with the box's own certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509

from contracts import codec
from contracts.envelope import public_key_from_text
from contracts.errors import PueError
from contracts.identity import shard_of
from contracts.messages.enrolment import Belongings as Given
from contracts.messages.enrolment import KeyUse
from provisioning.errors import OtherBox, StepNotVerified
from provisioning.est import ANSWER_LIMIT_BYTES, FleetDoor
from provisioning.files import write_private

if TYPE_CHECKING:
    from provisioning.ground import Ground
    from provisioning.steps.port import Facts


class Belongings:
    """`identity/belongings.json`, canonical, readable by both processes of the box."""

    def check(self, ground: Ground) -> bool:
        return ground.belongings_file.exists()

    def do(self, ground: Ground) -> str:
        body = FleetDoor(ground).belongings(
            str(ground.certificate_file(KeyUse.LINK)), str(ground.key_file(KeyUse.LINK))
        )
        given = _read(body)
        _judge(ground, given)
        write_private(ground.belongings_file, codec.encode(given), mode=0o644)
        return ""

    def verify(self, ground: Ground) -> Facts:
        try:
            given = _read(ground.belongings_file.read_bytes())
        except OSError as why:
            raise StepNotVerified("the belongings cannot be read") from why
        _judge(ground, given)
        return {"site": given.site.site, "comune": given.site.comune, "shard": given.shard}


def _read(body: bytes) -> Given:
    try:
        return codec.decode(Given, body, limit=ANSWER_LIMIT_BYTES)
    except PueError as why:
        raise StepNotVerified(f"the belongings cannot be understood: {why}") from why


def _judge(ground: Ground, given: Given) -> None:
    """For this box, believable, and of the same fleet as the pin.

    Raises:
        OtherBox: they name another box.
        StepNotVerified: anything else.
    """
    if given.box != ground.box or given.shard != shard_of(given.box):
        raise OtherBox("the belongings name another box")
    try:
        authorities = x509.load_pem_x509_certificates(given.authority.encode())
        x509.load_pem_x509_certificate(given.recipient.encode())
        public_key_from_text(given.fleet_key)
        public_key_from_text(given.recipient_key)
        pinned = x509.load_pem_x509_certificates(ground.fleet_ca.read_bytes())
    except (ValueError, PueError) as why:
        raise StepNotVerified("the belongings hold a certificate or key that is none") from why
    if not any(authority in pinned for authority in authorities):
        raise StepNotVerified("the belongings name another authority than --fleet-ca")
    if not given.post_url.startswith("https://"):
        raise StepNotVerified("the belongings name a post without TLS")
