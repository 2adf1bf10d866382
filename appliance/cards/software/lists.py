"""What an invented State publishes: its master list and its revocation list. ICAO 9303-12 §8, RFC 5280 §5."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable

from appliance.cards import curves, master_list, tlv
from appliance.cards.anchors import country_of
from appliance.cards.software import certificates, der
from appliance.cards.software.authority import InventedAuthority
from appliance.cards.software.certificates import Validity
from appliance.cards.software.signed_message import SIGNING_TIME, signed_message
from appliance.cards.software.state_keys import CurveStateKey

_SIGNER_LIFE = datetime.timedelta(days=1500)
_KEY_IDENTIFIER, _CRL_NUMBER = "2.5.29.35", "2.5.29.20"


def list_signer(
    state: InventedAuthority,
    begins: datetime.datetime,
    *,
    usages: tuple[str, ...] = (master_list.SIGNER_USAGE,),
) -> tuple[CurveStateKey, bytes]:
    """Key and certificate (DER) of who signs the State's lists. Another `usages` makes one who may not."""
    curve = next(curve for curve in curves.CURVES if curve.name == "secp256r1")
    seed = hashlib.sha512(state.anchor_der + b"/list signer").digest()
    key = CurveStateKey(curve, int.from_bytes(seed, "big") % (curve.n - 1) + 1, "sha256")
    subject = _subject(state.anchor_der)
    certificate = certificates.certificate(
        subject=certificates.name(_country(subject), "ESEMPIO Master List Signer"),
        key=key,
        issuer=subject,
        issuer_key=state.authority_key,
        serial=int.from_bytes(seed[:8], "big") | 1,
        validity=Validity(begins, begins + _SIGNER_LIFE),
        authority=False,
        usages=usages,
    )
    return key, certificate


def write_master_list(
    state: InventedAuthority,
    anchors: Iterable[bytes],
    signed_at: datetime.datetime,
    *,
    content_type: str = master_list.CONTENT_TYPE,
    usages: tuple[str, ...] = (master_list.SIGNER_USAGE,),
    with_authority: bool = True,
    ber: bool = False,
) -> bytes:
    """A CMS message around these certificates (DER), signed on that day (aware, whole seconds).

    Args:
        state: who publishes it.
        anchors: what it names, in any order; the same one may stand there twice.
        signed_at: aware.
        content_type: another one makes it something else than a master list.
        usages: of the signer's certificate.
        with_authority: the message carries the State's own certificate, as the German one does.
        ber: as a streaming signer writes.
    """
    moment = signed_at.astimezone(datetime.UTC).replace(microsecond=0)
    key, certificate = list_signer(state, moment - datetime.timedelta(days=30), usages=usages)
    content = der.sequence(der.integer(0), der.set_of(*anchors))
    return signed_message(
        content_type,
        content,
        key=key,
        certificates=[certificate, *([state.anchor_der] if with_authority else [])],
        sid=tlv.build(0x80, certificates.key_identifier(key)),
        attributes=[(SIGNING_TIME, certificates.time(moment))],
        ber=ber,
    )


def write_revocation_list(
    state: InventedAuthority,
    serials: Iterable[int],
    this_update: datetime.datetime,
    *,
    number: int,
    days: int = 30,
    extensions: tuple[bytes, ...] = (),
) -> bytes:
    """A list of revoked serial numbers, DER.

    Args:
        state: whose list.
        serials: of the certificates it takes back.
        this_update: when it is made (aware, whole seconds).
        number: of the list.
        days: until the next one.
        extensions: beside key identifier and number.
    """
    revoked = [der.sequence(der.integer(serial), certificates.time(this_update)) for serial in serials]
    own = (
        certificates.extension(
            _KEY_IDENTIFIER, der.sequence(tlv.build(0x80, certificates.key_identifier(state.authority_key)))
        ),
        certificates.extension(_CRL_NUMBER, der.integer(number)),
    )
    return certificates.signed(
        state.authority_key,
        der.integer(1),
        state.authority_key.algorithm,
        _subject(state.anchor_der),
        certificates.time(this_update),
        certificates.time(this_update + datetime.timedelta(days=days)),
        *([der.sequence(*revoked)] if revoked else []),
        tlv.build(0xA0, der.sequence(*own, *extensions)),
    )


def _subject(certificate: bytes) -> bytes:
    """The distinguished name as it stands in the certificate."""
    return tlv.parse_one(certificate, 0x30).children()[0].children()[5].raw


def _country(name: bytes) -> str:
    return country_of(tlv.parse(name)[0])
