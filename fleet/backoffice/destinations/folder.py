"""The protocol office's folder: one directory a letter, there entire or not at all; the number comes back as a file in it.

What lies in ``<letter>/``:

- ``Segnatura.xml``: see `segnatura`;
- ``manifest.json``: the label, each document with its SHA-256, and the dossier's own manifest;
- ``documenti/NN-name``: the documents, numbered so that no name of a dossier can be the name of anything else here.

The office drops ``protocollo.txt`` (first line the number, second line, if any, the day as gg/mm/aaaa) or ``rifiuto.txt``
(why it does not register it).
"""

from __future__ import annotations

import datetime as dt
import errno
import os
import shutil
import stat
from typing import TYPE_CHECKING, Final

import msgspec

from contracts.errors import PueError, WhoCanAct
from fleet.backoffice.destinations import port
from fleet.backoffice.destinations.port import Answer, Refused, Registered, Taken, Trouble, Wait
from fleet.backoffice.destinations.segnatura import Body, NoSegnatura, Paper, segnatura
from fleet.backoffice.register import ROME

if TYPE_CHECKING:
    from pathlib import Path

    from contracts.messages.letters import Label
    from fleet.backoffice.destinations.port import Handover
    from fleet.backoffice.dossier import Document

MANIFEST: Final = "manifest.json"
SEGNATURA: Final = "Segnatura.xml"
NUMBER: Final = "protocollo.txt"
REFUSAL: Final = "rifiuto.txt"
SETTLED_S: Final = 10
"""A dropped file is read when nobody has written it for so long: half a number is a number too."""
RETRY_AFTER: Final = dt.timedelta(minutes=2)
MAX_WORD_BYTES: Final = 4096


class _WordUnreadable(PueError):
    """A file of the office is no plain short text."""

    code = "destination.word_unreadable"
    who = WhoCanAct.OPERATOR


class FolderDestination:
    """Letters as directories under `root`, which the operator makes and shares with the protocol office.

    Args:
        root: must exist: a share that is not mounted must not become a directory of ours.
        to: the receiving body, for the segnatura.
        ask_every_s: how long after a look the next one is due.
    """

    def __init__(self, root: Path, to: Body, *, ask_every_s: float = 30) -> None:
        self._root, self._to = root, to
        self._ask_every = dt.timedelta(seconds=ask_every_s)

    def hand_over(self, case: Handover, now: dt.datetime) -> Answer:
        letter = case.label.letter
        try:
            if not (self._root / letter).is_dir():
                self._lay(case)
        except NoSegnatura as why:
            return Trouble(code=why.code, reason=str(why))
        except OSError as why:
            return _away(why, now)
        return self.ask(case.label, now)

    def ask(self, label: Label, now: dt.datetime) -> Answer:
        try:
            if not self._root.is_dir():
                return Wait(until=now + RETRY_AFTER, code="destination.folder_enoent")
            answer = self._look(self._root / label.letter, now)
        except _WordUnreadable as why:
            return Trouble(code=why.code)
        except OSError as why:
            return _away(why, now)
        return answer or Taken(ask_at=now + self._ask_every)

    def _look(self, place: Path, now: dt.datetime) -> Answer | None:
        """What the office has said; None while it has said nothing."""
        if not place.is_dir():
            # Putting it there again could give a second number.
            return Trouble(code="destination.letter_gone")
        if number := _word(place / NUMBER, now):
            return _registered(number, now)
        if refusal := _word(place / REFUSAL, now):
            return Refused(code="destination.refused", reason=port.reason(refusal))
        return None

    def _lay(self, case: Handover) -> None:
        letter = case.label.letter
        fresh = self._root / f".{letter}.new"
        if fresh.exists():
            shutil.rmtree(fresh)  # a try that a crash interrupted
        papers = [_paper(n, d) for n, d in enumerate(case.dossier.documents, start=1)]
        head = segnatura(case.label, case.practice_name, papers, self._to)
        fresh.mkdir()
        (fresh / "documenti").mkdir()
        for paper, document in zip(papers, case.dossier.documents, strict=True):
            _write(fresh / paper.file, document.content)
        _write(fresh / SEGNATURA, head)
        _write(fresh / MANIFEST, _manifest(case, papers))
        _sync(fresh / "documenti")
        # The office's group must be able to drop its word here, whatever our umask is.
        fresh.chmod(stat.S_IMODE(fresh.stat().st_mode) | 0o770)
        _sync(fresh)
        fresh.rename(self._root / letter)
        _sync(self._root)


def _paper(index: int, document: Document) -> Paper:
    name = document.path.rsplit("/", 1)[-1]
    title = document.facts.get("title")
    mime = "application/pdf" if document.content.startswith(b"%PDF-") else "application/octet-stream"
    return Paper(
        f"documenti/{index:02d}-{name}",
        mime,
        port.reason(title) if isinstance(title, str) else "",
        document.sha256,
    )


def _manifest(case: Handover, papers: list[Paper]) -> bytes:
    label = case.label
    taken = dt.datetime.fromtimestamp(label.taken_at / 1000, dt.UTC)
    table = {
        "v": 1,
        "letter": label.letter,
        "number": label.number,
        "site": label.site,
        "practice": label.practice,
        "practice_name": case.practice_name,
        "taken_at": f"{taken:%Y-%m-%dT%H:%M:%SZ}",
        "time_trusted": label.time_trusted,
        "attempt": case.attempt,
        "documents": [
            {
                "file": p.file,
                "mime": p.mime,
                "title": p.title,
                "sha256": p.sha256,
                "size_bytes": len(d.content),
            }
            for p, d in zip(papers, case.dossier.documents, strict=True)
        ],
        "dossier": case.dossier.manifest,
    }
    return msgspec.json.format(msgspec.json.encode(table), indent=2)


def _word(path: Path, now: dt.datetime) -> str:
    """The text of a dropped file; empty while there is none, or while it may still be written."""
    try:
        # Not through a link, and not hanging on a pipe: the folder is shared.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    except OSError as why:
        if why.errno in {errno.ELOOP, errno.EACCES, errno.ENXIO}:
            raise _WordUnreadable from None
        raise
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > MAX_WORD_BYTES:
            raise _WordUnreadable
        if abs(now.timestamp() - facts.st_mtime) < SETTLED_S:
            return ""
        data = os.read(descriptor, MAX_WORD_BYTES)
    finally:
        os.close(descriptor)
    try:
        return data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig").strip()
    except UnicodeDecodeError:
        raise _WordUnreadable from None


def _registered(text: str, now: dt.datetime) -> Answer:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    try:
        number = port.protocollo(lines[0])
        at = _noon(lines[1], now) if len(lines) > 1 else None
    except (port.NotANumber, ValueError):
        return Trouble(code=port.NotANumber.code)
    return Registered(protocollo=number, at=at)


def _noon(text: str, now: dt.datetime) -> dt.datetime:
    """The day of the registration, at noon in Rome, or now where that would be in the future."""
    day = dt.datetime.strptime(text, "%d/%m/%Y").replace(hour=12, tzinfo=ROME)
    today = now.astimezone(ROME).date()
    if not dt.timedelta(0) <= today - day.date() <= dt.timedelta(days=366):
        raise ValueError(text)
    return min(day, now)


def _away(why: OSError, now: dt.datetime) -> Wait:
    return Wait(
        until=now + RETRY_AFTER,
        code=f"destination.folder_{(errno.errorcode.get(why.errno or 0, 'error')).lower()}",
    )


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
