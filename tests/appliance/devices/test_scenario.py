from __future__ import annotations

import contextlib
import queue

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.devices.barcode.simulated import SimulatedBarcode
from appliance.devices.camera.disabled import DisabledCamera
from appliance.devices.camera.simulated import SimulatedCamera
from appliance.devices.card_reader.simulated import SimulatedCardReader
from appliance.devices.panel.simulated import SimulatedPanel
from appliance.devices.port import Condition, DeviceKind
from appliance.devices.printer.simulated import SimulatedPrinter
from appliance.devices.scenario import DEEDS, InvalidScenario, Scenario, UnplayableStep, shipped_names
from appliance.runtime.clock import SystemClock

SIMULATORS = {
    DeviceKind.CARD_READER: SimulatedCardReader,
    DeviceKind.PRINTER: SimulatedPrinter,
    DeviceKind.CAMERA: SimulatedCamera,
    DeviceKind.BARCODE: SimulatedBarcode,
    DeviceKind.PANEL: SimulatedPanel,
}


@pytest.fixture
def printer():
    made = SimulatedPrinter()
    made.open()
    yield made
    made.close()


def scenario(*steps: str) -> bytes:
    return ('about = "test"\n' + "".join(f"[[step]]\n{step}\n" for step in steps)).encode()


def test_a_cue_plays_its_steps_in_order(printer):
    read = Scenario.load(
        scenario(
            'device = "printer"\ndo = "run_out"\non = "a"',
            'device = "printer"\ndo = "mend"\non = "b"',
            'device = "printer"\ndo = "near_end"\non = "b"',
        )
    )
    world = {DeviceKind.PRINTER: printer}
    assert read.cues == ("a", "b")
    assert read.play(world, "a") == 1
    assert printer.state().code == "printer.paper_out"
    assert read.play(world, "b") == 2
    assert printer.state().condition is Condition.WARNING
    assert read.play(world, "nobody waits for this") == 0


def test_the_timeline_plays_by_itself(printer):
    seen = queue.Queue()
    printer.watch(lambda state: seen.put(state.code or "ready"))
    read = Scenario.load(
        scenario(
            'device = "printer"\ndo = "mend"\nat_s = 0.1',
            'device = "printer"\ndo = "run_out"\nat_s = 0',
        )
    )
    worker = read.timeline_worker({DeviceKind.PRINTER: printer}, monotonic_s=SystemClock().monotonic_s)
    worker.start()
    assert [seen.get(timeout=5), seen.get(timeout=5)] == ["printer.paper_out", "ready"]
    worker.stop()
    worker.join(5)


def test_deeds_take_arguments():
    scanner = SimulatedBarcode()
    scanner.open()
    heard = []
    scanner.on_scan(heard.append)
    step = 'device = "barcode"\ndo = "scan"\non = "a"\nwith = { text = "8032089" }'
    Scenario.load(scenario(step)).play({DeviceKind.BARCODE: scanner}, "a")
    assert heard == ["8032089"]
    wrong = 'device = "barcode"\ndo = "scan"\non = "a"\nwith = { words = "8032089" }'
    with pytest.raises(UnplayableStep, match="words"):
        Scenario.load(scenario(wrong)).play({DeviceKind.BARCODE: scanner}, "a")


@pytest.mark.parametrize(
    "step",
    [
        'device = "printer"\ndo = "close"\non = "a"',
        'device = "printer"\ndo = "__class__"\non = "a"',
        'device = "toaster"\ndo = "mend"\non = "a"',
        'device = "printer"\ndo = "mend"',
        'device = "printer"\ndo = "mend"\non = "a"\nat_s = 1',
        'device = "printer"\ndo = "mend"\nat_s = -1',
        'device = "printer"\ndo = "mend"\nat_s = nan',
        'device = "printer"\ndo = "mend"\non = "a"\nextra = 1',
        'device = "printer"\ndo = "mend"\non = "a"\nwith = { x = [1] }',
    ],
)
def test_what_cannot_be_played_is_refused_when_read(step):
    with pytest.raises(InvalidScenario):
        Scenario.load(scenario(step))


def test_too_large_is_refused():
    with pytest.raises(InvalidScenario):
        Scenario.load(b"#" * 100_000)
    with pytest.raises(InvalidScenario):
        Scenario.load(scenario(*['device = "printer"\ndo = "mend"\non = "a"'] * 501))


@given(st.binary(max_size=200))
def test_rubbish_raises_our_error_or_nothing(data):
    try:
        Scenario.load(data)
    except InvalidScenario:
        return


def test_a_device_without_a_back_cannot_be_played():
    read = Scenario.load(scenario('device = "camera"\ndo = "unplug"\non = "a"'))
    for world in ({}, {DeviceKind.CAMERA: DisabledCamera()}):
        with pytest.raises(UnplayableStep):
            read.play(world, "a")


@pytest.mark.parametrize(("kind", "simulator"), SIMULATORS.items())
def test_every_allowed_deed_exists_on_its_simulator(kind, simulator):
    assert [deed for deed in DEEDS[kind] if not callable(getattr(simulator, deed, None))] == []


@pytest.mark.parametrize("name", ["card_torn", "everyday", "lens_covered", "paper_out"])
def test_shipped_scenarios_can_be_read(name):
    assert name in shipped_names()
    assert Scenario.shipped(name).cues


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_scenarios_can_be_played_to_their_end(name):
    world = {kind: simulator() for kind, simulator in SIMULATORS.items()}
    read = Scenario.shipped(name)
    with contextlib.ExitStack() as opened:
        for device in world.values():
            device.open()
            opened.callback(device.close)
        assert sum(read.play(world, cue) for cue in read.cues) == len(read.steps)
        worst = {device.state().condition for device in world.values()}
        assert worst <= {Condition.READY, Condition.BUSY, Condition.WARNING}, (
            "a scenario leaves the desk usable"
        )


def test_every_shipped_scenario_is_named_here():
    assert shipped_names() == ("card_torn", "everyday", "lens_covered", "paper_out")
    with pytest.raises(InvalidScenario, match="everyday"):
        Scenario.shipped("../registry")
