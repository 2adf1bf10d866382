"""What must survive from day one: cut, killed, full, wrong, forged, half written. Nothing called saved is lost."""

from __future__ import annotations

import contextlib
import resource

import pytest

from contracts.desk_api.clerk import Stage, VerdictKind
from contracts.errors import RemoteProblem
from contracts.messages.letters import LetterWord
from tests.appliance.desk.kit import NASPI, Refused
from tests.journeys.town import TownClerk, registered
from tests.peers.waiting import until


def test_the_network_is_unplugged(world, clerk):
    world.cut_line()
    letter = clerk.serve("naspi", NASPI)
    assert clerk.letter(letter).word is LetterWord.SAVED
    until(lambda: not clerk.ask("look").line.connected, "the page says the line is down", 30)
    assert clerk.view.line.waiting == 1
    world.mend_line()
    clerk.await_word(letter, LetterWord.RECEIVED)
    assert registered(world)[letter] == 1
    until(lambda: clerk.ask("look").line.connected, "the page says the line is back", 30)


@pytest.mark.parametrize("moment", ["code", "form", "sign"])
def test_the_desk_is_killed_in_mid_sitting(world, clerk, moment):
    clerk.identify()
    if moment != "code":
        key = next(row.key for row in clerk.ask("practices").practices if row.key.startswith("estratto"))
        clerk.ask("choose", practice=key)
    if moment == "sign":
        from tests.appliance.desk.kit import ESTRATTO

        clerk.fill(ESTRATTO)
        clerk.ask("pages_done")
        clerk.ask("confirm_read_back")
    before = clerk.sitting
    _kill(world.desk)
    back = TownClerk(world)
    back.come()
    assert (back.sitting.sitting, back.sitting.stage) == (before.sitting, before.stage)
    assert back.sitting.number == before.number
    if moment == "sign":
        letter = back.sign_and_seal().letter.letter
        back.ask("finish")
        back.await_word(letter, LetterWord.RECEIVED)
    else:
        back.ask("abandon", reason="other")


def test_the_agent_is_killed_while_letters_wait(world, clerk):
    world.cut_line()
    letters = [clerk.serve() for _ in range(3)]
    _kill(world.agent)
    world.mend_line()
    _kill(world.agent)
    for letter in letters:
        clerk.await_word(letter, LetterWord.RECEIVED)
    counted = registered(world)
    assert [counted[letter] for letter in letters] == [1, 1, 1]


def test_the_fleet_and_its_broker_are_killed(world, clerk):
    letter = clerk.serve()
    _kill(world.fleet)
    other = clerk.serve()
    for each in (letter, other):
        clerk.await_word(each, LetterWord.RECEIVED)
    until(lambda: clerk.ask("look").line.connected, "the box found the broker again", 60)


def test_the_recipient_is_killed_after_it_took_the_letter(world, clerk):
    letters = [clerk.serve() for _ in range(2)]
    _kill(world.backoffice)
    for letter in letters:
        clerk.await_word(letter, LetterWord.RECEIVED)
    assert {registered(world)[letter] for letter in letters} == {1}


def test_a_wrong_can(world, clerk):
    clerk.begin()
    assert clerk.read_card(can="000000").trouble.code == "card.wrong_can"
    assert clerk.sitting.stage is Stage.CARD
    assert clerk.read_card().stage is Stage.COMPARE


def test_a_forged_card(world, clerk):
    clerk.begin()
    verdict = clerk.read_card("cie_tampered").verdict
    assert verdict.kind is VerdictKind.REFUSED
    assert 1 <= len(verdict.lines) <= 4
    with pytest.raises(Refused, match="document_refused"):
        clerk.ask("same_person", same=True)


def test_a_card_pulled_away_while_it_is_read(world, clerk):
    clerk.begin()
    world.play("card_reader", "insert", card="cie_torn")
    clerk.ask("enter_code", can="123456")
    clerk.until(lambda view: view.sitting.stage is not Stage.READING)
    assert clerk.sitting.stage is Stage.CARD
    assert clerk.sitting.trouble.code == "card.removed"


def test_the_paper_ends_while_the_summary_is_printed(world, clerk):
    clerk.to_sign()
    world.play("printer", "run_out")
    clerk.ask("print_summary")
    clerk.until(lambda view: view.sitting.trouble is not None)
    assert clerk.sitting.trouble.code == "printer.paper_out"
    assert not clerk.sitting.summary_printed
    world.play("printer", "mend")
    clerk.ask("print_summary")
    clerk.until(lambda view: view.sitting.summary_printed)


def test_a_draft_half_written_by_a_power_cut_does_not_stop_the_desk(world, clerk):
    clerk.identify()
    world.desk.stop()
    drafts = [path for path in (world.state_dir / "vault" / "drafts").rglob("*") if path.is_file()]
    assert drafts
    for path in drafts:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    world.desk.start()
    back = TownClerk(world)
    back.come()
    assert back.view.sitting is None
    back.await_word(back.serve(), LetterWord.RECEIVED)


def test_a_stranger_at_the_doors_learns_nothing(world, clerk):
    from contracts.desk_api import clerk as c

    clerk.identify()
    reception = world.ask_desk("knock", c.Knock())
    assert reception.desk.sitting is None
    with pytest.raises(RemoteProblem):
        world.ask_desk("look", c.Ask(token="x" * 32))


def _kill(program):
    deaths = program.deaths
    program.kill()
    until(lambda: program.deaths > deaths, f"{program.name} died", 10)
    program.wait_ready()


@pytest.fixture(autouse=True)
def leave_nobody_at_the_desk(world):
    yield
    back = TownClerk(world)
    back.come()
    if back.view.sitting is not None:
        with contextlib.suppress(Refused):
            back.ask("abandon", reason="other")


def test_the_disk_is_full_when_the_dossier_is_saved(world, clerk):
    clerk.to_sign()
    clerk.ask("print_summary")
    clerk.ask("take_page", attachment="signature")
    clerk.ask("sign", way="paper")
    with _full_disk(world.desk):
        try:
            trouble = clerk.ask("seal").sitting.trouble.code
        except Refused as why:
            trouble = why.code
    assert trouble in {"outbox.full", "storage.full"}
    clerk.ask("look")
    assert clerk.sitting.stage is Stage.SIGN
    letter = clerk.ask("seal").sitting.letter.letter
    clerk.ask("finish")
    clerk.await_word(letter, LetterWord.RECEIVED)
    assert registered(world)[letter] == 1


@contextlib.contextmanager
def _full_disk(program):
    """No file of the program may grow past 4 kB: to it, the disk is full (EFBIG instead of ENOSPC)."""
    _, hard = resource.prlimit(program.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (hard, hard))
