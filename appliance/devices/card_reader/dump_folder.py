"""The files of a folder as bytes, within bounds: a folder from outside may hold links, pipes, and anything of any size."""

from __future__ import annotations

import dataclasses
import os
import stat
from typing import TYPE_CHECKING, Final

from appliance.runtime.files import storage_error
from contracts.errors import PueError, WhoCanAct

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_ENTRIES: Final = 64
MAX_FILE_BYTES: Final = 400_000
"""The largest data group, written as hexadecimal digits with spaces."""
NAME_SIGNS: Final = 60


class CrowdedFolder(PueError):
    """More entries than any dump has."""

    code = "dump.crowded"
    who = WhoCanAct.TECHNICIAN


@dataclasses.dataclass(frozen=True)
class Folder:
    """What lies in a folder, under names fit for a screen.

    Attributes:
        passed_over: name → why it was not read: ``link``, ``folder``, ``special``, ``too_large``, ``unreadable``.
    """

    files: Mapping[str, bytes] = dataclasses.field(repr=False)
    passed_over: Mapping[str, str]


def read_folder(path: Path) -> Folder:
    """Regular files only, links not followed, one level.

    Raises:
        StorageError: the folder is none, or may not be read.
        CrowdedFolder: more than `MAX_ENTRIES` entries.
    """
    files: dict[str, bytes] = {}
    passed_over: dict[str, str] = {}
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as fault:
        raise storage_error(fault, path, "read") from fault
    try:
        for name in _names(folder):
            content = _read(name, folder)
            shown = _for_screen(name, {*files, *passed_over})
            if isinstance(content, bytes):
                files[shown] = content
            else:
                passed_over[shown] = content
    finally:
        os.close(folder)
    return Folder(files, passed_over)


def _names(folder: int) -> list[str]:
    names: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if len(names) == MAX_ENTRIES:
                raise CrowdedFolder(f"the folder holds more than {MAX_ENTRIES} entries", most=MAX_ENTRIES)
            names.append(entry.name)
    return sorted(names)


def _read(name: str, folder: int) -> bytes | str:
    """The content, or why not. Opened without waiting: a pipe would wait for ever."""
    try:
        kind = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if not stat.S_ISREG(kind):
            return "link" if stat.S_ISLNK(kind) else "folder" if stat.S_ISDIR(kind) else "special"
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return "special"
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError:
        return "unreadable"
    return content if len(content) <= MAX_FILE_BYTES else "too_large"


def _for_screen(name: str, taken: set[str]) -> str:
    """Without control signs, of bounded length, and still one name for one file."""
    plain = "".join(sign if sign.isprintable() else "?" for sign in name)
    shown = plain if len(plain) <= NAME_SIGNS else plain[: NAME_SIGNS - 20] + "…" + plain[-19:]
    while shown in taken:
        shown += "'"
    return shown
