"""Whole sittings through the real doors of a real desk process with simulated devices."""

from __future__ import annotations

import json

import pytest

from contracts.desk_api.clerk import Identified, Stage, VerdictKind
from contracts.identity import fingerprint
from contracts.messages.letters import LetterWord
from tests.appliance.desk.kit import NASPI, Refused


def test_from_the_card_to_the_sealed_letter(desk, clerk):
    sitting = clerk.to_sign("naspi", NASPI)
    assert sitting.identified is Identified.BY_CHIP
    assert sitting.deadline.days_left == 5
    sitting = clerk.sign_and_seal()
    assert sitting.stage is Stage.DONE
    assert sitting.citizen is None
    assert sitting.letter.word is LetterWord.SAVED
    clerk.ask("print_receipt", letter=sitting.letter.letter)
    assert clerk.sitting.letter.receipt_printed
    clerk.ask("finish")
    assert clerk.view.sitting is None

    outbox = desk.outbox()
    (entry,) = outbox.waiting()
    assert fingerprint(outbox.sealed(entry.label.letter)) == entry.label.sha256
    dossier = desk.enrolled.open(outbox.sealed(entry.label.letter))
    outbox.close()
    manifest = json.loads(dossier.read("manifest.json"))
    assert manifest["answers"]["iban"] == ["IT60X0542811101000000123456"]
    assert manifest["identification"]["how"] == "by_chip"
    assert manifest["identification"]["verdict"] == VerdictKind.VERIFIED
    assert len(manifest["identification"]["document_signer_sha256"]) == 64
    assert manifest["attestation"]["titolo_validita"] == "firma_autografa_in_presenza"
    for document in manifest["documents"]:
        assert fingerprint(dossier.read(document["file"])) == document["sha256"]
    assert list((desk.state / "vault" / "drafts").iterdir()) == []


def test_a_wrong_can_is_said_and_the_next_try_may_be_right(desk, clerk):
    clerk.ask("begin")
    assert clerk.read_card(can="000000").trouble.code == "card.wrong_can"
    assert clerk.sitting.stage is Stage.CARD
    assert clerk.read_card().stage is Stage.COMPARE
    assert clerk.sitting.verdict.kind is VerdictKind.VERIFIED


def test_nobody_is_identified_with_a_tampered_card(desk, clerk):
    clerk.ask("begin")
    assert clerk.read_card("cie_tampered").verdict.kind is VerdictKind.REFUSED
    assert "same_person" not in clerk.sitting.may
    with pytest.raises(Refused) as refused:
        clerk.ask("same_person", same=True)
    assert refused.value.code == "sitting.document_refused"
