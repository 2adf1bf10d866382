"""OpenSSL, which shares no code with our checks of a security object, comes to the same result."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.cards import lds, tlv
from appliance.cards.passive_authentication import check, parse_security_object
from appliance.cards.software.authority import KeyKind, make_test_authority
from appliance.cards.trust import TrustStore


def openssl_verify(folder, message: bytes, anchor: bytes) -> subprocess.CompletedProcess[bytes]:
    (folder / "sod.der").write_bytes(message)
    (folder / "csca.pem").write_bytes(anchor)
    command = (
        "openssl cms -verify -inform DER -in sod.der -CAfile csca.pem -purpose any -binary -out content.der"
    )
    return subprocess.run(command.split(), cwd=folder, capture_output=True, timeout=30, check=False)


@pytest.mark.parametrize("kind", KeyKind)
def test_openssl_believes_what_we_believe(tmp_path, card, read, now, kind):
    state = make_test_authority(now=now, kind=kind)
    evidence, _ = read(card(authority=state))
    anchor = state.authority_certificate.public_bytes(Encoding.PEM)
    done = openssl_verify(tmp_path, lds.parse_sod(evidence.sod), anchor)
    assert done.returncode == 0, done.stderr
    found = parse_security_object((tmp_path / "content.der").read_bytes())
    assert set(found.hashes) == set(evidence.groups)
    assert check(evidence.sod, evidence.groups, state.trust_store(), now, "ITA").ok


def test_openssl_refuses_what_we_refuse(tmp_path, card, read, now, authority, trust):
    evidence, _ = read(card("cie_unknown_authority"))
    anchor = authority.authority_certificate.public_bytes(Encoding.PEM)
    assert openssl_verify(tmp_path, lds.parse_sod(evidence.sod), anchor).returncode != 0
    assert not check(evidence.sod, evidence.groups, trust, now, "ITA").ok


NAMED, EXPLICIT = "named_curve", "explicit"
KEYS = {
    "rsa": ["genrsa", "2048"],
    # as document signers in the field do: curves spelled out in numbers, some that `cryptography` does not know
    **{
        f"{curve} {form}": ["ecparam", "-name", curve, "-param_enc", form, "-genkey", "-noout"]
        for curve in ("prime256v1", "brainpoolP384r1", "brainpoolP320r1", "brainpoolP224r1")
        for form in (NAMED, EXPLICIT)
    },
}


@pytest.mark.parametrize("options", ["", "-stream"])
@pytest.mark.parametrize("key", KEYS)
def test_we_believe_what_openssl_signs(tmp_path, good_evidence, now, key, options):
    """A security object made by OpenSSL; streamed, it is BER of indefinite length, as some States write it."""

    def run(command):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)

    ours = make_test_authority(now=now)
    content = _content_of(ours.security_object(good_evidence.groups))
    (tmp_path / "lds.der").write_bytes(content)
    subject = "/C=IT/O=ESEMPIO/CN=ESEMPIO CSCA di prova"
    run(["openssl", *KEYS[key][:1], "-out", "ca.key", *KEYS[key][1:]])
    run(["openssl", "req", "-x509", "-key", "ca.key", "-out", "ca.pem", "-subj", subject, "-days", "3650"])
    run(
        ["openssl", "cms", "-sign", "-nodetach", "-binary", "-in", "lds.der", "-econtent_type", "2.23.136.1.1.1",
         "-md", "sha384", "-signer", "ca.pem", "-inkey", "ca.key", "-outform", "DER", "-out", "sod.der",
         *options.split()],
    )  # fmt: skip
    message = (tmp_path / "sod.der").read_bytes()
    assert (b"\x30\x80" in message[:4]) == bool(options)
    store = TrustStore.from_pem(
        (tmp_path / "ca.pem").read_bytes(), origin="openssl", version=1, dated=now.date()
    )
    found = check(
        tlv.build(0x77, message), good_evidence.groups, store, datetime.now(UTC) + timedelta(days=1), "ITA"
    )
    assert found.findings == ()
    assert found.authentic == set(good_evidence.groups)
    altered = {**good_evidence.groups, 1: good_evidence.groups[1][:-1] + b"X"}
    assert check(tlv.build(0x77, message), altered, store, now, "ITA").tampered


def _content_of(sod: bytes) -> bytes:
    return bytes(cms.ContentInfo.load(lds.parse_sod(sod))["content"]["encap_content_info"]["content"])
