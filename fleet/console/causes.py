"""Why is this box not fine? One sentence of cause, the weightiest first; pure, so the page and the API say the same."""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import Any, Final

import msgspec

from fleet.health.board import BoxLight
from fleet.health.liveness import Life
from fleet.registry.boxes import BoxState

OLD_LETTER_S: Final = 3_600
LITTLE_DISK_RATIO: Final = 0.05
CERTIFICATE_DAYS: Final = 30
HOT_C: Final = 80.0
TRUST_PATIENCE_S: Final = 7_200
"""Boxes fetch a release within an hour, each at its own moment, and say so with their next report."""
OLD_TRUST_DAYS: Final = 365
"""Beyond this age a desk calls its trust list expired and no document green."""
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


class Level(enum.StrEnum):
    """How much a box needs somebody."""

    FINE = "fine"
    WAITING = "waiting"
    """Nothing to do yet: it has not begun, or the fleet was away."""
    WATCH = "watch"
    BAD = "bad"


class Cause(msgspec.Struct, frozen=True):
    """The level and the sentence; the sentence is empty when all is fine."""

    level: Level
    sentence: str = ""


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A device in words. `level` is fine for what is ready, busy, lent, or switched off on purpose."""

    kind: str
    name: str
    condition: str
    words: str
    level: Level


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """The trust list of a box: what lies there, what its desk uses, from which day, and why it refuses."""

    held: int
    used: int | None
    dated: date | None
    days: int | None
    code: str


FINE: Final = Cause(Level.FINE)
_CONDITION_LEVEL: Final = {"warning": Level.WATCH, "trouble": Level.BAD, "absent": Level.BAD}
_GOODBYE: Final = {
    "stop": "It was stopped on purpose",
    "restart": "Its agent is restarting",
    "reboot": "It is restarting",
}


def devices(light: BoxLight) -> list[Device]:
    """The devices of the last report."""
    return [_device(plain) for plain in _list(light.health.get("devices"))]


def trust(light: BoxLight, now: datetime) -> Trust | None:
    """The trust list of the last report; None if it says nothing of one."""
    told = _dict(light.health, "trust")
    held, used = told.get("held"), told.get("used")
    if not isinstance(held, int):
        return None
    try:
        dated = date.fromisoformat(str(told.get("dated")))
    except ValueError:
        dated = None
    return Trust(
        held=held,
        used=used if isinstance(used, int) else None,
        dated=dated,
        days=None if dated is None else max(0, (now.date() - dated).days),
        code=str(told.get("code") or ""),
    )


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """The catalogue of a box: what lies there, what its desk serves (0: the software's own), and why it refuses."""

    held: int
    used: int | None
    code: str


def catalogue(light: BoxLight) -> Catalogue | None:
    """The catalogue of the last report; None if it says nothing of one."""
    told = _dict(light.health, "catalogue")
    held, used = told.get("held"), told.get("used")
    if not isinstance(held, int):
        return None
    return Catalogue(
        held=held, used=used if isinstance(used, int) else None, code=str(told.get("code") or "")
    )


def why(light: BoxLight, now: datetime) -> Cause:
    """The one cause to read first."""
    return (
        _of_link(light, now)
        or _of_report(light, now)
        or _of_troubles(light)
        or next(iter(_of_releases(light, now)), FINE)
    )


def ago(then: datetime, now: datetime) -> str:
    """``just now``, ``5 min ago``, ``3 h ago``, ``2 days ago``."""
    seconds = max(0, int((now - then).total_seconds()))
    return "just now" if seconds < 10 else f"{span(seconds)} ago"


def span(seconds: float) -> str:
    """A length of time in one unit."""
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < 2 * _DAY:
        return f"{whole // _HOUR} h"
    return f"{whole // _DAY} days"


def words(code: str) -> str:
    """A stable code as words: ``printer.paper_out`` is ``printer: paper out``."""
    room, _, rest = code.partition(".")
    return f"{room}: {rest}".replace("_", " ").replace(".", " ") if rest else code.replace("_", " ")


def _of_link(light: BoxLight, now: datetime) -> Cause | None:  # noqa: PLR0911 - a list of causes, the weightiest first
    if light.box.state is BoxState.EXPECTED:
        return Cause(Level.WAITING, "Waiting for its first start: the enrolment token has not been used.")
    if light.life is Life.NEVER or light.heard_at is None:
        return Cause(Level.WAITING, "Enrolled, but it has never reported. Is it connected to the network?")
    silent = ago(light.heard_at, now)
    if light.life is Life.LOST:
        return Cause(Level.BAD, f"Last heard {silent}. Call the town hall: somebody should look at it.")
    if light.life is Life.OFFLINE:
        return Cause(Level.BAD, _offline(light, silent))
    if light.life is Life.LATE:
        return Cause(Level.WATCH, f"Its report is overdue, last heard {silent}. The line may be slow.")
    if light.life is Life.UNKNOWN:
        return Cause(Level.WAITING, "The fleet itself was away; waiting for the box's next word.")
    return None


def _offline(light: BoxLight, silent: str) -> str:
    if light.presence == "offline" and light.why in _GOODBYE:
        return f"{_GOODBYE[light.why]}, {silent}."
    if light.presence == "offline":
        return f"Its connection broke {silent}. Power or line at the town hall."
    return f"Silent, last heard {silent}; its connection was never closed."


def _of_report(light: BoxLight, now: datetime) -> Cause | None:  # noqa: PLR0911 - a list of causes, the weightiest first
    """What the last report says, weightiest first."""
    health = light.health
    if not health:
        return Cause(Level.WAITING, "Connected; its first report has not come yet.")
    if health.get("desk_up") is False:
        return Cause(Level.BAD, "The desk program is not running: nobody can be served.")
    disk, outbox, clock = _dict(health, "disk"), _dict(health, "outbox"), _dict(health, "clock")
    if disk.get("read_only"):
        return Cause(Level.BAD, "Its disk has become read-only: nothing can be saved.")
    if disk.get("total_bytes") and disk.get("free_bytes", 0) < LITTLE_DISK_RATIO * disk["total_bytes"]:
        return Cause(Level.BAD, "Its disk is almost full.")
    bad = [device for device in devices(light) if device.level is not Level.FINE]
    if bad:
        worst = Level.BAD if any(device.level is Level.BAD for device in bad) else Level.WATCH
        return Cause(worst, _sentence("; ".join(f"{device.name} {device.words}" for device in bad)))
    if outbox.get("waiting") and outbox.get("oldest_s", 0) > OLD_LETTER_S:
        return Cause(Level.WATCH, f"A letter has been waiting for {span(outbox['oldest_s'])}.")
    if outbox.get("refused"):
        return Cause(Level.WATCH, f"{outbox['refused']} letter(s) were refused on the road.")
    return next(
        (one for one in _of_releases(light, now) if one.level is Level.WATCH), _of_the_rest(health, clock)
    )


def _of_releases(light: BoxLight, now: datetime) -> list[Cause]:
    return [one for one in (_of_trust(light, now), _of_catalogue(light, now)) if one]


def _of_catalogue(light: BoxLight, now: datetime) -> Cause | None:
    """A box that does not have or does not use the published catalogue."""
    wanted, told = light.box.desired.catalogue_version, catalogue(light)
    late = _late(light, light.box.catalogue_asked_at, now)
    if told is None:
        said = f"It does not say which catalogue it has; version {wanted} is published."
        return Cause(late, said) if wanted else None
    if told.code:
        return Cause(Level.WATCH, _sentence(f"its desk refuses the published catalogue: {words(told.code)}"))
    if told.held < wanted:
        has = f"version {told.held}" if told.held else "the one of its software"
        return Cause(late, f"Its catalogue is not the published version {wanted}: it has {has}.")
    return None


def _late(light: BoxLight, asked_at: datetime | None, now: datetime) -> Level:
    """Whether a box that has not fetched a release is only waited for."""
    since = max(filter(None, (asked_at, light.box.enrolled_at)), default=None)
    fresh = since is not None and (now - since).total_seconds() < TRUST_PATIENCE_S
    return Level.WAITING if fresh else Level.WATCH


def _of_trust(light: BoxLight, now: datetime) -> Cause | None:
    """A box that does not have, does not use or has outlived the published trust list."""
    wanted, told = light.box.desired.trust_version, trust(light, now)
    late = _late(light, light.box.trust_asked_at, now)
    if told is None:
        said = f"It does not say which trust list it has; version {wanted} is published."
        return Cause(late, said) if wanted else None
    if told.code:
        return Cause(Level.WATCH, _sentence(f"its desk refuses the published trust list: {words(told.code)}"))
    if told.held < wanted:
        has = f"version {told.held}" if told.held else "none"
        return Cause(late, f"Its trust list is not the published version {wanted}: it has {has}.")
    if told.used == 0:
        return Cause(Level.WATCH, "It has no trust list: no document can be proven. Publish one.")
    if told.held and told.days is not None and told.days > OLD_TRUST_DAYS:
        return Cause(Level.WATCH, f"Its trust list is {told.days} days old: publish a newer one.")
    return None


def _of_the_rest(health: dict[str, Any], clock: dict[str, Any]) -> Cause | None:
    if clock.get("trusted") is False:
        return Cause(Level.WATCH, f"It cannot trust its clock ({words(str(clock.get('why', '')))}).")
    days = health.get("certificate_days")
    if isinstance(days, int | float) and days < CERTIFICATE_DAYS:
        return Cause(Level.WATCH, f"Its certificate ends in {days:.0f} days.")
    temperature = _dict(health, "processor").get("temperature_c")
    if isinstance(temperature, int | float) and temperature >= HOT_C:
        return Cause(Level.WATCH, f"It runs hot: {temperature:.0f} °C.")
    failed = health.get("failed")
    if isinstance(failed, dict) and failed:
        return Cause(Level.WATCH, f"It could not measure: {', '.join(sorted(map(str, failed)))}.")
    return None


def _of_troubles(light: BoxLight) -> Cause | None:
    raised = [trouble for trouble in light.troubles if trouble.severity not in {"info", "debug"}]
    if not raised:
        return None
    level = Level.BAD if any(t.severity in {"error", "critical"} for t in raised) else Level.WATCH
    return Cause(level, _sentence("; ".join(words(trouble.key) for trouble in raised)))


def _device(plain: dict[str, Any]) -> Device:
    kind, condition, code = (str(plain.get(key, "")) for key in ("kind", "condition", "code"))
    off = code == "device.disabled"
    said = words(code).partition(": ")[2] if code else condition
    return Device(
        kind=kind,
        name=kind.replace("_", " "),
        condition="off" if off else condition,
        words="switched off" if off else said,
        level=Level.FINE if off else _CONDITION_LEVEL.get(condition, Level.FINE),
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _dict(health: dict[str, Any], key: str) -> dict[str, Any]:
    value = health.get(key)
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
