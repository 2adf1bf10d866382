"""Every page in real Chromium: axe, size of targets, reflow, policy, strangers; and a picture of each to look at."""

from __future__ import annotations

import msgspec
import pytest

from contracts.desk_api.clerk import (
    DeadlineRisk,
    DeadlineView,
    DraftRow,
    FieldProblem,
    FindingView,
    Fit,
    KeptBecause,
    LineView,
    SignatureWay,
    Stage,
    VerdictKind,
)
from contracts.errors import Problem, WhoCanAct
from contracts.practices.catalogue import shipped
from tests.peers.browser import ROOT, Visit
from tests.peers.fake_desk import LETTERS, PIN, SIGNATURE, T0_MS, USER, VERDICT, device, drawn, unique

SCREENS = ROOT / "build" / "screens" / "pages"
AUU = shipped().get("auu@2026-01")
NASPI = shipped().get("naspi@2026-01")
CHILDREN = {
    "figlio_cf": ["PRVLCU15A41A074Y", "PRV"],
    "figlio_condizione": ["minorenne", "studio"],
    "figlio_disabilita": ["nessuna", "nessuna"],
}
TOO_SHORT = FieldProblem(field="figlio_cf", index=1, code="answer.cf_shape", facts={"signs": 3})
LATE = DeadlineView(deadline=NASPI.deadlines[0], day="2026-11-28", days_left=5, risk=DeadlineRisk.NEAR)

NO_ROAD = DeadlineView(
    deadline=NASPI.deadlines[0],
    day="2026-11-25",
    days_left=2,
    risk=DeadlineRisk.ROAD,
    elsewhere=["una sede INPS, per esempio a Biella (a 32 km in linea d'aria)", "un patronato (è gratis)"],
)


def form(number, answers=None, problems=(), practice=AUU):
    def put(desk):
        desk.at(Stage.FORM, practice.id)
        desk.sit(form=desk.form_of(practice, number, answers, problems))

    return put


def at(stage, practice="auu", **changes):
    return lambda desk: desk.at(stage, practice, **changes)


def informed_on_paper(desk):
    desk.at(Stage.INFORM)
    desk.sit(notice=msgspec.structs.replace(desk.view.sitting.notice, printed=True))


def captured(*attachments, practice="naspi", stage=Stage.PAGES, **changes):
    def put(desk):
        desk.at(stage, practice, **changes)
        for attachment in attachments:
            desk.take(attachment)

    return put


FIRST, SECOND = unique(100), unique(101)
IBAN = FindingView(
    number=0,
    kind="iban",
    shown="IT24 D054 2811 1010 0000 0654 321",
    label="IBAN",
    fit=Fit.OTHER,
    box=(0.1, 0.2, 0.6, 0.22),
)


def changed_page(**changes):
    def put(desk):
        captured("busta_paga")(desk)
        desk.change_page(FIRST, **changes)

    return put


read_page = changed_page(findings=[IBAN], looks_like="iban")
covered_page = changed_page(
    redacted=True, alterable=False, remarks=["page.glare"], grave=["page.glare"], kept=KeptBecause.NO_BETTER
)


def by_themselves(desk):
    captured("busta_paga", "busta_paga")(desk)
    desk.change_pages(auto="busta_paga")
    desk.see(corners=[(0.1, 0.1), (0.9, 0.12), (0.88, 0.9), (0.12, 0.88)], hint="hold_still", steady=0.5)


def troubled(desk):
    desk.show(
        devices=[
            device("card_reader"),
            device("printer", "trouble", "printer.paper_out"),
            device("camera", "absent", "camera.absent"),
            device("barcode", "warning", "barcode.incomplete"),
        ],
        line=LineView(connected=False, heard_s=4000, waiting=2, oldest_s=3600),
        clock_code="clock.unsynchronized",
    )


