from __future__ import annotations

import pytest

from tests.appliance.desk.kit import DeskProcess


@pytest.fixture
def desk(tmp_path):
    process = DeskProcess(tmp_path)
    yield process
    process.close()


@pytest.fixture
def clerk(desk):
    clerk = desk.clerk()
    clerk.come()
    return clerk
