"""Whom a simulated desk believes: the invented State and the invented issuer of CNS."""

from __future__ import annotations

import datetime

from appliance.cards.software.authority import make_test_authority
from appliance.cards.software.cns_authority import make_cns_authority
from appliance.cards.trust import TrustStore


def demo_trust(now: datetime.datetime) -> TrustStore:
    """A store that believes every good software card and no real one."""
    state = make_test_authority(now=now).trust_store()
    return TrustStore((*state.anchors, make_cns_authority().anchor), state.origin, state.version, state.dated)
