"""A desk does not keep the pictures that went through it."""

from __future__ import annotations

import psutil

MIB = 1024 * 1024
SHEETS = 4


def test_one_sheet_after_the_other_costs_no_more_than_the_first(desk):
    process = psutil.Process(desk.pid)
    desk.world("camera", "place_sample", number=1, lamp=True)
    first = process.memory_info().rss
    for number in range(2, 2 + SHEETS):
        desk.world("camera", "place_sample", number=number, lamp=True)
    assert process.memory_info().rss - first < 40 * MIB
