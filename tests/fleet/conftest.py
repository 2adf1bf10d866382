from __future__ import annotations

import pytest

from tests.fleet.fleet_house import House


@pytest.fixture
def house(tmp_path):
    """A fleet's folder with everything prepared and nothing running."""
    built = House(tmp_path)
    yield built
    built.close()


@pytest.fixture
def running(house):
    """The same with broker and ingest."""
    house.start_broker()
    house.start("ingest")
    return house
