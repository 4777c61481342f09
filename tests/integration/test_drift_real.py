"""The shipped weights' range on real pictures: silent on cells of its own kind, loud on another microscope's."""

from pathlib import Path

import pytest

from smearwatch.models.appearance import MEASURES
from smearwatch.models.checkpoint import read_manifest, shipped_weights_dir
from tests.bench.drifting.cells import _found, _looks, _parts, _plain
from tests.bench.drifting.sessions import Session, row

pytestmark = [pytest.mark.integration, pytest.mark.realdata]


@pytest.fixture(scope="module")
def ranges():
    ranges = read_manifest(shipped_weights_dir()).ranges
    assert ranges is not None
    assert [kind.name for kind in ranges] == ["bccd", "chula", "pbc", "raabin"]
    assert all(set(kind.limits) == set(MEASURES) for kind in ranges)
    return ranges


def test_validation_cells_do_not_alarm(ranges, real_data: Path):
    looks = _looks(map(_plain, _parts(real_data / "pbc")["validation"][::12]))
    told = row(Session("validation", True, [looks]), ranges)
    assert len(looks) >= 50
    assert (told["alarm"], told["under alarm"]) == (0, 0)


def test_another_microscope_alarms_at_once_beside_the_scanners_range_alone(ranges, real_data: Path):
    frames = [frame.read_bytes() for frame in sorted((real_data / "bccd" / "frames").iterdir())[:40]]
    told = row(Session("bccd", False, [_found(frames)]), [kind for kind in ranges if kind.name == "pbc"])
    assert told["first after"].startswith("12,")
