"""The officer's page: letters that came, one dossier in words and papers, and the buttons that move its state."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import flask
import msgspec

from contracts import places
from contracts.errors import Problem, PueError
from contracts.identity import unique_id
from contracts.messages.letters import LetterWord
from contracts.practices import catalogue
from fleet.backoffice import reading
from fleet.backoffice.opening import NOT_A_DOSSIER, Opener
from fleet.backoffice.register import ROME, Register, Stage
from fleet.backoffice.rounds import Rounder
from fleet.backoffice.settings import BackofficeSettings
from fleet.clock import Clock
from fleet.faces.accounts import Accounts
from fleet.faces.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Response

    from fleet.backoffice.register import Entry

OFFICER: Final = "officer"
MAX_SEARCH_CHARS: Final = 80
WORDS: Final[dict[LetterWord, str]] = {
    LetterWord.RECEIVED: "Ricevuta",
    LetterWord.IN_PROGRESS: "In lavorazione",
    LetterWord.MORE_NEEDED: "Integrazione richiesta",
    LetterWord.ACCEPTED: "Accolta",
    LetterWord.REJECTED: "Respinta",
    LetterWord.UNREADABLE: "Non leggibile",
}
ACTS: Final[dict[LetterWord, str]] = {
    LetterWord.IN_PROGRESS: "Prendi in lavorazione",
    LetterWord.MORE_NEEDED: "Chiedi integrazione",
    LetterWord.ACCEPTED: "Accogli",
    LetterWord.REJECTED: "Respingi",
}
UNREADABLE: Final = {
    "letter.unreadable": "La busta non si apre con la chiave di questo ufficio, oppure è danneggiata.",
    "letter.not_authentic": "La firma non è di uno sportello riconosciuto dalla flotta.",
    "dossier.damaged": "Il fascicolo dentro la busta è danneggiato.",
    "dossier.tampered": "Un documento del fascicolo non corrisponde a quello firmato.",
}
STOPPED: Final = {
    "destination.refused": "L'ufficio protocollo non ha registrato la pratica.",
    "destination.letter_gone": "La cartella di questa pratica non è più dove era stata messa. La rimetta al suo posto prima di riprovare.",
    "destination.word_unreadable": "La risposta dell'ufficio protocollo non è un file di testo che si può leggere.",
    "destination.not_a_number": "Il numero scritto dall'ufficio protocollo, o la sua data, non è valido.",
    "register.number_taken": "Questo numero di protocollo è già di un'altra pratica.",
    "destination.too_many_attempts": "La consegna al protocollo non è riuscita dopo molti tentativi.",
    "destination.no_segnatura": "La sede o il numero provvisorio scritti sulla busta non permettono di preparare la segnatura.",
}
"""Why a hand-over stands still; another code: the sentence of `stopped_words`."""


class DocumentMissing(PueError):
    """The dossier holds no such document."""

    code = "dossier.no_document"
    http_status = 404


class Office(msgspec.Struct, frozen=True, kw_only=True):
    """What the pages stand on."""

    settings: BackofficeSettings
    register: Register
    opener: Opener
    rounder: Rounder
    accounts: Accounts
    clock: Clock


def create_app(office: Office) -> flask.Flask:
    """The officer's page as a WSGI application."""
    app = flask.Flask(__name__)
    guard = Guard(
        app, office.accounts, cookie="pue_ufficio", secure=office.settings.behind_https, home="letters"
    )
    view = _View(office, guard)
    app.add_url_rule("/", "letters", view.letters)
    app.add_url_rule("/pratica/<letter>", "letter", view.letter)
    app.add_url_rule("/pratica/<letter>/documento/<path:path>", "document", view.document)
    app.add_url_rule("/pratica/<letter>/stato", "move", view.move, methods=["POST"])
    app.add_url_rule("/pratica/<letter>/riprova", "again", view.again, methods=["POST"])
    filters: dict[str, Callable[..., str]] = {
        "giorno": _day,
        "ora": _hour,
        "parola": _word,
        "peso": _weight,
        "data": reading.italian_date,
        "comune": _comune,
        "pratica": view.practice,
    }
    app.jinja_env.filters.update(filters)
    app.context_processor(
        lambda: {
            "office": office.settings.office,
            "health": office.rounder.health,
            "problem_words": problem_words,
        }
    )
    return app


