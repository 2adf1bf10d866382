"""A dossier is taken apart within bounds, whoever signed it."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from contracts.desk_api.clerk import NoticeWay, SignatureWay
from contracts.identity import fingerprint, make_id
from contracts.practices import catalogue
from fleet.backoffice import reading
from fleet.backoffice.dossier import MAX_FILES, DossierDamaged, DossierTampered, unpack
from tests.fleet.backoffice.dossiers import PDF, dossier, manifest
from tests.fleet.intake.world import zipped

LETTER = make_id(1_795_000_000_000, bytes(10))


def packed(documents, table=None, **more):
    table = table if table is not None else manifest(LETTER, documents)
    return zipped({"manifest.json": json.dumps(table).encode()} | documents | more)


def test_a_whole_dossier_is_read():
    found = unpack(dossier(LETTER))
    assert [d.path for d in found.documents] == ["documents/summary.pdf", "documents/01-altro.pdf"]
    assert found.manifest["future"] == {"field": True}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 not a zip",
        dossier(LETTER)[:-30],
        packed({"a.pdf": PDF}).replace(b"manifest.json", b"manifesto.jso"),
        zipped({"manifest.json": b"{"}),
        zipped({"manifest.json": b"[" * 100_000}),
        zipped({"manifest.json": b"[]"}),
        zipped({"manifest.json": b'{"documents": 3}'}),
        zipped({"manifest.json": b'{"documents": [{"file": "a"}]}'}),
        packed({"../a.pdf": PDF}),
        packed({"/etc/passwd": PDF}),
        packed({"a//b": PDF}),
        packed({f"d/{n}": b"" for n in range(MAX_FILES)}),
    ],
)
def test_what_is_no_dossier_is_damaged(data):
    with pytest.raises(DossierDamaged):
        unpack(data)


def test_a_bomb_is_stopped_while_it_unfolds():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", json.dumps(manifest(LETTER, {})))
        archive.writestr("bomb", bytes(100_000_000))
    assert len(out.getvalue()) < 200_000
    with pytest.raises(DossierDamaged, match="more bytes"):
        unpack(out.getvalue())


def test_a_directory_that_lies_about_sizes_gives_no_more_than_it_says():
    data = bytearray(dossier(LETTER))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (5).to_bytes(4, "little")
    with pytest.raises((DossierDamaged, DossierTampered)):
        unpack(bytes(data))


@pytest.mark.parametrize(
    ("listed", "held"),
    [
        ({"a.pdf": PDF}, {"a.pdf": PDF + b"changed"}),
        ({"a.pdf": PDF}, {}),
        ({}, {"a.pdf": PDF}),
    ],
)
def test_files_and_manifest_must_agree(listed, held):
    with pytest.raises(DossierTampered):
        unpack(packed(held, manifest(LETTER, listed)))


def test_words_for_the_officer():
    found = reading.read(unpack(dossier(LETTER)), "naspi@2026-01", catalogue.shipped())
    assert ("Codice fiscale", "PRVBNC85T50A562X") in found.citizen
    lines = {label: value for section in found.sections for label, value in section.lines}
    assert lines["Perché è finito il lavoro?"] == "Licenziamento"
    assert lines["Ultimo giorno di lavoro"] == "31/10/2026"
    assert lines["campo_nuovo"] == "una risposta", "a field we do not know is shown under its name"
    assert found.unchecked == ["Denuncia di furto o smarrimento del documento", "not_checked.tomorrow"]
    assert found.papers[0].is_pdf
    assert reading.practice_of(unpack(dossier(LETTER)), "x", catalogue.shipped()) == "Disoccupazione (NASpI)"
    assert reading.term_of(unpack(dossier(LETTER)), "x", catalogue.shipped()) == (55, False)


@pytest.mark.parametrize("way", NoticeWay)
def test_the_officer_reads_what_the_citizen_was_told(way):
    notices = [{"notice": "informativa_comune@2026-01"}, {"notice": "informativa_inps@2026-01"}]
    told = {"how": way.value, "at": 1, "notices": notices}
    found = reading.read(unpack(dossier(LETTER, informed=told)), "x", catalogue.shipped())
    said = dict(found.identified)
    assert "prima di cominciare" in said["Informativa sui dati"]
    assert said["Testi dell'informativa"] == "informativa_comune@2026-01, informativa_inps@2026-01"


@pytest.mark.parametrize("way", SignatureWay)
def test_the_officer_reads_how_it_was_signed(way):
    attested = {"clerk": "impiegato-7", "signature": way.value}
    found = reading.read(unpack(dossier(LETTER, attestation=attested)), "x", catalogue.shipped())
    said = dict(found.identified)
    assert len(said["Firma"]) > 20
    assert "Riepilogo letto prima di firmare" not in said


@pytest.mark.parametrize(
    ("shown", "said"),
    [(fingerprint(PDF), "documents/summary.pdf"), ("0" * 64, "Non è tra i documenti")],
)
def test_the_officer_reads_which_summary_was_signed_on_the_screen(shown, said):
    attested = {"signature": "pen", "on_screen": {"shown_sha256": shown, "drawn_at": 1, "box": "x"}}
    found = reading.read(unpack(dossier(LETTER, attestation=attested)), "x", catalogue.shipped())
    assert dict(found.identified)["Riepilogo letto prima di firmare"].startswith(said)


def test_a_manifest_of_nothing_is_read_without_inventing():
    found = unpack(
        packed(
            {},
            {
                "letter": LETTER,
                "citizen": "?",
                "answers": [1],
                "identification": 3,
                "informed": {"notices": [4, {}]},
            },
        )
    )
    read = reading.read(found, "ignota@2030-01", catalogue.shipped())
    assert (read.citizen, read.sections, read.papers, read.identified) == ([], [], [], [])
    assert reading.citizen_of(found) == ""
    assert reading.practice_of(found, "ignota@2030-01", catalogue.shipped()) == "ignota@2030-01"
    assert reading.term_of(found, "ignota@2030-01", catalogue.shipped()) == (None, False)
