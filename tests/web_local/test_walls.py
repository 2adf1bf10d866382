"""Headers, cookie, forged forms, hosts: the walls of the face, without a browser."""

from __future__ import annotations

import re

import pytest

from contracts.desk_api.clerk import Stage
from tests.peers.fake_desk import NAME, PIN, USER, VOUCHER
from web_local.app import create_app
from web_local.desk_client import desk_at
from web_local.security import CSP, MAX_BODY_BYTES, csrf_token
from web_local.settings import WebSettings

OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def logged(client, desk):
    client.post("/entra", data={"user": USER, "pin": PIN}, headers=OURS)
    assert desk.token
    return client


def act(desk, **values):
    return {"csrf": csrf_token(desk.token), "once": "o" * 20, **values}


@pytest.mark.parametrize(
    "path", ["/", "/entra", "/aiuto", "/niente", "/static/css/pue.css", "/sportello", "/eventi"]
)
def test_every_answer_carries_the_whole_set_of_headers(client, path):
    with client.get(path) as answer:
        headers = answer.headers
    assert headers["Content-Security-Policy"] == CSP
    assert CSP == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self' data:; connect-src 'self'; media-src 'self' blob:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Permissions-Policy"] == (
        "camera=(self), microphone=(self), display-capture=(self), geolocation=()"
    )


@pytest.mark.parametrize("path", ["/", "/domande", "/sportello", "/immagine/photo", "/aiuto", "/niente"])
def test_nothing_but_parts_of_the_page_may_be_kept(logged, path):
    assert logged.get(path).headers["Cache-Control"] == "no-store"


def test_pages_hold_no_inline_script_or_style(logged, desk):
    for path in ("/", "/aiuto", "/domande"):
        page = logged.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", page)


def test_the_cookie_holds_the_desks_token_and_nothing_else(client, desk):
    answer = client.post("/entra", data={"user": USER, "pin": PIN}, headers=OURS)
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie == f"pue={desk.token}; HttpOnly; Path=/; SameSite=Strict"


def test_over_https_the_cookie_is_secure(desk):
    app = create_app(WebSettings(desk_socket=str(desk.path), behind_https=True), desk_at(desk.path))
    answer = app.test_client().post("/entra", data={"user": USER, "pin": PIN}, headers=OURS)
    assert "; Secure;" in answer.headers["Set-Cookie"]


def test_leaving_takes_everything_back(logged, desk):
    answer = logged.post("/esci", data={"csrf": csrf_token(desk.token)}, headers=OURS)
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "pue=;" in answer.headers["Set-Cookie"]
    assert desk.token is None
    assert logged.get("/").headers["Location"] == "/entra"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://altrove.example"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_form_from_elsewhere_is_refused(logged, desk, headers):
    answer = logged.post("/comincia", data=act(desk), headers=headers)
    assert answer.status_code == 409
    assert desk.acts == []


def test_an_old_browser_is_known_by_its_origin(logged, desk):
    assert logged.post("/comincia", data=act(desk), headers={"Origin": "http://localhost"}).status_code == 303
    assert desk.acts == ["Act"]


@pytest.mark.parametrize("word", ["", "0" * 64, csrf_token("another-token-000")])
def test_a_form_without_the_sessions_word_is_refused(logged, desk, word):
    answer = logged.post("/comincia", data={"csrf": word, "once": "o" * 20}, headers=OURS)
    assert answer.status_code == 409
    assert "aperta da troppo tempo" in answer.text
    assert desk.acts == []


@pytest.mark.parametrize("host", ["altrove.example", "127.0.0.1.altrove.example", "192.0.2.7:8080", ""])
def test_only_our_own_names_are_answered(client, host):
    assert client.get("/entra", headers={"Host": host or "x"}).status_code == 409


def test_a_name_in_the_settings_is_answered(desk):
    app = create_app(WebSettings(desk_socket=str(desk.path), hosts=["Pue-0042.local"]), desk_at(desk.path))
    assert app.test_client().get("/entra", headers={"Host": "pue-0042.local:8443"}).status_code == 200


def test_a_request_has_an_end(logged, desk):
    data = act(desk, step="x", **{"f.nome": "a" * (MAX_BODY_BYTES + 1)})
    assert logged.post("/sportello/passo", data=data, headers=OURS).status_code == 413


def test_a_fragment_without_session_is_sent_to_the_entrance_whole(client):
    for headers in ({"HX-Request": "true"}, {"Accept": "text/event-stream"}):
        answer = client.get("/eventi", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["HX-Redirect"] == "/entra"


def test_a_session_the_desk_forgot_is_over(logged, desk):
    desk.token = None
    answer = logged.get("/")
    assert answer.headers["Location"] == "/entra?perche=finita"
    assert "pue=;" in answer.headers["Set-Cookie"]


def test_a_locked_desk_asks_for_the_pin(logged, desk):
    logged.post("/blocca", data={"csrf": csrf_token(desk.token)}, headers=OURS)
    assert logged.get("/").headers["Location"] == "/entra?perche=blocco"
    assert logged.get("/sportello").headers["Location"] == "/entra?perche=blocco"


def test_the_entrance_shows_nothing_of_a_citizen_even_to_an_open_session(logged, desk):
    desk.at(Stage.COMPARE)
    assert "PROVA" in logged.get("/sportello").text
    assert "PROVA" not in logged.get("/entra").text


def test_lock_out_is_said_in_minutes(client, desk):
    desk.refuse("login", "clerk.locked_out", wait_s=170)
    page = client.post("/entra", data={"user": USER, "pin": PIN}, headers=OURS)
    assert page.status_code == 409
    assert "aspetti 3 minuti" in page.text


def test_the_first_clerk_needs_the_voucher(client, desk):
    desk.clerks = []
    typed = {"name": NAME, "user": USER, "pin": PIN, "pin_again": PIN, "voucher": "sbagliato"}
    page = client.post("/primo-operatore", data=typed, headers=OURS)
    assert "codice di consegna non è giusto" in page.text
    assert NAME in page.text
    assert PIN not in page.text
    done = client.post("/primo-operatore", data=typed | {"voucher": VOUCHER}, headers=OURS)
    assert done.headers["Location"] == "/"


def test_first_clerk_is_told_what_is_wrong_with_each_field(client, desk):
    desk.clerks = []
    page = client.post("/primo-operatore", data={"pin": "12", "user": "Anna B"}, headers=OURS)
    assert page.status_code == 422
    assert page.text.count('aria-invalid="true"') == 4


def test_pictures_only_by_their_names(logged):
    assert logged.get("/immagine/photo").headers["Content-Type"] == "image/jpeg"
    assert logged.get("/immagine/..%2f..%2fetc").status_code == 404
    assert logged.get("/immagine/altro").status_code == 404


def test_unforeseen_errors_are_calm_and_say_nothing_of_the_citizen(desk, caplog):
    app = create_app(WebSettings(desk_socket=str(desk.path)), desk_at(desk.path))

    @app.get("/guasto")
    def broken():
        raise ValueError("PRVMRA50B43A074X")

    page = app.test_client().get("/guasto")
    assert page.status_code == 500
    assert "Qualcosa non ha funzionato" in page.text
    assert "PRVMRA" not in page.text + caplog.text
    assert "ValueError" in caplog.text
