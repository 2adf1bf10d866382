"""From an opened letter's bytes to a dossier: a ZIP taken apart within bounds, its manifest believed only after hashes.

The bytes are signed by a box of our fleet, and still nothing here trusts them: a stolen box signs as well as any.
Fields of the manifest that this version does not know are left alone; what it needs and cannot find is shown as
missing, never invented.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zipfile
import zlib
from typing import Any, Final

import msgspec

from contracts.errors import PueError, WhoCanAct
from contracts.messages.letters import MAX_LETTER_BYTES

MANIFEST: Final = "manifest.json"
MAX_FILES: Final = 400
MAX_TOTAL_BYTES: Final = 2 * MAX_LETTER_BYTES
MAX_MANIFEST_BYTES: Final = 1_048_576
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9][A-Za-z0-9._-]{0,99}){0,3}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_CHUNK: Final = 1 << 16
_ENCRYPTED: Final = 0x1


class DossierDamaged(PueError):
    """The ZIP or its manifest cannot be read within the bounds."""

    code = "dossier.damaged"
    who = WhoCanAct.OPERATOR


class DossierTampered(PueError):
    """A file is not the one the manifest speaks of, or the manifest speaks of another letter."""

    code = "dossier.tampered"
    who = WhoCanAct.OPERATOR


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A file the manifest lists, with its hash verified. `facts`: all that the manifest says of it."""

    path: str
    sha256: str
    content: bytes
    facts: dict[str, Any]


class Dossier(msgspec.Struct, frozen=True, kw_only=True):
    """A whole dossier. `manifest` as it was written, JSON values."""

    manifest: dict[str, Any]
    documents: list[Document]

    def document(self, path: str) -> Document | None:
        """The document at this path of the ZIP."""
        return next((d for d in self.documents if d.path == path), None)


def unpack(data: bytes) -> Dossier:
    """Take a dossier apart.

    Raises:
        DossierDamaged: no ZIP, too many or too large files, names that are no names, no readable manifest.
        DossierTampered: hashes do not match, a file is missing or was smuggled in.
    """
    files = _files(data)
    manifest = _manifest(files.pop(MANIFEST, None))
    documents = [_document(facts, files) for facts in _listed(manifest)]
    smuggled = set(files) - {document.path for document in documents}
    if smuggled:
        raise DossierTampered("the dossier holds a file its manifest does not list", files=len(smuggled))
    return Dossier(manifest=manifest, documents=documents)


def _files(data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read_all(archive)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, ValueError, OSError):
        raise DossierDamaged("the dossier is not a readable ZIP") from None


def _read_all(archive: zipfile.ZipFile) -> dict[str, bytes]:
    entries = archive.infolist()
    if len(entries) > MAX_FILES:
        raise DossierDamaged("too many files", files=len(entries), limit=MAX_FILES)
    left, files = MAX_TOTAL_BYTES, {}
    for entry in entries:
        if not _NAME.fullmatch(entry.filename) or entry.filename in files:
            raise DossierDamaged("a file name that is not allowed, or twice the same")
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in {
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
        }:
            raise DossierDamaged("only plain files, stored or deflated")
        files[entry.filename] = _read_bounded(archive, entry, left)
        left -= len(files[entry.filename])
    return files


def _read_bounded(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> bytes:
    """Count what comes out, whatever the directory of the ZIP promises."""
    out = bytearray()
    with archive.open(entry) as stream:
        while chunk := stream.read(_CHUNK):
            out += chunk
            if len(out) > limit:
                raise DossierDamaged("more bytes than a dossier may hold", limit_bytes=MAX_TOTAL_BYTES)
    return bytes(out)


def _manifest(data: bytes | None) -> dict[str, Any]:
    if data is None or len(data) > MAX_MANIFEST_BYTES:
        raise DossierDamaged("the manifest is missing or too large")
    try:
        manifest = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise DossierDamaged("the manifest is not JSON") from None
    if not isinstance(manifest, dict):
        raise DossierDamaged("the manifest is not a JSON object")
    return manifest


def _listed(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    listed = manifest.get("documents", [])
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise DossierDamaged("the manifest's documents are not a list of objects")
    return listed


def _document(facts: dict[str, Any], files: dict[str, bytes]) -> Document:
    path, sha256 = facts.get("file"), facts.get("sha256")
    if not isinstance(path, str) or not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise DossierDamaged("a document without file name or SHA-256")
    content = files.get(path)
    if content is None:
        raise DossierTampered("the manifest lists a file the dossier does not hold")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DossierTampered("a document is not the one the manifest speaks of")
    return Document(path=path, sha256=sha256, content=content, facts=facts)
