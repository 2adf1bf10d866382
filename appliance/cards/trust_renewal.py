"""A newer trust bundle out of the present one and what was published since. Nothing in it ever goes backwards.

Every list replaces the one its State published before: an authority that a State no longer names is no longer
believed on that State's word. An authority stays as long as any source names it.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from collections.abc import Iterable, Sequence

from asn1crypto import x509

from appliance.cards import census, signatures
from appliance.cards.anchors import InvalidTrustBundle, Purpose, TrustAnchor
from appliance.cards.census import Examined, OnProgress, Standing
from appliance.cards.errors import ASN1_FAULTS, CardError
from appliance.cards.master_list import MasterList, authority_of
from appliance.cards.revocation import InvalidRevocationList, RevocationList, RevocationState
from appliance.cards.trust import MAX_ANCHORS, Source, SourceKind, TrustStore, Unusable
from contracts.errors import PueError, WhoCanAct

MAX_VERSION = (1 << 31) - 1
MAX_BY_HAND = 200
_ORIGIN_LENGTH = 120
_COUNTRY_LENGTH = 40
"""Whoever wrote a certificate chose what stands where two letters belong."""
_CLOCKS_APART = datetime.timedelta(days=1)


class TrustOlder(PueError):
    """What is offered is older than what is already believed, or claims a day that has not come."""

    code = "trust.older"
    who = WhoCanAct.OPERATOR


class PublisherUnknown(PueError):
    """Well signed, by somebody nobody has vouched for. Facts: ``publisher``, ``authority_sha256``, ``signer_sha256``."""

    code = "trust.publisher_unknown"
    who = WhoCanAct.OPERATOR


class PublisherRevoked(PueError):
    """The certificate of the list's signer was taken back by its authority."""

    code = "trust.publisher_revoked"
    who = WhoCanAct.OPERATOR


class FingerprintUnconfirmed(PueError):
    """A certificate by hand needs somebody who has compared its fingerprint. Facts: ``sha256``, ``country``."""

    code = "trust.fingerprint_unconfirmed"
    who = WhoCanAct.OPERATOR


class IssuerUnknown(PueError):
    """A revocation list of an authority that is not believed, or not signed by the one it names."""

    code = "trust.crl_issuer_unknown"
    who = WhoCanAct.OPERATOR


@dataclasses.dataclass(frozen=True)
class Renewal:
    """What came of it.

    Attributes:
        store: the newer bundle; the present one itself where nothing was new.
        changed: whether `store` is another one.
        examined: every certificate that was offered, with its standing.
        added: anchors that were not believed before.
        dropped: anchors that no source names any more.
    """

    store: TrustStore
    changed: bool
    examined: tuple[Examined, ...] = ()
    added: int = 0
    dropped: int = 0

    def of_standing(self, standing: Standing) -> tuple[Examined, ...]:
        return tuple(one for one in self.examined if one.standing is standing)


def find_publisher(
    offered: MasterList, present: TrustStore, pinned: Iterable[x509.Certificate]
) -> x509.Certificate:
    """Give the certificate by which the list's signer is believed.

    It is one the operator pinned or, for a State whose list was already taken, one of its authorities in that list. A State
    that is merely named in somebody else's list may sign passports, not lists: among a hundred States, one could
    otherwise name itself the judge of all others.

    Raises:
        PublisherUnknown: neither; says which fingerprint to compare.
        PublisherRevoked: its authority took the signer's certificate back.
    """
    if present.revocation(offered.signer).state is RevocationState.REVOKED:
        raise PublisherRevoked(
            f"the signer of this list was revoked by {offered.publisher}", publisher=offered.publisher
        )
    found = authority_of(offered.signer, pinned)
    place = _place_of_list(present, offered.publisher)
    if found is None and place is not None:
        known = present.issuers_of(offered.signer, Purpose.TRAVEL_DOCUMENT)
        found = authority_of(
            offered.signer, (anchor.certificate for anchor in known if place in anchor.sources)
        )
    if found is not None:
        return found
    carried = authority_of(offered.signer, offered.carried)
    raise PublisherUnknown(
        f"nobody has vouched for the signer of this list: compare the authority's fingerprint with the one that {offered.publisher or 'its publisher'} prints, then give its certificate as --signer",
        publisher=offered.publisher,
        authority_sha256="" if carried is None else fingerprint(carried),
        signer_sha256=fingerprint(offered.signer),
    )


