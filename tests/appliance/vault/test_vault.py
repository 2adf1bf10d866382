"""The vault: what lies on the disk opens only here, whole, in its place; what happened cannot be rewritten unseen."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from appliance.vault import journal as j
from appliance.vault.clerks import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    ClerkLockedOut,
    ClerkRefused,
    Clerks,
    VoucherRefused,
    VoucherUsed,
    normal_voucher,
    voucher_record,
)
from appliance.vault.drafts import STATE, DraftMissing, Drafts, DraftUnreadable
from appliance.vault.journal import Journal, NotForJournal, verify
from appliance.vault.keystore import FileKeyStore, KeyLost, VaultError, open_data_key
from appliance.vault.numbers import Ordinals
from contracts.errors import PueError
from contracts.identity import make_id

ONE, TWO = make_id(1, bytes(10)), make_id(2, bytes(10))
KEY = bytes(range(32))
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


# ---------------------------------------------------------------- keys


def test_the_data_key_is_the_same_next_time_and_not_on_the_disk(tmp_path):
    key, lost = open_data_key(tmp_path / "data.key", FileKeyStore(tmp_path / "store.key"))
    again, _ = open_data_key(tmp_path / "data.key", FileKeyStore(tmp_path / "store.key"))
    assert (key, lost) == (again, False)
    for file in tmp_path.iterdir():
        assert key not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0


def test_a_key_that_does_not_open_is_set_aside_and_said(tmp_path):
    key, _ = open_data_key(tmp_path / "data.key", FileKeyStore(tmp_path / "store.key"))
    other, lost = open_data_key(tmp_path / "data.key", FileKeyStore(tmp_path / "other.key"))
    assert lost
    assert other != key
    assert (tmp_path / "data.key.aside-1").exists()


def test_half_a_key_store_is_refused(tmp_path):
    (tmp_path / "store.key").write_bytes(b"half")
    with pytest.raises(KeyLost):
        FileKeyStore(tmp_path / "store.key")


# ---------------------------------------------------------------- drafts


@pytest.fixture
def drafts(tmp_path):
    return Drafts(tmp_path / "drafts", KEY)


def test_a_part_comes_back_and_cannot_be_read_from_the_disk(drafts, tmp_path):
    drafts.save(ONE, STATE, b"a citizen's datum")
    assert drafts.load(ONE, STATE) == b"a citizen's datum"
    assert b"datum" not in (tmp_path / "drafts" / ONE / STATE).read_bytes()
    assert (tmp_path / "drafts" / ONE / STATE).stat().st_mode & 0o777 == 0o600


def test_a_part_opens_only_in_its_own_draft_under_its_own_name(drafts, tmp_path):
    drafts.save(ONE, STATE, b"one")
    drafts.save(TWO, STATE, b"two")
    folder = tmp_path / "drafts"
    (folder / TWO / STATE).write_bytes((folder / ONE / STATE).read_bytes())
    (folder / ONE / "photo").write_bytes((folder / ONE / STATE).read_bytes())
    for draft, part in ((TWO, STATE), (ONE, "photo")):
        with pytest.raises(DraftUnreadable):
            drafts.load(draft, part)


@given(cut=st.integers(0, 45), flip=st.integers(0, 44))
def test_no_half_and_no_altered_part_opens(tmp_path_factory, cut, flip):
    folder = tmp_path_factory.mktemp("d")
    drafts = Drafts(folder, KEY)
    drafts.save(ONE, STATE, b"twelve bytes")
    whole = (folder / ONE / STATE).read_bytes()
    assert len(whole) == 45
    changed = bytearray(whole)
    changed[flip] ^= 0x40
    for data in (whole[:cut] if cut < 45 else whole + b"x", bytes(changed)):
        (folder / ONE / STATE).write_bytes(data)
        with pytest.raises(DraftUnreadable):
            drafts.load(ONE, STATE)


def test_erased_is_gone_with_all_its_parts(drafts, tmp_path):
    drafts.save(ONE, STATE, b"1")
    drafts.save(ONE, TWO, b"a page")
    drafts.erase(ONE)
    assert drafts.names() == []
    assert list((tmp_path / "drafts").iterdir()) == []
    drafts.erase(ONE)
    with pytest.raises(DraftMissing):
        drafts.load(ONE, STATE)


def test_an_erasure_interrupted_half_way_is_finished_at_the_next_start(drafts, tmp_path):
    drafts.save(ONE, STATE, b"1")
    (tmp_path / "drafts" / ONE).rename(tmp_path / "drafts" / f".erasing-{ONE}")
    assert drafts.names() == []
    Drafts(tmp_path / "drafts", KEY)
    assert list((tmp_path / "drafts").iterdir()) == []


def test_what_was_set_aside_is_erased_when_its_time_has_come(drafts, tmp_path):
    drafts.save(ONE, STATE, b"1")
    drafts.set_aside(ONE)
    assert drafts.names() == []
    assert drafts.erase_set_aside(NOON - timedelta(days=9_000)) == 0
    assert drafts.erase_set_aside(datetime.now(UTC) + timedelta(days=1)) == 1


@pytest.mark.parametrize("name", ["../x", "", "state/../..", "UPPER", "a" * 41])
def test_a_draft_has_no_way_out_of_its_folder(drafts, name):
    with pytest.raises(PueError):
        drafts.load(ONE, name)
    with pytest.raises((PueError, ValueError)):
        drafts.load(name, STATE)


# ---------------------------------------------------------------- journal


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, now=lambda: NOON)
    for number in range(5):
        journal.write("sitting.begun", sitting=ONE, number=number)
    journal.close()
    return path


def test_the_chain_goes_on_after_a_restart(written):
    journal = Journal(written, now=lambda: NOON)
    journal.write("sitting.finished", sitting=ONE)
    journal.close()
    found = verify(written)
    assert (found.records, found.broken_at, found.torn) == (6, 0, False)


@given(line=st.integers(0, 4), place=st.floats(0, 0.999))
def test_one_changed_byte_breaks_the_chain(tmp_path_factory, line, place):
    path = tmp_path_factory.mktemp("j") / "journal.jsonl"
    journal = Journal(path, now=lambda: NOON)
    for number in range(5):
        journal.write("sitting.begun", sitting=ONE, number=number)
    journal.close()
    lines = path.read_bytes().splitlines(keepends=True)
    changed = bytearray(lines[line])
    changed[int(place * (len(changed) - 1))] ^= 1
    lines[line] = bytes(changed)
    path.write_bytes(b"".join(lines))
    assert verify(path).broken_at == line + 1


def test_a_removed_and_a_swapped_record_are_noticed(written):
    lines = written.read_bytes().splitlines(keepends=True)
    written.write_bytes(b"".join(lines[:2] + lines[3:]))
    assert verify(written).broken_at == 3
    written.write_bytes(b"".join([lines[1], lines[0], *lines[2:]]))
    assert verify(written).broken_at == 1


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_torn_last_line_is_repaired_and_said(written, cut):
    os.truncate(written, written.stat().st_size - cut)
    journal = Journal(written, now=lambda: NOON)
    journal.close()
    assert journal.repaired
    found = verify(written)
    assert (found.records, found.broken_at, found.torn) == (5, 0, False)
    assert json.loads(written.read_bytes().splitlines()[-1])["what"] == "journal.repaired"


def test_a_broken_journal_is_set_aside_and_a_new_one_says_so(written):
    written.write_bytes(b"{}\n" + written.read_bytes())
    journal = Journal(written, now=lambda: NOON)
    journal.close()
    assert journal.replaced
    assert written.with_name("journal.jsonl.aside-1").exists()
    assert verify(written).records == 1


@pytest.mark.parametrize(
    "value", ["Maria Esempio", "SMPMRA85D52H501C", "RSSMRA85T10A562S", "riga\ndue", "è", "x" * 81]
)
def test_only_codes_and_ids_are_written_down(tmp_path, value):
    journal = Journal(tmp_path / "journal.jsonl", now=lambda: NOON)
    with pytest.raises(NotForJournal):
        journal.write("sitting.begun", who=value)
    journal.close()
    assert verify(tmp_path / "journal.jsonl").records == 0


def test_one_journal_has_one_desk(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl", now=lambda: NOON)
    with pytest.raises(VaultError):
        Journal(tmp_path / "journal.jsonl", now=lambda: NOON)
    journal.close()


def test_a_line_without_end_is_not_swallowed(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"x" * (j._LINE_LIMIT_BYTES * 3))
    assert verify(path).broken_at == 1


# ---------------------------------------------------------------- numbers


def test_a_number_is_never_given_twice(tmp_path):
    path = tmp_path / "numbers.json"
    given_now = [Ordinals(path).next(2026) for _ in range(3)]
    path.write_bytes(b'{"20')
    given_now.append(Ordinals(path).next(2026))
    (tmp_path / "numbers.json.twin").unlink()
    given_now.append(Ordinals(path).next(2026))
    assert given_now == [1, 2, 3, 4, 5]
    assert Ordinals(path).next(2027) == 1


# ---------------------------------------------------------------- clerks


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def now(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def clerks(tmp_path, clock):
    (tmp_path / "voucher").write_bytes(voucher_record("ABCD-2345-EFGH-6789"))
    return make_clerks(tmp_path, clock)


def make_clerks(folder, clock):
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    return Clerks(folder / "clerks.json", folder / "voucher", now=clock.now, hasher=hasher)


def test_the_first_clerk_needs_the_voucher_and_uses_it_up(clerks, tmp_path):
    with pytest.raises(VoucherRefused):
        clerks.first("anna", "Anna Prova", "123123", "ABCD-2345-EFGH-0000")
    clerks.first("anna", "Anna Prova", "123123", "abcd 2345 efgh 6789")
    assert clerks.check("anna", "123123").name == "Anna Prova"
    assert not (tmp_path / "voucher").exists()
    with pytest.raises(VoucherUsed):
        clerks.first("berta", "Berta Prova", "123123", "ABCD-2345-EFGH-6789")


def test_vouchers_cannot_be_guessed_at_leisure(clerks):
    for _ in range(5):
        with pytest.raises(VoucherRefused):
            clerks.first("anna", "Anna Prova", "123123", "nothing")
    with pytest.raises(ClerkLockedOut):
        clerks.first("anna", "Anna Prova", "123123", "ABCD-2345-EFGH-6789")


def test_pauses_grow_survive_a_restart_and_end_with_the_right_pin(clerks, clock, tmp_path):
    clerks.add("anna", "Anna Prova", "123123")
    pauses = []
    for attempt in range(12):
        with pytest.raises(ClerkRefused):
            clerks.check("anna", "000000")
        if attempt >= 4:
            clerks = make_clerks(tmp_path, clock)
            with pytest.raises(ClerkLockedOut) as refused:
                clerks.check("anna", "123123")
            pauses.append(refused.value.facts["wait_s"])
            clock.at += timedelta(seconds=pauses[-1])
    assert pauses[0] == FIRST_PAUSE_S
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S
    clerks.check("anna", "123123")
    with pytest.raises(ClerkRefused):
        clerks.check("anna", "000000")
    clerks.check("anna", "123123")


def test_a_clock_that_jumps_back_locks_nobody_out_for_ever(clerks, clock):
    clerks.add("anna", "Anna Prova", "123123")
    for _ in range(5):
        with pytest.raises(ClerkRefused):
            clerks.check("anna", "000000")
    clock.at -= timedelta(days=365)
    with pytest.raises(ClerkLockedOut) as refused:
        clerks.check("anna", "123123")
    assert refused.value.facts["wait_s"] <= LONGEST_PAUSE_S
    clock.at += timedelta(seconds=LONGEST_PAUSE_S)
    clerks.check("anna", "123123")


def test_pins_are_not_on_the_disk_and_unknown_names_look_like_wrong_pins(clerks, tmp_path):
    clerks.add("anna", "Anna Prova", "123123")
    assert b"123123" not in (tmp_path / "clerks.json").read_bytes()
    with pytest.raises(ClerkRefused):
        clerks.check("nobody", "123123")


def test_a_damaged_clerks_file_is_set_aside_and_said(clerks, clock, tmp_path):
    clerks.add("anna", "Anna Prova", "123123")
    os.truncate(tmp_path / "clerks.json", 20)
    again = make_clerks(tmp_path, clock)
    assert again.lost
    assert again.users() == []
    assert (tmp_path / "clerks.json.aside-1").exists()


def test_a_voucher_is_what_people_copy_from_paper():
    assert normal_voucher(" abcd-2345 ") == "ABCD2345"
