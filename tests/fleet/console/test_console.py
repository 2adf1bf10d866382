"""The console as a process: who may do what, what every answer carries, what flows while it is open."""

from __future__ import annotations

import os
import re
import signal

import pyotp
import pytest
import sqlalchemy as sa

from fleet.console.__main__ import accounts_of
from fleet.link.tables import OutboundRow
from fleet.orders.tables import OrderRow
from tests.fleet.console.world import PASSWORD, Console, device, healthy
from tests.peers.waiting import until


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    console = Console(tmp_path_factory.mktemp("fleet"))
    for name, role in (("vera", "viewer"), ("oscar", "operator")):
        accounts_of(console.database).add(name, PASSWORD, role)
    done = console.command("user", "add", "ada", "--role", "admin", given=PASSWORD + "\n")
    assert done.returncode == 0, done.stderr
    console.whole_fleet()
    console.day("agordoprova1")
    console.start()
    yield console
    console.close()


def csrf(page: str) -> str:
    return re.search(r'name="csrf" value="([^"]+)"', page).group(1)


def test_the_command_line_says_why(console):
    short = console.command("user", "add", "ugo", given="corta\n")
    assert (short.returncode, short.stdout) == (1, "")
    assert "account.invalid" in short.stderr
    assert console.command("user", "add").returncode == 2
    shown = console.command("config", "show")
    assert shown.returncode == 0
    assert "[console]" in shown.stdout
    assert console.command("user", "list").stdout.splitlines() == [
        "ada admin",
        "oscar operator",
        "vera viewer",
    ]


def test_strangers_see_the_log_in_and_nothing_else(console):
    stranger = console.session()
    for path in ("/", "/boxes/agordoprova1", "/orders", "/enrol"):
        answer = stranger.get(console.url + path, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    fragment = stranger.get(
        f"{console.url}/fragments/board", headers={"HX-Request": "true"}, allow_redirects=False
    )
    assert (fragment.status_code, fragment.headers["HX-Redirect"], fragment.text) == (401, "/login", "")
    stream = stranger.get(
        f"{console.url}/events", headers={"Accept": "text/event-stream"}, allow_redirects=False
    )
    assert stream.status_code == 401
    api = stranger.get(f"{console.url}/api/v1/boxes")
    assert (api.status_code, api.json()["code"]) == (401, "session.none")


def test_every_answer_is_strict_and_kept_nowhere(console):
    page = console.session("vera").get(console.url)
    policy = page.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<style|<script(?![^>]*src)| style=| on[a-z]+=|https?://", page.text)
    login = console.session().post(
        f"{console.url}/login", data={"name": "vera", "password": PASSWORD}, allow_redirects=False
    )
    assert "HttpOnly" in login.headers["Set-Cookie"]
    assert "SameSite=Lax" in login.headers["Set-Cookie"]


def test_a_viewer_looks_and_an_operator_acts(console):
    viewer, operator = console.session("vera"), console.session("oscar")
    page = viewer.get(f"{console.url}/boxes/agordoprova1").text
    assert "give orders" in page
    order = {"kind": "ping", "csrf": csrf(page)}
    refused = viewer.post(f"{console.url}/boxes/agordoprova1/orders", data=order)
    assert refused.status_code == 403
    assert viewer.get(f"{console.url}/enrol").status_code == 403
    page = operator.get(f"{console.url}/boxes/agordoprova1").text
    order = {"kind": "restart_desk", "csrf": csrf(page)}
    done = operator.post(f"{console.url}/boxes/agordoprova1/orders", data=order)
    assert "Restart desk" in done.text
    with console.database.read() as db:
        (row,) = db.scalars(sa.select(OrderRow).where(OrderRow.kind == "restart_desk")).all()
        assert (row.by, row.state) == ("oscar", "queued")
        assert db.scalar(sa.select(sa.func.count()).where(OutboundRow.ref == f"order:{row.order}")) == 1


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, "wrong"),
        ({}, ""),
        ({"Sec-Fetch-Site": "cross-site"}, None),
        ({"Origin": "https://evil.example"}, None),
        ({"Origin": "null"}, None),
    ],
)
def test_changes_come_from_our_own_pages_only(console, headers, token):
    operator = console.session("oscar")
    url = f"{console.url}/boxes/belluno1prova/orders"
    real = csrf(operator.get(f"{console.url}/boxes/belluno1prova").text)
    answer = operator.post(
        url, data={"kind": "ping", "csrf": real if token is None else token}, headers=headers
    )
    assert answer.status_code == 403
    with console.database.read() as db:
        assert db.scalar(sa.select(sa.func.count()).where(OrderRow.box == "belluno1prova")) == 0


