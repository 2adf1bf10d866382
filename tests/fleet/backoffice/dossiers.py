"""Dossiers as a desk packs them, with an invented person."""

from __future__ import annotations

import hashlib
import json

from tests.fleet.intake.world import BOX, SITE, zipped

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj 3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def manifest(letter: str, documents: dict[str, bytes], **other) -> dict:
    return {
        "v": 1,
        "letter": letter,
        "number": "A074-1/2026/000001",
        "box": BOX,
        "site": SITE,
        "comune": "Agordo",
        "practice": "naspi@2026-01",
        "practice_name": "Disoccupazione (NASpI)",
        "taken_at": 1_795_000_000_000,
        "citizen": {
            "surname": "PROVA",
            "name": "BIANCA",
            "birth_date": "1985-12-10",
            "codice_fiscale": "PRVBNC85T50A562X",
            "document_number": "CA00000AA",
        },
        "answers": {
            "datore_denominazione": ["Falegnameria Esempio"],
            "data_cessazione": ["2026-10-31"],
            "motivo": ["licenziamento"],
            "pensione_in_corso": ["false"],
            "campo_nuovo": ["una risposta"],
        },
        "declarations": ["I dati che ho dato sono veri."],
        "identification": {
            "how": "by_chip",
            "at": 1_795_000_000_000,
            "verdict": "verified",
            "not_checked": ["not_checked.theft", "not_checked.tomorrow"],
        },
        "attestation": {"clerk": "impiegato-7", "signature": "paper", "cause": ""},
        "documents": [
            {
                "file": name,
                "kind": "summary",
                "title": "Riepilogo della domanda",
                "sha256": hashlib.sha256(data).hexdigest(),
                "size_bytes": len(data),
                "pages": 1,
            }
            for name, data in documents.items()
        ],
        "future": {"field": True},
    } | other


def dossier(letter: str, **other) -> bytes:
    files = {"documents/summary.pdf": PDF, "documents/01-altro.pdf": PDF + b"%2"}
    table = json.dumps(manifest(letter, files, **other)).encode()
    return zipped({"manifest.json": table} | files)
