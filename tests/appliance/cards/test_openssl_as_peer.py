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
from appliance.cards.software.security_object import OLD_SECURITY_OBJECT, Writing
from appliance.cards.trust import TrustStore


def openssl_verify(
    folder, message: bytes, anchor: bytes, *options: str
) -> subprocess.CompletedProcess[bytes]:
    (folder / "sod.der").write_bytes(message)
    (folder / "csca.pem").write_bytes(anchor)
    command = (
        "openssl cms -verify -inform DER -in sod.der -CAfile csca.pem -purpose any -binary -out content.der"
    )
    return subprocess.run(
        [*command.split(), *options], cwd=folder, capture_output=True, timeout=30, check=False
    )


WRITINGS = {
    "as most": Writing(),
    "sha512": Writing(hash_name="sha512"),
    "older type": Writing(content_type=OLD_SECURITY_OBJECT, hash_name="sha1"),
    "version 1": Writing(lds_version="0108", hash_name="sha384"),
    "ber": Writing(ber=True),
    "ber version 1": Writing(ber=True, lds_version="0108", hash_name="sha224"),
}
HASHES = ("sha1", "sha224", "sha256", "sha384", "sha512")


def both_believe(folder, state, groups, now, *options):
    """OpenSSL and we, each with its own code."""
    sod = state.security_object(groups)
    anchor = state.authority_certificate.public_bytes(Encoding.PEM)
    done = openssl_verify(folder, lds.parse_sod(sod), anchor, *options)
    assert done.returncode == 0, done.stderr
    found = parse_security_object((folder / "content.der").read_bytes())
    assert set(found.hashes) == set(groups)
    assert found.lds_version == state.writing.lds_version
    ours = check(sod, groups, state.trust_store(), now, "ITA")
    assert (ours.findings, ours.authentic) == ((), set(groups))


@pytest.mark.parametrize("kind", [KeyKind.EC, KeyKind.RSA, KeyKind.RSA_PSS, KeyKind.EC_BRAINPOOL_224])
@pytest.mark.parametrize("hash_name", HASHES)
def test_openssl_believes_what_we_believe(tmp_path, good_evidence, now, kind, hash_name):
    """OpenSSL does not know plain ECDSA."""
    state = make_test_authority(now=now, kind=kind, hash_name=hash_name)
    both_believe(tmp_path, state, good_evidence.groups, now, "-auth_level", "0")


def test_openssl_believes_a_curve_spelled_out(tmp_path, good_evidence, now):
    """The signature only: as a matter of policy it takes no such curve in a chain, which real States do have."""
    state = make_test_authority(now=now, kind=KeyKind.EC_EXPLICIT)
    both_believe(tmp_path, state, good_evidence.groups, now, "-noverify")


@pytest.mark.parametrize("writing", WRITINGS)
def test_openssl_reads_every_way_of_writing(tmp_path, good_evidence, now, writing):
    state = make_test_authority(now=now, writing=WRITINGS[writing])
    both_believe(tmp_path, state, good_evidence.groups, now, "-auth_level", "0")


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
