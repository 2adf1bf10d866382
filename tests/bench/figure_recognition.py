"""What reading costs and how well it reads, finds and tells papers apart; on pages no threshold was set on.

The pages are drawn, so the figures rank ways of reading; they do not promise a real desk's. The light is divided out by
this room's own stand-in, not by the product's cleaning, so that a change there moves nothing here.
"""

from __future__ import annotations

import functools
import statistics
import subprocess
import sys
import time

import cv2
import msgspec

from appliance.capture.leaf import Word
from appliance.capture.recognition.findings import find
from appliance.capture.recognition.papers import TITLES, looks_like
from appliance.capture.recognition.text import plain, read_words
from tests.bench.measure import Figure, machine
from tests.papers.letters import Letter, character_errors, evenly_lit, letter, photographed

FIRST_SEED = 70_000
PAGES = 40
PEER_PAGES = 12
ASKED = ("busta_paga", "permesso_soggiorno", "lettera")
KIND_OF = {
    "attestazione_isee": "isee",
    "stato_famiglia": "stato_di_famiglia",
    "coordinate_bancarie": "iban",
    "certificato_introduttivo": "certificato_medico",
}
PEAK = """
import re, sys
from pathlib import Path
from appliance.capture.recognition.text import read_words
from tests.papers.letters import letter

def kib(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

page = letter(int(sys.argv[1])).page
Path("/proc/self/clear_refs").write_text("5")  # the peak so far, drawing's and the parent's, is forgotten
before = kib("VmRSS")
if sys.argv[2] == "read":
    read_words(page, 300)
else:
    import tesserocr
    from PIL import Image
    with tesserocr.PyTessBaseAPI(path="/usr/share/tesseract-ocr/5/tessdata", lang="ita") as engine:
        engine.SetImage(Image.fromarray(page))
        engine.GetUTF8Text()
print((kib("VmHWM") - before) / 1024)
"""


class Run(msgspec.Struct):
    """One page read."""

    drawn: Letter
    words: tuple[Word, ...]
    cpu_s: float

    @property
    def errors(self) -> int:
        return character_errors("\n".join(self.drawn.lines), plain(self.words))


def _run(seed: int, *, cleaned: bool = True) -> Run:
    drawn = letter(seed)
    picture = photographed(drawn.page, seed)
    page = evenly_lit(picture) if cleaned else picture
    began = time.process_time()
    words = read_words(page, 300)
    return Run(drawn, words, time.process_time() - began)


@functools.cache
def _runs() -> list[Run]:
    return [_run(FIRST_SEED + number) for number in range(PAGES)]


def _rate(runs: list[Run]) -> float:
    return 100 * sum(run.errors for run in runs) / sum(len("\n".join(run.drawn.lines)) for run in runs)


def _figure(name: str, value: float, unit: str, peer: tuple[str, float], goal: str, ok: bool) -> Figure:  # noqa: FBT001
    return Figure(
        name=name,
        value=value,
        unit=unit,
        peer=peer[0],
        peer_value=peer[1],
        ratio=value / max(peer[1], 1e-9),
        goal=goal,
        rounds=1,
        machine=machine(),
        ok=ok,
    )


def _plain_patterns(run: Run) -> set[str]:
    """What a search for the bare shapes in the lines offers: the usual way, without checks, mending or line ends."""
    import re

    text = plain(run.words)
    return {
        found.replace(" ", "")
        for shape in (r"\bIT\d{2}[A-Z][\dA-Z ]{22,28}\b", r"\b[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]\b")
        for found in re.findall(shape, text)
    }


def _peak_mib(how: str) -> float:
    ran = subprocess.run(
        [sys.executable, "-c", PEAK, str(FIRST_SEED), how], capture_output=True, text=True, check=True
    )
    return float(ran.stdout)


def figures() -> list[Figure]:
    """Errors, cost, memory; then what is found and how papers are told apart."""
    cv2.setNumThreads(1)
    runs = _runs()
    raw = [_run(FIRST_SEED + number, cleaned=False) for number in range(PEER_PAGES)]
    rate, cpu = _rate(runs), statistics.median(run.cpu_s for run in runs)
    peak, peer_peak = _peak_mib("read"), _peak_mib("whole")
    raw_cpu = statistics.median(run.cpu_s for run in raw)
    return [
        _figure(
            "character errors, even light", rate, "%", ("uncleaned", _rate(raw)), "<= 0.2 %", rate <= 0.2
        ),
        _figure("reading a page", cpu, "s of CPU", ("uncleaned", raw_cpu), "<= 2 s", cpu <= 2),
        _figure(
            "peak memory of reading", peak, "MiB", ("at 300 dpi, whole", peer_peak), "<= 150 MiB", peak <= 150
        ),
        *_found(runs),
        *_told_apart(runs),
    ]


def _found(runs: list[Run]) -> list[Figure]:
    truth = [run.drawn.facts for run in runs]
    offered = [{(one.kind, one.value) for one in find(run.words)} for run in runs]
    right = sum(len(facts & found) for facts, found in zip(truth, offered, strict=True))
    recall = 100 * right / sum(map(len, truth))
    wrong = sum(len(found - facts) for facts, found in zip(truth, offered, strict=True))
    codes = [{value for kind, value in facts if kind in ("iban", "codice_fiscale")} for facts in truth]
    ours = [{value for kind, value in found if kind in ("iban", "codice_fiscale")} for found in offered]
    shapes = [_plain_patterns(run) for run in runs]
    all_codes = sum(map(len, codes))
    found_codes, found_shapes = (
        100 * sum(len(a & b) for a, b in zip(codes, way, strict=True)) / all_codes for way in (ours, shapes)
    )
    wrong_shapes = sum(len(b - a) for a, b in zip(codes, shapes, strict=True))
    return [
        _figure("values found", recall, "%", ("codes by shape", found_shapes), ">= 97 %", recall >= 97),
        _figure("codes found", found_codes, "%", ("by shape", found_shapes), ">= 95 %", found_codes >= 95),
        _figure("wrong values offered", wrong, "of all", ("codes by shape", wrong_shapes), "0", wrong == 0),
    ]


def _told_apart(runs: list[Run]) -> list[Figure]:
    """Asked for the paper it is: silent. Asked for another: named, or silent where it speaks of that one too."""
    kinds = [KIND_OF.get(run.drawn.kind, run.drawn.kind) for run in runs]
    hushed = sum(not looks_like(run.words, kind) for run, kind in zip(runs, kinds, strict=True))
    told = [
        (looks_like(run.words, asked), kind)
        for run, kind in zip(runs, kinds, strict=True)
        for asked in ASKED
        if asked != kind
    ]
    named = 100 * sum(said == kind for said, kind in told) / len(told)
    misnamed = 100 * sum(bool(said) and said != kind for said, kind in told) / len(told)
    guess = 100 / len(TITLES)
    silent = 100 * hushed / len(runs)
    return [
        _figure("silent on the paper asked for", silent, "%", ("guessing", guess), ">= 99 %", silent >= 99),
        _figure("another paper named", named, "%", ("guessing", guess), ">= 60 %", named >= 60),
        _figure("misnamed", misnamed, "%", ("guessing", 100 - guess), "<= 5 %", misnamed <= 5),
    ]
