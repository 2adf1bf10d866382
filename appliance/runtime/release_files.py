"""A published release at rest: a signed description, and the bundle it points at by its hash.

``state/<kind>/release.json`` is the fleet's statement, ``state/<kind>/<sha256>.bundle`` what it speaks of.

The agent writes, the desk reads, and neither believes the other: whoever reads checks signature and hash by itself,
with the key of its own belongings. The description is replaced last and at once, so that a power cut leaves the old
pair or the new pair.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from appliance.runtime.files import StorageMissing, read_bounded, storage_error, write_atomic
from contracts import codec
from contracts.envelope import MAX_STATEMENT_BYTES, Purpose, Statement, read_statement
from contracts.errors import PueError, WhoCanAct
from contracts.messages.releases import CatalogueRelease, Release

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

RELEASE: Final = "release.json"
STATEMENT_LIMIT_BYTES: Final = 2 * MAX_STATEMENT_BYTES
"""A statement's payload is base64 of at most `MAX_STATEMENT_BYTES`."""
PUBLIC_FILE: Final = 0o644
PUBLIC_DIR: Final = 0o755
"""What is published is no secret, and the desk reads as another user."""
_READ_BYTES: Final = 1 << 18

R = TypeVar("R", bound=Release)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReleaseKind(Generic[R]):
    """One kind of release, and what is said when it does not hold.

    Attributes:
        name: of its folder in the box's state, of its place at the gate, and the room of its codes.
        release: its description.
        purpose: what its statement is signed for.
        refused: the description is not one the fleet signed for this use.
        older: well signed, but not the version that was asked for, or an older one than was there before.
        damaged: the bundle is not, or no longer, the one its description speaks of; it is fetched again.
    """

    name: str
    release: type[R]
    purpose: Purpose
    refused: type[PueError]
    older: type[PueError]
    damaged: type[PueError]

    def folder(self, state_dir: Path) -> Path:
        """Where the pair lies."""
        return state_dir / self.name

    def bundle_path(self, folder: Path, release: R) -> Path:
        """The bundle's file: its name is its hash, so that no description can point at other bytes."""
        return folder / f"{release.sha256}.bundle"

    def read_release(self, raw: bytes, fleet_key: Ed25519PublicKey) -> R:
        """A description, after its signature and purpose were checked.

        Raises:
            refused: with the reason.
        """
        try:
            statement = codec.decode(Statement, raw, limit=STATEMENT_LIMIT_BYTES)
            return read_statement(statement, self.release, self.purpose, fleet_key)
        except PueError as why:
            raise self.refused(f"the {self.name} release cannot be believed", reason=why.code) from why

    def held_release(self, folder: Path, fleet_key: Ed25519PublicKey) -> R | None:
        """The description that lies there; None when none does. Says nothing about the bundle's bytes.

        Raises:
            refused, StorageError: there is one, and it is of no use.
        """
        try:
            raw = read_bounded(folder / RELEASE, limit_bytes=STATEMENT_LIMIT_BYTES)
        except StorageMissing:
            return None
        return self.read_release(raw, fleet_key)

    def read_bundle(self, folder: Path, release: R) -> bytes:
        """The bundle of a release.

        Raises:
            damaged: it is missing, or size or hash are not those of the release.
            StorageError: the disk does not give it.
        """
        try:
            bundle = read_bounded(self.bundle_path(folder, release), limit_bytes=release.size_bytes)
        except StorageMissing as why:
            raise self._missing(release) from why
        self.prove(bundle, release)
        return bundle

    def prove(self, bundle: bytes, release: R) -> None:
        """Check size and hash of bytes.

        Raises:
            damaged: they are not the bundle of this release.
        """
        if len(bundle) != release.size_bytes or hashlib.sha256(bundle).hexdigest() != release.sha256:
            raise self._another(release)

    def prove_file(self, path: Path, release: R) -> None:
        """Check size and hash of a file, a piece at a time.

        Raises:
            damaged, StorageError: it is not the bundle of this release.
        """
        digest = hashlib.sha256()
        try:
            with path.open("rb") as file:
                right = path.stat().st_size == release.size_bytes
                while right and (piece := file.read(_READ_BYTES)):
                    digest.update(piece)
        except FileNotFoundError as why:
            raise self._missing(release) from why
        except OSError as why:
            raise storage_error(why, path, "read") from why
        if not right or digest.hexdigest() != release.sha256:
            raise self._another(release)

    def lay_release(self, folder: Path, raw: bytes, release: R) -> None:
        """Point at a bundle that already lies there, durable, under its own name; then forget the other ones.

        Raises:
            StorageError: the old pair still stands.
        """
        write_atomic(folder / RELEASE, raw, mode=PUBLIC_FILE)
        keep = self.bundle_path(folder, release)
        for old in folder.glob("*.bundle"):
            if old != keep:
                with contextlib.suppress(OSError):
                    old.unlink()

    def bundle_lies(self, folder: Path, release: R) -> bool:
        """Whether a file of the right name and length is there: enough for a report, not for a judgement."""
        with contextlib.suppress(OSError):
            return self.bundle_path(folder, release).stat().st_size == release.size_bytes
        return False

    def _missing(self, release: R) -> PueError:
        return self.damaged(f"the {self.name} bundle is missing", version=release.version)

    def _another(self, release: R) -> PueError:
        return self.damaged(f"the {self.name} bundle is not the published one", version=release.version)


def make_release_folder(folder: Path) -> Path:
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


class CatalogueReleaseRefused(PueError):
    """The description of a catalogue is not one the fleet signed for this use."""

    code = "catalogue.release_refused"
    who = WhoCanAct.OPERATOR


class CatalogueReleaseOlder(PueError):
    """Well signed, but not the version that was asked for, or an older one than was there before."""

    code = "catalogue.release_older"
    who = WhoCanAct.OPERATOR


class CatalogueBundleDamaged(PueError):
    """The bundle is not, or no longer, the one its description speaks of; it is fetched again."""

    code = "catalogue.bundle_damaged"
    who = WhoCanAct.WAIT


CATALOGUE: Final = ReleaseKind(
    name="catalogue",
    release=CatalogueRelease,
    purpose=Purpose.CATALOGUE_RELEASE,
    refused=CatalogueReleaseRefused,
    older=CatalogueReleaseOlder,
    damaged=CatalogueBundleDamaged,
)
