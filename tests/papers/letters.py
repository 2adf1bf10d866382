"""Letters and forms of offices, drawn, with the truth of what stands on them: a seed gives the same page for ever.

Everybody on them is invented and says so. Each page has a sender, a register number, a title, running text with days,
codes, accounts and sums in it, and a few labelled lines; fonts, sizes and wordings differ from page to page.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import random
import string
import textwrap
from typing import Final

import cv2
import numpy as np
import schwifty
from PIL import Image, ImageDraw, ImageFont

from appliance.cards import codice_fiscale

DPI: Final = 300
SHEET: Final = (2480, 3508)
MARGIN: Final = 240
ROOT: Final = "/usr/share/fonts/truetype"
FACES: Final = (
    (f"{ROOT}/liberation/LiberationSerif-Regular.ttf", f"{ROOT}/liberation/LiberationSerif-Bold.ttf"),
    (f"{ROOT}/liberation/LiberationSans-Regular.ttf", f"{ROOT}/liberation/LiberationSans-Bold.ttf"),
    (f"{ROOT}/dejavu/DejaVuSans.ttf", f"{ROOT}/dejavu/DejaVuSans-Bold.ttf"),
    (f"{ROOT}/dejavu/DejaVuSerif.ttf", f"{ROOT}/dejavu/DejaVuSerif-Bold.ttf"),
    (f"{ROOT}/noto/NotoSans-Regular.ttf", f"{ROOT}/noto/NotoSans-Bold.ttf"),
)
SURNAMES: Final = ("ESEMPIO", "PROVA", "INVENTATI", "FINTOLI", "MODELLO", "CAMPIONE")
NAMES: Final = ("MARIA", "NICOLÒ", "ANNA", "GIOSUÈ", "LUCIA", "PIETRO")
PLACES: Final = ("ESEMPIO", "PROVA", "BORGO PROVA", "SAN MODELLO", "CANTÙ ESEMPIO")
MONTHS: Final = [
    "gennaio",
    "febbraio",
    "marzo",
    "aprile",
    "maggio",
    "giugno",
    "luglio",
    "agosto",
    "settembre",
    "ottobre",
    "novembre",
    "dicembre",
]
LETTERHEADS: Final = (
    "COMUNE DI {place}",
    "Comune di {place} - Ufficio servizi alla persona",
    "AZIENDA DI PROVA S.R.L.",
    "PATRONATO ESEMPIO - sede di {place}",
    "STUDIO MODELLO - consulenza del lavoro",
    "BANCA DI PROVA - filiale di {place}",
)
PROSE: Final = (
    "Con la presente si comunica che la documentazione è stata esaminata e risulta completa in ogni sua parte.",
    "La persona interessata può chiedere ulteriori chiarimenti all'ufficio, dal lunedì al venerdì, dalle 9 alle 12.",
    "Resta ferma la facoltà di presentare osservazioni scritte entro trenta giorni dalla data di ricevimento.",
    "L'ufficio verificherà la veridicità di quanto dichiarato, poiché la legge prevede controlli anche a campione.",
    "Più informazioni si trovano sul sito dell'ente, oppure presso lo sportello più vicino alla propria abitazione.",
    "Qualora la pratica fosse già stata trasmessa, la presente comunicazione è da considerarsi priva di effetto.",
    "Chi rilascia dichiarazioni false perde i benefici ottenuti ed è punito ai sensi delle norme vigenti.",
    "Si prega di conservare questo foglio: servirà perché l'ufficio possa ritrovare la pratica con facilità.",
    "Le attività sono state svolte con continuità, senza interruzioni né assenze, fino alla data indicata.",
    "Così è stato letto, confermato e sottoscritto; né vi sono altre annotazioni o cancellature.",
    "La città, la libertà, la società: parole che l'Amministrazione ha già usato in questo modulo di prova.",
    "Ogni comunicazione sarà inviata all'indirizzo indicato, salvo che l'interessato ne indichi un altro.",
)


@dataclasses.dataclass(frozen=True)
class Paper:
    """A kind of paper: titles it may have, and sentences that stand on such papers only."""

    titles: tuple[str, ...]
    says: tuple[str, ...]


PAPERS: Final[dict[str, Paper]] = {
    "attestazione_isee": Paper(
        ("ATTESTAZIONE ISEE", "Attestazione ISEE ordinario"),
        (
            "Indicatore della Situazione Economica Equivalente del nucleo familiare sotto indicato.",
            "Il valore ISEE è stato calcolato sulla base della dichiarazione presentata.",
        ),
    ),
    "dsu": Paper(
        ("DICHIARAZIONE SOSTITUTIVA UNICA", "Dichiarazione Sostitutiva Unica - Modello MINI"),
        (
            "Quadro A - Nucleo familiare e casa di abitazione del dichiarante.",
            "Dichiarazione resa ai fini ISEE ai sensi del decreto vigente.",
        ),
    ),
    "certificazione_unica": Paper(
        ("CERTIFICAZIONE UNICA 2026", "Certificazione Unica"),
        (
            "Dati relativi al datore di lavoro, ente pensionistico o altro sostituto d'imposta.",
            "Redditi di lavoro dipendente e assimilati, con le ritenute operate nell'anno.",
        ),
    ),
    "verbale_invalidita": Paper(
        ("VERBALE DELLA COMMISSIONE MEDICA", "Verbale di accertamento dell'invalidità civile"),
        (
            "La Commissione medica per l'accertamento dell'invalidità civile ha visitato la persona.",
            "Giudizio medico legale espresso dalla Commissione a maggioranza.",
        ),
    ),
    "busta_paga": Paper(
        ("BUSTA PAGA", "Libro Unico del Lavoro - cedolino paga", "PROSPETTO PAGA"),
        (
            "Retribuzione di fatto, ferie, permessi, trattenute e competenze del mese.",
            "Livello, qualifica e matricola del dipendente; netto in busta.",
        ),
    ),
    "stato_famiglia": Paper(
        ("CERTIFICATO DI STATO DI FAMIGLIA", "Stato di famiglia e residenza"),
        (
            "L'ufficiale d'anagrafe certifica che la famiglia anagrafica è così composta.",
            "Visti gli atti d'ufficio della popolazione residente.",
        ),
    ),
    "contratto_locazione": Paper(
        ("CONTRATTO DI LOCAZIONE", "Contratto di locazione ad uso abitativo"),
        (
            "Il locatore concede in locazione al conduttore l'immobile descritto sotto.",
            "Il canone annuo di locazione è convenuto tra le parti.",
        ),
    ),
    "delega": Paper(
        ("DELEGA", "ATTO DI DELEGA"),
        (
            "Il delegante sopra indicato delega la persona sotto indicata a presentare la pratica.",
            "Il delegato accetta la delega e allega copia del proprio documento.",
        ),
    ),
    "coordinate_bancarie": Paper(
        ("COORDINATE BANCARIE", "Attestazione delle coordinate bancarie IBAN"),
        (
            "Si attesta che il conto corrente è intestato alla persona sotto indicata.",
            "Codice BIC e IBAN del conto corrente per bonifici in entrata.",
        ),
    ),
    "permesso_soggiorno": Paper(
        ("PERMESSO DI SOGGIORNO", "Ricevuta di richiesta del permesso di soggiorno"),
        (
            "La Questura rilascia il presente permesso di soggiorno allo straniero indicato.",
            "Motivo del soggiorno: lavoro subordinato; Ufficio immigrazione.",
        ),
    ),
    "certificato_introduttivo": Paper(
        ("CERTIFICATO MEDICO INTRODUTTIVO", "Certificato introduttivo di invalidità"),
        (
            "Il medico certificatore trasmette il certificato medico per la domanda di invalidità.",
            "Anamnesi, obiettività, diagnosi con codice nosologico.",
        ),
    ),
    "lettera": Paper(
        ("LETTERA DI LICENZIAMENTO", "Comunicazione di licenziamento", "LETTERA DI DIMISSIONI"),
        (
            "Le comunichiamo il recesso dal rapporto di lavoro in essere con la nostra società.",
            "Il rapporto di lavoro cesserà al termine del periodo di preavviso.",
        ),
    ),
}


@dataclasses.dataclass(frozen=True)
class Letter:
    """A page and its truth.

    Attributes:
        kind: one of `PAPERS`.
        page: grey, 300 dots per inch, as sharp as drawn.
        lines: what is printed, from the top.
        facts: kind and canonical value of each day, code, account, number and sum on it.
    """

    kind: str
    page: np.ndarray
    lines: tuple[str, ...]
    facts: frozenset[tuple[str, str]]


class _Facts:
    """Invented values as printed, kept as they are canonical."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.kept: set[tuple[str, str]] = set()

    def day(self) -> str:
        day = dt.date(1940, 1, 1) + dt.timedelta(days=self.rng.randrange(32_000))
        self.kept.add(("date", day.isoformat()))
        return self.rng.choice(
            (f"{day:%d/%m/%Y}", f"{day:%d.%m.%Y}", f"{day.day} {MONTHS[day.month - 1]} {day.year}")
        )

    def code(self) -> str:
        names = self.rng.choice(SURNAMES), self.rng.choice(NAMES)
        birth = dt.date(1940, 1, 1) + dt.timedelta(days=self.rng.randrange(25_000))
        place = self.rng.choice(("D704", "L736", "A952", "F205", "Z100"))
        code = codice_fiscale.compute(*names, birth, self.rng.choice("MF"), place)
        self.kept.add(("codice_fiscale", code))
        return code

    def account(self) -> str:
        digits = "".join(self.rng.choices(string.digits, k=22))
        code = schwifty.IBAN.generate(
            "IT", bank_code=digits[:5], branch_code=digits[5:10], account_code=digits[10:]
        )
        self.kept.add(("iban", str(code)))
        return code.formatted if self.rng.random() < 0.6 else str(code)

    def number(self) -> str:
        rng, year = self.rng, self.rng.randrange(2023, 2027)
        printed, value = rng.choice(
            (
                (f"Prot. n. {(n := rng.randrange(10**7)):07d}/{year}", f"{n:07d}/{year}"),
                (f"Protocollo n. {(n := rng.randrange(1000, 10**5))}/{year}/U", f"{n}/{year}/U"),
                (
                    v := f"INPS-ISEE-{year}-{rng.randrange(10**8):08d}{rng.choice('AEKRX')}-00",
                    v,
                ),
                (v := f"INPS.{rng.randrange(1000, 9999)}.05/11/{year}.{rng.randrange(10**7):07d}", v),
            )
        )
        self.kept.add(("protocol", value))
        return printed

    def sum(self) -> str:
        cents = self.rng.randrange(1000, 4_000_000)
        self.kept.add(("amount", f"{cents // 100}.{cents % 100:02d}"))
        printed = f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02d}"
        return self.rng.choice((f"€ {printed}", f"{printed} euro", f"euro {printed}", f"{printed} €"))


