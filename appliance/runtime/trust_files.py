"""The published trust bundle at rest: a signed description, and the bundle it points at by its hash.

``state/trust/release.json`` is the fleet's statement, ``state/trust/<sha256>.bundle`` what it speaks of.

The agent writes, the desk reads, and neither believes the other: whoever reads checks signature and hash by itself,
with the key of its own belongings. The description is replaced last and at once, so that a power cut leaves the old
pair or the new pair.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, Final

from appliance.runtime.files import StorageMissing, read_bounded, storage_error, write_atomic
from contracts import codec
from contracts.envelope import MAX_STATEMENT_BYTES, Purpose, Statement, read_statement
from contracts.errors import PueError, WhoCanAct
from contracts.messages.releases import TrustRelease

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

RELEASE: Final = "release.json"
STATEMENT_LIMIT_BYTES: Final = 2 * MAX_STATEMENT_BYTES
"""A statement's payload is base64 of at most `MAX_STATEMENT_BYTES`."""
PUBLIC_FILE: Final = 0o644
PUBLIC_DIR: Final = 0o755
"""Certificates of States are no secret, and the desk reads as another user."""
_READ_BYTES: Final = 1 << 18


class TrustReleaseRefused(PueError):
    """The description of a trust bundle is not one the fleet signed for this use."""

    code = "trust.release_refused"
    who = WhoCanAct.OPERATOR


class TrustReleaseOlder(PueError):
    """Well signed, but not the version that was asked for, or an older one than was there before."""

    code = "trust.release_older"
    who = WhoCanAct.OPERATOR


class TrustBundleDamaged(PueError):
    """The bundle is not, or no longer, the one its description speaks of; it is fetched again."""

    code = "trust.bundle_damaged"
    who = WhoCanAct.WAIT


def trust_folder(state_dir: Path) -> Path:
    """Where the pair lies."""
    return state_dir / "trust"


def bundle_path(folder: Path, release: TrustRelease) -> Path:
    """The bundle's file: its name is its hash, so that no description can point at other bytes."""
    return folder / f"{release.sha256}.bundle"


def read_release(raw: bytes, fleet_key: Ed25519PublicKey) -> TrustRelease:
    """A description, after its signature and purpose were checked.

    Raises:
        TrustReleaseRefused: with the reason.
    """
    try:
        statement = codec.decode(Statement, raw, limit=STATEMENT_LIMIT_BYTES)
        return read_statement(statement, TrustRelease, Purpose.TRUST_RELEASE, fleet_key)
    except PueError as why:
        raise TrustReleaseRefused("the trust release cannot be believed", reason=why.code) from why


def held_release(folder: Path, fleet_key: Ed25519PublicKey) -> TrustRelease | None:
    """The description that lies there; None when none does. Says nothing about the bundle's bytes.

    Raises:
        TrustReleaseRefused, StorageError: there is one, and it is of no use.
    """
    try:
        raw = read_bounded(folder / RELEASE, limit_bytes=STATEMENT_LIMIT_BYTES)
    except StorageMissing:
        return None
    return read_release(raw, fleet_key)


def read_bundle(folder: Path, release: TrustRelease) -> bytes:
    """The bundle of a release.

    Raises:
        TrustBundleDamaged: it is missing, or size or hash are not those of the release.
        StorageError: the disk does not give it.
    """
    try:
        bundle = read_bounded(bundle_path(folder, release), limit_bytes=release.size_bytes)
    except StorageMissing as why:
        raise TrustBundleDamaged("the trust bundle is missing", version=release.version) from why
    if len(bundle) != release.size_bytes or hashlib.sha256(bundle).hexdigest() != release.sha256:
        raise TrustBundleDamaged("the trust bundle is not the published one", version=release.version)
    return bundle


def prove_file(path: Path, release: TrustRelease) -> None:
    """Check size and hash of a file, a piece at a time.

    Raises:
        TrustBundleDamaged, StorageError: it is not the bundle of this release.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            right = path.stat().st_size == release.size_bytes
            while right and (piece := file.read(_READ_BYTES)):
                digest.update(piece)
    except FileNotFoundError as why:
        raise TrustBundleDamaged("the trust bundle is missing", version=release.version) from why
    except OSError as why:
        raise storage_error(why, path, "read") from why
    if not right or digest.hexdigest() != release.sha256:
        raise TrustBundleDamaged("the trust bundle is not the published one", version=release.version)


def lay_release(folder: Path, raw: bytes, release: TrustRelease) -> None:
    """Point at a bundle that already lies there, durable, under its own name; then forget the other ones.

    Raises:
        StorageError: the old pair still stands.
    """
    write_atomic(folder / RELEASE, raw, mode=PUBLIC_FILE)
    keep = bundle_path(folder, release)
    for old in folder.glob("*.bundle"):
        if old != keep:
            with contextlib.suppress(OSError):
                old.unlink()


def bundle_lies(folder: Path, release: TrustRelease) -> bool:
    """Whether a file of the right name and length is there: enough for a report, not for a judgement."""
    with contextlib.suppress(OSError):
        return bundle_path(folder, release).stat().st_size == release.size_bytes
    return False


def make_trust_folder(folder: Path) -> Path:
    """The folder, readable by the desk.

    Raises:
        StorageError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(PUBLIC_DIR)
    except OSError as why:
        raise storage_error(why, folder, "create") from why
    return folder
