"""`card read` and `card emulate` as a person at a terminal meets them."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import io
import json
import shlex
import signal
import stat
import subprocess
import sys

import pytest
from PIL import Image

from appliance.cards.errors import CardError
from appliance.cards.software.authority import make_test_authority
from appliance.cards.software.persona import MARIA
from appliance.cards.software.shelf import CardName, issue
from appliance.devices.card_reader.advice import ADVICE
from appliance.devices.card_reader.cli import add_commands
from appliance.devices.card_reader.port import CardReaderError
from appliance.runtime.clock import SystemClock, TimeTrust, TrustReason
from tests.peers.pcscd import pcscd

__all__ = ["pcscd"]

NOW = datetime.datetime(2026, 11, 23, 10, 0, tzinfo=datetime.UTC)

PERSONAL = ("ESEMPIO", "MARIA", "SMPMRA85D52H501E", "CA00000AA", "123456", "850412")
EMULATE = """
import argparse, sys
from appliance.devices.card_reader.cli import add_commands
parser = argparse.ArgumentParser()
add_commands(parser.add_subparsers())
arguments = parser.parse_args()
sys.exit(arguments.run(arguments))
"""


@pytest.fixture(autouse=True)
def trusted_clock(monkeypatch):
    """Whether this machine has met a time server is not the subject."""
    monkeypatch.setattr(
        SystemClock, "trusted", lambda self: TimeTrust(trusted=True, why=TrustReason.SYNCHRONIZED)
    )


def run(*words: str) -> tuple[int, str, str]:
    parser = argparse.ArgumentParser(prog="pue-box")
    add_commands(parser.add_subparsers(required=True))
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            arguments = parser.parse_args(["card", *words])
            status = arguments.run(arguments)
        except SystemExit as end:
            status = end.code
    return status, out.getvalue(), errors.getvalue()


@pytest.mark.parametrize(
    ("card", "status", "verdict"),
    [
        ("cie", 0, "verified"),
        ("cie_bac_only", 0, "verified"),
        ("cie_without_chip_key", 0, "chip_unproven"),
        ("cie_tampered", 1, "refused"),
        ("cie_unknown_authority", 1, "not_verified"),
        ("cie_iso39794", 0, "verified"),
        ("passport", 0, "verified"),
        ("passport_aa_rsa", 0, "verified"),
        ("passport_foreign", 1, "not_verified"),
        ("passport_cloned_aa", 1, "refused"),
    ],
)
def test_reading_a_simulated_card(card, status, verdict):
    done, out, _ = run("read", "--reader", f"simulated:{card}", "--json")
    answer = json.loads(out)
    assert (done, answer["verdict"]) == (status, verdict)
    assert answer["times"]["first_name_s"] <= answer["times"]["whole_s"]
    assert not [word for word in PERSONAL if word in out]


def test_plain_words():
    done, out, _ = run("read", "--reader", "simulated:cie")
    assert done == 0
    assert out.startswith("Documento autentico\n")
    assert not [word for word in PERSONAL if word in out]


def test_a_card_that_needs_no_code():
    done, out, _ = run("read", "--reader", "simulated:cns", "--json")
    answer = json.loads(out)
    assert (done, answer["verdict"], answer["codes"][0]) == (0, "chip_unproven", "cns.possession_unproven")
    assert "ESEMPIO" not in out


def test_the_person_is_shown_only_when_asked_for():
    _, out, _ = run("read", "--reader", "simulated:cie", "--show-data")
    assert "ESEMPIO" in out
    assert "123456" not in out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--reader", "simulated:cie", "--can", "999999"), "card.wrong_can"),
        (("--reader", "simulated:cie", "--can", "99"), "card.code_malformed"),
        (("--reader", "simulated:cie", "--mrz", "NOT", "LINES"), "card.code_malformed"),
        (("--reader", "simulated:cie_torn"), "card.removed"),
        (("--reader", "simulated:nobody"), "card.no_such_software_card"),
        (("--reader", "simulated:cie", "--trust", "/nowhere/trust.json"), "trust.invalid"),
    ],
)
def test_refusals_have_a_code_and_say_who_can_act(words, code):
    done, out, _ = run("read", *words, "--json")
    error = json.loads(out)["error"]
    assert (done, error["code"]) == (1, code)
    assert error["who"]
    done, _, told = run("read", *words)
    assert (done, code in told) == (1, True)
    assert "999999" not in out + told


def test_a_trust_file_is_used(tmp_path):
    bundle = tmp_path / "trust.json"
    stranger = make_test_authority(now=datetime.datetime.now(datetime.UTC), seed=b"stranger")
    bundle.write_bytes(stranger.trust_store().to_bytes())
    done, out, _ = run("read", "--reader", "simulated:cie", "--trust", str(bundle), "--json")
    assert (done, json.loads(out)["codes"]) == (1, ["signer.authority_unknown"])


def test_a_card_nobody_has_is_named_once_and_the_list_is_pointed_to():
    done, _, told = run("emulate", "nobody")
    assert (done, "card emulate --list" in told, len(told) < 300) == (2, True, True)


def test_wrong_use():
    assert run("read", "--colour")[0] == 2
    assert run("read", "--pin", "24680")[0] == 2, (
        "a PIN among the arguments would be seen by the whole machine"
    )
    assert run("emulate", "nobody")[0] == 2
    assert run("emulate")[0] == 2
    assert run("emulate", "cie", "--port", "65536")[0] == 2
    for seconds in ("-1", "nan", "inf", "soon"):
        assert run("read", "--wait", seconds)[0] == 2
    assert run("check-dump")[0] == 2
    assert run("check-dump", ".", "--on", "yesterday")[0] == 2
    assert run()[0] == 2


@pytest.mark.parametrize("name", CardName)
def test_every_card_of_the_shelf_has_its_line(name):
    done, out, _ = run("emulate", "--list")
    lines = {words[0]: words[1:] for line in out.splitlines() if (words := line.split())}
    assert done == 0
    assert lines[name]
    assert name.startswith("hostile_") or lines[name][:2] != ["means", "harm:"]


def test_progress_is_told_beside_the_answer_and_names_nobody():
    _, out, told = run("read", "--reader", "simulated:cie")
    stages = [line.split()[0] for line in told.splitlines()]
    assert list(dict.fromkeys(stages)) == ["opening", "identity", "chip", "photo"]
    assert told.splitlines()[-1] == "photo 100%"
    assert not [word for word in PERSONAL if word in told]
    assert "opening" not in out
    _, _, told = run("read", "--reader", "simulated:cie", "--show-data")
    lines = told.splitlines()
    assert lines.index("ESEMPIO MARIA") < next(
        place for place, line in enumerate(lines) if line.startswith("photo")
    )
    assert run("read", "--reader", "simulated:cie", "--json")[2] == ""


@pytest.mark.parametrize("card", ["hostile_name_escapes", "hostile_cns_name_escapes", "hostile_name_endless"])
def test_a_hostile_name_cannot_play_with_the_terminal(card):
    _, out, told = run("read", "--reader", f"simulated:{card}", "--show-data")
    assert not [sign for sign in out + told if not sign.isprintable() and sign != "\n"]
    assert max(map(len, (out + told).splitlines())) < 300


def test_a_travel_document_without_a_code(pcscd):
    with pcscd.insert(issue("cie", NOW)):
        done, out, _ = run("read", "--reader", "PCD 00 00", "--wait", "10", "--json")
    error = json.loads(out)["error"]
    assert (done, error["code"]) == (1, "card.code_needed")
    assert "--can" in error["advice"]


def typed(monkeypatch, text):
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_codes_from_standard_input(monkeypatch):
    typed(monkeypatch, "123456\n")
    assert run("read", "--reader", "simulated:cie", "--can", "-")[0] == 0
    lines = issue("cie_bac_only", NOW).printed_lines
    typed(monkeypatch, "\n".join([*lines, ""]))
    done, out, _ = run("read", "--reader", "simulated:cie_bac_only", "--mrz", "-", "--json")
    assert (done, json.loads(out)["verdict"]) == (0, "verified")


def test_standard_input_may_hold_anything(monkeypatch):
    for raw in (b"", b"\xff\xfe\n", b"1" * 100_000, b"12345\x00\n"):
        for option in ("--can", "--mrz", "--pin"):
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), "utf-8"))
            done, out, _ = run("read", "--reader", "simulated:cns", option, "-", "--json")
            assert (done, json.loads(out)["error"]["code"]) == (1, "card.code_malformed")


@pytest.mark.parametrize("file", ["/dev/zero", "/", "/nowhere"])
def test_a_trust_file_that_is_none(file):
    done, out, _ = run("read", "--reader", "simulated:cie", "--trust", file, "--json")
    assert (done, json.loads(out)["error"]["code"]) == (1, "trust.invalid")


@pytest.mark.parametrize(
    ("pin", "status", "word"),
    [
        ("24680\n", 0, "possession: proven"),
        ("12345\n", 1, "card.wrong_pin"),
        ("1\n", 1, "card.code_malformed"),
    ],
)
def test_the_pin_of_a_cns(monkeypatch, pin, status, word):
    typed(monkeypatch, pin)
    done, out, told = run("read", "--reader", "simulated:cns", "--pin", "-")
    assert done == status
    assert word in out + told
    assert pin.strip() not in (out + told if len(pin) > 3 else "")


def test_the_service_number_of_a_cie_is_shown_only_when_asked_for():
    done, out, told = run("nis", "--reader", "simulated:cie")
    assert (done, MARIA.nis in out + told) == (0, False)
    done, out, _ = run("nis", "--reader", "simulated:cie", "--show-data", "--json")
    assert json.loads(out)["identity"] == {"nis": MARIA.nis}
    done, out, _ = run("nis", "--reader", "simulated:passport", "--json")
    assert (done, json.loads(out)["error"]["code"]) == (1, "card.not_a_document")


@pytest.mark.parametrize("card", ["cie", "cie_torn", "cns"])
def test_a_trace_is_private_complete_and_tells_nobody_anything(tmp_path, card):
    trace = tmp_path / "trace"
    run("read", "--reader", f"simulated:{card}", "--trace", str(trace), "--show-data")
    assert stat.S_IMODE(trace.stat().st_mode) == 0o600
    lines = trace.read_text().splitlines()
    assert lines[0].startswith("# reader: Lettore simulato")
    assert any(" > 00 A4 " in line for line in lines)
    last = {"cie": "< 9000", "cns": "< ", "cie_torn": "! card.removed"}[card]
    assert last in lines[-1]
    assert not [word for word in PERSONAL if word in trace.read_text()]


def test_nothing_is_written_over_unasked(tmp_path):
    trace, photo, target = tmp_path / "trace", tmp_path / "photo", tmp_path / "target"
    read = ["read", "--reader", "simulated:cie", "--json"]
    for option, file in (("--trace", trace), ("--photo", photo)):
        file.write_text("mine")
        done, out, _ = run(*read, option, str(file))
        assert (done, json.loads(out)["error"]["code"]) == (1, "storage.exists")
        assert file.read_text() == "mine"
        target.write_text("not mine")
        file.unlink()
        file.symlink_to(target)
        assert run(*read, option, str(file))[0] == 1
        assert run(*read, option, str(file), "--force")[0] == 0
        assert not file.is_symlink()
        assert target.read_text() == "not mine"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    done, out, _ = run(*read, "--trace", str(tmp_path / "no" / "folder"))
    assert json.loads(out)["error"]["code"] == "storage.missing"


def test_the_photo_is_written_only_where_it_is_authentic(tmp_path):
    photo = tmp_path / "photo"
    done, out, _ = run("read", "--reader", "simulated:cie_tampered", "--photo", str(photo), "--json")
    assert (done, json.loads(out)["photo"]) == (1, False)
    assert not photo.exists()
    run("read", "--reader", "simulated:cie", "--photo", str(photo))
    with Image.open(photo) as picture:
        assert picture.format == "JPEG2000"


def test_the_list_of_readers(pcscd):
    done, out, _ = run("list-readers", "--json")
    names = [one["name"] for one in json.loads(out)["readers"]]
    assert (done, names) == (0, ["Virtual PCD 00 00", "Virtual PCD 00 01"])
    assert run("list-readers")[1].count("empty") == 2


def test_a_reader_of_another_name_is_said_at_once_with_those_there_are(pcscd):
    done, _, told = run("read", "--reader", "Lettore", "--can", "123456")
    assert done == 1
    assert told.startswith("no reader is called 'Lettore'; there are Virtual PCD 00 00, Virtual PCD 00 01: ")
    assert "list-readers" in told
    pcscd.stop()
    for words in (("read", "--can", "123456"), ("list-readers",)):
        done, _, told = run(*words)
        assert (done, "card_reader.no_service" in told, "pcscd" in told) == (1, True, True)


def all_below(kind):
    return {kind, *(one for child in kind.__subclasses__() for one in all_below(child))}


def test_every_error_of_cards_and_readers_has_its_advice():
    codes = {one.code for family in (CardError, CardReaderError) for one in all_below(family)}
    general = {"card.error", "card_reader.closed"}  # a base class, and a fault of ours
    assert sorted(codes - general - set(ADVICE)) == []
    assert all(text and text[0].islower() and not text.endswith(".") for text in ADVICE.values())


def test_no_virtual_reader():
    done, _, told = run("emulate", "cie", "--port", "1")
    assert done == 1
    assert "card_reader.no_virtual_reader" in told


def test_an_emulated_card_is_read_through_the_real_service(pcscd):
    behind_a_shells_back = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]
    emulate = [sys.executable, "-c", EMULATE, "card", "emulate", "cie_aldo"]
    command = [*pcscd.enter, *behind_a_shells_back, *emulate]
    emulator = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert "246810" in emulator.stdout.readline()
        done, out, told = run(
            "read",
            "--reader",
            "Virtual PCD 00 00",
            "--can",
            "246810",
            "--wait",
            "10",
            "--show-data",
            "--json",
        )
        assert done == 1, "no anchors were given, so nobody is believed"
        assert json.loads(out)["codes"] == ["signer.authority_unknown"], told
        assert json.loads(out)["identity"]["given_names"] == "ALDO"
    finally:
        emulator.send_signal(signal.SIGINT)
        assert emulator.wait(10) == 0
        emulator.stdout.close()


def test_an_emulated_passport_signs_a_challenge_through_the_real_service(pcscd):
    """Its answer of 2048 bits does not fit a short one: the service carries a long command and a long answer."""
    command = [*pcscd.enter, sys.executable, "-c", EMULATE, "card", "emulate", "passport_aa_rsa"]
    emulator = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        said = shlex.split(emulator.stdout.readline().rpartition(";")[0])
        lines = said[said.index("--mrz") + 1 :]
        assert [len(line) for line in lines] == [44, 44]
        _, out, told = run("read", "--reader", "Virtual PCD 00 00", "--mrz", *lines, "--wait", "10", "--json")
        assert json.loads(out)["codes"] == ["signer.authority_unknown"], told
        assert {"access: bac", "active_authentication: proven"} <= set(json.loads(out)["technical"])
    finally:
        emulator.send_signal(signal.SIGINT)
        assert emulator.wait(10) == 0
        emulator.stdout.close()