def letter(seed: int, kind: str = "") -> Letter:
    """One page; without a kind the seed chooses it."""
    rng = random.Random(seed)
    kind = kind or rng.choice(sorted(PAPERS))
    facts = _Facts(rng)
    blocks = _blocks(kind, rng, facts)
    page, lines = _drawn(blocks, rng)
    return Letter(kind, page, lines, frozenset(facts.kept))


def _blocks(kind: str, rng: random.Random, facts: _Facts) -> list[tuple[str, str]]:
    """Style and text of each paragraph."""
    paper, place = PAPERS[kind], rng.choice(PLACES)
    person = f"{rng.choice(NAMES)} {rng.choice(SURNAMES)}"
    others = [sentence for name, other in PAPERS.items() if name != kind for sentence in other.titles]
    says = list(paper.says)
    rng.shuffle(says)
    body = [
        f"La persona {person}, nata a {place} il {facts.day()}, codice fiscale {facts.code()}, presenta quanto segue.",
        f"L'importo riconosciuto è pari a {facts.sum()} e sarà versato sul conto IBAN {facts.account()}.",
        f"La decorrenza è fissata al {facts.day()}; la scadenza al {facts.day()}, salvo proroga.",
        f"Si allega, se disponibile: {rng.choice(others).lower()}.",
        *rng.sample(PROSE, rng.randrange(4, 8)),
    ]
    rng.shuffle(body)
    labelled = [f"Data: {facts.day()}", f"Totale: {facts.sum()}", f"Codice fiscale: {facts.code()}"]
    return [
        ("head", rng.choice(LETTERHEADS).format(place=place)),
        ("line", facts.number()),
        ("title", rng.choice(paper.titles)),
        *[("text", sentence) for sentence in says],
        *[("text", sentence) for sentence in body],
        *[("line", text) for text in labelled],
        ("line", f"{place.title()}, {facts.day()}"),
        ("line", "Firma leggibile"),
    ]