def take_master_list(
    present: TrustStore,
    offered: MasterList,
    authority: x509.Certificate,
    now: datetime.datetime,
    *,
    version: int | None = None,
    on_progress: OnProgress | None = None,
) -> Renewal:
    """Replace what this State's earlier list said.

    Args:
        present: the bundle so far; `trust.empty` for the first.
        offered: as `open_master_list` gives it.
        authority: as `find_publisher` gives it.
        now: aware.
        version: of the new bundle; by default one more than the present one's.
        on_progress: hears how many certificates are examined.

    Raises:
        TrustOlder: the list is older than the one taken before, signed in the future, or `version` does not grow.
        InvalidTrustBundle: more anchors than a bundle holds.
    """
    _not_in_the_future(offered.signed_at, now, "the list")
    place = _place_of_list(present, offered.publisher)
    if place is not None:
        before = present.sources[place]
        if offered.sha256 == before.sha256:
            return Renewal(present, changed=False)
        if offered.signed_at <= before.dated:
            raise TrustOlder(
                f"this list was signed on {offered.signed_at:%Y-%m-%d %H:%M}, the one in use on {before.dated:%Y-%m-%d %H:%M}: an older one is never taken",
                offered=offered.signed_at.isoformat(),
                present=before.dated.isoformat(),
            )
    examined = census.examine(offered.certificates, Purpose.TRAVEL_DOCUMENT, on_progress=on_progress)
    source = Source(
        SourceKind.MASTER_LIST,
        offered.publisher,
        offered.signed_at,
        offered.sha256,
        fingerprint(authority),
    )
    return _merged(
        present,
        source,
        place,
        examined,
        offered.signed_at.date(),
        _next_version(present, version),
        replace=True,
    )


def take_by_hand(
    present: TrustStore,
    certificates: Sequence[bytes],
    purpose: Purpose,
    confirmed: Iterable[str],
    now: datetime.datetime,
    *,
    version: int | None = None,
) -> Renewal:
    """Add certificates whose fingerprints an operator has compared with what their owner publishes.

    Args:
        present: the bundle so far.
        certificates: DER.
        purpose: what they are believed for.
        confirmed: SHA-256 fingerprints as typed: colons, spaces and capitals do not matter.
        now: aware.
        version: as `take_master_list`.

    Raises:
        FingerprintUnconfirmed: one of them is not among `confirmed`.
        InvalidTrustBundle: none, too many, or one this box cannot use: by hand nothing is taken in part.
        TrustOlder: `version` does not grow.
    """
    if not 1 <= len(certificates) <= MAX_BY_HAND:
        raise InvalidTrustBundle(f"by hand at least one and at most {MAX_BY_HAND} certificates are taken")
    believed = [one for one in present.anchors if one.purpose is purpose and one.readable]
    examined = census.examine(list(dict.fromkeys(certificates)), purpose, believed)
    words = {_plain(word) for word in confirmed}
    for one in examined:
        if one.standing in census.UNUSABLE:
            raise InvalidTrustBundle(
                f"this certificate cannot be used: {one.standing}",
                sha256=one.sha256,
                reason=str(one.standing),
            )
        if one.sha256 not in words:
            raise FingerprintUnconfirmed(
                "compare this fingerprint with the one its owner publishes, then confirm it",
                sha256=one.sha256,
                country=one.country,
            )
    place = next(
        (at for at, one in enumerate(present.sources) if one.kind is SourceKind.BY_HAND),
        None,
    )
    known = {
        (anchor.purpose, anchor.der)
        for anchor in present.anchors
        if place is not None and place in anchor.sources
    }
    if all(one.anchor is not None and (purpose, one.anchor.der) in known for one in examined):
        return Renewal(present, changed=False, examined=tuple(examined))
    source = Source(SourceKind.BY_HAND, "", now, examined[-1].sha256)
    # Lists are what a bundle's day is about: something added by hand makes none of them younger.
    listed = any(one.kind is SourceKind.MASTER_LIST for one in present.sources)
    day = present.dated if listed else now.date()
    return _merged(present, source, place, examined, day, _next_version(present, version), replace=False)


