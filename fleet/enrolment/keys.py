"""Keys of the fleet on disk: folders 0700, files 0600, written whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from contracts.errors import PueError, WhoCanAct

FLEET_KEY: Final = "fleet-key.pem"
MAX_KEY_BYTES: Final = 16_384


class KeysUnavailable(PueError):
    """A key of the fleet is missing, unreadable or of the wrong kind."""

    code = "fleet.keys_unavailable"
    who = WhoCanAct.OPERATOR
    http_status = 503


def keys_folder(data_dir: Path) -> Path:
    """Where the keys are: ``data_dir/keys``."""
    return data_dir / "keys"


def fleet_key(data_dir: Path) -> Ed25519PrivateKey:
    """The key that signs orders and receipts.

    Raises:
        KeysUnavailable: `pue-fleet init` has not run here, or the file cannot be read.
    """
    key = read_key(keys_folder(data_dir) / FLEET_KEY)
    if not isinstance(key, Ed25519PrivateKey):
        msg = f"{FLEET_KEY} is not an Ed25519 key"
        raise KeysUnavailable(msg)
    return key


def make_fleet_key(data_dir: Path) -> None:
    """Make the fleet's signing key, once."""
    path = keys_folder(data_dir) / FLEET_KEY
    if not path.exists():
        write_private(path, pem_of(Ed25519PrivateKey.generate()))


def read_key(path: Path) -> object:
    """A private key from a PEM file.

    Raises:
        KeysUnavailable: missing, unreadable, or not a key.
    """
    try:
        with path.open("rb") as stream:
            return load_pem_private_key(stream.read(MAX_KEY_BYTES), password=None)
    except OSError as why:
        msg = f"key {path.name} cannot be read ({why.strerror}): run `pue-fleet init` as the fleet's user"
        raise KeysUnavailable(msg) from why
    except (ValueError, TypeError):
        msg = f"{path.name} is not a private key"
        raise KeysUnavailable(msg) from None


def pem_of(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """PKCS #8 in PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_private(path: Path, data: bytes) -> None:
    """Write a file only we may read; whole and on disk, or not at all."""
    _write(path, data, 0o600)


def write_public(path: Path, data: bytes) -> None:
    """The same for a file everybody may read."""
    _write(path, data, 0o644)


def _write(path: Path, data: bytes, mode: int) -> None:
    private_folder(path.parent)
    half = path.with_name(f".{path.name}.{os.getpid()}.half")
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        half.replace(path)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def private_folder(path: Path) -> Path:
    """The folder, made with mode 0700 if it was not there."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


class FleetRuns(PueError):
    """Another process serves this folder already."""

    code = "fleet.already_served"
    who = WhoCanAct.OPERATOR


@contextlib.contextmanager
def sole_server(data_dir: Path) -> Iterator[None]:
    """Hold a folder for one `serve`: a second one would take the first one's sessions at the broker.

    Raises:
        FleetRuns: it is held by another process.
    """
    handle = os.open(private_folder(data_dir) / ".served", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = f"another `pue-fleet serve` runs in {data_dir}: end it first, or give this one its own data_dir"
            raise FleetRuns(msg) from None
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Hold the lock of the keys: two processes never make the same key twice."""
    private_folder(data_dir)
    handle = os.open(
        private_folder(keys_folder(data_dir)) / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
    )
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