def _drawn(blocks: list[tuple[str, str]], rng: random.Random) -> tuple[np.ndarray, tuple[str, ...]]:
    plain, bold = rng.choice(FACES)
    points = rng.choice((10, 11, 12))
    sizes = {"head": points + 2, "title": points + 4, "text": points, "line": points}
    sheet = Image.new("L", SHEET, 255)
    draw = ImageDraw.Draw(sheet)
    y, lines = MARGIN, []
    for style, text in blocks:
        font = _font(bold if style in ("head", "title") else plain, round(sizes[style] / 72 * DPI))
        for line in _wrapped(text, font):
            x = MARGIN if style != "title" else round((SHEET[0] - font.getlength(line)) / 2)
            draw.text((x, y), line, font=font, fill=rng.randrange(10, 50))
            lines.append(line)
            y += round(font.size * 1.42)
        y += round(font.size * (0.9 if style in ("head", "title") else 0.45))
    assert y < SHEET[1] - MARGIN / 2
    return np.asarray(sheet), tuple(lines)


@functools.cache
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


def _wrapped(text: str, font: ImageFont.FreeTypeFont) -> list[str]:
    signs = int((SHEET[0] - 2 * MARGIN) / font.getlength("abcdefghilmnopqrstuvz ") * 22)
    return textwrap.wrap(text, signs, break_long_words=False, break_on_hyphens=False)


