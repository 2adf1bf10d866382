"""A trust bundle in words and figures: what `trust list` and `trust show` answer."""

from __future__ import annotations

import collections
import hashlib
from typing import TYPE_CHECKING, Any

from appliance.cards.trust import MAX_AGE_DAYS, Purpose, SourceKind, TrustAnchor, TrustStore

if TYPE_CHECKING:
    import datetime

    from appliance.cards.revocation import RevocationList

NO_COUNTRY = "--"
"""Stands where a certificate names no country."""


def of_bundle(store: TrustStore, today: datetime.date) -> dict[str, Any]:
    """The whole bundle, for a screen or as JSON."""
    countries: dict[str, collections.Counter[str]] = {}
    for anchor in store.anchors:
        count = countries.setdefault(_shown(anchor.country), collections.Counter())
        count[str(anchor.purpose)] += 1
        count["expired"] += _expired(anchor, today)
    reasons = collections.Counter((_shown(one.country), one.reason) for one in store.unusable)
    return {
        "origin": store.origin,
        "version": store.version,
        "dated": store.dated.isoformat(),
        "listed": store.listed.isoformat(),
        "age_days": store.age_days(today),
        "stale": store.stale(today),
        "anchors": len(store.anchors),
        "expired": sum(count["expired"] for count in countries.values()),
        "sources": [
            {
                "kind": str(one.kind),
                "publisher": one.publisher,
                "dated": one.dated.isoformat(),
                "age_days": max(0, (today - one.dated.date()).days),
                "sha256": one.sha256,
                "authority_sha256": one.authority_sha256,
            }
            for one in store.sources
        ],
        "countries": {
            country: {
                **{str(purpose): count[str(purpose)] for purpose in Purpose},
                "expired": count["expired"],
            }
            for country, count in sorted(countries.items())
        },
        "unusable": [
            {"country": country, "reason": reason, "certificates": count}
            for (country, reason), count in sorted(reasons.items())
        ],
        "revocation_lists": [_of_list(one, today) for one in _in_order(store.revocation_lists)],
        "too_old": too_old(store, today),
    }


def too_old(store: TrustStore, today: datetime.date) -> list[str]:
    """One sentence for each thing that has to be renewed."""
    found = []
    if store.stale(today):
        found.append(
            f"the newest list is {store.age_days(today)} days old: from {MAX_AGE_DAYS + 1} days on no document is green"
        )
    for one in store.sources:
        age = (today - one.dated.date()).days
        if one.kind is SourceKind.MASTER_LIST and age > MAX_AGE_DAYS and not store.stale(today):
            found.append(f"the list of {one.publisher} is {age} days old")
    found += [
        f"the revocation list of {_shown(one.country)} should have been followed by another on {one.next_update:%Y-%m-%d}"
        for one in _in_order(store.revocation_lists)
        if one.next_update.date() < today
    ]
    return found


def of_country(store: TrustStore, country: str, today: datetime.date) -> dict[str, Any]:
    """Everything about one country; lists are empty where nothing is known of it."""
    wanted = "" if country == NO_COUNTRY else country
    anchors = sorted(
        (one for one in store.anchors if one.country == wanted),
        key=lambda one: (one.purpose, one.certificate.not_valid_before),
    )
    return {
        "country": country,
        "anchors": [_of_anchor(one, store, today) for one in anchors],
        "unusable": [
            {"reason": one.reason, "sha256": one.sha256} for one in store.unusable if one.country == wanted
        ],
        "revocation_lists": [
            _of_list(one, today) for one in _in_order(store.revocation_lists) if one.country == wanted
        ],
    }


def _of_anchor(anchor: TrustAnchor, store: TrustStore, today: datetime.date) -> dict[str, Any]:
    certificate = anchor.certificate
    key = certificate.public_key
    return {
        "purpose": str(anchor.purpose),
        "name": printable(certificate.subject.human_friendly),
        "serial": format(certificate.serial_number, "x"),
        "from": certificate.not_valid_before.date().isoformat(),
        "to": certificate.not_valid_after.date().isoformat(),
        "expired": _expired(anchor, today),
        "key": f"{key.algorithm} {key.bit_size}",
        "sha256": hashlib.sha256(anchor.der).hexdigest(),
        "sources": [
            store.sources[place].publisher or str(store.sources[place].kind) for place in anchor.sources
        ],
    }


def _of_list(one: RevocationList, today: datetime.date) -> dict[str, Any]:
    return {
        "country": _shown(one.country),
        "purpose": str(one.purpose),
        "issuer": printable(one.parsed.issuer.human_friendly),
        "number": one.number,
        "dated": one.this_update.date().isoformat(),
        "until": one.next_update.date().isoformat(),
        "overdue": one.next_update.date() < today,
        "revoked": len(one.serials),
    }


def _in_order(lists: tuple[RevocationList, ...]) -> list[RevocationList]:
    return sorted(lists, key=lambda one: (one.country, one.purpose, one.this_update))


def _expired(anchor: TrustAnchor, today: datetime.date) -> bool:
    return anchor.readable and anchor.certificate.not_valid_after.date() < today


def _shown(country: str) -> str:
    return printable(country)[:40] or NO_COUNTRY


def printable(text: str) -> str:
    """A name out of a certificate, fit for a terminal: whoever wrote it chose every sign of it."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)[:200]
