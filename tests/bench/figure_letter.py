"""Sealing and opening a letter of one megabyte, against the same two steps by the openssl command."""

from __future__ import annotations

import datetime as dt
import subprocess
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from contracts import envelope
from tests.bench.measure import Figure, compare, timed

NOW = dt.datetime.now(dt.UTC)
DOSSIER = bytes(range(256)) * 4096


def figures() -> list[Figure]:
    """Milliseconds to seal and to open, keys on P-256 (box) and RSA-3072 (recipient)."""
    box, inps = (
        ec.generate_private_key(ec.SECP256R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=3072),
    )
    box_cert, inps_cert = _certificate("box", box), _certificate("recipient", inps)
    sealed = envelope.seal(DOSSIER, signer=box, certificate=box_cert, recipient=inps_cert)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "dossier").write_bytes(DOSSIER)
        (folder / "letter").write_bytes(sealed)
        for who, key, cert in (("box", box, box_cert), ("inps", inps, inps_cert)):
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            (folder / f"{who}.key").write_bytes(pem)
            (folder / f"{who}.pem").write_bytes(cert.public_bytes(Encoding.PEM))
        return [
            compare(
                "letter of 1 MiB, sealed",
                "ms",
                lambda: (
                    1e3
                    * timed(
                        lambda: envelope.seal(DOSSIER, signer=box, certificate=box_cert, recipient=inps_cert)
                    )
                ),
                "openssl cms -sign | -encrypt",
                lambda: 1e3 * timed(lambda: _openssl_seal(folder)),
            ),
            compare(
                "letter of 1 MiB, opened and verified",
                "ms",
                lambda: (
                    1e3
                    * timed(
                        lambda: envelope.open_letter(
                            sealed, key=inps, certificate=inps_cert, authorities=[box_cert], at=NOW
                        )
                    )
                ),
                "openssl cms -decrypt | -verify",
                lambda: 1e3 * timed(lambda: _openssl_open(folder)),
            ),
        ]


def _certificate(name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - dt.timedelta(days=1))
        .not_valid_after(NOW + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", "cms", *arguments], cwd=folder, check=True, capture_output=True)


def _openssl_seal(folder: Path) -> None:
    sign = ("-sign", "-binary", "-nodetach", "-outform", "DER", "-in", "dossier", "-out", "signed")
    _openssl(folder, *sign, "-signer", "box.pem", "-inkey", "box.key")
    encrypt = ("-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER", "-in", "signed", "-out", "sealed")
    _openssl(folder, *encrypt, "inps.pem")


def _openssl_open(folder: Path) -> None:
    decrypt = ("-decrypt", "-inform", "DER", "-in", "letter", "-out", "opened")
    _openssl(folder, *decrypt, "-recip", "inps.pem", "-inkey", "inps.key")
    verify = ("-verify", "-inform", "DER", "-in", "opened", "-out", "back")
    _openssl(folder, *verify, "-CAfile", "box.pem", "-purpose", "any")
