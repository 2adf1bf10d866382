"""The how-to pages name files and words of the code; those must be there, and new neighbours must be named."""

import re
from pathlib import Path

import pytest

from contracts.messages.orders import OrderKind

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs/how-to").glob("*.md"))
LISTS = {"__init__", "all", "port"}


@pytest.mark.parametrize("page", PAGES, ids=lambda it: it.stem)
def test_paths_named_in_a_page_exist(page):
    named = re.findall(r"`((?:[a-z_]+/)+[\w.]*)`", page.read_text())
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("kind", sorted(it.parent.name for it in ROOT.glob("appliance/devices/*/port.py")))
def test_every_device_kind_has_a_simulated_and_another_driver(kind):
    drivers = {file.stem for file in (ROOT / "appliance/devices" / kind).glob("*.py")} - LISTS
    assert "simulated" in drivers
    assert len(drivers) >= 2


@pytest.mark.parametrize("room", ["probes", "acts"])
def test_every_neighbour_is_in_the_list(room):
    folder = ROOT / "appliance/agent" / room
    called = set(re.findall(r"\b(\w+)\.(?:read|act)\(", (folder / "all.py").read_text()))
    assert {file.stem for file in folder.glob("*.py")} - LISTS == called


def test_every_order_has_its_act():
    acts = {file.stem for file in (ROOT / "appliance/agent/acts").glob("*.py")} - LISTS
    assert acts == {kind.value for kind in OrderKind}
