"""Where the key of the citizen's data rests: a port, and the driver that keeps it in a file.

The data key is random and never stored bare: a key store wraps it. A box with a TPM or with one-time
memory gets a driver of its own; the rest of the vault does not change.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from appliance.runtime.files import StorageMissing, make_private_dir, read_bounded, write_atomic
from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger(__name__)

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_WRAPPED_LIMIT_BYTES: Final = 4096
_WRAP_AAD: Final = b"pue vault data key v1"


class VaultError(PueError):
    """The vault did not do what it was asked."""

    code = "vault.failed"
    who = WhoCanAct.TECHNICIAN


class KeyLost(VaultError):
    """The wrapped data key does not open with this box's key store."""

    code = "vault.key_lost"


class KeyStore(Protocol):
    """Wraps the data key so that a stolen card alone does not open it."""

    def wrap(self, key: bytes) -> bytes:
        """The key as it may lie on the disk."""
        ...

    def unwrap(self, wrapped: bytes) -> bytes:
        """The key again.

        Raises:
            KeyLost: not wrapped by this store, or damaged.
        """
        ...


class FileKeyStore:
    """Keeps its own key in a file of mode 0600. It protects a copied draft, not a stolen disk.

    Args:
        path: of the wrapping key; made on first use.
        random: source of fresh key bytes.

    Raises:
        StorageError: the file cannot be read or made.
        KeyLost: the file is not a key.
    """

    def __init__(self, path: Path, *, random: Callable[[int], bytes] = os.urandom) -> None:
        self._random = random
        try:
            key = read_bounded(path, limit_bytes=KEY_BYTES)
        except StorageMissing:
            make_private_dir(path.parent)
            key = random(KEY_BYTES)
            write_atomic(path, key)
        if len(key) != KEY_BYTES:
            raise KeyLost("the key store's file is not a key")
        self._cipher = AESGCM(key)

    def wrap(self, key: bytes) -> bytes:
        """AES-256-GCM: nonce, then ciphertext with tag (NIST SP 800-38D)."""
        nonce = self._random(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, _WRAP_AAD)

    def unwrap(self, wrapped: bytes) -> bytes:
        """The reverse of `wrap`."""
        try:
            return self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _WRAP_AAD)
        except (InvalidTag, ValueError):
            raise KeyLost("the data key does not open with this box's key store") from None


def open_data_key(
    path: Path, store: KeyStore, *, random: Callable[[int], bytes] = os.urandom
) -> tuple[bytes, bool]:
    """The data key, made on first use.

    A wrapped key that does not open is set aside and a new one is made, so that the desk can work; what
    the old one closed stays closed.

    Returns:
        The key, and whether an older one was lost.

    Raises:
        StorageError: the disk refuses.
    """
    lost = False
    try:
        key = store.unwrap(read_bounded(path, limit_bytes=_WRAPPED_LIMIT_BYTES))
        if len(key) == KEY_BYTES:
            return key, False
        lost = True
    except StorageMissing:
        pass
    except KeyLost:
        lost = True
    if lost:
        log.error("the vault's data key does not open; it is set aside and a new one is made")
        set_aside(path)
    key = random(KEY_BYTES)
    write_atomic(path, store.wrap(key))
    return key, lost


def set_aside(path: Path) -> Path:
    """Rename a file or folder to the first free ``….aside-N`` beside it."""
    number = 1
    while (aside := path.with_name(f"{path.name}.aside-{number}")).exists():
        number += 1
    path.rename(aside)
    return aside
