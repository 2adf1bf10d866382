"""What is printed on the fixed pictures' papers, as HTML. Offices, people and numbers are invented; check digits are right."""

from __future__ import annotations

import html
from collections.abc import Sequence

_BODY = (
    "La persona che firma chiede di ricevere quanto le spetta e dichiara che i dati scritti qui sono veri.",
    "Il comune attesta la residenza del nucleo familiare nel periodo indicato sotto e rilascia copia della domanda.",
    "Città, perché, già: le lettere accentate devono restare leggibili anche dopo una fotografia.",
    "La domanda si presenta allo sportello con i documenti richiesti, entro sessanta giorni dalla data di questa lettera.",
)


def _fours(text: str) -> str:
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def _body(times: int) -> str:
    return "".join(f"<p>{_BODY[at % len(_BODY)]}</p>" for at in range(times))


def form(codice_fiscale: str, iban: str) -> str:
    """A form with a table and boxes to tick."""
    rows = {
        "Cognome e nome": "ESEMPIO MARIA",
        "Codice fiscale": codice_fiscale,
        "Indirizzo": "Via delle Prove 1, Agliè",
        "IBAN": _fours(iban),
        "Telefono": "333 000 0001",
    }
    table = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows.items())
    boxes = "".join(
        f'<p><span class="box"></span>{text}</p>'
        for text in ("Chiedo il pagamento sul conto.", "Non ho altri redditi.")
    )
    return f'<div class="page"><h1>COMUNE DI ESEMPIO</h1><h2>Modulo di richiesta</h2><table>{table}</table>{boxes}{_body(6)}</div>'  # fmt: skip


def stamped() -> str:
    """A certificate with a round stamp in blue and a signature by pen."""
    stamp = (
        '<svg class="stamp" viewBox="0 0 200 200" fill="none" stroke="#2740a8"><circle cx="100" cy="100" r="94" stroke-width="5"/>'
        '<circle cx="100" cy="100" r="62" stroke-width="2"/><path id="ring" d="M100 178 a78 78 0 1 1 0.1 0" stroke="none"/>'
        '<text fill="#2740a8" stroke="none" font-size="21" font-family="Liberation Sans"><textPath href="#ring">'
        "COMUNE DI ESEMPIO · UFFICIO ANAGRAFE ·</textPath></text>"
        '<path d="M100 55 l13 30 32 3 -24 21 7 32 -28 -17 -28 17 7 -32 -24 -21 32 -3z" stroke-width="4"/></svg>'
    )
    pen = (
        '<svg class="pen" viewBox="0 0 380 120" fill="none" stroke="#1c2f86" stroke-width="4"><path d="M12 84 C40 10 62 12 60 70 '
        'S96 30 116 62 130 84 150 56 176 40 186 72 214 92 232 44 262 20 270 66 300 88 322 52 356 44 370 60"/></svg>'
    )
    return f'<div class="page"><h1>COMUNE DI ESEMPIO</h1><h2>CERTIFICATO DI STATO DI FAMIGLIA</h2>{_body(7)}{stamp}{pen}</div>'


def account(iban: str) -> str:
    """A bank's paper."""
    return (
        '<div class="page"><h1>BANCA DI PROVA</h1><h2>Attestazione di coordinate bancarie</h2>'
        f"<p>Intestatario del conto: MARIA ESEMPIO</p><p>IBAN: {_fours(iban)}</p><p>Data: 22/11/2026</p>{_body(8)}</div>"
    )


def notice(code: str) -> str:
    """A notice to pay, with its square code."""
    return (
        f'<div class="page"><img class="square" src="{code}"><h1>AVVISO DI PAGAMENTO</h1><h2>Ente creditore: Comune di Esempio</h2>'
        f"<p>Quanto: 125,00 euro</p>{_body(8)}</div>"
    )


def document(lines: Sequence[str]) -> str:
    """The side of a card or the page of a passport with its printed lines, 2.54 mm from sign to sign."""
    scale, step_mm = (880 / 85.6, 4.23) if len(lines) == 3 else (1100 / 125, 6.35)
    pitch = 2.54 * scale
    signs = "<br>".join(
        "".join(f'<b style="width:{pitch:.2f}px">{html.escape(sign)}</b>' for sign in line) for line in lines
    )
    style = f"font-size:{pitch / 0.71:.1f}px;line-height:{step_mm * scale:.1f}px"
    zone = f'<div class="zone" style="{style}">{signs}</div>'
    return f'<div class="page waves"></div><div class="photo"></div><div class="label">REPUBBLICA DI PROVA<br>DOCUMENTO</div>{zone}'


def tessera(code: str) -> str:
    """The back of a Tessera Sanitaria."""
    return f'<div class="page"></div><img class="bars" src="{code}"><div class="stripe"></div>'
