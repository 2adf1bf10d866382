"""Presence that a clerk attests takes the place of a copy of the document (DPR 445/2000 art. 38): no picture of it is kept."""

from __future__ import annotations

import io

import pikepdf
import pytest

from appliance.cards.software.persona import NICOLO
from contracts.desk_api.clerk import Stage
from contracts.practices.catalogue import shipped
from tests.appliance.desk.kit import ESTRATTO

OF_NICOLO = {"codice_fiscale": [NICOLO.codice_fiscale], "comune_nascita": ["roma"]}


def by_chip(desk, clerk):
    clerk.begin()
    clerk.read_card()
    assert len(kept(desk)) == 2, "until it was compared the chip's photo is there"
    clerk.ask("same_person", same=True)
    return ESTRATTO


def with_the_camera(desk, clerk):
    clerk.begin()
    desk.world("camera", "show_document", card="passport")
    clerk.ask("show_document")
    clerk.until(lambda view: view.sitting.reading and view.sitting.reading.code == "card.awaited")
    desk.world("card_reader", "insert", card="passport")
    clerk.until(lambda view: view.sitting.stage is Stage.COMPARE)
    clerk.ask("same_person", same=True)
    return {**ESTRATTO, **OF_NICOLO}


def by_sight(desk, clerk):
    clerk.begin()
    clerk.read_card()
    clerk.see_document()
    return {**ESTRATTO, "comune_nascita": ["roma"]}


def kept(desk):
    """Files of the open draft, whatever they are called."""
    return [file for file in (desk.state / "vault" / "drafts").rglob("*") if file.is_file()]


@pytest.mark.parametrize("identify", [by_chip, with_the_camera, by_sight])
def test_nothing_shows_the_document_or_the_face_once_the_person_is_known(desk, clerk, identify):
    answers = identify(desk, clerk)
    assert clerk.sitting.stage is Stage.CHOOSE
    assert len(kept(desk)) == 1, "the state alone"
    clerk.ask("choose", practice="estratto_conto@2026-01")
    clerk.fill(answers)
    clerk.ask("pages_done")
    clerk.ask("confirm_read_back")
    clerk.ask("sign", way="cannot_sign", cause="mano ingessata")
    letter = clerk.ask("seal").sitting.letter.letter

    outbox = desk.outbox()
    dossier = desk.enrolled.open(outbox.sealed(letter))
    outbox.close()
    assert dossier.namelist() == ["manifest.json", "documents/summary.pdf"]
    with pikepdf.open(io.BytesIO(dossier.read("documents/summary.pdf"))) as summary:
        assert all(not page.get_images() for page in summary.pages)


def test_no_practice_asks_for_a_copy_of_the_document_of_whoever_is_there():
    """Only the form for a delegation has copies of documents among its own papers (circolare INPS 127/2021)."""
    asking = {
        practice.id
        for practice in shipped().practices
        for paper in practice.attachments
        if "documento" in paper.id or "identit" in paper.title.lower()
    }
    assert asking == {"delega_identita"}
