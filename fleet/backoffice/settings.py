"""Settings of the recipient's side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=0, le=65_535)]
IpaCode = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,16}$")]
AooCode = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,16}$")]


class FolderSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hand-over through a folder shared with the protocol office.

    Attributes:
        path: of the folder; it must exist.
        ipa: the receiving body in the index of public bodies, as the segnatura names it.
        aoo: its organisational area there.
        ask_every_s: pause between two looks for the number of one letter.
    """

    path: Annotated[str, Meta(max_length=1000)] = ""
    ipa: IpaCode = "inps"
    aoo: AooCode = "AOO"
    ask_every_s: Annotated[float, Meta(gt=0, le=86_400)] = 30.0


class BackofficeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One TOML; environment ``PUE_BACKOFFICE_…``.

    Attributes:
        data_dir: keys, register and sealed letters of the recipient; nobody else reads it.
        name: of the recipient, as its certificate and the fleet's book say.
        office: the office that answers, as printed on the clerk's receipt.
        sede: four digits of the office inside the *protocollo*.
        gate_url: root of the fleet's gate, e.g. ``https://fleet.example:8443``.
        fetch_every_s: pause between two rounds when nothing calls for an earlier one.
        destination: who gives the *protocollo*: ``register``, our own; ``folder``, the protocol office. To be changed
            only when no letter is on its way to the old one.
        behind_https: a proxy in front speaks HTTPS; cookies are then marked secure.
    """

    data_dir: Annotated[str, Meta(min_length=1)] = "backoffice-data"
    name: Annotated[str, Meta(min_length=1, max_length=40)] = "INPS (dimostrazione)"
    office: Annotated[str, Meta(min_length=1, max_length=120)] = "INPS – sede di prova"
    sede: Annotated[str, Meta(pattern=r"^[0-9]{4}$")] = "0000"
    listen_host: str = "127.0.0.1"
    listen_port: Port = 8490
    gate_url: str = "https://127.0.0.1:8443"
    fetch_every_s: Annotated[float, Meta(gt=0, le=3600)] = 5.0
    destination: Literal["register", "folder"] = "register"
    folder: FolderSettings = FolderSettings()
    behind_https: bool = False

    @property
    def root(self) -> Path:
        """The data directory as a path."""
        return Path(self.data_dir)
