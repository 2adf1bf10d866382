"""After good sittings and bad ones: nothing that names a citizen stands in any log, nor anywhere in the fleet."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from appliance.cards.software.cns_card import PIN as CARD_PIN
from appliance.cards.software.persona import ALDO, MARIA, NICOLO
from appliance.cards.software.personalise import Blank, Form, zone_of
from contracts.desk_api.clerk import Stage
from contracts.messages.letters import LetterWord
from tests.appliance.desk.kit import NASPI, Refused
from tests.journeys.town import TownClerk
from tests.peers.waiting import until

TYPED = ("IT60X0542811101000000123456", "+393330000001", "3330000001", "Ditta Inventata", "01234567897")
NAMES = tuple(
    word
    for who in (MARIA, ALDO, NICOLO)
    for word in (who.surname, who.codice_fiscale, who.document_number, who.address.split("<")[0])
    if word
)
WRONG_PIN = "97531"
SECRETS = (MARIA.can, ALDO.can, MARIA.nis, "000000", CARD_PIN, WRONG_PIN)
"""Codes printed on cards, and PINs; so few digits also occur by chance in databases, so they are looked for in logs alone."""

COMMON = b"per esempio"
"""Published catalogues say so in their questions; no citizen's name follows that word."""

APDU = re.compile(rb"\b(?:00|0c|10)(?:a4|b0|b1|84|82|86|22|88)[0-9a-f]{6,}", re.IGNORECASE)


@pytest.fixture(scope="module")
def after_a_day(world):
    """A day with everything in it that could make a program talkative."""
    clerk = TownClerk(world)
    clerk.come()
    letters = [clerk.serve("naspi", NASPI)]
    for card, can in (("cie", "000000"), ("cie_tampered", "123456"), ("cie_expired", "123456")):
        clerk.begin()
        clerk.read_card(card, can)
        clerk.ask("abandon", reason="not_the_person")
    for card, pin in (
        ("cns", None),
        ("cns_applet", CARD_PIN),
        ("cns", WRONG_PIN),
        ("hostile_cns_floods", None),
    ):
        clerk.begin()
        world.play("card_reader", "insert", card=card)
        clerk.ask("read_contact", pin=pin)
        clerk.until(lambda view: view.sitting.stage is not Stage.READING)
        clerk.ask("abandon", reason="other")
    clerk.begin()
    world.play("barcode", "scan", text=MARIA.codice_fiscale)
    world.play("card_reader", "insert", card="passport")
    zone = zone_of(Blank(person=NICOLO, form=Form.PASSPORT), NICOLO.expiry(dt.datetime.now(dt.UTC).date()))
    for line in (zone[:44], zone[44:]):
        world.play("barcode", "scan", text=line)
    clerk.until(lambda view: view.sitting.stage is Stage.COMPARE)
    clerk.ask("abandon", reason="other")
    clerk.begin()
    world.play("card_reader", "insert", card="cie_torn")
    clerk.ask("enter_code", can="123456")
    clerk.until(lambda view: view.sitting.stage is not Stage.READING)
    clerk.ask("abandon", reason="mistake")
    clerk.to_sign("naspi", NASPI)
    world.play("printer", "run_out")
    clerk.ask("print_summary")
    clerk.until(lambda view: view.sitting.trouble is not None)
    world.play("printer", "mend")
    with pytest.raises(Refused):
        clerk.ask("enter_code", can="123456")
    deaths = world.desk.deaths
    world.desk.kill()
    until(lambda: world.desk.deaths > deaths, "the desk died", 10)
    world.desk.wait_ready()
    clerk.come()
    clerk.ask("abandon", reason="other")
    for letter in letters:
        clerk.await_word(letter, LetterWord.RECEIVED)
    return world


def test_no_log_names_a_citizen_a_code_or_a_command_to_a_card(after_a_day):
    logs = {path.name: path.read_bytes() for path in after_a_day.logs.glob("*.log")}
    assert set(logs) >= {"agent.log", "backoffice.log", "desk.log", "fleet.log", "web.log"}
    found = [
        (name, word)
        for name, text in logs.items()
        for word in (*NAMES, *TYPED, *SECRETS)
        if word.casefold().encode() in text.lower()
    ]
    found += [(name, match.group()[:8]) for name, text in logs.items() for match in APDU.finditer(text)]
    assert found == []


def test_the_fleet_and_the_agent_hold_nothing_that_names_a_citizen(after_a_day):
    places = [after_a_day.folder / "fleet", *_of_the_box(after_a_day)]
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    assert len(files) > 20
    found = [
        (path.name, word)
        for path in files
        for data in [path.read_bytes().lower().replace(COMMON, b"")]
        for word in (*NAMES, *TYPED)
        if word.casefold().encode() in data
    ]
    assert found == []


def _of_the_box(world):
    """All the box keeps: drafts and letters are there, and cannot be read."""
    return [folder for folder in world.state_dir.iterdir() if folder.is_dir()]
