"""Whole sittings through the real doors of a real desk process with simulated devices."""

from __future__ import annotations

import datetime as dt
import json
import socket
import time

import msgspec
import pytest

from appliance.cards.software.cns_card import PIN as CARD_PIN
from appliance.cards.software.persona import ALDO, MARIA, NICOLO
from appliance.cards.software.personalise import Blank, Form, zone_of
from contracts.desk_api import door
from contracts.desk_api.clerk import DeadlineRisk, Identified, Stage, VerdictKind
from contracts.identity import fingerprint
from contracts.messages.letters import RESERVED, LetterWord
from contracts.practices.catalogue import shipped
from tests.appliance.desk.kit import ESTRATTO, NASPI, ROME, DeskProcess, Line, Refused, post
from tests.appliance.desk.test_papers import text_of
from tests.peers.citizen import answers_for


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


def test_nothing_outside_the_letter_tells_which_reserved_practice_it_was(desk, clerk):
    practice = shipped().valid("bonus_nido", dt.datetime.now(ROME).date())
    assert practice.special_category
    answers = {**answers_for(practice), "tipo": ["asilo"]}
    clerk.identify()
    clerk.ask("choose", practice=practice.key)
    assert clerk.fill(answers).deadline is not None
    clerk.ask("take_page", attachment="ricevute")
    clerk.ask("pages_done")
    clerk.ask("confirm_read_back")
    clerk.sign_and_seal()
    outbox = desk.outbox()
    (entry,) = outbox.waiting()
    outbox.close()
    assert (entry.label.practice, entry.label.deadline) == (RESERVED, None)
    for file in desk.state.rglob("*"):
        assert not file.is_file() or practice.id.encode() not in file.read_bytes(), file


def test_while_the_line_is_away_a_near_last_day_says_where_else_to_go(desk, clerk):
    ended = (dt.datetime.now(ROME) - dt.timedelta(days=66)).strftime("%d/%m/%Y")
    sitting = clerk.to_sign("naspi", {**NASPI, "data_cessazione": [ended]})
    assert (sitting.deadline.days_left, sitting.deadline.risk) == (2, DeadlineRisk.ROAD)
    assert "Biella" in sitting.deadline.elsewhere[0]
    desk.status("tell_link", connected=True, heard_s=3, waiting_why="")
    deadline = clerk.ask("look").sitting.deadline
    assert (deadline.risk, deadline.elsewhere) == (DeadlineRisk.NEAR, [])


def test_a_wrong_can_is_said_and_the_next_try_may_be_right(desk, clerk):
    clerk.begin()
    assert clerk.read_card(can="000000").trouble.code == "card.wrong_can"
    assert clerk.sitting.stage is Stage.CARD
    assert clerk.read_card().stage is Stage.COMPARE
    assert clerk.sitting.verdict.kind is VerdictKind.VERIFIED


def test_nobody_is_identified_with_a_tampered_card(desk, clerk):
    clerk.begin()
    assert clerk.read_card("cie_tampered").verdict.kind is VerdictKind.REFUSED
    assert "same_person" not in clerk.sitting.may
    with pytest.raises(Refused) as refused:
        clerk.ask("same_person", same=True)
    assert refused.value.code == "sitting.document_refused"


def test_identified_by_sight_is_said_in_the_dossier_and_is_not_green(desk, clerk):
    clerk.begin()
    clerk.see_document()
    assert clerk.sitting.verdict.kind is VerdictKind.NOT_VERIFIED
    clerk.ask("choose", practice="estratto_conto@2026-01")
    assert clerk.sitting.form.answers["sesso"] == ["f"]
    extra = {"comune_nascita": ["roma"]}
    clerk.fill({**ESTRATTO, **extra})
    clerk.ask("pages_done")
    clerk.ask("confirm_read_back")
    clerk.ask("sign", way="cannot_sign", cause="mano ingessata")
    letter = clerk.ask("seal").sitting.letter.letter
    manifest = manifest_of(desk, letter)
    assert manifest["identification"]["how"] == "by_sight"
    assert manifest["identification"]["verdict"] == "not_verified"
    assert "not_checked.chip" in manifest["identification"]["not_checked"]
    assert manifest["attestation"]["titolo_validita"] == "dichiarazione_raccolta"


