"""`card read` and `card emulate` as a person at a terminal meets them."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import io
import json
import shlex
import signal
import subprocess
import sys

import pytest

from appliance.cards.software.authority import make_test_authority
from appliance.devices.card_reader.cli import add_commands
from appliance.runtime.clock import SystemClock, TimeTrust, TrustReason
from tests.peers.pcscd import pcscd

__all__ = ["pcscd"]

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


def test_wrong_use():
    assert run("read", "--colour")[0] == 2
    assert run("emulate", "nobody")[0] == 2
    assert run()[0] == 2


def test_no_virtual_reader():
    done, _, told = run("emulate", "cie", "--port", "1")
    assert done == 1
    assert "card_reader.no_virtual_reader" in told


def test_an_emulated_card_is_read_through_the_real_service(pcscd):
    command = [*pcscd.enter, sys.executable, "-c", EMULATE, "card", "emulate", "cie_aldo"]
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
        said = shlex.split(emulator.stdout.readline().partition(";")[0])
        lines = said[said.index("--mrz") + 1 :]
        assert [len(line) for line in lines] == [44, 44]
        _, out, told = run("read", "--reader", "Virtual PCD 00 00", "--mrz", *lines, "--wait", "10", "--json")
        assert json.loads(out)["codes"] == ["signer.authority_unknown"], told
        assert {"access: bac", "active_authentication: proven"} <= set(json.loads(out)["technical"])
    finally:
        emulator.send_signal(signal.SIGINT)
        assert emulator.wait(10) == 0
        emulator.stdout.close()
