"""One sign for each state: icon, colour and word, the same on every page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from flask_babel import gettext

from contracts.desk_api.clerk import DeskView, DeviceView, LetterRow, LineView, SittingView, Stage
from contracts.messages.letters import LetterWord
from web_local.presenting import span
from web_local.words import N_, Sentence, sentence_of


class Sign(msgspec.Struct, frozen=True):
    """Icon of the sprite sheet, tone (a class of pue.css) and word."""

    icon: str
    tone: str
    word: str


LETTER_SIGNS: Final[Mapping[LetterWord, Sign]] = {
    LetterWord.DRAFT: Sign("it-pencil", "plain", N_("Bozza")),
    LetterWord.SAVED: Sign("it-inbox", "saved", N_("Salvata sul dispositivo")),
    LetterWord.SENT: Sign("it-upload", "sent", N_("Trasmessa")),
    LetterWord.RECEIVED: Sign("it-check-circle", "good", N_("Ricevuta da INPS")),
    LetterWord.IN_PROGRESS: Sign("it-clock", "good", N_("In lavorazione")),
    LetterWord.MORE_NEEDED: Sign("it-warning-circle", "warn", N_("INPS chiede altri documenti")),
    LetterWord.ACCEPTED: Sign("it-check-circle", "good", N_("Accolta")),
    LetterWord.REJECTED: Sign("it-close-circle", "bad", N_("Respinta")),
    LetterWord.UNREADABLE: Sign("it-error", "bad", N_("INPS non riesce ad aprirla")),
}

NEXT: Final[Mapping[LetterWord, str]] = {
    LetterWord.DRAFT: N_("La domanda non è finita. La può riprendere dalle bozze."),
    LetterWord.SAVED: N_("La domanda è al sicuro qui e parte da sola. INPS non l'ha ancora ricevuta."),
    LetterWord.SENT: N_("La domanda è arrivata al centro. Ora aspettiamo il numero di protocollo di INPS."),
    LetterWord.RECEIVED: N_("INPS ha la domanda e le ha dato un numero di protocollo."),
    LetterWord.IN_PROGRESS: N_("L'ufficio sta lavorando la domanda."),
    LetterWord.MORE_NEEDED: N_("Chiami il cittadino: deve portare altri documenti all'ufficio."),
    LetterWord.ACCEPTED: N_("La domanda è stata accolta."),
    LetterWord.REJECTED: N_("La domanda è stata respinta. Il cittadino riceve la lettera con i motivi."),
    LetterWord.UNREADABLE: N_("La domanda non è presentata. Chiami subito l'assistenza: va rifatta."),
}

DEVICES: Final[Mapping[str, tuple[str, str]]] = {
    "card_reader": ("it-card", N_("Lettore di carte")),
    "printer": ("it-print", N_("Stampante")),
    "camera": ("it-camera", N_("Telecamera")),
    "barcode": ("it-search", N_("Lettore di codici")),
    "panel": ("it-plug", N_("Luci e pulsanti")),
}

CONDITIONS: Final[Mapping[str, Sign]] = {
    "ready": Sign("it-check-circle", "good", N_("A posto")),
    "warning": Sign("it-warning-circle", "warn", N_("Attenzione")),
    "trouble": Sign("it-error", "bad", N_("Da sistemare")),
    "absent": Sign("it-minus-circle", "bad", N_("Non collegato")),
    "busy": Sign("it-clock", "busy", N_("Al lavoro")),
    "lent": Sign("it-video", "busy", N_("In uso altrove")),
}
_UNKNOWN_CONDITION: Final = Sign("it-help-circle", "warn", N_("Non si sa"))
DISABLED: Final = "device.disabled"
QUIET_DEVICES: Final = frozenset({"panel", "barcode"})
"""Shown in the strip of lights only when something is wrong with them."""

BIG_STEPS: Final = (
    ("persona", N_("Persona")),
    ("pratica", N_("Pratica")),
    ("domande", N_("Domande")),
    ("documenti", N_("Documenti")),
    ("controllo", N_("Controllo")),
    ("firma", N_("Firma e ricevuta")),
)
STEP_OF: Final[Mapping[Stage, int]] = {
    Stage.INFORM: 0,
    Stage.CARD: 0,
    Stage.READING: 0,
    Stage.COMPARE: 0,
    Stage.CHOOSE: 1,
    Stage.FORM: 2,
    Stage.PAGES: 3,
    Stage.READ_BACK: 4,
    Stage.SIGN: 5,
    Stage.SEALING: 5,
    Stage.DONE: 5,
}


class Light(msgspec.Struct, frozen=True):
    """A device or the line as a light: what it is, how it is, and what to do if anything."""

    icon: str
    name: str
    sign: Sign
    what: str = ""
    do: str = ""
    quiet: bool = False


def light(device: DeviceView) -> Light | None:
    """The light of a device; None for a device this desk is not meant to have."""
    if device.code == DISABLED:
        return None
    icon, name = DEVICES.get(device.kind, ("it-plug", device.kind))
    sign = CONDITIONS.get(device.condition, _UNKNOWN_CONDITION)
    sentence = (sentence_of(device.code) if device.code else None) or Sentence("")
    return Light(
        icon=icon,
        name=gettext(name),
        sign=translated(sign),
        what=gettext(sentence.what) if sentence.what else "",
        do=gettext(sentence.do) if sentence.do else "",
        quiet=device.kind in QUIET_DEVICES and device.condition in {"ready", "busy"},
    )


def lights(view: DeskView) -> list[Light]:
    """All device lights, in the order of the desk."""
    return [shown for device in view.devices if (shown := light(device)) is not None]


def line_light(line: LineView) -> Light:
    """The line to the centre. Being offline is a state, not a fault: work goes on."""
    why = sentence_of(line.waiting_why) if line.waiting and line.waiting_why else None
    if line.connected and why:
        sign = Sign("it-warning-circle", "warn", gettext("Attenzione"))
        return Light("it-wifi", gettext("Collegamento"), sign, gettext(why.what), gettext(why.do))
    if line.connected:
        sign = Sign("it-check-circle", "good", gettext("Collegato"))
        what = (
            gettext("Le domande partono subito.")
            if not line.waiting
            else gettext("Le domande stanno partendo.")
        )
        return Light("it-wifi", gettext("Collegamento"), sign, what)
    sign = Sign("it-minus-circle", "warn", gettext("Non collegato"))
    what = gettext(
        "Può lavorare lo stesso: le domande restano al sicuro qui e partono appena torna la linea."
    )
    if line.heard_s:
        what += " " + gettext("Ultimo contatto: %(span)s fa.", span=span(line.heard_s))
    return Light("it-wifi", gettext("Collegamento"), sign, what)


def translated(sign: Sign) -> Sign:
    """The sign with its word in the language of the page."""
    return Sign(sign.icon, sign.tone, gettext(sign.word))


def letter_sign(row: LetterRow) -> Sign:
    """The sign of a letter; with the protocol number, once INPS gave one."""
    sign = translated(LETTER_SIGNS[row.word])
    if row.word is LetterWord.RECEIVED and row.protocollo:
        return Sign(sign.icon, sign.tone, f"{sign.word} (n. {row.protocollo})")
    return sign


def stuck() -> Sign:
    """The sign of a letter that goes no further until somebody acts."""
    return Sign("it-error", "bad", gettext("Ferma: la apra"))


def letter_next(row: LetterRow) -> str:
    """What happens next with a letter."""
    return gettext(NEXT[row.word])


def phase(view: DeskView) -> str:
    """Changes exactly when the open page is no longer the right one. Holds nothing of the citizen."""
    if view.clerk is None or view.locked:
        return "chiusa"
    sitting = view.sitting
    if sitting is None:
        return "libera"
    return ".".join([sitting.stage.value, *_inside(sitting)])


def _inside(sitting: SittingView) -> list[str]:
    if sitting.form is not None and sitting.stage is Stage.FORM:
        return [sitting.form.step.id]
    trouble = sitting.trouble.code if sitting.trouble else ""
    verdict = sitting.verdict.code if sitting.verdict else ""
    way = sitting.signature.value if sitting.signature else "disegnata" if sitting.pen else ""
    pages = str(len(sitting.pages.pages)) if sitting.pages else ""  # one may come by itself
    told = "informativa" if sitting.notice and sitting.notice.printed else ""
    return [told, verdict, way, "stampato" if sitting.summary_printed else "", pages, trouble]