def plain_page(lines: list[str], points: int = 12) -> np.ndarray:
    """Lines as they are, on an A4 sheet."""
    font = _font(FACES[0][0], round(points / 72 * DPI))
    sheet = Image.new("L", SHEET, 255)
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        draw.text((MARGIN, MARGIN + number * round(font.size * 1.5)), line, font=font, fill=20)
    return np.asarray(sheet)


# ---- what a camera makes of it ---------------------------------------------------------------------------


def photographed(page: np.ndarray, seed: int) -> np.ndarray:
    """The flat page as a camera sees it: soft, noisy, lit from one side, with the shadow of an arm, compressed once."""
    rng = np.random.default_rng(seed)
    high, wide = page.shape
    soft = cv2.GaussianBlur(page.astype(np.float32), (0, 0), rng.uniform(0.8, 1.3)) * 0.88 + 12
    corners = rng.uniform(0.72, 1.0, (2, 2)).astype(np.float32)
    light = cv2.resize(corners, (wide, high), interpolation=cv2.INTER_LINEAR)
    arm = np.zeros((high, wide), np.uint8)
    points = rng.integers([0, 0], [wide, high], (4, 2)).astype(np.int32)
    cv2.fillConvexPoly(arm, cv2.convexHull(points), 255)
    shade = cv2.blur(cv2.blur(arm, (90, 90)), (90, 90)).astype(np.float32) / 255
    seen = soft * light * (1 - rng.uniform(0.2, 0.4) * shade) + rng.normal(0, 3.5, page.shape).astype(
        np.float32
    )
    ok, packed = cv2.imencode(".jpg", np.clip(seen, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert ok
    return cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)


def evenly_lit(picture: np.ndarray) -> np.ndarray:
    """The light divided out, so that this room's figures stand alone: paper becomes white, letters stay."""
    small = cv2.resize(picture, None, fx=0.125, fy=0.125, interpolation=cv2.INTER_AREA)
    paper = cv2.medianBlur(cv2.dilate(small, np.ones((9, 9), np.uint8)), 21)
    light = cv2.resize(paper, picture.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.divide(picture, light, scale=250)


def character_errors(printed: str, read: str) -> int:
    """Signs to put in, leave out or exchange, blanks and line ends counted as one blank."""
    truth, other = (" ".join(text.replace("’", "'").split()) for text in (printed, read))
    signs = np.frombuffer(other.encode("utf-32-le"), np.uint32)
    row = np.arange(len(signs) + 1)
    steps = np.arange(len(signs) + 1)
    for number, sign in enumerate(truth, 1):
        after = np.minimum(row[:-1] + (signs != ord(sign)), row[1:] + 1)
        row = np.concatenate(([number], after))
        row = np.minimum.accumulate(row - steps) + steps
    return int(row[-1])