def manifest_of(desk, letter):
    outbox = desk.outbox()
    try:
        return json.loads(desk.enrolled.open(outbox.sealed(letter)).read("manifest.json"))
    finally:
        outbox.close()


def test_a_card_torn_from_the_reader_costs_one_try(desk, clerk):
    clerk.begin()
    assert clerk.read_card("cie_torn").trouble.code == "card.removed"
    assert clerk.read_card().stage is Stage.COMPARE
    assert clerk.ask("picture", which="photo").data[:2] == b"\xff\xd8"
    clerk.ask("same_person", same=True)
    with pytest.raises(Refused):
        clerk.ask("picture", which="photo")  # compared, so no longer kept


def test_paper_that_ends_is_said_and_printing_again_works(desk, clerk):
    clerk.to_sign()
    desk.world("printer", "run_out")
    assert clerk.ask("print_summary").sitting.trouble.code == "printer.paper_out"
    assert not clerk.sitting.summary_printed
    desk.world("printer", "mend")
    assert clerk.ask("print_summary").sitting.trouble is None
    assert clerk.sitting.summary_printed
    sitting = clerk.sign_and_seal()
    desk.world("printer", "run_out")
    with pytest.raises(Refused) as refused:
        clerk.ask("print_receipt", letter=sitting.letter.letter)
    assert refused.value.code == "printer.paper_out"
    assert not clerk.ask("look").sitting.letter.receipt_printed


def test_a_covered_lens_is_remarked_and_a_missing_camera_is_said(desk, clerk):
    clerk.to_sign()
    desk.world("camera", "cover_lens")
    (page,) = clerk.ask("take_page", attachment="signature").sitting.pages.pages
    assert "page.too_dark" in page.remarks
    clerk.ask("remove_page", page=page.page)
    assert clerk.sitting.pages.missing == ["signature"]
    desk.world("camera", "unplug")
    assert clerk.ask("take_page", attachment="signature").sitting.trouble.code == "camera.absent"
    desk.world("camera", "mend")
    assert clerk.ask("take_page", attachment="signature").sitting.pages.missing == []


def test_the_notice_on_paper_is_handed_over_and_the_dossier_says_which(desk, clerk):
    clerk.ask("begin")
    assert clerk.sitting.stage is Stage.INFORM
    assert len(clerk.sitting.notice.spoken) == len(shipped().notices_on(dt.datetime.now(ROME).date()))
    desk.world("printer", "run_out")
    assert clerk.ask("print_notice").sitting.trouble.code == "printer.paper_out"
    desk.world("printer", "mend")
    assert clerk.ask("print_notice").sitting.notice.printed
    assert clerk.ask("notice_paper").data.startswith(b"%PDF-")
    clerk.ask("give_notice", how="handed")
    clerk.read_card()
    clerk.ask("same_person", same=True)
    clerk.ask("choose", practice="estratto_conto@2026-01")
    clerk.fill(ESTRATTO)
    clerk.ask("pages_done")
    clerk.ask("confirm_read_back")
    letter = clerk.sign_and_seal().letter.letter
    with pytest.raises(Refused) as refused:
        clerk.ask("notice_paper")
    assert refused.value.code == "sitting.none"
    informed = manifest_of(desk, letter)["informed"]
    assert informed["how"] == "handed"
    assert {one["notice"]: one["sha256"] for one in informed["notices"]} == {
        one.key: one.sha256 for one in shipped().notices_on(dt.datetime.now(ROME).date())
    }
    receipt = text_of(clerk.ask("receipt_paper", letter=letter).data)
    assert "consegnata su carta prima di cominciare: del Comune, versione 2026-01" in " ".join(
        receipt.split()
    )


def test_the_second_click_gets_the_first_answer(desk, clerk):
    first = clerk.ask("begin", once="once-of-the-page-1")
    again = clerk.ask("begin", once="once-of-the-page-1")
    assert first.sitting.sitting == again.sitting.sitting
    with pytest.raises(Refused) as refused:
        clerk.ask("abandon", reason="mistake", once="once-of-the-page-1")
    assert refused.value.code == "desk.once_reused"
    with pytest.raises(Refused) as refused:
        clerk.begin()
    assert refused.value.code == "sitting.open"


