"""Settings of the recipient's side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=0, le=65_535)]


class BackofficeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One TOML; environment ``PUE_BACKOFFICE_…``.

    Attributes:
        data_dir: keys, register and sealed letters of the recipient; nobody else reads it.
        name: of the recipient, as its certificate and the fleet's book say.
        office: the office that answers, as printed on the clerk's receipt.
        sede: four digits of the office inside the *protocollo*.
        gate_url: root of the fleet's gate, e.g. ``https://fleet.example:8443``.
        fetch_every_s: pause between two rounds when nothing calls for an earlier one.
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
    behind_https: bool = False

    @property
    def root(self) -> Path:
        """The data directory as a path."""
        return Path(self.data_dir)
