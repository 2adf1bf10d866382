"""The cards a clerk meets besides the usual one, in Chromium: each leaves its pictures in build/screens/cards."""

from __future__ import annotations

import datetime as dt
import re

from playwright.sync_api import expect

from appliance.cards.software.cns_card import PIN as CARD_PIN
from appliance.cards.software.persona import MARIA, NICOLO
from appliance.cards.software.personalise import Blank, Form, zone_of
from provisioning.demo.world import CLERK
from tests.journeys.test_visitor import SCREENS, Album, _at, _press
from tests.peers.browser import Visit

FOLDER = SCREENS.parent / "cards"


def _come(visit, world):
    page = visit.page
    visit.go("/")
    page.get_by_label("PIN").fill(CLERK[2])
    page.keyboard.press("Enter")
    _at(page, "Comincia")
    _press(page, "Comincia")
    _press(page, "L'ho letto ad alta voce")
    _at(page, "Chi è qui?")


def test_a_passport_a_tessera_and_a_scanned_code(world, clerk, browser):
    album = Album(FOLDER)
    with Visit(browser, world.urls["clerk"]) as visit:
        page = visit.page
        _come(visit, world)
        album.take(visit, "who-is-here")

        world.play("card_reader", "insert", card="passport")
        zone = zone_of(
            Blank(person=NICOLO, form=Form.PASSPORT), NICOLO.expiry(dt.datetime.now(dt.UTC).date())
        )
        page.get_by_text("Passaporto, o carta con le sei cifre illeggibili").click()
        album.take(visit, "passport")
        page.get_by_label("Righe stampate").fill(f"{zone[:44]}\n{zone[44:]}")
        _press(page, "Leggi con queste righe")
        _at(page, "È la stessa persona?", 30)
        expect(page.get_by_role("heading", name="Documento autentico")).to_be_visible()
        album.take(visit, "passport-read")
        _press(page, "Non è la persona")

        _at(page, "Chi è qui?")
        world.play("barcode", "scan", text=MARIA.codice_fiscale)
        expect(page.get_by_text("Codice letto dalla tessera sanitaria")).to_be_visible()
        album.take(visit, "scanned")
        world.play("card_reader", "insert", card="cns")
        page.get_by_text("Tessera sanitaria con il chip").click()
        album.take(visit, "tessera")
        _press(page, "Leggi la tessera")
        _at(page, "È la stessa persona?", 30)
        expect(page.get_by_role("heading", name="Dati letti, tessera non autenticata")).to_be_visible()
        expect(page.get_by_role("button", name="È la persona", exact=True)).to_have_count(0)
        album.take(visit, "tessera-read")
        page.get_by_role("link", name=re.compile("Identifico a vista")).click()
        expect(page.get_by_label("Cognome")).to_have_value("ESEMPIO")
        album.take(visit, "by-sight-prefilled")

        page.get_by_role("link", name="Torna alla carta").click()
        _press(page, "Non è la persona")
        _at(page, "Chi è qui?")
        page.get_by_text("Tessera sanitaria con il chip").click()
        page.get_by_label("PIN della tessera").fill(CARD_PIN)
        _press(page, "Leggi la tessera")
        _at(page, "È la stessa persona?", 30)
        expect(page.get_by_role("heading", name="Tessera autentica, PIN giusto")).to_be_visible()
        album.take(visit, "tessera-with-pin")
        _press(page, "È la persona")
        _at(page, "Che cosa vuole chiedere?")
    assert album.faults == {}