def test_a_draft_laid_aside_wants_the_same_citizen_again(desk, clerk):
    clerk.to_sign()
    clerk.ask("lay_aside")
    assert (clerk.view.sitting, clerk.view.drafts) == (None, 1)
    (row,) = clerk.ask("drafts").drafts
    assert row.citizen == "MARIA ESEMPIO"
    clerk.ask("open_draft", draft=row.draft)
    assert clerk.sitting.stage is Stage.CARD
    assert clerk.read_card("cie_aldo", "246810").trouble.code == "sitting.other_person"
    clerk.read_card()
    clerk.ask("same_person", same=True)
    assert clerk.sitting.stage is Stage.SIGN
    clerk.ask("abandon", reason="citizen_left")
    assert list((desk.state / "vault" / "drafts").iterdir()) == []


def test_the_quiet_claim_is_its_connection(desk, clerk):
    claim, word = hold_quiet(desk)
    assert word == b"granted\n"
    with pytest.raises(Refused) as refused:
        clerk.begin()
    assert refused.value.code == "desk.quiet"
    assert desk.status("facts").quiet
    claim.close()
    clerk.ask("look")
    clerk.until(lambda view: not view.quiet)
    clerk.begin()
    claim, word = hold_quiet(desk)
    claim.close()
    assert word == b"busy\n"


def hold_quiet(desk):
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(10)
    line.connect(str(desk.run / "status.sock"))
    line.sendall(b"POST /v1/quiet HTTP/1.1\r\nHost: desk\r\nContent-Length: 0\r\n\r\n")
    got = b""
    while b"granted\n" not in got and b"busy\n" not in got:
        got += line.recv(1024)
    return line, b"granted\n" if b"granted\n" in got else b"busy\n"


def test_nobody_without_a_login_sees_a_citizen(desk, clerk):
    clerk.identify()
    assert clerk.view.sitting.citizen.surname == "ESEMPIO"
    reception = clerk.ask("knock")
    assert (reception.desk.sitting, reception.desk.clerk) == (None, None)
    locked = clerk.ask("lock")
    assert (locked.locked, locked.sitting, locked.clerk.name) == (True, None, "Operatore di prova")
    with pytest.raises(Refused) as refused:
        clerk.ask("letters")
    assert refused.value.code == "clerk.locked"
    old = clerk.token
    clerk.come()
    assert clerk.sitting.stage is Stage.CHOOSE
    with pytest.raises(Refused) as refused:
        clerk.ask("look", token=old)
    assert refused.value.code == "clerk.logged_out"


def test_wrong_pins_lock_out_and_a_restart_does_not_help(desk, clerk):
    def refusal():
        with pytest.raises(Refused) as refused:
            clerk.ask("login", user="operatore", pin="000000")
        return refused.value.code

    assert [refusal() for _ in range(6)] == ["clerk.wrong_pin"] * 5 + ["clerk.locked_out"]
    desk.stop()
    desk.start()
    assert refusal() == "clerk.locked_out"


def test_a_box_without_belongings_begins_no_sitting(desk, clerk):
    (desk.state / "identity" / "belongings.json").rename(desk.state / "elsewhere.json")
    with pytest.raises(Refused) as refused:
        clerk.begin()
    assert refused.value.code == "desk.not_enrolled"
    (desk.state / "elsewhere.json").rename(desk.state / "identity" / "belongings.json")
    clerk.begin()


def test_a_letter_that_cannot_be_sealed_stays_a_draft_and_can_be_sealed_later(desk, clerk):
    key = desk.state / "identity" / "desk" / "key.pem"
    key.rename(desk.state / "key.pem")
    clerk.to_sign()
    sitting = clerk.sign_and_seal()
    assert (sitting.stage, sitting.trouble.code) == (Stage.SIGN, "desk.not_enrolled")
    (desk.state / "key.pem").rename(key)
    assert clerk.ask("seal").sitting.stage is Stage.DONE