def test_orders_that_make_no_sense_are_refused_with_a_sentence(console):
    operator = console.session("oscar")
    token = csrf(operator.get(console.url).text)
    unknown = operator.post(
        f"{console.url}/boxes/agordoprova1/orders", data={"kind": "explode", "csrf": token}
    )
    assert unknown.status_code == 400
    new = operator.post(f"{console.url}/boxes/nuovoprova01/orders", data={"kind": "ping", "csrf": token})
    assert new.status_code == 409
    assert "not enrolled" in new.text
    assert operator.get(f"{console.url}/boxes/nonesiste").status_code == 404
    assert operator.get(f"{console.url}/boxes/UPPER!").status_code == 404


def test_the_board_filters(console):
    viewer = console.session("vera")
    lost = viewer.get(f"{console.url}/fragments/board?show=lost").text
    assert "Sappada" in lost
    assert "Feltre" not in lost
    assert "Cortina" in viewer.get(f"{console.url}/fragments/board?text=cortina").text
    region = viewer.get(f"{console.url}/fragments/board?region=Friuli-Venezia+Giulia").text
    assert "Sappada" in region
    assert "Agordo" not in region
    assert "No box matches" in viewer.get(f"{console.url}/fragments/board?text=<script>").text
    assert viewer.get(f"{console.url}/?show=nonsense&text={'x' * 500}").status_code == 200


def test_a_token_is_shown_once(console):
    operator = console.session("oscar")
    token = csrf(operator.get(f"{console.url}/enrol").text)
    form = {"csrf": token, "comune": "Vodo Cadore", "office": "Anagrafe", "desk": "", "name": ""}
    answer = operator.post(f"{console.url}/enrol", data=form | {"comune": "Vodoo"})
    assert answer.status_code == 422
    assert "full name" in answer.text
    clash = operator.post(f"{console.url}/enrol", data=form | {"comune": "Castro"})
    assert clash.status_code == 422
    assert "Castro (BG)" in clash.text
    shown = operator.post(f"{console.url}/enrol", data=form | {"comune": "Castro (BG)"})
    assert shown.history[0].status_code == 303
    secret = re.search(r'id="token">([a-z2-9]{26})<', shown.text).group(1)
    again = operator.get(shown.url).text
    assert secret not in again
    assert "shown already" in again
    second = operator.post(f"{console.url}/enrol", data=form | {"comune": "Castro (BG)"})
    assert re.search(r"c337-2", second.text), "the next free desk"


def test_a_change_reaches_an_open_page_at_once(console):
    viewer = console.session("vera")
    with viewer.get(f"{console.url}/events", stream=True, timeout=20) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        assert stream.headers["Cache-Control"] == "no-store"
        lines = stream.iter_lines(decode_unicode=True)
        assert next(line for line in lines if line == "event: changed")
        console.say("cortinaprova", devices=device("card_reader", "absent", "card_reader.absent"))
        assert next(line for line in lines if line == "event: changed")
    board = viewer.get(f"{console.url}/fragments/board").text
    assert "card reader: absent" in board
    console.say("cortinaprova", devices=device("printer", "trouble", "printer.paper_out"))


def test_the_stream_of_a_box_ends_with_the_session(console):
    viewer = console.session("vera")
    token = csrf(viewer.get(console.url).text)
    with viewer.get(f"{console.url}/events?box=agordoprova1", stream=True, timeout=25) as stream:
        lines = stream.iter_lines(decode_unicode=True)
        assert next(line for line in lines if line == "event: changed")
        other = console.session()
        other.cookies.update(viewer.cookies)
        other.post(f"{console.url}/logout", data={"csrf": token})
        console.say("agordoprova1")
        assert next(line for line in lines if line.startswith("event: ")) == "event: ended"


