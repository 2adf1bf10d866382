"""The fleet's own certificate authority: one P-256 root, and what it says of servers, boxes and recipients.

What a certificate may be used for is written inside it (RFC 5280 §4.2.1.12): a desk's certificate signs
letters and opens no TLS door; a link's certificate is a TLS client and nothing else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fleet.enrolment import keys
from fleet.registry.certificates import Issued, Unit

ROOT_DAYS: Final = 3_653
BACKDATED: Final = timedelta(days=1)
"""A box whose clock is a little behind must not call its own server "not yet valid"."""

_CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH
_SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH
_USES: Final = {
    Unit.LINK: [_CLIENT],
    Unit.DESK: [ExtendedKeyUsageOID.EMAIL_PROTECTION],
    Unit.RECIPIENT: [_CLIENT],
    Unit.FLEET: [_CLIENT],
}


class Authority:
    """The root and its key, from ``data_dir/keys``.

    Args:
        certificate: the root.
        key: its private key.
    """

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.certificate = certificate
        self._key = key

    @classmethod
    def make(cls, data_dir: Path, *, now: datetime) -> Self:
        """Open the authority, making it the first time.

        Raises:
            KeysUnavailable: its files are there but cannot be read.
        """
        folder = keys.keys_folder(data_dir)
        if not (folder / "authority.pem").exists():
            key = ec.generate_private_key(ec.SECP256R1())
            keys.write_private(folder / "authority.key", keys.pem_of(key))
            keys.write_public(folder / "authority.pem", _root(key, now).public_bytes(Encoding.PEM))
        return cls.open(data_dir)

    @classmethod
    def open(cls, data_dir: Path) -> Self:
        """Open an authority that was made before.

        Raises:
            KeysUnavailable: it is missing or cannot be read.
        """
        folder = keys.keys_folder(data_dir)
        key = keys.read_key(folder / "authority.key")
        certificate = read_certificate(folder / "authority.pem")
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            msg = "authority.key is not a P-256 key"
            raise keys.KeysUnavailable(msg)
        return cls(certificate, key)

    @property
    def pem(self) -> str:
        """The root in PEM, as boxes carry it."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def certify(
        self, public_key: ec.EllipticCurvePublicKey, *, cn: str, ou: Unit, days: int, now: datetime
    ) -> x509.Certificate:
        """A client certificate for a key that proved itself (a checked request)."""
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, ou.value),
                x509.NameAttribute(NameOID.COMMON_NAME, cn),
            ]
        )
        return self._sign(subject, public_key, uses=_USES[ou], names=[], days=days, now=now)

    def certify_server(
        self, public_key: ec.EllipticCurvePublicKey, *, hosts: Sequence[str], days: int, now: datetime
    ) -> x509.Certificate:
        """A server certificate for all names and addresses it is reached by."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])
        names = [_general_name(host) for host in hosts]
        return self._sign(subject, public_key, uses=[_SERVER], names=names, days=days, now=now)

    def revocation_list(self, revoked: Iterable[Issued], *, now: datetime, days: int) -> bytes:
        """The list of what was taken back (RFC 5280 §5), PEM. After `days` it locks everybody out."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now)
            .next_update(now + timedelta(days=days))
            .add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
            .add_extension(self._authority_key_identifier(), critical=False)
        )
        for issued in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(int(issued.serial, 16))
            builder = builder.add_revoked_certificate(entry.revocation_date(issued.revoked_at or now).build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def issued(self, certificate: x509.Certificate) -> bool:
        """Whether our root signed it."""
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except Exception:  # noqa: BLE001 - any reason means no
            return False
        return True

    def _authority_key_identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())

    def _sign(
        self,
        subject: x509.Name,
        public_key: ec.EllipticCurvePublicKey,
        *,
        uses: list[x509.ObjectIdentifier],
        names: list[x509.GeneralName],
        days: int,
        now: datetime,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.certificate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(min(now + timedelta(days=days), self.certificate.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(self._authority_key_identifier(), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def read_certificate(path: Path) -> x509.Certificate:
    """A certificate from a PEM file.

    Raises:
        KeysUnavailable: missing or not a certificate.
    """
    try:
        with path.open("rb") as stream:
            return x509.load_pem_x509_certificate(stream.read(keys.MAX_KEY_BYTES))
    except OSError as why:
        msg = f"certificate {path.name} cannot be read ({why.strerror}): run `pue-fleet init`"
        raise keys.KeysUnavailable(msg) from why
    except ValueError:
        msg = f"{path.name} is not a certificate"
        raise keys.KeysUnavailable(msg) from None


def _root(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "PUE fleet authority")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=ROOT_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
