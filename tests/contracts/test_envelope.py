"""The sealed letter, with plain openssl as the stranger who opens it; and signed statements."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts import codec, envelope
from contracts.messages.letters import MAX_LETTER_BYTES, LetterState, LetterWord, Receipt

NOW = dt.datetime(2026, 11, 22, 10, tzinfo=dt.UTC)
DOSSIER = b"the dossier of an invented citizen, " * 200
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Party(NamedTuple):
    key: Key
    certificate: x509.Certificate

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        key, cert = folder / f"{name}.key", folder / f"{name}.pem"
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        cert.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        return key, cert


def _party(name: str, key: Key, issuer: Party | None = None, *, authority: bool = False) -> Party:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - dt.timedelta(days=30))
        .not_valid_after(NOW + dt.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    return Party(key, builder.sign(issuer.key if issuer else key, hashes.SHA256()))


class World(NamedTuple):
    fleet: Party
    box: Party
    inps: Party
    stranger: Party


@pytest.fixture(scope="module")
def world() -> World:
    fleet = _party("fleet authority", ec.generate_private_key(ec.SECP256R1()), authority=True)
    return World(
        fleet=fleet,
        box=_party("k7m2p9x4w3ab", ec.generate_private_key(ec.SECP256R1()), fleet),
        inps=_party("recipient", rsa.generate_private_key(public_exponent=65537, key_size=3072)),
        stranger=_party("recipient", rsa.generate_private_key(public_exponent=65537, key_size=3072)),
    )


@pytest.fixture(scope="module")
def sealed(world: World) -> bytes:
    return envelope.seal(
        DOSSIER, signer=world.box.key, certificate=world.box.certificate, recipient=world.inps.certificate
    )


def _open(world: World, letter: bytes, reader: Party | None = None, **changes: object) -> envelope.Opened:
    reader = reader or world.inps
    assert isinstance(reader.key, rsa.RSAPrivateKey)
    arguments = {
        "key": reader.key,
        "certificate": reader.certificate,
        "authorities": [world.fleet.certificate],
        "at": NOW,
    } | changes
    return envelope.open_letter(letter, **arguments)  # type: ignore[arg-type]


def _openssl(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False, timeout=30)


def test_the_recipient_opens_what_the_box_sealed(world: World, sealed: bytes) -> None:
    opened = _open(world, sealed)
    assert opened.content == DOSSIER
    assert opened.signer == world.box.certificate


def test_a_stranger_with_the_recipients_key_needs_only_openssl(
    world: World, sealed: bytes, tmp_path: Path
) -> None:
    key, cert = world.inps.write(tmp_path, "inps")
    _, authority = world.fleet.write(tmp_path, "fleet")
    (tmp_path / "letter").write_bytes(sealed)
    _openssl(
        *("cms", "-decrypt", "-inform", "DER", "-in", tmp_path / "letter"),
        *("-recip", cert, "-inkey", key, "-out", tmp_path / "signed"),
    ).check_returncode()
    _openssl(
        *("cms", "-verify", "-inform", "DER", "-in", tmp_path / "signed"),
        *("-CAfile", authority, "-purpose", "any", "-out", tmp_path / "dossier"),
    ).check_returncode()
    assert (tmp_path / "dossier").read_bytes() == DOSSIER


def test_openssl_cannot_open_it_with_the_boxs_key(world: World, sealed: bytes, tmp_path: Path) -> None:
    key, cert = world.box.write(tmp_path, "box")
    (tmp_path / "letter").write_bytes(sealed)
    refused = _openssl(
        *("cms", "-decrypt", "-inform", "DER", "-in", tmp_path / "letter"),
        *("-recip", cert, "-inkey", key, "-out", tmp_path / "signed"),
    )
    assert refused.returncode != 0
    left = (tmp_path / "signed").read_bytes() if (tmp_path / "signed").exists() else b""
    assert DOSSIER[:20] not in left


def test_another_recipient_cannot_open_it(world: World, sealed: bytes) -> None:
    with pytest.raises(envelope.LetterUnreadable):
        _open(world, sealed, world.stranger)


def test_nothing_of_the_dossier_or_the_box_shows_outside(sealed: bytes) -> None:
    assert DOSSIER[:20] not in sealed
    assert b"k7m2p9x4w3ab" not in sealed


def test_a_box_of_another_fleet_is_not_believed(world: World) -> None:
    other = _party("other", ec.generate_private_key(ec.SECP256R1()), authority=True)
    box = _party("k7m2p9x4w3ab", ec.generate_private_key(ec.SECP256R1()), other)
    letter = envelope.seal(
        DOSSIER, signer=box.key, certificate=box.certificate, recipient=world.inps.certificate
    )
    with pytest.raises(envelope.LetterNotAuthentic, match="no authority"):
        _open(world, letter)


def test_a_certificate_out_of_date_is_not_believed(world: World, sealed: bytes) -> None:
    with pytest.raises(envelope.LetterNotAuthentic, match="not valid when"):
        _open(world, sealed, at=NOW + dt.timedelta(days=4000))


def test_an_rsa_box_key_serves_too(world: World) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    box = _party("k7m2p9x4w3ab", key, world.fleet)
    letter = envelope.seal(DOSSIER, signer=key, certificate=box.certificate, recipient=world.inps.certificate)
    assert _open(world, letter).content == DOSSIER


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_changed_byte_never_passes_unseen(world: World, sealed: bytes, place: float, flip: int) -> None:
    changed = bytearray(sealed)
    changed[int(place * len(sealed))] ^= flip
    try:
        assert _open(world, bytes(changed)).content == DOSSIER
    except (envelope.LetterUnreadable, envelope.LetterNotAuthentic):
        return


@given(st.binary(max_size=300))
def test_garbage_is_unreadable_and_nothing_else(world: World, data: bytes) -> None:
    with pytest.raises(envelope.LetterUnreadable):
        _open(world, data)


def test_a_letter_over_the_bound_is_refused_on_both_sides(world: World) -> None:
    with pytest.raises(envelope.LetterUnreadable, match="fewer or smaller"):
        envelope.seal(
            bytes(MAX_LETTER_BYTES),
            signer=world.box.key,
            certificate=world.box.certificate,
            recipient=world.inps.certificate,
        )
    with pytest.raises(envelope.LetterUnreadable, match="larger"):
        _open(world, bytes(MAX_LETTER_BYTES + 1))


# --- statements ------------------------------------------------------------------------

FLEET_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LETTER = "019a4f00-0000-7000-8000-0000000000aa"
RECEIPT = Receipt(
    letter=LETTER, box="k7m2p9x4w3ab", sha256="ab" * 32, size_bytes=7, received_at=1_763_812_900_000
)


def test_a_statement_gives_back_its_message() -> None:
    statement = envelope.sign_statement(RECEIPT, envelope.Purpose.RECEIPT, FLEET_KEY)
    travelled = codec.decode(envelope.Statement, codec.encode(statement))
    key = envelope.public_key_from_text(envelope.public_key_text(FLEET_KEY.public_key()))
    assert envelope.read_statement(travelled, Receipt, envelope.Purpose.RECEIPT, key) == RECEIPT


def test_a_receipt_cannot_be_played_as_something_else() -> None:
    statement = envelope.sign_statement(RECEIPT, envelope.Purpose.RECEIPT, FLEET_KEY)
    with pytest.raises(envelope.StatementRefused, match="something else"):
        envelope.read_statement(statement, LetterState, envelope.Purpose.LETTER_STATE, FLEET_KEY.public_key())
    renamed = msgspec.structs.replace(statement, purpose=envelope.Purpose.LETTER_STATE)
    with pytest.raises(envelope.StatementRefused, match="signature"):
        envelope.read_statement(renamed, Receipt, envelope.Purpose.LETTER_STATE, FLEET_KEY.public_key())


def test_another_key_or_changed_words_are_refused() -> None:
    statement = envelope.sign_statement(RECEIPT, envelope.Purpose.RECEIPT, FLEET_KEY)
    with pytest.raises(envelope.StatementRefused):
        envelope.read_statement(
            statement, Receipt, envelope.Purpose.RECEIPT, Ed25519PrivateKey.generate().public_key()
        )
    forged = envelope.sign_statement(
        msgspec.structs.replace(RECEIPT, size_bytes=8), envelope.Purpose.RECEIPT, FLEET_KEY
    )
    mixed = msgspec.structs.replace(statement, payload=forged.payload)
    with pytest.raises(envelope.StatementRefused):
        envelope.read_statement(mixed, Receipt, envelope.Purpose.RECEIPT, FLEET_KEY.public_key())


@pytest.mark.parametrize("text", ["", "é", "AAAA", "!" * 44])
def test_a_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(envelope.StatementRefused):
        envelope.public_key_from_text(text)


def test_words_are_stable_on_the_wire() -> None:
    assert LetterWord.RECEIVED == "ricevuta"
    assert LetterWord.SENT == "trasmessa"
