"""Every card of the shelf, laid on the simulated reader, read and judged as the desk does it."""

from __future__ import annotations

import datetime
import io

import pytest
from PIL import Image

from appliance.cards.errors import CardGone
from appliance.cards.passive_authentication import Finding
from appliance.cards.reading import read_and_judge
from appliance.cards.software.authority import make_test_authority
from appliance.cards.software.cns_card import CnsKind
from appliance.cards.software.persona import DRITA, JULE, NICOLO
from appliance.cards.software.shelf import ABROAD, SHELF, CardName
from appliance.cards.trust import TrustStore
from appliance.cards.verdict import NotChecked, Reason
from appliance.devices.card_reader.simulated import SimulatedCardReader
from contracts.desk_api.clerk import VerdictKind

GREEN, AMBER = VerdictKind.VERIFIED, VerdictKind.CHIP_UNPROVEN
GREY, RED = VerdictKind.NOT_VERIFIED, VerdictKind.REFUSED
EXPECTED = {
    CardName.CIE: (GREEN, Reason.DATA_AUTHENTIC),
    CardName.CIE_ALDO: (GREEN, Reason.DATA_AUTHENTIC),
    CardName.CIE_AES: (GREEN, Reason.DATA_AUTHENTIC),
    CardName.CIE_BAC_ONLY: (GREEN, Reason.DATA_AUTHENTIC),
    CardName.CIE_ISO39794: (GREEN, Reason.DATA_AUTHENTIC),
    CardName.CIE_WITHOUT_CHIP_KEY: (AMBER, Reason.CHIP_UNPROVEN),
    CardName.CIE_LONG_COMMANDS_ONLY: (GREEN, Reason.DATA_AUTHENTIC),
    CardName.CIE_EXPIRED: (RED, Reason.DOCUMENT_EXPIRED),
    CardName.CIE_TAMPERED: (RED, Finding.GROUP_ALTERED),
    CardName.CIE_UNKNOWN_AUTHORITY: (GREY, Finding.SIGNER_AUTHORITY_UNKNOWN),
    CardName.CIE_CLONED: (RED, Reason.CHIP_NOT_ORIGINAL),
    CardName.CIE_CLONED_SILENT: (RED, Reason.CHIP_NOT_ORIGINAL),
    CardName.PERMIT: (GREEN, Reason.DATA_AUTHENTIC),
    CardName.EID_FOREIGN: (GREY, Finding.SIGNER_AUTHORITY_UNKNOWN),
    CardName.PASSPORT: (GREEN, Reason.DATA_AUTHENTIC),
    CardName.PASSPORT_CAM: (GREEN, Reason.DATA_AUTHENTIC),
    CardName.PASSPORT_CLONED_CAM: (RED, Reason.CHIP_NOT_ORIGINAL),
    CardName.PASSPORT_AA_RSA: (GREEN, Reason.DATA_AUTHENTIC),
    CardName.PASSPORT_AA_EC: (GREEN, Reason.DATA_AUTHENTIC),
    CardName.PASSPORT_FOREIGN: (GREY, Finding.SIGNER_AUTHORITY_UNKNOWN),
    CardName.PASSPORT_CLONED_AA: (RED, Reason.CHIP_NOT_ORIGINAL),
}


def judged(name, now, trust, instant):
    reader = SimulatedCardReader(now=lambda: now)
    card = reader.insert(name)
    reader.open()
    with reader.connect() as session:
        return read_and_judge(session, card.opens_with, trust, instant)


def test_no_card_of_the_shelf_goes_without_a_verdict():
    """Those of another layout are judged in `test_cns`."""
    others = {name for name, recipe in SHELF.items() if isinstance(recipe, CnsKind)}
    assert set(SHELF) - others == {*EXPECTED, CardName.CIE_TORN}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_travel_document(now, trust, instant, name):
    evidence, verdict = judged(name, now, trust, instant)
    assert (verdict.kind, verdict.code) == EXPECTED[name]
    assert 2 <= len(verdict.lines) <= 4
    assert {NotChecked.THEFT, NotChecked.REVOCATION} <= set(verdict.not_checked)
    assert (NotChecked.CHIP in verdict.not_checked) == (Reason.CHIP_PROVEN not in verdict.codes)
    assert (verdict.portrait is not None) == (verdict.kind in (GREEN, AMBER))
    if verdict.kind is GREEN:
        assert "chip: proven" in evidence.technical
    for word in ("ESEMPIO", "BEISPIEL", "SHEMBULL", evidence.mrz().document_number):
        assert word not in repr(verdict) + repr(evidence) + "".join(evidence.technical)
    if verdict.portrait is not None:
        face = Image.open(io.BytesIO(verdict.portrait.image), formats=("JPEG2000",))
        assert face.size == (480, 640)


def test_the_torn_card_comes_to_no_verdict(now, trust, instant):
    with pytest.raises(CardGone):
        judged(CardName.CIE_TORN, now, trust, instant)


@pytest.mark.parametrize(
    ("name", "code"), [(CardName.PASSPORT_FOREIGN, "P"), (CardName.EID_FOREIGN, "ID")], ids=str
)
def test_a_foreign_document_is_green_where_its_state_is_known(now, trust, instant, name, code):
    abroad = make_test_authority(now=now, seed=ABROAD.seed, country=ABROAD.country)
    anchors = [anchor.der for anchor in trust.anchors]
    both = TrustStore.from_certificates(
        [*anchors, abroad.anchor_der], origin="two", version=1, dated=now.date()
    )
    _, verdict = judged(name, now, both, instant)
    person = verdict.identity
    assert (verdict.kind, person.document_code) == (GREEN, code)
    assert (person.issuing_state, person.nationality, person.codice_fiscale) == ("D", "D", None)
    assert (person.surname, person.given_names) == (JULE.surname, JULE.given_names)


def test_a_residence_permit_is_of_this_state_and_its_holder_of_another(now, trust, instant):
    _, verdict = judged(CardName.PERMIT, now, trust, instant)
    person = verdict.identity
    assert (person.document_code, person.issuing_state, person.nationality) == ("IR", "ITA", "ALB")
    assert (person.surname, person.given_names) == (DRITA.surname, DRITA.given_names)
    assert person.codice_fiscale is None, "nobody has promised one on its chip"


def test_what_a_passport_says_of_its_holder(now, trust, instant):
    _, verdict = judged(CardName.PASSPORT, now, trust, instant)
    person = verdict.identity
    assert (person.surname, person.given_names) == (NICOLO.surname, NICOLO.given_names)
    assert (person.document_code, person.issued_by) == ("P", "UFFICIO DELLE PROVE")
    assert person.issued_on == datetime.date(person.expiry.year - 10, person.expiry.month, person.expiry.day)
    assert (person.codice_fiscale, person.address) == (None, None)
