"""What was observed at the card, nothing decided: bytes as read and how the card behaved."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Mapping

from appliance.cards import lds, names
from appliance.cards.errors import MalformedData
from appliance.cards.lds import IssuingDetails, PersonalDetails
from appliance.cards.mrz import Mrz


class Access(enum.StrEnum):
    """How the card was opened."""

    PACE = "pace"
    BAC = "bac"


class ChipProof(enum.StrEnum):
    """How one way to prove the chip went: chip authentication or active authentication."""

    PROVEN = "proven"
    """The first protected answer after the key agreement was right; the challenge was signed."""
    FAILED = "failed"
    """The chip took part and its answer was wrong, or it refused to take part, or kept its key's data group."""
    NOT_OFFERED = "not_offered"
    """The card lists no key of its own."""
    NOT_SUPPORTED = "not_supported"
    """The card has a key of a kind this box does not speak yet."""
    NOT_POSSIBLE = "not_possible"
    """This reader cannot carry the command."""
    NOT_TRIED = "not_tried"
    """The caller did not want it, or the reading stopped before."""


_WEIGHTIEST_FIRST = (
    ChipProof.FAILED,
    ChipProof.PROVEN,
    ChipProof.NOT_SUPPORTED,
    ChipProof.NOT_POSSIBLE,
    ChipProof.NOT_OFFERED,
    ChipProof.NOT_TRIED,
)


@dataclasses.dataclass(frozen=True, repr=False)
class Identity:
    """Who the document says its holder is. Read, not yet believed: only a verdict makes it so.

    Attributes:
        surname: with its accents where data group 11 has them and agrees with the printed lines; so given names.
        codice_fiscale: data group 11's personal number; None where it has none.
        expiry: last day of validity.
        issued_by: data group 12; few documents have one.
    """

    surname: str
    given_names: str
    birth: datetime.date | None
    sex: str
    nationality: str
    codice_fiscale: str | None
    birth_place: str | None
    address: str | None
    document_code: str
    document_number: str
    issuing_state: str
    expiry: datetime.date
    issued_by: str | None = None
    issued_on: datetime.date | None = None


@dataclasses.dataclass(frozen=True, repr=False)
class Evidence:
    """One reading.

    Attributes:
        access: how the card was opened.
        card_access: EF.CardAccess as read, None when the card has none.
        sod: EF.SOD as read.
        groups: data group number → whole file as read.
        missing: data groups the SOD lists, wanted, and refused by the card.
        chip_proof: chip authentication, with the key in data group 14.
        active_proof: active authentication, with the key in data group 15.
        mapping_proof: PACE with chip authentication mapping, with the key in EF.CardSecurity.
        card_security: EF.CardSecurity as read; only documents with such a mapping are asked for it.
        apdus: commands exchanged.
        bytes_exchanged: both directions.
    """

    access: Access
    card_access: bytes | None
    sod: bytes | None
    groups: Mapping[int, bytes]
    missing: frozenset[int]
    chip_proof: ChipProof
    apdus: int = 0
    bytes_exchanged: int = 0
    active_proof: ChipProof = ChipProof.NOT_TRIED
    mapping_proof: ChipProof = ChipProof.NOT_OFFERED
    card_security: bytes | None = None

    @property
    def originality(self) -> ChipProof:
        """All ways to prove the chip as one: a failure outweighs everything, a proof outweighs what was not tried."""
        proofs = (self.mapping_proof, self.chip_proof, self.active_proof)
        return min(proofs, key=_WEIGHTIEST_FIRST.index)

    @property
    def technical(self) -> tuple[str, ...]:
        """Stable words for the technician, nothing personal among them."""
        return (
            "card: travel_document",
            f"access: {self.access}",
            f"chip: {self.originality}",
            f"chip_authentication: {self.chip_proof}",
            f"active_authentication: {self.active_proof}",
            f"mapping: {self.mapping_proof}",
        )

    @property
    def signed_object(self) -> bytes | None:
        """EF.SOD as read: what the State signed, for the receipt's fingerprint."""
        return self.sod

    def mrz(self) -> Mrz:
        """The zone on the chip.

        Raises:
            MalformedData: no data group 1 was read, or it is damaged.
        """
        if 1 not in self.groups:
            raise MalformedData("the card gave no data group 1", reason="dg1")
        return lds.parse_dg1(self.groups[1])

    def details(self) -> PersonalDetails:
        return lds.parse_dg11(self.groups[11]) if 11 in self.groups else PersonalDetails()

    def issuing(self) -> IssuingDetails:
        """Data group 12; one that cannot be read says nothing, and nothing depends on it."""
        try:
            return lds.parse_dg12(self.groups[12]) if 12 in self.groups else IssuingDetails()
        except MalformedData:
            return IssuingDetails()

    def names_agree(self) -> bool:
        """Data group 11 and the printed lines name the same person; nothing to compare is no disagreement."""
        if not {1, 11} <= set(self.groups):
            return True
        zone, details = self.mrz(), self.details()
        surname, given_names = details.surname or details.full_name, details.given_names or details.full_name
        return (surname is None or names.agree(surname, zone.surname)) and (
            given_names is None or names.agree(given_names, zone.given_names)
        )

    def identity(self, today: datetime.date) -> Identity:
        """Data groups 1, 11 and 12 as one person. `today` only decides the century of a birth."""
        return identity_of(self.mrz(), self.details(), today, self.issuing())


def identity_of(
    zone: Mrz, details: PersonalDetails, today: datetime.date, issuing: IssuingDetails | None = None
) -> Identity:
    issuing = issuing or IssuingDetails()
    return Identity(
        surname=names.best(details.surname, zone.surname),
        given_names=names.best(details.given_names, zone.given_names),
        birth=details.birth or zone.born_on(today),
        sex=zone.sex,
        nationality=zone.nationality,
        codice_fiscale=details.personal_number,
        birth_place=details.birth_place,
        address=details.address,
        document_code=zone.document_code,
        document_number=zone.document_number,
        issuing_state=zone.issuing_state,
        expiry=zone.expires_on(),
        issued_by=issuing.authority,
        issued_on=issuing.issued_on,
    )