def test_the_agent_sees_numbers_only(desk, clerk):
    clerk.identify()
    facts = desk.status("facts")
    assert facts.sitting.active
    assert {device.kind for device in facts.devices} >= {"card_reader", "printer", "camera"}
    assert b"ESEMPIO" not in msgspec.json.encode(facts)
    desk.status("tell_link", connected=True, heard_s=3, waiting_why="")
    assert clerk.ask("look").line.connected
    desk.status("blink", seconds=1)


def test_a_door_refuses_what_it_cannot_read(desk, clerk):
    path = desk.run / "clerk.sock"
    for url, body in (
        ("/v1/nothing", b"{}"),
        ("/v1/look", b"not json"),
        ("/v1/look", b"{}"),
        ("/v1/enter_code", b'{"token": 7}'),
        ("/v1/look", b" " * 2_000_000),
    ):
        status, answer = post(path, url, body)
        assert status == 409
        assert msgspec.json.decode(answer)["code"] == "desk.bad_request"
    with pytest.raises(Refused) as refused:
        desk.world("card_reader", "close")
    assert refused.value.code == "scenario.unplayable"


def test_the_doors_are_for_their_groups_alone(desk):
    for name in ("clerk.sock", "status.sock", "world.sock"):
        assert (desk.run / name).stat().st_mode & 0o007 == 0


def test_a_real_desk_has_no_back_door(tmp_path):
    desk = DeskProcess(tmp_path, settings=("simulate=false",))
    assert not (desk.run / "world.sock").exists()
    desk.close()


def test_stop_is_quick_even_with_a_page_watching(desk, clerk):
    watching = Line(desk.run / "clerk.sock", 30)
    call = clerk.calls["watch"]
    question = call.request(token=clerk.token, revision=clerk.view.revision, wait_s=20.0)
    watching.request(
        "POST", door.path_of(call), door.encode_body(question)
    )  # asked: the answer is not waited for
    begun = time.monotonic()
    assert desk.stop() == 0
    assert time.monotonic() - begun < 5
    watching.close()
    desk.start()


def test_a_sitting_nobody_touches_is_laid_aside(tmp_path):
    desk = DeskProcess(tmp_path, settings=("forgotten_s=2",))
    clerk = desk.clerk()
    clerk.come()
    clerk.identify()
    clerk.ask("choose", practice="naspi@2026-01")
    clerk.until(lambda view: view.sitting is None)
    assert clerk.view.drafts == 1
    desk.close()


def test_an_idle_page_locks_by_itself_and_looking_is_not_acting(tmp_path):
    desk = DeskProcess(tmp_path, settings=("idle_lock_s=2",))
    clerk = desk.clerk()
    clerk.come()
    clerk.until(lambda view: view.locked)
    assert clerk.view.sitting is None
    desk.close()


def test_a_reader_for_short_commands_takes_both_codes(tmp_path):
    desk = DeskProcess(tmp_path, settings=("devices.card_reader.short_commands_only=true",))
    clerk = desk.clerk()
    clerk.come()
    clerk.begin()
    assert clerk.read_card("cie_long_commands_only").trouble.code == "card.mrz_needed"
    desk.close()


# ---- cards that need no code, and what is scanned


def read_contact(desk, clerk, card, pin=None):
    clerk.begin()
    desk.world("card_reader", "insert", card=card)
    clerk.ask("read_contact", pin=pin)
    clerk.until(lambda view: view.sitting.stage is not Stage.READING)
    return clerk.sitting


def test_a_tessera_with_its_pin_identifies(desk, clerk):
    assert read_contact(desk, clerk, "cns", CARD_PIN).verdict.code == "cns.data_genuine"
    clerk.ask("same_person", same=True)
    assert (clerk.sitting.stage, clerk.sitting.identified) == (Stage.CHOOSE, Identified.BY_CHIP)
    for file in desk.state.rglob("*"):
        assert not file.is_file() or CARD_PIN.encode() not in file.read_bytes(), "the PIN is kept nowhere"


