"""Files of an identity: private from the first byte, whole or not there."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from provisioning.errors import ProvisioningError

if TYPE_CHECKING:
    from pathlib import Path


def private_folder(path: Path) -> Path:
    """Make a folder for its owner alone."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as why:
        raise ProvisioningError(f"cannot make the folder {path.name}: {why.strerror}") from why
    return path


def write_private(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Put `data` in place of whatever is there, durably.

    Raises:
        ProvisioningError: the disk refused; what was there still is.
    """
    private_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as why:
        temporary.unlink(missing_ok=True)
        raise ProvisioningError(f"cannot write {path.name}: {why.strerror}") from why
