"""Catalogues of practices: judged before they are published, so that no desk is asked to take one it must refuse."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from contracts.errors import PueError, WhoCanAct
from contracts.practices import lint
from contracts.practices.bundle import open_catalogue, pack
from contracts.practices.catalogue import (
    BLOCKS_FILE,
    STATES_FILE,
    Catalogue,
    CatalogueInvalid,
    practice_files,
    shared,
)
from contracts.practices.notice import RECEPTION
from fleet.releases import book

MOST_MISTAKES: Final = 50
"""Told at once; the rest comes when these are mended."""

every: Final = partial(book.every, book.CATALOGUE)


class CatalogueNotSound(PueError):
    """The catalogue has mistakes; nothing was published. The sentence has a line for each: file, line, what to do."""

    code = "releases.catalogue_not_sound"
    who = WhoCanAct.OPERATOR
    http_status = 422


def publish(
    session: Session,
    files: Mapping[str, bytes],
    *,
    version: int,
    dated: dt.date,
    origin: str,
    by: str,
    key: Ed25519PrivateKey,
    now: dt.datetime,
) -> book.Published:
    """Judge the files, sign them as one bundle and ask all boxes to take it, with the caller's transaction.

    Args:
        session: of `Database.write()`.
        files: a whole catalogue, by file name: it replaces the one before.
        version, dated, origin, by, key, now: as `book.publish`.

    Raises:
        CatalogueNotSound: it has mistakes.
        ReleaseRefused: version, day or origin cannot be.
    """
    return book.publish(
        book.CATALOGUE,
        session,
        sound_bundle(files),
        version=version,
        dated=dated,
        origin=origin,
        by=by,
        key=key,
        now=now,
    )


def sound_bundle(files: Mapping[str, bytes]) -> bytes:
    """The bundle of files without a mistake, read back as a desk will read it.

    Raises:
        CatalogueNotSound: with every mistake of every file, one a line.
    """
    if not practice_files(files):
        raise CatalogueNotSound("there is no practice among the files: a release is a whole catalogue")
    try:
        bundle = pack(files)
        found = list(islice(_mistakes(files), MOST_MISTAKES))
        if not found:
            _check_notices(open_catalogue(bundle))
            return bundle
    except CatalogueInvalid as why:
        raise CatalogueNotSound(str(why)) from None
    raise CatalogueNotSound("the catalogue is not sound:\n" + "\n".join(found), mistakes=len(found))


def _check_notices(read: Catalogue) -> None:
    """Whoever decides a case has told what it does with the data, and so has the reception."""
    told = {one.text.body for one in read.notices}
    if silent := sorted({RECEPTION, *(practice.body for practice in read.practices)} - told):
        listed = ", ".join(silent)
        raise CatalogueNotSound(
            f"no notice on the use of data is among the files for {listed}: add informativa_….yaml"
        )


def _mistakes(files: Mapping[str, bytes]) -> Iterator[str]:
    blocks, states = shared(files)
    for name in sorted(set(files) - {BLOCKS_FILE, STATES_FILE}):
        for one in lint.lint(name, files[name], blocks, states):
            yield f"{one.file}:{one.line}: {f'{one.where}: ' if one.where else ''}{one.says}"