def doubtful(desk):
    verdict = msgspec.structs.replace(
        VERDICT,
        kind=VerdictKind.REFUSED,
        code="document.expired",
        title="Documento non accettabile",
        lines=["Il documento è scaduto.", "Non prosegua con questo documento: ne chieda un altro."],
    )
    desk.at(Stage.COMPARE, verdict=verdict, may=["by_sight", "abandon"])


def with_draft(desk):
    desk.drafts_kept = [
        DraftRow(
            draft=LETTERS[0].letter,
            number="A074-1/2026/000015",
            citizen="PROVA MARIA",
            practice_name="Assegno unico per i figli",
            changed_at=T0_MS,
            erased_after=T0_MS + 7 * 86_400_000,
        )
    ]
    desk.show(drafts=1)


REMOVED = Problem(code="card.removed", who=WhoCanAct.CLERK)
STORE_FULL = Problem(code="outbox.full", who=WhoCanAct.TECHNICIAN)

SCRIBBLE = [[(300 + 20 * at, 400 + (150 if at % 2 else -150)) for at in range(60)], [(1700, 300)]]

PAGES = {
    "02-inizio": ("/", lambda desk: None),
    "03-inizio-con-guai": ("/", troubled),
    "04-inizio-manutenzione": ("/", lambda desk: desk.show(quiet=True)),
    "05-inizio-con-cittadino": ("/", at(Stage.FORM)),
    "06-domande": ("/domande", troubled),
    "07-domanda-ricevuta": (f"/domande/{LETTERS[2].letter}", lambda desk: None),
    "08-domanda-non-aperta": (f"/domande/{LETTERS[4].letter}", lambda desk: None),
    "09-bozze": ("/bozze", with_draft),
    "10-informativa": ("/sportello", at(Stage.INFORM)),
    "10-informativa-stampata": ("/sportello", informed_on_paper),
    "10-carta": ("/sportello", at(Stage.CARD)),
    "11-carta-tolta": ("/sportello", at(Stage.CARD, trouble=REMOVED)),
    "12-lettura": ("/sportello", at(Stage.READING)),
    "13-confronto": ("/sportello", at(Stage.COMPARE)),
    "14-documento-rifiutato": ("/sportello", doubtful),
    "15-a-vista": ("/sportello/a-vista", at(Stage.CARD)),
    "16-pratica": ("/sportello", at(Stage.CHOOSE)),
    "17-domande-anagrafica": ("/sportello", form(0)),
    "18-domande-figli-da-correggere": ("/sportello", form(3, CHILDREN, [TOO_SHORT])),
    "19-domande-pagamento": ("/sportello", form(5, {"modalita": ["iban"]})),
    "20-domande-lavoro": ("/sportello", form(3, {}, practice=NASPI)),
    "21-documenti": ("/sportello", captured("busta_paga", "busta_paga", deadline=LATE)),
    "22-rilettura": ("/sportello", at(Stage.READ_BACK)),
    "23-foglio-da-firmare": ("/sportello", at(Stage.SIGN)),
    "24-firma": ("/sportello", at(Stage.SIGN, summary_printed=True)),
    "25-firma-si-legge": ("/sportello", captured(SIGNATURE, stage=Stage.SIGN, summary_printed=True)),
    "26-non-puo-firmare": ("/sportello/non-firma", at(Stage.SIGN)),
    "27-pronto": ("/sportello", at(Stage.SIGN, summary_printed=True, signature=SignatureWay.CANNOT_SIGN)),
    "28-memoria-piena": (
        "/sportello",
        at(Stage.SIGN, summary_printed=True, signature=SignatureWay.CANNOT_SIGN, trouble=STORE_FULL),
    ),
    "29-salvataggio": ("/sportello", at(Stage.SEALING)),
    "30-fatto": ("/sportello", at(Stage.DONE)),
    "30-fatto-senza-linea": ("/sportello", at(Stage.DONE, "naspi", deadline=NO_ROAD)),
    "31-interrompi": ("/sportello/interrompi", at(Stage.FORM)),
    "32-aiuto": ("/aiuto", lambda desk: None),
    "33-accessibilita": ("/accessibilita", lambda desk: None),
    "34-non-trovata": ("/niente", lambda desk: None),
    "35-foglio": (f"/sportello/foglio/{FIRST}", captured("busta_paga")),
    "36-foglio-da-guardare": (f"/sportello/foglio/{SECOND}", captured("busta_paga", "busta_paga")),
    "37-foglio-con-iban": (f"/sportello/foglio/{FIRST}", read_page),
    "38-foglio-coperto": (f"/sportello/foglio/{FIRST}", covered_page),
    "39-foglio-da-rifare": (f"/sportello/foglio/{FIRST}/rifai", captured("busta_paga")),
    "40-foglio-angoli": (f"/sportello/foglio/{FIRST}/angoli", captured("busta_paga")),
    "41-foglio-da-coprire": (f"/sportello/foglio/{FIRST}/copri", captured("busta_paga")),
    "42-documenti-da-soli": ("/sportello", by_themselves),
    "43-legga-e-firmi": ("/sportello/penna", at(Stage.SIGN)),
    "44-firma-sullo-schermo-si-legge": ("/sportello", at(Stage.SIGN, pen=drawn(SCRIBBLE))),
    "45-pronto-con-la-penna": ("/sportello", at(Stage.SIGN, pen=drawn(SCRIBBLE), signature=SignatureWay.PEN)),
}


