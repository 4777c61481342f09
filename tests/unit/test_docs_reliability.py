"""The page on reliability says what the figures say, and these say that nothing was lost."""

import pytest

from docs.building.reliability import FIGURES, PAGE, page, read
from tests.torture.comparing import flaws


def test_the_page_is_that_of_the_figures():
    assert page(read()) == PAGE.read_text(encoding="utf-8"), "python -m docs.building.reliability writes it anew"


def test_the_figures_are_of_runs_that_lost_nothing():
    figures = read()
    sessions = figures["torture"]["sessions"]
    assert [each["flaws"] for each in sessions] == [[]] * len(sessions)
    assert figures["power"]["flaws"] == []
    assert [flaws(each) for each in figures["power"]["continued"]] == [[]] * len(figures["power"]["continued"])
    assert figures["backpressure"]["frames_lost"] == figures["soak"]["frames_lost"] == 0


@pytest.mark.parametrize("name", sorted(path.stem for path in FIGURES.glob("*.json")))
def test_each_says_how_it_was_made(name):
    assert read()[name]["command"].startswith("python -m tests.torture")
