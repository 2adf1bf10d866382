"""The way of one practice: card, sitting, sealed letter, outbox, post, recipient, and its states back."""

from __future__ import annotations

import json
import sqlite3
import subprocess

from appliance.outbox.store import Outbox
from contracts.desk_api.clerk import Stage
from contracts.messages.letters import LetterWord
from provisioning.demo.processes import run
from provisioning.demo.world import OFFICER
from tests.journeys.town import protocols, registered
from tests.peers.browser import Visit
from tests.peers.waiting import until


def test_a_dossier_arrives_gets_its_protocol_and_the_clerk_reads_it(world, clerk):
    letter = clerk.serve()
    row = clerk.await_word(letter, LetterWord.RECEIVED)
    assert row.protocollo.startswith("INPS.8100.")
    assert row.office
    assert row.answer_by
    assert registered(world)[letter] == 1
    assert protocols(world).count(row.protocollo) == 1


def test_the_box_cannot_open_what_it_sealed_and_the_recipient_needs_only_openssl(world, clerk, tmp_path):
    world.cut_line()  # the letter stays on the box while it is looked at
    letter = clerk.serve()
    (tmp_path / "letter.p7m").write_bytes(_sealed(world, letter))
    recipient, box = world.folder / "backoffice", world.state_dir / "identity" / "desk"

    opened = _decrypt(tmp_path, recipient / "opening.cert.pem", recipient / "opening.key.pem")
    assert opened.returncode == 0, opened.stderr
    verified = subprocess.run(
        [
            *("openssl", "cms", "-verify", "-inform", "DER", "-in", tmp_path / "signed.p7"),
            *("-CAfile", world.folder / "fleet" / "keys" / "authority.pem"),
            *("-purpose", "any", "-out", tmp_path / "dossier.zip"),
        ],
        capture_output=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr
    listed = subprocess.run(
        ["python3", "-m", "zipfile", "-l", tmp_path / "dossier.zip"], capture_output=True, check=True
    )
    assert b"manifest.json" in listed.stdout

    (tmp_path / "signed.p7").unlink()
    assert _decrypt(tmp_path, box / "cert.pem", box / "key.pem").returncode != 0
    world.mend_line()
    clerk.await_word(letter, LetterWord.RECEIVED)


def _decrypt(folder, certificate, key):
    return subprocess.run(
        [
            *("openssl", "cms", "-decrypt", "-inform", "DER", "-in", folder / "letter.p7m"),
            *("-recip", certificate, "-inkey", key, "-out", folder / "signed.p7"),
        ],
        capture_output=True,
        check=False,
    )


def _sealed(world, letter):
    outbox = Outbox(world.state_dir / "outbox" / "outbox.db")
    try:
        return outbox.sealed(letter)
    finally:
        outbox.close()


def test_a_state_moved_by_the_officer_reaches_the_clerk(world, clerk, browser):
    letter = clerk.serve()
    clerk.await_word(letter, LetterWord.RECEIVED)
    _officer_moves(world, browser, letter, LetterWord.IN_PROGRESS)
    clerk.await_word(letter, LetterWord.IN_PROGRESS)


def _officer_moves(world, browser, letter, word):
    """Through the officer's own page, as a person would: log in, open the dossier, press the button."""
    with Visit(browser, world.urls["backoffice"]) as visit:
        page = visit.page
        visit.go("/")
        page.locator("input:not([type=hidden]):not([type=password])").first.fill(OFFICER[0])
        page.locator("input[type=password]").fill(OFFICER[1])
        page.keyboard.press("Enter")
        page.locator(f"a[href*='{letter}']").first.click()
        page.locator(f"form:has(input[value='{word.value}']) button").click()
        page.locator(f"form:has(input[value='{word.value}'])").wait_for(state="detached")


def test_orders_reach_the_box_and_a_restart_waits_for_the_citizen(world, clerk):
    for kind in ("ping", "identify"):
        order = _order(world, kind)
        until(lambda order=order: _state(world, order) == "succeeded", f"{kind} done", 30)
    clerk.begin()
    deaths = world.desk.deaths
    restart = _order(world, "restart_desk")
    until(lambda: _state(world, restart) == "waiting_session", "the restart waits for the citizen", 30)
    assert world.desk.deaths == deaths
    assert clerk.sitting.stage is Stage.CARD
    clerk.ask("abandon", reason="mistake")
    until(lambda: world.desk.deaths > deaths, "the desk restarted once the citizen had gone", 30)
    world.desk.wait_ready()
    until(lambda: _state(world, restart) == "succeeded", "the order says so", 30)


def _order(world, kind):
    answer = json.loads(run(["-m", "fleet", "order", world.box, kind, "--json", *world.config("fleet")]))
    return answer["order"]


def _state(world, order):
    with sqlite3.connect(f"file:{world.folder / 'fleet' / 'fleet.db'}?mode=ro", uri=True) as book:
        return book.execute('SELECT state FROM orders WHERE "order" = ?', (order,)).fetchone()[0]