def take_revocation_list(
    present: TrustStore, der: bytes, now: datetime.datetime, *, version: int | None = None
) -> Renewal:
    """Put a revocation list into the bundle, in place of the one its issuer wrote before.

    Raises:
        InvalidRevocationList: damaged, or one that covers only a part of what its issuer signed.
        IssuerUnknown: not signed by an authority of the bundle.
        TrustOlder: its issuer wrote a newer one that is already here; or it is dated in the future.
    """
    offered = _readable_list(der)
    purposes = _purposes_of(present, offered)
    _not_in_the_future(offered.this_update, now, "the revocation list")
    lists, changed = list(present.revocation_lists), False
    for purpose in purposes:
        before = next((one for one in lists if one.purpose is purpose and _same_issuer(one, offered)), None)
        if before is not None:
            if before.der == offered.der:
                continue
            _not_older(offered, before)
            lists.remove(before)
        lists.append(dataclasses.replace(offered, purpose=purpose))
        changed = True
    if not changed:
        return Renewal(present, changed=False)
    store = dataclasses.replace(
        present, revocation_lists=tuple(lists), version=_next_version(present, version)
    )
    return Renewal(store, changed=True)


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the whole certificate, hexadecimal."""
    return hashlib.sha256(certificate.dump()).hexdigest()


# ---------------------------------------------------------------- merging


def _merged(
    present: TrustStore,
    source: Source,
    place: int | None,
    examined: list[Examined],
    day: datetime.date,
    version: int,
    *,
    replace: bool,
) -> Renewal:
    """The bundle with this source's anchors; `replace` forgets what the same source said before."""
    at = len(present.sources) if place is None else place
    sources = [*present.sources]
    sources[at : at + 1] = [source]
    offered = {(one.anchor.purpose, one.anchor.der): one.anchor for one in examined if one.anchor is not None}
    anchors: dict[tuple[Purpose, bytes], TrustAnchor] = {}
    for anchor in present.anchors:
        stays = [number for number in anchor.sources if not (replace and number == at)]
        if stays or not anchor.sources:
            anchors[anchor.purpose, anchor.der] = dataclasses.replace(anchor, sources=tuple(stays))
    before = {(anchor.purpose, anchor.der) for anchor in present.anchors}
    for key, anchor in offered.items():
        named = anchors.get(key)
        anchors[key] = dataclasses.replace(
            anchor, sources=tuple(sorted({at, *(() if named is None else named.sources)}))
        )
    if len(anchors) > MAX_ANCHORS:
        raise InvalidTrustBundle("too many certificates for one trust bundle", count=len(anchors))
    unusable = [one for one in present.unusable if not (replace and one.source == at)]
    unusable += [
        Unusable(one.country[:_COUNTRY_LENGTH], str(one.standing), one.sha256, at)
        for one in examined
        if one.standing in census.UNUSABLE
    ]
    store = TrustStore(
        tuple(anchors.values()),
        _origin(sources),
        version,
        max(present.dated, day) if present.version else day,
        present.revocation_lists,
        tuple(sources),
        tuple(unusable),
    )
    return Renewal(
        store,
        changed=True,
        examined=tuple(examined),
        added=len(anchors.keys() - before),
        dropped=len(before - anchors.keys()),
    )


