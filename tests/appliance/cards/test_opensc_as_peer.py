"""OpenSC, a stranger who knows Italian cards, reads the software CNS through the real card service."""

from __future__ import annotations

import datetime
import os
import subprocess

import pytest

from appliance.cards.software.cns_card import PIN, CnsKind, issue_cns
from tests.peers.pcscd import pcscd as pcscd  # noqa: PLC0414 - a fixture

MODULE = "opensc-pkcs11.so"
NOW = datetime.datetime(2026, 11, 23, 10, 0, tzinfo=datetime.UTC)


@pytest.fixture
def opensc(pcscd, tmp_path):
    """A classic CNS on the first virtual reader, and a way to run OpenSC's tools on it."""

    def run(program, *words):
        command = [program, *words]
        environment = {**os.environ, "HOME": str(tmp_path), "PCSCLITE_CSOCK_NAME": pcscd.socket_path}
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env=environment
        )
        return done.stdout + done.stderr

    with pcscd.insert(issue_cns(CnsKind.CLASSIC, NOW)):
        # not by opensc-tool --wait, which waits for ever for a card that comes while it starts
        pcscd.await_seen()
        yield run


def certificate_file(opensc, folder):
    told = opensc("pkcs15-tool", "--reader", "0", "--read-certificate", "01")
    file = folder / "holder.pem"
    file.write_text(told[told.index("-----BEGIN") :])
    return str(file)


def openssl(*words):
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout


def test_it_knows_the_card_by_its_answer_to_reset(opensc):
    assert "CNS card" in opensc("opensc-tool", "--reader", "0", "--name")


def test_it_finds_certificate_and_data_where_the_specification_puts_them(opensc):
    told = opensc("pkcs15-tool", "--reader", "0", "--list-certificates", "--list-data-objects")
    assert "CNS0" in told
    assert "EF_IDCarta" in told
    assert "EF_DatiPersonali" in told


def test_it_reads_the_same_name(opensc):
    assert "MARIA ESEMPIO" in opensc("pkcs15-tool", "--reader", "0", "--list-info")


def test_it_reads_the_certificate_that_binds_the_data(opensc, tmp_path):
    assert "ESEMPIO - ente inventato per prove" in openssl(
        "x509", "-in", certificate_file(opensc, tmp_path), "-noout", "-subject", "-nameopt", "RFC2253"
    )


def test_it_logs_in_with_the_pin_and_not_with_another(opensc):
    words = ("--module", MODULE, "--slot-index", "0", "--login", "--list-objects", "--type", "privkey")
    assert "Private Key Object" in opensc("pkcs11-tool", *words, "--pin", PIN)
    assert "CKR_PIN_INCORRECT" in opensc("pkcs11-tool", *words, "--pin", "11111")


def test_it_signs_with_the_key_of_that_certificate(opensc, tmp_path):
    message, signature = tmp_path / "message", tmp_path / "signature"
    message.write_bytes(b"a challenge of a stranger")
    files = ("--input-file", str(message), "--output-file", str(signature))
    login = ("--module", MODULE, "--slot-index", "0", "--login", "--pin", PIN)
    opensc("pkcs11-tool", *login, "--sign", "--mechanism", "SHA256-RSA-PKCS", *files)
    key = tmp_path / "key.pem"
    key.write_text(openssl("x509", "-in", certificate_file(opensc, tmp_path), "-noout", "-pubkey"))
    assert "Verified OK" in openssl(
        "dgst", "-sha256", "-verify", str(key), "-signature", str(signature), str(message)
    )
