"""A document's files in a folder: recognised however they are spelt, held against EF.SOD, and never green."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.cards import lds, tlv
from appliance.cards.dump import AmbiguousDump, GroupState, NoDump, Remark, examine, recognise
from appliance.cards.software.authority import make_test_authority
from appliance.cards.software.shelf import CardName, issue
from appliance.cards.software.travel_document import TravelDocument
from appliance.cards.trust import empty
from appliance.cards.verdict import Instant
from contracts.desk_api.clerk import VerdictKind

NOW = datetime.datetime(2026, 11, 23, 10, 0, tzinfo=datetime.UTC)
INSTANT = Instant(NOW, trusted=True)
TRUST = make_test_authority(now=NOW).trust_store()
DOCUMENTS = [name for name in CardName if not name.startswith(("cns", "hostile_"))]


def dumped(card: str = "cie") -> dict[str, bytes]:
    """As the public specimens are named."""
    chip = issue(card, NOW).chip
    names = {lds.SOD_FILE: "EF_SOD.bin", lds.COM_FILE: "EF_COM.bin"}
    files = {names.get(number, f"Datagroup{number - 0x100}.bin"): data for number, data in chip.files.items()}
    if lds.CARD_ACCESS_FILE in chip.free_files:
        files["EF_CardAccess.bin"] = chip.free_files[lds.CARD_ACCESS_FILE]
    return files


def test_a_good_document_is_amber_at_best():
    found = examine(dumped(), TRUST, INSTANT)
    assert found.groups == dict.fromkeys((1, 2, 11, 14), GroupState.AS_SIGNED)
    assert (found.hash_algorithm, found.com_groups, found.findings) == ("sha256", (1, 2, 11, 14), ())
    assert [file.remarks for file in found.files] == [()] * 7
    assert found.verdict.kind is VerdictKind.CHIP_UNPROVEN
    assert found.verdict.codes == ("chip.unproven", "data.authentic")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_folder_is_green(name):
    assert isinstance(issue(name, NOW), TravelDocument)
    found = examine(dumped(name), TRUST, INSTANT)
    assert found.verdict.kind is not VerdictKind.VERIFIED
    expected = {
        "cie_expired": VerdictKind.REFUSED,
        "cie_tampered": VerdictKind.REFUSED,
        "cie_unknown_authority": VerdictKind.NOT_VERIFIED,
        "eid_foreign": VerdictKind.NOT_VERIFIED,
        "passport_foreign": VerdictKind.NOT_VERIFIED,
    }
    assert found.verdict.kind is expected.get(name, VerdictKind.CHIP_UNPROVEN), found.verdict.codes


def test_a_dump_without_the_free_files_is_given_the_benefit_of_the_doubt():
    files = dumped("cie_aes")
    del files["EF_CardAccess.bin"]
    assert examine(files, TRUST, INSTANT).verdict.codes == ("chip.unproven", "data.authentic")
    files["EF_CardAccess.bin"] = dumped("cie")["EF_CardAccess.bin"]
    assert "access.differs" in examine(files, TRUST, INSTANT).verdict.codes


def test_what_is_altered_unsigned_and_missing():
    files = dumped()
    files["Datagroup11.bin"] = files["Datagroup11.bin"].replace(b"ROMA", b"RIMA")
    files["Datagroup15.bin"] = dumped("passport_aa_ec")["Datagroup15.bin"]
    del files["Datagroup2.bin"]
    found = examine(files, TRUST, INSTANT)
    assert found.groups == {
        1: GroupState.AS_SIGNED,
        2: GroupState.NOT_THERE,
        11: GroupState.ALTERED,
        14: GroupState.AS_SIGNED,
        15: GroupState.NOT_SIGNED,
    }
    assert found.verdict.kind is VerdictKind.REFUSED
    assert found.findings == ("group.altered",)


def test_nobody_believed():
    found = examine(dumped(), empty(NOW.date()), INSTANT)
    assert set(found.groups.values()) == {GroupState.AS_SIGNED}, "hashes need no authority"
    assert found.findings == ("signer.authority_unknown",)
    assert found.verdict.kind is VerdictKind.NOT_VERIFIED
    assert "ESEMPIO" in found.signer


def test_parts_of_a_document():
    files = dumped()
    found = examine({"EF_SOD.bin": files["EF_SOD.bin"]}, TRUST, INSTANT)
    assert set(found.groups.values()) == {GroupState.NOT_THERE}
    assert (found.findings, found.verdict) == ((), None)
    found = examine({"DG1": files["Datagroup1.bin"]}, TRUST, INSTANT)
    assert (found.groups, found.findings) == ({1: GroupState.UNKNOWN}, ("sod.missing",))
    assert found.verdict.kind is VerdictKind.NOT_VERIFIED


SPELLINGS = {
    "DG1": [
        "DG1",
        "dg1.bin",
        "DG01.BIN",
        "EF_DG1.bin",
        "EF.DG1",
        "Datagroup1.bin",
        "ef0101.bin",
        "0101",
        "Rossi DG1.hex",
    ],
    "DG15": ["ef010F.bin", "EF_DG15.bin", "spec_sample_encoded_dg15.bin"],
    "EF.SOD": ["EF_SOD.bin", "SOD.der", "EF.SOD", "NZ2013_EF_SOD.BIN", "ef011D.bin"],
    "EF.COM": ["EF_COM.bin", "com.bin", "EF.COM", "ef011E.bin"],
    "EF.CardAccess": ["CardAccess.bin", "EF_CardAccess", "card_access.hex", "ef011c.bin"],
}


@pytest.mark.parametrize(
    ("what", "name"), [(what, name) for what, names in SPELLINGS.items() for name in names]
)
def test_every_usual_spelling(what, name):
    good = {
        "DG1": dumped()["Datagroup1.bin"],
        "DG15": dumped("passport_aa_ec")["Datagroup15.bin"],
        "EF.SOD": dumped()["EF_SOD.bin"],
        "EF.COM": dumped()["EF_COM.bin"],
        "EF.CardAccess": dumped()["EF_CardAccess.bin"],
    }[what]
    assert (recognise(name, good).what, recognise(name, good).remarks) == (what, ())


@pytest.mark.parametrize(
    ("name", "change", "remarks"),
    [
        ("DG1.bin", lambda raw: raw.hex().encode(), [Remark.HEX_TEXT]),
        ("DG1.bin", lambda raw: raw.hex(" ").upper().encode() + b"\r\n", [Remark.HEX_TEXT]),
        ("DG2.bin", lambda raw: raw, [Remark.NAME_DISAGREES]),
        ("notes.txt", lambda raw: raw, []),
        ("DG1.bin", lambda raw: raw + bytes(200), [Remark.PADDED]),
        ("DG1.bin", lambda raw: raw[:-3], [Remark.CUT_SHORT, Remark.MALFORMED]),
        ("DG1.bin", lambda raw: raw.replace(b"ITA", b"IT?"), [Remark.MALFORMED]),
    ],
)
def test_remarks(name, change, remarks):
    file = recognise(name, change(dumped()["Datagroup1.bin"]))
    assert (file.what, list(file.remarks)) == ("DG1", remarks)


def test_a_security_object_without_its_outer_tag():
    sod = dumped()["EF_SOD.bin"]
    file = recognise("sod.der", lds.parse_sod(sod))
    assert (file.what, file.content, file.remarks) == ("EF.SOD", sod, (Remark.UNWRAPPED,))


def test_more_than_a_box_would_read():
    file = recognise("DG13", tlv.build(lds.group_tag(13), bytes(20_000)))
    assert (file.what, file.remarks) == ("DG13", (Remark.LARGER_THAN_READ,))


def test_the_same_file_twice():
    files = dumped()
    found = examine({**files, "DG1.bin": files["Datagroup1.bin"]}, TRUST, INSTANT)
    assert found.verdict.kind is VerdictKind.CHIP_UNPROVEN
    with pytest.raises(AmbiguousDump):
        examine({**files, "DG1.bin": dumped("cie_aldo")["Datagroup1.bin"]}, TRUST, INSTANT)


def test_content_nobody_knows_counts_for_its_name_only_where_no_other_file_is_that_one():
    files = dumped()
    found = examine({**files, "DG1.bin": b"nothing"}, TRUST, INSTANT)
    assert found.groups[1] is GroupState.AS_SIGNED
    found = examine({**files, "Datagroup1.bin": b"nothing"}, TRUST, INSTANT)
    assert found.groups[1] is GroupState.ALTERED
    assert found.verdict.kind is VerdictKind.REFUSED


def test_no_document_at_all():
    for files in ({}, {"notes.txt": b"nothing", "DG1.bin": b"", "x": b"\x30\x00"}):
        with pytest.raises(NoDump):
            examine(files, TRUST, INSTANT)


NAMES = st.one_of(
    st.text(max_size=20), st.sampled_from([name for names in SPELLINGS.values() for name in names])
)
TAGGED = st.builds(
    tlv.build, st.sampled_from([0x60, 0x61, 0x75, 0x6B, 0x6E, 0x6F, 0x77, 0x31, 0x30]), st.binary(max_size=60)
)


@given(st.dictionaries(NAMES, st.one_of(st.binary(max_size=60), TAGGED), max_size=6))
def test_any_folder_has_an_answer_and_it_is_never_green(files):
    try:
        found = examine(files, TRUST, INSTANT)
    except (AmbiguousDump, NoDump):
        return
    assert found.verdict is None or found.verdict.kind in (VerdictKind.NOT_VERIFIED, VerdictKind.REFUSED)


SIGNED = ["Datagroup1.bin", "Datagroup2.bin", "Datagroup11.bin", "Datagroup14.bin"]


@given(st.sampled_from(SIGNED), st.integers(0, 4000), st.integers(0, 255))
def test_one_byte_changed_anywhere_is_never_called_authentic_and_whole(name, place, value):
    files = dumped_once()
    raw = bytearray(files[name])
    raw[place % len(raw)] = value
    changed = {**files, name: bytes(raw)}
    if changed == files:
        return
    try:
        found = examine(changed, TRUST, INSTANT)
    except AmbiguousDump:
        return
    good = found.verdict is not None and found.verdict.kind is VerdictKind.CHIP_UNPROVEN
    assert not (good and set(found.groups.values()) == {GroupState.AS_SIGNED})


_DUMPED = dumped()


def dumped_once() -> dict[str, bytes]:
    return dict(_DUMPED)