def test_a_tessera_without_pin_needs_a_document_with_a_photo(desk, clerk):
    sitting = read_contact(desk, clerk, "cns_applet")
    assert sitting.verdict.code == "cns.possession_unproven"
    assert "same_person" not in sitting.may
    with pytest.raises(Refused) as refused:
        clerk.ask("same_person", same=True)
    assert refused.value.code == "sitting.photo_document_needed"
    clerk.ask(
        "by_sight",
        surname=sitting.citizen.surname,
        name=sitting.citizen.name,
        birth_date=sitting.citizen.birth_date,
        codice_fiscale=sitting.citizen.codice_fiscale,
        document_kind="patente",
        document_number="U1AB34567C",
        reason="no_photo",
    )
    assert (clerk.sitting.stage, clerk.sitting.identified) == (Stage.CHOOSE, Identified.BY_SIGHT)


@pytest.mark.parametrize(
    ("card", "pin", "code"), [("cie", None, "card.code_needed"), ("cns", "11111", "card.wrong_pin")]
)
def test_what_a_clerk_hears_of_the_slot(desk, clerk, card, pin, code):
    assert read_contact(desk, clerk, card, pin).trouble.code == code
    assert clerk.sitting.stage is Stage.CARD


def test_a_scanned_tessera_is_compared_with_the_chip(desk, clerk):
    clerk.begin()
    desk.world("barcode", "scan", text=f"*{MARIA.codice_fiscale}*")
    clerk.until(lambda view: view.sitting.carried is not None)
    assert clerk.sitting.carried.agrees is None
    assert clerk.read_card().carried.agrees is True
    desk.world("barcode", "scan", text=ALDO.codice_fiscale)
    clerk.until(lambda view: view.sitting.carried.agrees is False)


def test_scanned_lines_open_a_passport_and_the_name_comes_first(desk, clerk):
    clerk.begin()
    desk.world("card_reader", "insert", card="passport")
    today = dt.datetime.now(dt.UTC).date()
    zone = zone_of(Blank(person=NICOLO, form=Form.PASSPORT), NICOLO.expiry(today))
    for line in (zone[:44], zone[44:]):
        desk.world("barcode", "scan", text=line)
    clerk.until(lambda view: view.sitting.stage is Stage.COMPARE)
    assert clerk.sitting.verdict.kind is VerdictKind.VERIFIED
    assert clerk.sitting.citizen.name == NICOLO.given_names


def test_the_camera_reads_the_lines_and_waits_for_the_passport_to_come_to_the_reader(desk, clerk):
    clerk.begin()
    desk.world("camera", "show_document", card="passport")
    clerk.ask("show_document")
    clerk.until(lambda view: view.sitting.reading and view.sitting.reading.code == "card.awaited")
    desk.world("card_reader", "insert", card="passport")
    clerk.until(lambda view: view.sitting.stage is Stage.COMPARE)
    assert clerk.sitting.verdict.kind is VerdictKind.VERIFIED
    assert clerk.sitting.citizen.name == NICOLO.given_names


def test_whoever_gives_up_waiting_for_the_passport_keeps_nobody_waiting(desk, clerk):
    clerk.begin()
    desk.world("camera", "show_document", card="passport")
    clerk.ask("show_document")
    clerk.until(lambda view: view.sitting.reading and view.sitting.reading.code == "card.awaited")
    clerk.ask("abandon", reason="other")
    clerk.begin()
    clerk.ask("enter_code", can="123456")
    clerk.until(lambda view: view.sitting.trouble is not None)
    assert clerk.sitting.trouble.code == "card_reader.no_card"


def test_the_camera_reads_whose_tessera_it_is(desk, clerk):
    clerk.begin()
    desk.world("camera", "show_tessera", codice_fiscale=MARIA.codice_fiscale)
    clerk.ask("show_document")
    clerk.until(lambda view: view.sitting.carried is not None)
    assert clerk.sitting.stage is Stage.CARD


def test_a_camera_that_sees_no_document_says_so_and_all_ways_are_open(desk, clerk):
    clerk.begin()
    desk.world("camera", "place_sample")
    clerk.ask("show_document")
    clerk.until(lambda view: view.sitting.trouble is not None)
    assert clerk.sitting.trouble.code == "document.nothing_seen"
    assert clerk.sitting.stage is Stage.CARD
    assert "enter_code" in clerk.sitting.may


def test_a_locked_desk_hears_no_scanner(desk, clerk):
    clerk.begin()
    clerk.ask("lock")
    desk.world("barcode", "scan", text=MARIA.codice_fiscale)
    clerk.come()
    assert clerk.sitting.carried is None
