"""Letters of this desk: list, one letter's way, receipt again."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, request

from contracts.desk_api.clerk import Ask, LetterAct, LetterQuestion, LetterRow, Paper
from contracts.errors import PueError, WhoCanAct
from contracts.messages.letters import LetterWord
from web_local import visit

blueprint = Blueprint("letters", __name__)

ROAD = (LetterWord.SAVED, LetterWord.SENT, LetterWord.RECEIVED)
AFTER = frozenset({LetterWord.IN_PROGRESS, LetterWord.MORE_NEEDED, LetterWord.ACCEPTED, LetterWord.REJECTED})


class NoSuchLetter(PueError):
    """The letter is not in this desk's list."""

    code = "outbox.unknown_letter"
    who = WhoCanAct.CLERK


@blueprint.get("/domande")
def index() -> Response:
    """All letters, newest first."""
    visit.look()
    return visit.page("letters.html", letters=_rows())


@blueprint.get("/domande/elenco")
def fragment() -> Response:
    """The list alone, for a page that is open while a state changes."""
    limit = request.args.get("n", type=int)
    return visit.page("fragments/letter_rows.html", letters=_rows()[:limit])


@blueprint.get("/domande/<uuid:letter>")
def one(letter: object) -> Response:
    """One letter and its way to INPS."""
    visit.look()
    row = _row(str(letter))
    return visit.page("letter.html", letter=row, road=_road(row), problem=None)


@blueprint.post("/domande/<uuid:letter>/stampa")
def print_receipt(letter: object) -> Response:
    """Print the receipt again."""
    try:
        visit.desk().print_receipt(visit.act(LetterAct, letter=str(letter)))
    except PueError as refusal:
        visit.raise_if_general(refusal)
        visit.look()
        row = _row(str(letter))
        return visit.page("letter.html", 409, letter=row, road=_road(row), problem=refusal.problem())
    return visit.see("letters.one", letter=str(letter), stampata="si")


@blueprint.get("/domande/<uuid:letter>/ricevuta.pdf")
def receipt_paper(letter: object) -> Response:
    """The receipt as a PDF."""
    question = LetterQuestion(token=visit.token(), letter=str(letter))
    return _pdf(visit.desk().receipt_paper(question), "ricevuta.pdf")


@blueprint.get("/sportello/informativa.pdf")
def notice_paper() -> Response:
    """The full text of what is to be told of the use of data, to look at."""
    return _pdf(visit.desk().notice_paper(Ask(token=visit.token())), "informativa.pdf")


@blueprint.get("/sportello/riepilogo.pdf")
def summary_paper() -> Response:
    """The summary to be signed, as a PDF."""
    return _pdf(visit.desk().summary_paper(Ask(token=visit.token())), "riepilogo.pdf")


def _pdf(paper: Paper, name: str) -> Response:
    response = make_response(paper.data)
    response.headers["Content-Type"] = "application/pdf"
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return response


def _rows() -> list[LetterRow]:
    return visit.desk().letters(Ask(token=visit.token())).letters


def _row(letter: str) -> LetterRow:
    for row in _rows():
        if row.letter == letter:
            return row
    raise NoSuchLetter("this desk has no such letter")


def _road(row: LetterRow) -> list[tuple[LetterWord, str]]:
    """Stations of the way with ``done``, ``here`` or ``ahead``."""
    words: list[LetterWord] = list(ROAD)
    if row.word not in words:
        words.append(row.word)
    if row.word is LetterWord.UNREADABLE:
        words.remove(LetterWord.RECEIVED)
    here = words.index(row.word)
    return [
        (word, "done" if at < here else "here" if at == here else "ahead") for at, word in enumerate(words)
    ]
