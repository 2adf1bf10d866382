from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from appliance.devices.port import Condition, Device, DeviceKind, StateKeeper
from appliance.devices.registry import (
    DRIVERS,
    DriverMissing,
    UnknownDriver,
    driver_class,
    make_device,
    open_device,
)
from appliance.runtime.clock import SettableClock

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

ALL = [(kind, name) for kind in DeviceKind for name in DRIVERS[kind]]


def test_since_is_the_beginning_of_a_condition_and_not_of_its_facts():
    clock = SettableClock(NOON)
    keeper = StateKeeper(DeviceKind.PRINTER, "x", now=clock.now)
    keeper.become(Condition.WARNING, "printer.toner_low", percent=10)
    clock.advance(60)
    keeper.become(Condition.WARNING, "printer.toner_low", percent=9)
    assert keeper.state().since == NOON
    assert keeper.state().facts == {"percent": 9}
    keeper.become(Condition.READY)
    assert keeper.state().since == NOON + timedelta(seconds=60)


def test_watchers_hear_changes_only_and_in_order():
    keeper = StateKeeper(DeviceKind.CAMERA, "x")
    heard = []
    keeper.watch(lambda state: heard.append(state.facts.get("n", 0)))
    keeper.become(Condition.READY)
    keeper.become(Condition.READY)

    def change(start: int) -> None:
        for n in range(start, start + 200):
            keeper.become(Condition.BUSY, "x", n=n)

    threads = [threading.Thread(target=change, args=(start,)) for start in (1000, 2000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert heard[0] == 0
    assert len(heard) == 401
    assert heard[-1] == keeper.state().facts["n"]


@pytest.mark.parametrize("kind", list(DeviceKind))
def test_every_kind_has_a_simulator_and_another_way(kind):
    assert "simulated" in DRIVERS[kind]
    assert len(DRIVERS[kind]) >= 2


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_every_driver_is_a_device(kind, name):
    made = driver_class(kind, name)
    assert issubclass(made, Device)


@pytest.mark.parametrize("kind", [kind for kind in DeviceKind if "disabled" in DRIVERS[kind]])
def test_disabled_is_absent_on_purpose_and_says_so(kind):
    device = open_device(kind, "disabled", {})
    assert (device.state().condition, device.state().code) == (Condition.ABSENT, "device.disabled")
    device.close()


def test_an_unknown_driver_is_refused_with_the_nearest():
    with pytest.raises(UnknownDriver, match="did you mean simulated"):
        make_device(DeviceKind.PRINTER, "simulate", {})
    with pytest.raises(UnknownDriver, match="there are simulated"):
        make_device(DeviceKind.PRINTER, "lpt1", {})


def test_a_driver_without_its_library_says_which(monkeypatch, tmp_path):
    (tmp_path / "needs_nothing_real.py").write_text("import a_library_nobody_has\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(
        "appliance.devices.registry.DRIVERS", {DeviceKind.PANEL: {"odd": "needs_nothing_real:Odd"}}
    )
    with pytest.raises(DriverMissing) as refusal:
        driver_class(DeviceKind.PANEL, "odd")
    assert refusal.value.facts["missing"] == "a_library_nobody_has"
