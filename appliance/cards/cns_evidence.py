"""What was observed at a CNS, nothing decided: bytes as read, and whether its key answered."""

from __future__ import annotations

import dataclasses
import enum

from appliance.cards import cns_data
from appliance.cards.cns_data import PersonalData


class Layout(enum.StrEnum):
    """Where a card keeps its files."""

    CLASSIC = "classic"
    """In the master file: every card until 2024."""
    APPLET = "applet"
    """Behind an application identifier: ACe 2025, Actalis."""


class Possession(enum.StrEnum):
    """Whether the card used the private key of its certificate; it does so only for its PIN."""

    PROVEN = "proven"
    FAILED = "failed"
    """It took the PIN and signed something else, or would not sign."""
    NOT_TRIED = "not_tried"
    """No PIN was given."""


@dataclasses.dataclass(frozen=True, repr=False)
class CnsEvidence:
    """One reading of a CNS.

    Attributes:
        data: EF_Dati_personali as read, padding included.
        card_number: EF_ID_Carta as read; None where the card does not give it.
        certificate: DER of the holder's certificate; None where the card gives none.
        apdus: commands exchanged.
        bytes_exchanged: both directions.
    """

    layout: Layout
    data: bytes
    card_number: bytes | None
    certificate: bytes | None
    possession: Possession
    apdus: int = 0
    bytes_exchanged: int = 0

    def personal_data(self) -> PersonalData:
        """The holder.

        Raises:
            MalformedData: the file names nobody.
        """
        return cns_data.parse_personal_data(self.data)

    @property
    def technical(self) -> tuple[str, ...]:
        """Stable words for the technician, nothing personal among them."""
        return ("card: cns", f"layout: {self.layout}", f"possession: {self.possession}")

    @property
    def signed_object(self) -> bytes | None:
        """The holder's certificate: what the issuer signed, for the receipt's fingerprint."""
        return self.certificate
