"""Why is this box not fine? One sentence, the weightiest cause first."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from contracts.messages.enrolment import Site
from contracts.messages.twin import Desired
from fleet.console import board, causes
from fleet.console.board import Filter, Show
from fleet.console.causes import Level
from fleet.health.board import BoxLight, Trouble
from fleet.health.liveness import Life
from fleet.registry.boxes import Box, BoxState
from tests.fleet.console.world import device, healthy

NOW = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)


def light(
    life=Life.ONLINE,
    *,
    heard_s=20,
    state=BoxState.ENROLLED,
    name="scatola1",
    comune="Agordo",
    published=0,
    asked_h=3,
    **more,
):
    heard = None if life is Life.NEVER else NOW - dt.timedelta(seconds=heard_s)
    box = Box(
        box=name,
        site=Site(site="a083-1", istat="025001", comune=comune, provincia="BL"),
        region="Veneto",
        state=state,
        life=1,
        shard="00",
        latitude=0,
        longitude=0,
        created_at=NOW,
        enrolled_at=NOW - dt.timedelta(days=9),
        desired=Desired(rev=1, trust_version=published),
        trust_asked_at=NOW - dt.timedelta(hours=asked_h),
    )
    facts = {
        "life_since": heard,
        "presence": "online",
        "presence_at": heard,
        "why": "",
        "birth": {},
        "health": healthy(),
        "health_received_at": heard,
        "applied_rev": 1,
        "troubles": [],
    }
    return BoxLight(box=box, life=life, heard_at=heard, **(facts | more))


def believing(held, used=None, dated="2026-10-01", code=""):
    return healthy(trust={"held": held, "used": held if used is None else used, "dated": dated, "code": code})


GONE = {"presence": "offline", "why": "link"}


@pytest.mark.parametrize(
    ("given", "level", "words"),
    [
        (light(), Level.FINE, ""),
        (light(state=BoxState.EXPECTED, life=Life.NEVER), Level.WAITING, "token has not been used"),
        (light(Life.NEVER), Level.WAITING, "never reported"),
        (light(Life.LATE, heard_s=560), Level.WATCH, "overdue, last heard 9 min ago"),
        (light(Life.OFFLINE, heard_s=7300, **GONE), Level.BAD, "connection broke 2 h ago"),
        (light(Life.OFFLINE, **(GONE | {"why": "reboot"})), Level.BAD, "restarting"),
        (light(Life.OFFLINE, heard_s=1200), Level.BAD, "never closed"),
        (light(Life.LOST, heard_s=500_000), Level.BAD, "5 days ago"),
        (light(Life.UNKNOWN), Level.WAITING, "fleet itself"),
        (light(health={}), Level.WAITING, "first report"),
        (light(health=healthy(desk_up=False)), Level.BAD, "nobody can be served"),
        (light(health=healthy(disk={"read_only": True})), Level.BAD, "read-only"),
        (light(health=healthy(disk={"total_bytes": 100, "free_bytes": 3})), Level.BAD, "almost full"),
        (
            light(health=healthy(devices=device("printer", "trouble", "printer.paper_out"))),
            Level.BAD,
            "Printer paper out.",
        ),
        (
            light(health=healthy(devices=device("camera", "warning", "camera.fault"))),
            Level.WATCH,
            "Camera fault.",
        ),
        (light(health=healthy(devices=device("barcode", "absent", "device.disabled"))), Level.FINE, ""),
        (light(health=healthy(outbox={"waiting": 1, "oldest_s": 9_000})), Level.WATCH, "waiting for 2 h"),
        (light(health=healthy(clock={"trusted": False, "why": "below_floor"})), Level.WATCH, "below floor"),
        (light(published=4), Level.WATCH, "does not say which trust list"),
        (light(published=4, health=believing(4)), Level.FINE, ""),
        (light(published=4, health=believing(4, used=3)), Level.FINE, ""),
        (light(published=4, health=believing(3)), Level.WATCH, "published version 4: it has version 3"),
        (light(published=4, health=believing(0, used=1)), Level.WATCH, "it has none"),
        (
            light(published=4, health=believing(4, used=3, code="trust.bundle_damaged")),
            Level.WATCH,
            "refuses the published trust list: trust: bundle damaged",
        ),
        (light(published=4, asked_h=1), Level.WAITING, "does not say which trust list"),
        (light(published=4, asked_h=1, health=believing(3)), Level.WAITING, "version 4: it has version 3"),
        (
            light(published=4, asked_h=1, health=believing(3) | {"certificate_days": 12.4}),
            Level.WATCH,
            "ends in 12 days",
        ),
        (light(health=believing(4, dated="2025-11-20")), Level.WATCH, "368 days old"),
        (light(health=believing(4, dated="")), Level.FINE, ""),
        (light(health=believing(0)), Level.WATCH, "no document can be proven"),
        (light(health=believing(0, used=1, dated="2020-01-01")), Level.FINE, ""),
        (light(health=healthy(certificate_days=12.4)), Level.WATCH, "ends in 12 days"),
        (light(health=healthy(processor={"temperature_c": 84.0})), Level.WATCH, "84 °C"),
        (light(health=healthy(failed={"network": "no route"})), Level.WATCH, "could not measure: network"),
        (
            light(troubles=[Trouble(key="panel.tamper", severity="error", since=NOW, times=1, facts={})]),
            Level.BAD,
            "Panel: tamper.",
        ),
    ],
)
def test_one_sentence_of_cause(given, level, words):
    cause = causes.why(given, NOW)
    assert cause.level is level
    assert words in cause.sentence
    assert bool(cause.sentence) == (level is not Level.FINE)


@pytest.mark.parametrize(
    "health",
    [
        {"devices": "?", "outbox": 3, "clock": [], "failed": "x"},
        {"devices": [1, None]},
        {"disk": "full"},
        {"trust": {"held": "x", "dated": 7}},
        {"trust": [1]},
    ],
)
def test_a_strange_report_never_breaks_the_board(health):
    row = board.row(light(health=health), NOW)
    assert row.waiting is None
    assert row.clock is None


def test_the_board_counts_filters_and_puts_the_worst_first():
    lights = [
        light(name="buona001"),
        light(Life.LATE, name="tarda001", comune="Belluno"),
        light(Life.LOST, heard_s=500_000, name="persa001", comune="Feltre"),
        light(Life.NEVER, name="nuova001"),
    ]
    whole = board.build(lights, Filter(), NOW)
    assert [row.box for row in whole.rows] == ["persa001", "tarda001", "nuova001", "buona001"]
    assert (whole.counts[Show.ATTENTION], whole.counts[Show.ONLINE], whole.counts[Show.NEW]) == (2, 1, 1)
    only = board.build(lights, Filter(show=Show.ATTENTION, text="fel BL"), NOW)
    assert [row.box for row in only.rows] == ["persa001"]
    assert only.total == 4
    assert board.build(lights, Filter(region="Sicilia"), NOW).rows == []


def test_a_whole_country_is_cut_where_nobody_reads_on():
    many = [light(name=f"scatola{n:05d}") for n in range(board.MAX_ROWS + 7)]
    whole = board.build([*many, light(Life.LOST, heard_s=500_000, name="persa001")], Filter(), NOW)
    assert (len(whole.rows), whole.beyond, whole.total) == (board.MAX_ROWS, 8, board.MAX_ROWS + 8)
    assert whole.rows[0].box == "persa001"


@pytest.mark.parametrize(
    ("told", "asked_h", "level", "says"),
    [
        (None, 3, Level.WATCH, "does not say which catalogue"),
        ({"held": 0, "used": 0}, 1, Level.WAITING, "it has the one of its software"),
        ({"held": 2, "used": 2}, 3, Level.WATCH, "it has version 2"),
        (
            {"held": 4, "used": 2, "code": "catalogue.invalid"},
            1,
            Level.WATCH,
            "refuses the published catalogue",
        ),
        ({"held": 4, "used": 4}, 3, Level.FINE, ""),
        ({"held": "x"}, 3, Level.WATCH, "does not say which catalogue"),
    ],
)
def test_a_box_without_the_published_catalogue_says_so(told, asked_h, level, says):
    seen = light(health=healthy(catalogue=told))
    box = msgspec.structs.replace(
        seen.box,
        desired=Desired(rev=1, catalogue_version=4),
        catalogue_asked_at=NOW - dt.timedelta(hours=asked_h),
    )
    cause = causes.why(msgspec.structs.replace(seen, box=box), NOW)
    assert cause.level is level
    assert says in cause.sentence


def test_a_refusal_is_said_even_where_nothing_is_published():
    told = {"held": 1, "used": 0, "code": "catalogue.release_older"}
    assert (
        "refuses the published catalogue" in causes.why(light(health=healthy(catalogue=told)), NOW).sentence
    )