def _origin(sources: Sequence[Source]) -> str:
    """One line for a screen: whose lists, of what day."""
    words = [
        f"Master List {one.publisher} {one.dated:%Y-%m-%d}"
        for one in sources
        if one.kind is SourceKind.MASTER_LIST
    ]
    words += [f"by hand {one.dated:%Y-%m-%d}" for one in sources if one.kind is SourceKind.BY_HAND]
    text = ", ".join(words)
    return text if len(text) <= _ORIGIN_LENGTH else text[: _ORIGIN_LENGTH - 1] + "…"


def _place_of_list(present: TrustStore, publisher: str) -> int | None:
    return next(
        (
            at
            for at, one in enumerate(present.sources)
            if one.kind is SourceKind.MASTER_LIST and one.publisher == publisher
        ),
        None,
    )


def _next_version(present: TrustStore, wanted: int | None) -> int:
    version = present.version + 1 if wanted is None else wanted
    if not present.version < version <= MAX_VERSION:
        raise TrustOlder(
            f"a bundle of version {version} cannot follow one of version {present.version}",
            offered=version,
            present=present.version,
        )
    return version


def _not_in_the_future(moment: datetime.datetime, now: datetime.datetime, what: str) -> None:
    """One dated tomorrow would keep every honest one out until then."""
    if moment > now + _CLOCKS_APART:
        raise TrustOlder(
            f"{what} is dated {moment:%Y-%m-%d}, which has not come: is this machine's clock right?",
            offered=moment.isoformat(),
        )


def _plain(word: str) -> str:
    return word.replace(":", "").replace(" ", "").strip().lower()


# ---------------------------------------------------------------- revocation lists


def _readable_list(der: bytes) -> RevocationList:
    """Looked through once as a whole: damage is found before a card depends on it."""
    offered = RevocationList.from_der(der, Purpose.TRAVEL_DOCUMENT)
    _ = offered.serials
    strange = offered.critical_unknown()
    if strange is not None:
        raise InvalidRevocationList(
            f"the revocation list covers only a part or others' certificates ({strange})", extension=strange
        )
    return offered


def _purposes_of(present: TrustStore, offered: RevocationList) -> list[Purpose]:
    """What the authority that signed the list is believed for: it speaks for all of that."""
    name, key = offered.parsed.issuer, offered.parsed.authority_key_identifier
    found = [
        purpose
        for purpose in Purpose
        if any(
            anchor.country == offered.country and _signed_list(offered, anchor.certificate)
            for anchor in present.anchors_named(name, key, purpose)
        )
    ]
    if not found:
        raise IssuerUnknown(
            f"no authority of the bundle signed this revocation list ({offered.country or 'no country'})",
            country=offered.country,
        )
    return found


def _signed_list(offered: RevocationList, issuer: x509.Certificate) -> bool:
    parsed = offered.parsed
    try:
        usage = issuer.key_usage_value
        return (
            (usage is None or "crl_sign" in usage.native)
            and issuer.not_valid_before <= offered.this_update <= issuer.not_valid_after
            and signatures.verify(
                issuer.public_key,
                parsed["signature_algorithm"],
                None,
                parsed["tbs_cert_list"].dump(),
                parsed["signature"].native,
            )
        )
    except (CardError, *ASN1_FAULTS):
        return False


def _same_issuer(one: RevocationList, other: RevocationList) -> bool:
    return bool(one.parsed.issuer == other.parsed.issuer)


def _not_older(offered: RevocationList, present: RevocationList) -> None:
    smaller = offered.number is not None and present.number is not None and offered.number < present.number
    same_day = offered.this_update == present.this_update and offered.number == present.number
    if smaller or same_day or offered.this_update < present.this_update:
        raise TrustOlder(
            f"this revocation list is of {offered.this_update:%Y-%m-%d}, the one in use of {present.this_update:%Y-%m-%d}: an older one is never taken",
            country=offered.country,
            offered=offered.this_update.isoformat(),
            present=present.this_update.isoformat(),
        )