@pytest.fixture(scope="module")
def one_window(browser, face):
    """One window for all pages: they are looked at, not acted upon."""
    with Visit(browser, face) as opened:
        yield opened


@pytest.fixture
def window(one_window):
    """The window, turned away before the desk forgets its session: an open page would walk to the entrance."""
    yield one_window
    one_window.page.goto("about:blank")


def enter(window, desk):
    window.page.goto("about:blank")
    window.console.clear()
    welcome = desk.enter()
    window.context.add_cookies([{"name": "pue", "value": welcome.token, "url": window.base}])


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_sound(window, desk, name):
    path, put = PAGES[name]
    enter(window, desk)
    put(desk)
    window.go(path)
    window.page.wait_for_load_state("load")
    window.screenshot(SCREENS / f"{name}.png")
    assert window.faults() == []


def test_the_entrance_is_sound(visit):
    visit.go("/entra")
    visit.screenshot(SCREENS / "01-entra.png")
    assert visit.faults() == []
    visit.page.get_by_label("PIN").fill("000000")
    visit.page.get_by_role("button", name="Entra").click()
    visit.page.get_by_text("Il nome o il PIN non è giusto.").wait_for()
    visit.screenshot(SCREENS / "01-entra-pin-sbagliato.png")
    assert visit.faults() == []


def test_the_first_clerks_page_is_sound(visit, desk):
    desk.clerks = []
    visit.go("/entra")
    visit.page.get_by_role("button", name="Continua").click()
    visit.page.get_by_role("heading", name="Ci sono 4 risposte da controllare").wait_for()
    visit.screenshot(SCREENS / "00-primo-operatore.png")
    assert visit.faults() == []


def test_no_page_names_the_citizen_where_others_look(window, desk):
    """Title, address, cookies and what the browser may store: never a datum."""
    data = [value for value in (*PAGES_DATA, PIN, USER) if value]
    for name in ("13-confronto", "17-domande-anagrafica", "22-rilettura"):
        path, put = PAGES[name]
        enter(window, desk)
        put(desk)
        window.go(path)
        cookies = "".join(str(cookie) for cookie in window.context.cookies())
        stored = window.page.evaluate("JSON.stringify([localStorage, sessionStorage, history.state])")
        seen = (window.page.title() + window.page.url + cookies + stored).upper()
        assert not [datum for datum in data if datum.upper() in seen]
    assert not [url for url in window.requests if any(datum.upper() in url.upper() for datum in data)]


PAGES_DATA = ["PROVA", "MARIA", "PRVMRA50B43A074X", "CA00000AA", "1950-02-03"]
