"""One world for all journeys: it takes fifteen seconds to build, and it must outlive everything done to it."""

from __future__ import annotations

import pytest

from provisioning.demo.world import World
from tests.journeys.town import TownClerk


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    with World(tmp_path_factory.mktemp("world"), quick=True) as world:
        yield world


@pytest.fixture
def clerk(world):
    """A clerk who just came in, at a desk where nobody sits and nothing is out of order."""
    for program in world.programs:
        program.wait_ready()
    world.mend_line()
    for device in ("printer", "camera", "panel", "barcode", "card_reader"):
        world.play(device, "mend")
    world.play("card_reader", "remove")
    world.play("camera", "uncover_lens")
    world.play("camera", "place_sample")
    clerk = TownClerk(world)
    clerk.come()
    if clerk.view.sitting is not None:
        clerk.ask("abandon", reason="other")
    return clerk