class _View:
    def __init__(self, office: Office, guard: Guard) -> None:
        self._office, self._guard = office, guard
        self._catalogue = catalogue.shipped()

    def practice(self, key: str) -> str:
        """The name of a practice whose dossier could not be read; its key where the catalogue lacks it."""
        return next((practice.name for practice in self._catalogue.practices if practice.key == key), key)

    def letters(self) -> str:
        chosen = flask.request.args.get("stato", "")
        word = next((w for w in WORDS if w.value == chosen), None)
        text = flask.request.args.get("cerca", "").strip()[:MAX_SEARCH_CHARS]
        entries = self._office.register.entries(word, text)
        today = self._office.clock.now().astimezone(ROME).date()
        return flask.render_template(
            "letters.html",
            rows=[(entry, _days_left(entry, today)) for entry in entries],
            counts=self._office.register.counts(),
            words=WORDS,
            chosen=word,
            text=text,
        )

    def letter(self, letter: str) -> str:
        entry = self._office.register.entry(unique_id(letter))
        found, why = None, ""
        if entry.stage is not Stage.ANNOUNCED:
            try:
                dossier = self._office.opener.open(entry.label, entry.arrived_ms)
                found = reading.read(dossier, entry.label.practice, self._catalogue)
            except NOT_A_DOSSIER as refusal:
                why = refusal.code
        today = self._office.clock.now().astimezone(ROME).date()
        return flask.render_template(
            "letter.html",
            entry=entry,
            found=found,
            why=UNREADABLE.get(entry.code or why, ""),
            handing=self._office.register.handing(entry.letter),
            stopped_words=stopped_words,
            days_left=_days_left(entry, today),
            history=self._office.register.history(entry.letter),
            acts=[(word, ACTS[word]) for word in entry.moves()],
        )

    def document(self, letter: str, path: str) -> Response:
        entry = self._office.register.entry(unique_id(letter))
        document = self._office.opener.open(entry.label, entry.arrived_ms).document(path)
        if document is None:
            raise DocumentMissing("il fascicolo non ha questo documento")
        # Only a PDF is shown in the browser; whatever else a box may have sent is a download.
        if document.content.startswith(b"%PDF-"):
            return flask.Response(document.content, mimetype="application/pdf")
        answer = flask.Response(document.content, mimetype="application/octet-stream")
        answer.headers["Content-Disposition"] = f'attachment; filename="{path.rsplit("/", 1)[-1]}"'
        return answer

    def move(self, letter: str) -> Response:
        session = self._guard.require(OFFICER)
        form = flask.request.form
        word = next((w for w in ACTS if w.value == form.get("stato")), None)
        step = form.get("step", default=-1, type=int)
        if word is None:
            flask.abort(400)
        self._office.register.move(
            unique_id(letter), word, seen_step=step, by=session.name, now=self._office.clock.now()
        )
        self._office.rounder.wake()
        return flask.redirect(flask.url_for("letter", letter=letter), 303)

    def again(self, letter: str) -> Response:
        self._guard.require(OFFICER)
        self._office.register.try_again(unique_id(letter))
        self._office.rounder.wake()
        return flask.redirect(flask.url_for("letter", letter=letter), 303)


def _days_left(entry: Entry, today: dt.date) -> int | None:
    if entry.answer_by is None or entry.word in {LetterWord.ACCEPTED, LetterWord.REJECTED}:
        return None
    return (dt.date.fromisoformat(entry.answer_by) - today).days


def _at(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1000, ROME)


def _day(ms: int) -> str:
    return f"{_at(ms):%d/%m/%Y}"


def _hour(ms: int) -> str:
    return f"{_at(ms):%d/%m/%Y, %H:%M}"


def _word(word: LetterWord | None) -> str:
    return WORDS[word] if word is not None else "In arrivo"


def _weight(size_bytes: int) -> str:
    kib = max(1, size_bytes / 1024)
    return f"{kib:.0f} kB" if kib < 1024 else f"{kib / 1024:.1f} MB".replace(".", ",")


def _comune(site: str) -> str:
    belfiore = site.partition("-")[0].upper()
    return next((f"{c.name} ({c.provincia})" for c in places.comuni() if c.belfiore == belfiore), site)


def stopped_words(code: str) -> str:
    """Why the body's register has not taken a letter, as an officer reads it."""
    return STOPPED.get(code) or UNREADABLE.get(code) or "Il protocollo dell'ente non ha preso la pratica."


def problem_words(problem: Problem) -> str:
    """A refusal as an officer reads it."""
    return {
        "register.move_refused": "Qualcuno ha già cambiato lo stato di questa pratica. Apra di nuovo la pagina.",
        "register.no_letter": "Questa pratica non è nel registro.",
        "session.not_our_page": "La pagina è scaduta. La apra di nuovo e riprovi.",
        "session.not_allowed": "Il suo ruolo non permette questa operazione.",
        "account.refused": "Nome utente, password o codice non sono giusti.",
        "account.locked": f"Troppi tentativi sbagliati. Riprovi fra {problem.facts.get('minutes', 15)} minuti.",
        "http.404": "Questa pagina non esiste.",
    }.get(
        problem.code,
        "Qualcosa non ha funzionato. Riprovi; se succede ancora, avvisi chi gestisce il servizio.",
    )
