"""A folder from outside: only regular files, none of them endless, and names that cannot play with the terminal."""

from __future__ import annotations

import datetime
import json
import os
import socket

import pytest

from appliance.cards import lds
from appliance.cards.software.shelf import issue
from appliance.devices.card_reader.dump_folder import (
    MAX_ENTRIES,
    MAX_FILE_BYTES,
    CrowdedFolder,
    read_folder,
)
from appliance.runtime.files import StorageError
from tests.appliance.devices.card_reader.test_card_commands import PERSONAL, run, trusted_clock

__all__ = ["trusted_clock"]
NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture
def dump(tmp_path):
    """A CIE as somebody would save it."""
    folder = tmp_path / "dump"
    folder.mkdir()
    for number, data in issue("cie", NOW).chip.files.items():
        (folder / f"ef{number:04X}.bin").write_bytes(data)
    return folder


def test_a_dump_is_checked_and_names_nobody(dump):
    done, out, told = run("check-dump", str(dump))
    assert done == 1, "nobody is believed"
    assert "DG1: as_signed" in out
    assert "findings: signer.authority_unknown" in out
    people = [word for word in PERSONAL if word != "ESEMPIO"]  # the invented State bears it in its name
    assert not [word for word in people if word in out + told]
    _, out, _ = run("check-dump", str(dump), "--show-data", "--json")
    assert json.loads(out)["at_best"]["identity"]["given_names"] == "MARIA"


def test_a_believed_authority_and_another_day(dump, tmp_path):
    bundle = tmp_path / "trust.json"
    from appliance.cards.software.trusted import demo_trust

    bundle.write_bytes(demo_trust(NOW).to_bytes())
    done, out, _ = run("check-dump", str(dump), "--trust", str(bundle), "--json")
    answer = json.loads(out)
    assert (done, answer["at_best"]["verdict"], answer["findings"]) == (0, "chip_unproven", [])
    done, out, _ = run("check-dump", str(dump), "--trust", str(bundle), "--on", "2049-01-01", "--json")
    assert (done, json.loads(out)["at_best"]["codes"][0]) == (1, "document.expired")


def test_what_is_no_regular_file_is_passed_over(dump):
    (dump / "DG15.bin").symlink_to("/etc/passwd")
    (dump / "DG16.bin").mkdir()
    os.mkfifo(dump / "DG13.bin")
    (dump / "DG12.bin").write_bytes(bytes(MAX_FILE_BYTES + 1))
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(dump / "DG10.bin"))
    try:
        found = read_folder(dump)
    finally:
        listening.close()
    assert found.passed_over == {
        "DG10.bin": "special",
        "DG12.bin": "too_large",
        "DG13.bin": "special",
        "DG15.bin": "link",
        "DG16.bin": "folder",
    }
    assert len(found.files) == 6
    _, out, _ = run("check-dump", str(dump))
    assert "not read (link): DG15.bin" in out


def test_names_cannot_play_with_the_terminal(dump):
    odd = ["\x1b[2J\x1b[31mDG1.bin", "\u202enib.1GD", "x" * 200 + ".bin", "\udcff\udcfe"]
    for name in odd:
        (dump / name).write_bytes(b"nothing")
    _, out, _ = run("check-dump", str(dump))
    assert not [sign for sign in out if not sign.isprintable() and sign != "\n"]
    assert max(map(len, out.splitlines())) < 300
    assert len(read_folder(dump).files) == 6 + len(odd)


def test_names_that_look_alike_are_still_two_files(tmp_path):
    (tmp_path / "DG1\x01").write_bytes(b"one")
    (tmp_path / "DG1\x02").write_bytes(b"two")
    assert sorted(read_folder(tmp_path).files.values()) == [b"one", b"two"]


@pytest.mark.parametrize("make", [lambda path: path / "nowhere", lambda path: path / "file"])
def test_no_folder(tmp_path, make):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        read_folder(make(tmp_path))
    done, _, told = run("check-dump", str(make(tmp_path)))
    assert (done, "[storage." in told) == (1, True)


def test_a_crowd(tmp_path):
    for number in range(MAX_ENTRIES + 1):
        (tmp_path / str(number)).touch()
    with pytest.raises(CrowdedFolder):
        read_folder(tmp_path)


def test_nothing_of_a_document_there(tmp_path):
    done, out, _ = run("check-dump", str(tmp_path), "--json")
    assert (done, json.loads(out)["error"]["code"]) == (1, "dump.none")


def test_the_largest_group_fits_in_hex_with_spaces():
    assert lds.group_max_bytes(2) * 3 <= MAX_FILE_BYTES
