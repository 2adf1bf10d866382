"""Active authentication: our check against openssl, against a chip in software, and against chips that lie."""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.cards import active_authentication, curves, lds, tlv
from appliance.cards.active_authentication import TRAILERS, ActiveKey
from appliance.cards.apdu import Command, Instruction
from appliance.cards.errors import MalformedData, Unsupported
from appliance.cards.evidence import ChipProof
from appliance.cards.passive_authentication import Finding
from appliance.cards.software import der
from appliance.cards.software.active_key import EcActiveKey, RsaActiveKey
from appliance.cards.steps import ReaderLimits
from appliance.cards.verdict import judge
from contracts.desk_api.clerk import VerdictKind

CHALLENGE = bytes.fromhex("0011223344556677")
OTHER = bytes.fromhex("0011223344556676")


def group_15(pair) -> bytes:
    return tlv.build(0x6F, pair.public_key_info)


def group_14(pair) -> bytes:
    return tlv.build(0x6E, tlv.build(0x31, pair.security_info))


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 1024)


# ---------------------------------------------------------------- openssl as the chip


def openssl(folder, *words: str) -> bytes:
    done = subprocess.run(["openssl", *words], cwd=folder, capture_output=True, timeout=60, check=True)
    return done.stdout


@pytest.mark.parametrize("bits", [1024, 1792, 2048])
@pytest.mark.parametrize("trailer", TRAILERS)
def test_openssl_signs_a_block_written_by_hand(tmp_path, bits, trailer):
    """The block is put together here, from the standard; openssl only raises it to the private power."""
    openssl(tmp_path, "genrsa", "-out", "chip.pem", str(bits))
    public = openssl(tmp_path, "rsa", "-in", "chip.pem", "-pubout", "-outform", "DER")
    name = {
        "bc": "sha1",
        "33cc": "sha1",
        "38cc": "sha224",
        "34cc": "sha256",
        "36cc": "sha384",
        "35cc": "sha512",
    }
    algorithm = name[trailer.hex()]
    own = secrets.token_bytes(bits // 8 - hashlib.new(algorithm).digest_size - len(trailer) - 1)
    block = b"\x6a" + own + hashlib.new(algorithm, own + CHALLENGE).digest() + trailer
    (tmp_path / "block").write_bytes(block)
    signature = openssl(
        tmp_path,
        "pkeyutl",
        "-decrypt",
        "-inkey",
        "chip.pem",
        "-in",
        "block",
        "-pkeyopt",
        "rsa_padding_mode:none",
    )
    key = ActiveKey(tlv.build(0x6F, public))
    assert key.signature_bytes == bits // 8
    assert key.accepts(CHALLENGE, signature)
    assert not key.accepts(OTHER, signature)


@pytest.mark.parametrize("name", ["prime256v1", "secp384r1", "secp521r1", "brainpoolP224r1", "brainpoolP320r1",
                                  "brainpoolP512r1", "secp224r1", "brainpoolP256r1"])  # fmt: skip
@pytest.mark.parametrize("form", ["named_curve", "explicit"])
def test_openssl_signs_on_any_curve(tmp_path, name, form):
    """As DER and unpacked to r and s; openssl knows the curves that our usual library does not."""
    openssl(tmp_path, "ecparam", "-name", name, "-param_enc", form, "-genkey", "-noout", "-out", "chip.pem")
    public = openssl(tmp_path, "pkey", "-in", "chip.pem", "-pubout", "-outform", "DER")
    (tmp_path / "challenge").write_bytes(CHALLENGE)
    signature = openssl(tmp_path, "dgst", "-sha384", "-sign", "chip.pem", "challenge")
    key = ActiveKey(tlv.build(0x6F, public))
    assert key.accepts(CHALLENGE, signature)
    assert not key.accepts(OTHER, signature)
    ours = {"prime256v1": "secp256r1"}.get(name, name)
    size = next(curve for curve in curves.CURVES if curve.name == ours).order_bytes
    r, s = (int.from_bytes(part.value, "big") for part in tlv.parse_one(signature, 0x30).children())
    plain = r.to_bytes(size, "big") + s.to_bytes(size, "big")
    assert key.accepts(CHALLENGE, plain)
    assert not key.accepts(CHALLENGE, plain[::-1])


# ---------------------------------------------------------------- the chip in software, opened by others


@pytest.mark.parametrize("trailer", TRAILERS)
def test_the_software_chip_signs_as_openssl_opens_it(tmp_path, rsa_key, trailer):
    signature = RsaActiveKey(rsa_key, trailer).answer(CHALLENGE)
    (tmp_path / "signature").write_bytes(signature)
    (tmp_path / "key.pem").write_bytes(
        rsa_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    opened = openssl(tmp_path, "pkeyutl", "-verifyrecover", "-pubin", "-inkey", "key.pem", "-in", "signature",
                     "-pkeyopt", "rsa_padding_mode:none")  # fmt: skip
    algorithm = TRAILERS[trailer]
    end = len(opened) - len(trailer)
    start = end - hashlib.new(algorithm).digest_size
    assert (opened[0], opened[end:]) == (0x6A, trailer)
    assert opened[start:end] == hashlib.new(algorithm, opened[1:start] + CHALLENGE).digest()


def test_the_software_chip_signs_as_another_library_verifies():
    private = ec.generate_private_key(ec.BrainpoolP384R1())
    curve = next(curve for curve in curves.CURVES if curve.name == "brainpoolP384r1")
    pair = EcActiveKey(curve, private.private_numbers().private_value, "sha384", der_encoded=True)
    private.public_key().verify(pair.answer(CHALLENGE), CHALLENGE, ec.ECDSA(hashes.SHA384()))


@pytest.mark.parametrize("curve", curves.CURVES, ids=lambda curve: curve.name)
@pytest.mark.parametrize("der_encoded", [False, True])
@pytest.mark.parametrize("tells_hash", [False, True])
def test_every_curve_in_both_forms(curve, der_encoded, tells_hash):
    pair = EcActiveKey(curve, 0x1234567890ABCDEF, "sha512", der_encoded=der_encoded, tells_hash=tells_hash)
    answer = pair.answer(CHALLENGE)
    key = ActiveKey(group_15(pair), group_14(pair))
    assert key.accepts(CHALLENGE, answer)
    assert len(answer) <= key.signature_bytes
    assert not key.accepts(OTHER, answer)


def test_the_hash_the_state_signed_is_the_only_one():
    curve = curves.by_standard_number(13)
    pair = EcActiveKey(curve, 77, "sha256")
    other = EcActiveKey(curve, 77, "sha1")
    key = ActiveKey(group_15(pair), group_14(pair))
    assert key.accepts(CHALLENGE, pair.answer(CHALLENGE))
    assert not key.accepts(CHALLENGE, other.answer(CHALLENGE))


# ---------------------------------------------------------------- signatures that are none


def test_the_smaller_of_two_signatures_is_one_too(rsa_key):
    """ISO/IEC 9796-2 B.6: some chips send n - s."""
    pair = RsaActiveKey(rsa_key)
    modulus = rsa_key.public_key().public_numbers().n
    answer = modulus - int.from_bytes(pair.answer(CHALLENGE), "big")
    assert ActiveKey(group_15(pair)).accepts(CHALLENGE, answer.to_bytes(128, "big"))


def signed_block(private, block: bytes) -> bytes:
    numbers = private.private_numbers()
    return pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n).to_bytes(128, "big")


@pytest.mark.parametrize(
    "shape",
    [
        lambda own, digest: b"\x4a" + own + digest + b"\x34\xcc",
        lambda own, digest: b"\x6b" + own + digest + b"\x34\xcc",
        lambda own, digest: b"\x6a" + own + digest + b"\x39\xcc",
        lambda own, digest: b"\x6a" + own + digest + b"\x33\xcc",
        lambda own, digest: b"\x6a" + own + bytes(len(digest)) + b"\x34\xcc",
        lambda own, digest: b"\x00\x01" + own[1:] + digest + b"\x34\xcc",
    ],
)
def test_blocks_that_are_none(rsa_key, shape):
    own = bytes(range(93))
    digest = hashlib.sha256(own + CHALLENGE).digest()
    key = ActiveKey(group_15(RsaActiveKey(rsa_key)))
    assert key.accepts(CHALLENGE, signed_block(rsa_key, b"\x6a" + own + digest + b"\x34\xcc"))
    assert not key.accepts(CHALLENGE, signed_block(rsa_key, shape(own, digest)))


@given(st.binary(max_size=160), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_garbage_signs_nothing(rsa_key, garbage, on_a_curve):
    pair = EcActiveKey(curves.by_standard_number(12), 5) if on_a_curve else RsaActiveKey(rsa_key)
    key = ActiveKey(group_15(pair))
    for answer in (garbage, bytes(len(garbage)), garbage.ljust(128, b"\0"), b"\x30" + garbage):
        assert not key.accepts(CHALLENGE, answer)


def numbers_info(modulus: bytes, exponent: int) -> bytes:
    """A SubjectPublicKeyInfo with the modulus' bytes exactly as given."""
    algorithm = der.sequence(der.oid("1.2.840.113549.1.1.1"), der.NULL)
    return der.sequence(algorithm, der.bits(der.sequence(tlv.build(0x02, modulus), der.integer(exponent))))


@pytest.mark.parametrize(
    ("info", "error"),
    [
        (numbers_info(b"\x00" + b"\xff" * 128, 1), MalformedData),
        (numbers_info(b"\x00" + b"\xff" * 127 + b"\xfe", 3), MalformedData),
        (numbers_info(b"\x00" + b"\xff" * 64, 3), MalformedData),
        (numbers_info(b"\x00" + b"\xff" * 2048, 3), MalformedData),
        (numbers_info(b"\x1f" + b"\xff" * 255, 3), Unsupported),
        (b"\x30\x00", MalformedData),
        (b"", MalformedData),
        (der.sequence(der.sequence(der.oid("1.3.101.112")), der.bits(bytes(32))), Unsupported),
    ],
)
def test_keys_nobody_means_honestly(info, error):
    with pytest.raises(error):
        ActiveKey(tlv.build(0x6F, info))


def test_an_rsa_key_does_not_care_what_group_14_holds(rsa_key):
    """Its blocks name their hash themselves."""
    pair = RsaActiveKey(rsa_key)
    assert ActiveKey(group_15(pair), tlv.build(0x6E, b"nonsense")).accepts(CHALLENGE, pair.answer(CHALLENGE))


def test_a_modulus_without_its_leading_zero_is_read_as_it_is_meant(rsa_key):
    """As on a specimen of the BSI: DER makes a negative number of it, the chip means a positive one."""
    modulus = rsa_key.public_key().public_numbers().n.to_bytes(128, "big")
    assert modulus[0] >= 0x80
    key = ActiveKey(tlv.build(0x6F, numbers_info(modulus, 65537)))
    assert key.accepts(CHALLENGE, RsaActiveKey(rsa_key).answer(CHALLENGE))


def test_a_point_beside_its_curve_is_no_key():
    info = EcActiveKey(curves.by_standard_number(12), 5).public_key_info
    with pytest.raises(MalformedData):
        ActiveKey(tlv.build(0x6F, info[:-1] + bytes([info[-1] ^ 1])))


# ---------------------------------------------------------------- in a reading


@pytest.mark.parametrize(
    ("name", "chip", "active"),
    [
        ("passport", ChipProof.PROVEN, ChipProof.NOT_TRIED),
        ("passport_aa_rsa", ChipProof.NOT_OFFERED, ChipProof.PROVEN),
        ("passport_aa_ec", ChipProof.NOT_OFFERED, ChipProof.PROVEN),
        ("passport_cloned_aa", ChipProof.NOT_OFFERED, ChipProof.FAILED),
        ("cie_without_chip_key", ChipProof.NOT_OFFERED, ChipProof.NOT_OFFERED),
    ],
)
def test_the_second_proof_only_where_the_first_is_not_to_be_had(card, read, name, chip, active):
    made = card(name)
    seen = []

    def watch(raw):
        seen.append(raw[1])
        return made.transmit(raw)

    evidence, _ = read(made, transmit=watch)
    assert (evidence.chip_proof, evidence.active_proof) == (chip, active)
    assert seen.count(Instruction.INTERNAL_AUTHENTICATE) == (active in (ChipProof.PROVEN, ChipProof.FAILED))
    assert (2 in evidence.groups) == (active is not ChipProof.FAILED)


def with_chip(made, **changes):
    made.chip = dataclasses.replace(made.chip, **changes)
    return made


def test_a_chip_that_refuses_the_challenge(card, read):
    evidence, _ = read(with_chip(card("passport_aa_ec"), active_key=None))
    assert evidence.active_proof is ChipProof.FAILED


def test_a_chip_that_keeps_its_listed_key(card, read):
    made = card("passport_aa_ec")
    files = {number: data for number, data in made.chip.files.items() if number != lds.group_file(15)}
    evidence, _ = read(with_chip(made, files=files))
    assert evidence.missing == {15}
    assert evidence.active_proof is ChipProof.FAILED


def test_a_key_beside_the_security_object_is_not_even_asked(card, read, authority):
    made = card("passport_aa_ec")
    groups = {number: made.chip.files[lds.group_file(number)] for number in (1, 2, 11, 12, 14)}
    files = {**made.chip.files, lds.SOD_FILE: authority.security_object(groups)}
    evidence, _ = read(with_chip(made, files=files))
    assert 15 not in evidence.groups
    assert evidence.active_proof is ChipProof.NOT_OFFERED


@pytest.mark.parametrize("number", [14, 15])
@pytest.mark.parametrize("content", [b"", b"\x30\x00", b"garbage", b"\x31\x02\x30\x00", bytes(300)])
def test_a_key_group_of_nonsense_ends_in_a_verdict(card, read, trust, instant, number, content):
    """Not in an error that invites the clerk to try again: the State signed something else."""
    made = card("passport_aa_ec")
    files = {**made.chip.files, lds.group_file(number): tlv.build(lds.group_tag(number), content)}
    evidence, _ = read(with_chip(made, files=files))
    verdict = judge(evidence, trust, instant)
    assert verdict.kind is VerdictKind.REFUSED
    assert Finding.GROUP_ALTERED in verdict.codes


def test_every_challenge_is_a_new_one(card, read, monkeypatch):
    asked = []
    inner = active_authentication.ActiveKey.accepts

    def note(self, challenge, signature):
        asked.append(challenge)
        return inner(self, challenge, signature)

    monkeypatch.setattr(active_authentication.ActiveKey, "accepts", note)
    for _ in range(2):
        read(card("passport_aa_ec"))
    assert len(set(asked)) == 2
    assert {len(challenge) for challenge in asked} == {8}


def test_an_answer_of_yesterday_proves_nothing(card, read):
    made = card("passport_aa_ec")
    stale = made.chip.active_key.answer(bytes(8))

    class Replay:
        def answer(self, challenge):
            return stale

    evidence, _ = read(with_chip(made, active_key=Replay()))
    assert evidence.active_proof is ChipProof.FAILED


def test_long_answers_need_a_reader_that_carries_them(card, read):
    """2048 bits do not fit a protected short answer; 1024 do, and old chips know no others."""
    evidence, _ = read(card("passport_aa_rsa"), limits=ReaderLimits(261, 258))
    assert evidence.active_proof is ChipProof.NOT_POSSIBLE
    assert 2 in evidence.groups
    pair = RsaActiveKey(rsa.generate_private_key(65537, 1024))
    made = card("passport_aa_rsa")
    files = {**made.chip.files, lds.group_file(15): group_15(pair)}
    evidence, _ = read(with_chip(made, files=files, active_key=pair), limits=ReaderLimits(261, 258))
    assert evidence.active_proof is ChipProof.PROVEN


def test_the_challenge_is_the_command_of_the_standard(card, read):
    """00 88 00 00 08 and eight bytes, before protection."""
    made = card("passport_aa_ec")
    seen = []
    inner = made._internal_authenticate
    made._handlers[Instruction.INTERNAL_AUTHENTICATE] = lambda command: seen.append(command) or inner(command)
    read(made)
    command = seen[0]
    assert isinstance(command, Command)
    assert (command.header, len(command.data), command.expected) == (bytes.fromhex("00880000"), 8, 256)
