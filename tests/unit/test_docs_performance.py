"""The page on speed says what the figures say, and these were measured, not tried."""

import pytest

from docs.building.performance import PAGE, page, read
from tests.bench.performance.__main__ import PARTS


def test_the_page_is_that_of_the_figures():
    assert page(read()) == PAGE.read_text(encoding="utf-8"), "python -m docs.building.performance writes it anew"


@pytest.mark.parametrize("name", PARTS)
def test_each_part_was_measured_and_says_how(name):
    part = read()[name]
    assert part["command"] == f"python -m tests.bench.performance {name}"
    assert not part["quick"]
    assert part["rows"]


def test_what_is_said_to_be_reached_is():
    for part in PARTS:
        for row in read()[part]["rows"]:
            if (aim := row["aim"]) is not None:
                value = row[aim["of"]][1]
                assert row["reached"] == (value <= aim["value"] if aim["kind"] == "at most" else value >= aim["value"])