def test_the_api_says_the_same_as_the_page(console):
    operator = console.session("oscar")
    boxes = {box["box"]: box for box in operator.get(f"{console.url}/api/v1/boxes").json()}
    assert boxes["cortinaprova"]["why"] == "Printer paper out."
    assert boxes["agordoprova1"]["level"] == "fine"
    one = operator.get(f"{console.url}/api/v1/boxes/sappadaprova").json()
    assert (one["life"], one["level"]) == ("lost", "bad")
    missing = operator.get(f"{console.url}/api/v1/boxes/nonesiste")
    assert missing.json()["code"] == "fleet.box_unknown"
    url = f"{console.url}/api/v1/boxes/belluno1prova/orders"
    assert operator.post(url, json={"kind": "ping"}).status_code == 403
    token = {"X-CSRF-Token": csrf(operator.get(console.url).text)}
    assert operator.post(url, json={"kind": "explode"}, headers=token).status_code == 422
    made = operator.post(url, json={"kind": "identify"}, headers=token)
    assert (made.status_code, made.json()["state"]) == (201, "queued")
    assert [order["kind"] for order in operator.get(url).json()] == ["identify"]
    spec = operator.get(f"{console.url}/api/v1/openapi.json").json()
    assert set(spec["paths"]) == {"/api/v1/boxes", "/api/v1/boxes/{box}", "/api/v1/boxes/{box}/orders"}
    series = operator.get(f"{console.url}/boxes/agordoprova1/series.json").json()
    assert len(series["at"]) == len(series["load"]) > 100


def test_guessing_is_locked_out_and_codes_are_asked(console):
    stranger = console.session()
    wrong = [
        stranger.post(f"{console.url}/login", data={"name": "pippo", "password": "x" * 12}) for _ in range(6)
    ]
    assert [answer.status_code for answer in wrong] == [401] * 5 + [429]
    assert "wait" in wrong[5].text
    secret = accounts_of(console.database).add("teo", PASSWORD, "viewer", totp=True)
    form = {"name": "teo", "password": PASSWORD}
    assert stranger.post(f"{console.url}/login", data=form).status_code == 401
    form["code"] = pyotp.TOTP(secret).now()
    assert stranger.post(f"{console.url}/login", data=form, allow_redirects=False).status_code == 303


def test_it_ends_when_asked_and_dies_with_its_worker(tmp_path):
    console = Console(tmp_path)
    console.start()
    assert console.stop() == 0
    console.start()
    worker = until(lambda: subprocess_children(console.process.pid), "gunicorn has its worker")[0]
    os.kill(worker, signal.SIGKILL)
    assert console.process.wait(timeout=10) == 70
    console.process.stdout.close()
    console.process = None
    console.close()


def subprocess_children(pid: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(pid).children()]


def test_without_a_fleet_key_it_says_so(tmp_path):
    console = Console(tmp_path)
    (tmp_path / "keys" / "fleet-key.pem").unlink()
    done = console.command()
    assert done.returncode == 1
    assert "fleet.keys_unavailable" in done.stderr
    console.close()


def test_health_facts_of_a_box_without_some_probes_are_drawn(console):
    console.box("mezzaprova01", "g642-2", health={"devices": [], "uptime_s": 5, "desk_up": True})
    console.box("vuotaprova01", "g642-3", health={})
    viewer = console.session("vera")
    for name in ("mezzaprova01", "vuotaprova01", "nuovoprova01", "pieveprova01", "sappadaprova"):
        assert viewer.get(f"{console.url}/boxes/{name}").status_code == 200
    assert healthy()["desk_up"]


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ({"held": 4, "used": 4, "code": ""}, ["version 4", "days old"]),
        ({"held": 4, "used": 3, "code": ""}, ["version 3", "4 is taken after this sitting"]),
        ({"held": 4, "used": 3, "code": "trust.invalid"}, ["version 3", "version 4 refused", "Why?"]),
        ({"held": 0, "used": 1, "code": ""}, ["version 1", "given with the box"]),
        ({"held": 2, "used": None, "dated": "", "code": ""}, ["version 2"]),
    ],
)
def test_a_box_page_says_whom_the_box_believes(console, told, shown):
    console.say("agordoprova1", trust={"dated": "2026-01-02"} | told)
    page = console.session("oscar").get(f"{console.url}/boxes/agordoprova1").text
    fact = re.search(r"Trust list</dt><dd>(.*?)</dd>", page, re.DOTALL).group(1)
    for words in shown:
        assert words in (page if words == "Why?" else fact)
    console.say("agordoprova1")
