"""Settings of a process of the box: the file and the environment, read and handed to `contracts.settings`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from appliance.runtime.files import read_bounded
from contracts import settings
from contracts.settings import (
    SECRET_MARK,
    Effective,
    Secret,
    SettingsError,
    UnknownSetting,
    convert_settings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = [
    "SECRET_MARK",
    "Effective",
    "Secret",
    "SettingsError",
    "UnknownSetting",
    "convert_settings",
    "load_settings",
]

FILE_LIMIT_BYTES: Final = 256 * 1024

M = TypeVar("M", bound=msgspec.Struct)


def load_settings(
    model: type[M],
    *,
    defaults: bytes = b"",
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    prefix: str = "PUE_",
    overrides: Sequence[str] = (),
) -> Effective[M]:
    """`contracts.settings.load_settings` with the file read and, by default, this process' environment.

    Raises:
        SettingsError: as there.
        StorageError: the file cannot be read.
    """
    read = None if file is None else (file.name, read_bounded(file, limit_bytes=FILE_LIMIT_BYTES))
    return settings.load_settings(
        model,
        defaults=defaults,
        file=read,
        environ=os.environ if environ is None else environ,
        prefix=prefix,
        overrides=overrides,
    )
