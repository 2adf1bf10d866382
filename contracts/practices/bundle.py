"""A catalogue as one run of bytes, as it is published: a JSON object of file names and their text.

No archive format: nothing to unpack, no path to leave a folder by, and equal files give equal bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from contracts.messages.releases import MAX_CATALOGUE_BYTES
from contracts.practices.catalogue import Catalogue, CatalogueInvalid, load
from contracts.practices.yaml_text import MAX_FILE_BYTES
from contracts.settled import settled

MAX_FILES: Final = 500
FILE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}(\.\d{4}-\d{2}(-\d{2})?)?\.yaml")
"""``naspi.2026-01.yaml``, ``blocchi.yaml``."""


class _Bundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    files: dict[str, str]
    v: int = 1


def pack(files: Mapping[str, bytes]) -> bytes:
    """The bundle of these files.

    Raises:
        CatalogueInvalid: a name that no file of a catalogue has, a text that is not UTF-8, or too much of it.
    """
    texts = {}
    for name, data in files.items():
        try:
            texts[name] = data.decode()
        except UnicodeDecodeError:
            raise CatalogueInvalid(
                f"{_shown(name)}: this is no text: save it as UTF-8", file=_shown(name)
            ) from None
    _check(texts)
    bundle = msgspec.json.encode(_Bundle(texts), order="sorted")
    if len(bundle) > MAX_CATALOGUE_BYTES:
        raise CatalogueInvalid(
            f"the catalogue is larger than {MAX_CATALOGUE_BYTES} bytes: take old versions out"
        )
    return bundle


def unpack(bundle: bytes) -> dict[str, bytes]:
    """The files of a bundle, by name.

    Raises:
        CatalogueInvalid: these bytes are no bundle.
    """
    if len(bundle) > MAX_CATALOGUE_BYTES:
        raise CatalogueInvalid(f"a catalogue has at most {MAX_CATALOGUE_BYTES} bytes")
    try:
        read = msgspec.json.decode(bundle, type=settled(_Bundle))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CatalogueInvalid("these bytes are no catalogue: publish the files again") from None
    if read.v != 1:
        raise CatalogueInvalid("this catalogue is written in a newer way than this software reads", v=read.v)
    _check(read.files)
    return {name: text.encode() for name, text in read.files.items()}


def open_catalogue(bundle: bytes) -> Catalogue:
    """The practices of a bundle.

    Raises:
        CatalogueInvalid: no bundle, or its files do not hold together.
    """
    return load(unpack(bundle))


def _check(texts: Mapping[str, str]) -> None:
    if not texts or len(texts) > MAX_FILES:
        raise CatalogueInvalid(f"a catalogue has between 1 and {MAX_FILES} files: here are {len(texts)}")
    for name, text in texts.items():
        if not FILE_NAME.fullmatch(name):
            msg = f"{_shown(name)} is no name of a file of a catalogue: write it as naspi.2026-01.yaml"
            raise CatalogueInvalid(msg, file=_shown(name))
        if len(text) > MAX_FILE_BYTES:
            raise CatalogueInvalid(f"{name}: the file is larger than {MAX_FILE_BYTES} bytes", file=name)


def _shown(name: str) -> str:
    return ascii(name[:60])[1:-1]
