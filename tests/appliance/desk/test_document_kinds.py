"""What kind of document the dossier says it was: as printed on it, not as it happens to be shaped."""

from __future__ import annotations

import pytest

from appliance.cards.software.authority import make_test_authority
from appliance.cards.software.cns_card import CnsCard
from appliance.cards.software.shelf import ABROAD, issue
from appliance.cards.software.trusted import demo_trust
from appliance.cards.trust import TrustStore
from appliance.desk.reading import kind_of, read_card
from appliance.desk.sitting import ReadCard, ReadContact
from appliance.devices.card_reader.simulated import SimulatedCardReader
from appliance.runtime.clock import SystemClock

KINDS = {
    "cie_aes": ("cie", "ITA"),
    "passport": ("passaporto", "ITA"),
    "permit": ("permesso_soggiorno", "ITA"),
    "eid_foreign": ("carta_identita_estera", "D"),
    "passport_foreign": ("passaporto", "D"),
    "cns": ("tessera_sanitaria", "ITA"),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_card_of_the_shelf(name):
    clock = SystemClock()
    home = demo_trust(clock.now())
    abroad = make_test_authority(now=clock.now(), seed=ABROAD.seed, country=ABROAD.country).trust_store()
    trust = TrustStore((*home.anchors, *abroad.anchors), home.origin, home.version, home.dated)
    card = issue(name, clock.now())
    reader = SimulatedCardReader(now=clock.now)
    reader.insert(name)
    reader.open()
    act = (
        ReadContact(None)
        if isinstance(card, CnsCard)
        else ReadCard(card.can or None, tuple(card.printed_lines))
    )
    citizen, _, _ = read_card(reader, act, trust, clock, print)
    assert (citizen.document_kind, citizen.issuing_state) == KINDS[name]


@pytest.mark.parametrize(
    ("code", "state", "kind"),
    [
        ("C", "ITA", "cie"),
        ("I", "ITA", "cie"),
        ("AO", "ITA", "cie"),
        ("ID", "AUT", "carta_identita_estera"),
        ("I", "FRA", "carta_identita_estera"),
        ("IR", "ITA", "permesso_soggiorno"),
        ("AR", "D", "permesso_soggiorno"),
        ("PO", "ITA", "passaporto"),
        ("P", "UKR", "passaporto"),
        ("AC", "FRA", "altro"),  # a member of an aircraft's crew: ICAO 9303-5
        ("V", "ITA", "altro"),
    ],
)
def test_a_code_as_printed(code, state, kind):
    assert kind_of(code, state) == kind
