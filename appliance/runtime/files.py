"""Files that survive a pulled plug: written whole or not at all, read within a bound, private by default."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from typing import TYPE_CHECKING, Final

from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE_FILE: Final = 0o600
PRIVATE_DIR: Final = 0o700


class StorageError(PueError):
    """The disk refused; the subclass says how."""

    code = "storage.failed"
    who = WhoCanAct.TECHNICIAN


class StorageFull(StorageError):
    """No room left on the disk (or in the quota)."""

    code = "storage.full"


class StorageMissing(StorageError):
    """The file or folder is not there."""

    code = "storage.missing"


class StorageDenied(StorageError):
    """The process may not touch this file: wrong owner or mode, or a read-only disk."""

    code = "storage.denied"


class StorageTooLarge(StorageError):
    """The file is larger than anything that belongs there; it was not read."""

    code = "storage.too_large"


_BY_ERRNO: Final[dict[int, type[StorageError]]] = {
    errno.ENOSPC: StorageFull,
    errno.EFBIG: StorageFull,  # a quota of the process: to us the disk ends there
    errno.EDQUOT: StorageFull,
    errno.ENOENT: StorageMissing,
    errno.ENOTDIR: StorageMissing,
    errno.EACCES: StorageDenied,
    errno.EPERM: StorageDenied,
    errno.EROFS: StorageDenied,
}


def storage_error(error: OSError, path: Path, deed: str) -> StorageError:
    """Translate what the operating system said into one of ours; `deed` is a verb ("write", "read")."""
    kind = _BY_ERRNO.get(error.errno or 0, StorageError)
    reason = os.strerror(error.errno) if error.errno else str(error)
    return kind(f"cannot {deed} {path.name}: {reason}", file=path.name, deed=deed)


def sync_dir(folder: Path) -> None:
    """Make names in `folder` durable: a rename is only on disk when its directory is."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, data: bytes, *, mode: int = PRIVATE_FILE) -> None:
    """Replace `path` by `data`, durably: after return it survives a power cut, before it the old file does.

    The temporary sibling is created exclusively with `mode` from the first byte, so no moment exists in which
    a secret is readable by others.

    Raises:
        StorageFull, StorageDenied, StorageMissing, StorageError: the old content still stands.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        try:
            os.fchmod(handle, mode)
            _write_all(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)
        temporary.replace(path)
        sync_dir(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise storage_error(error, path, "write") from error


def _write_all(handle: int, data: bytes) -> None:
    """os.write may take less than offered (a nearly full disk does)."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def read_bounded(path: Path, *, limit_bytes: int) -> bytes:
    """The whole file, if it holds at most `limit_bytes`.

    Raises:
        StorageTooLarge: more than the limit; nothing is returned.
        StorageMissing, StorageDenied, StorageError: as the disk says.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1)
    except OSError as error:
        raise storage_error(error, path, "read") from error
    if len(data) > limit_bytes:
        message = f"{path.name} holds more than {limit_bytes} bytes and was not read"
        raise StorageTooLarge(message, file=path.name, limit_bytes=limit_bytes)
    return data


def make_private_dir(path: Path) -> Path:
    """Create the folder (and its parents) for this process' user alone; an existing one is narrowed to that.

    Raises:
        StorageError: the folder cannot be made or is not ours to narrow.
    """
    try:
        path.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
        path.chmod(PRIVATE_DIR)
    except OSError as error:
        raise storage_error(error, path, "create") from error
    return path
