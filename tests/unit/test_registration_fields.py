"""How two fields lie to each other: found where they overlap, and never where they do not."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from smearwatch.capture.registration.agreement import Tie, check_overlap
from smearwatch.capture.registration.keypoints import find_keypoints, guess
from smearwatch.capture.registration.picture import FieldPicture, pack_picture
from smearwatch.capture.registration.similarity import Similarity
from smearwatch.capture.slide.view import View
from tests.walked import Walked, walked

SIZE: dict[str, Any] = {"width_px": 1000, "height_px": 640, "um_per_px": 0.11}
FEWEST_BLOCKS_ALONE = 7
CORNERS = np.array([[0.0, 0.0], [110.0, 0.0], [0.0, 70.0], [110.0, 70.0]])


@dataclass(frozen=True)
class Case:
    """A field against the first one, which lies at 0, 0."""

    name: str
    view: View
    overlaps: bool


CASES = [
    Case("beside it, a third in common", View(70.0, 8.0), True),
    Case("turned", View(20.0, -25.0, angle_deg=10.0), True),
    Case("the other way and larger", View(-45.0, 20.0, angle_deg=-9.0, scale=1.05), True),
    Case("smaller", View(15.0, 30.0, angle_deg=3.0, scale=0.95), True),
    Case("elsewhere", View(400.0, 0.0), False),
    Case("elsewhere and turned", View(0.0, 300.0, angle_deg=8.0), False),
    Case("far away", View(5000.0, 900.0, scale=1.03), False),
]


@pytest.fixture(scope="module")
def fields() -> list[Walked]:
    return walked([View(0.0, 0.0), *(case.view for case in CASES)], **SIZE)


def picture(field: Walked) -> FieldPicture:
    return field.result.picture.unpack()


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_overlapping_fields_are_tied_where_they_truly_lie(fields, number):
    first, field = fields[0], fields[number + 1]
    start = guess(find_keypoints(picture(field)), find_keypoints(picture(first)))
    tie = None if start is None else check_overlap(picture(field), picture(first), start)
    if not CASES[number].overlaps:
        assert tie is None or not tie.holds
        return
    assert tie is not None
    assert tie.holds
    assert tie.share > 0.9
    true = first.pose.inverse().after(field.pose)
    assert np.abs(tie.onto.of_all(CORNERS) - true.of_all(CORNERS)).max() < 1.0


def test_a_rough_start_at_one_place_is_enough(fields):
    """Three micrometres and eight degrees beside the truth, known at one place alone."""
    first, field = fields[0], fields[2]
    true = first.pose.inverse().after(field.pose)
    seed = complex(55.0, 20.0)
    rough = Similarity.about(true.inverse().at(seed), seed + (2 - 2j), angle_deg=true.angle_deg - 6.0)
    tie = check_overlap(picture(field), picture(first), rough, seed_um=seed)
    assert tie.holds
    assert abs(tie.onto.at(0j) - true.at(0j)) < 1.0


def test_any_two_places_laid_onto_each_other_do_not_agree(fields):
    """Whatever the start, fields that show other places are never tied."""
    first = picture(fields[0])
    for field in (fields[5], fields[6], fields[7]):
        for x, y in np.random.default_rng(2).uniform((10, 10), (100, 60), (12, 2)):
            start = Similarity.about(complex(55.0, 35.0), complex(x, y), angle_deg=float(x % 15))
            assert not check_overlap(picture(field), first, start, seed_um=complex(x, y)).holds


def test_a_corner_in_common_is_enough_and_no_other_corner_is(fields):
    """Some 25 x 17 um, where blocks are too few to say so: true ones hold, two hundred laid at random never."""
    first, corner = walked([View(0.0, 0.0), View(85.0, 53.0)], **SIZE)
    true = first.pose.inverse().after(corner.pose)
    seed = complex(98.0, 62.0)
    start = Similarity.about(true.inverse().at(seed), seed + (0.7 - 0.7j), angle_deg=4.0)
    tie = check_overlap(picture(corner), picture(first), start, seed_um=seed)
    assert tie.holds
    assert tie.agreeing < FEWEST_BLOCKS_ALONE
    assert abs(tie.onto.at(0j) - true.at(0j)) < 1.0
    rng = np.random.default_rng(3)
    for x, y, turn in rng.uniform((80, 45, -10), (100, 63, 10), (200, 3)):
        onto = complex(x, y)
        start = Similarity.about(complex(110.0, 70.0) - onto, onto, angle_deg=float(turn))
        assert not check_overlap(picture(fields[5]), picture(fields[0]), start, seed_um=onto).holds


@pytest.mark.parametrize(
    ("agreeing", "of", "beyond", "holds"),
    [
        (1, 1, 5.5, True),
        (1, 1, 4.5, False),
        (1, 4, 9.0, False),
        (2, 4, 9.0, True),
        (0, 0, 9.0, True),
        (0, 0, 4.5, False),
    ],
)
def test_few_blocks_hold_where_the_whole_overlap_is_alike_beyond_chance(agreeing, of, beyond, holds):
    assert Tie(Similarity(1 + 0j, 0j), agreeing, of, beyond).holds is holds


@pytest.mark.parametrize(
    ("agreeing", "of", "scale", "holds"),
    [
        (40, 40, 1.0, True),
        (9, 9, 1.0, True),
        (6, 9, 1.0, False),
        (3, 3, 1.0, False),
        (16, 40, 1.0, False),
        (70, 200, 1.0, True),
        (0, 0, 1.0, False),
        (40, 40, 1.5, False),
    ],
    ids=["all", "all of few", "most of few", "too few", "fewer than half", "a third of many", "none", "another size"],
)
def test_what_makes_a_tie_hold(agreeing, of, scale, holds):
    assert Tie(Similarity.of(scale=scale, angle_deg=0.0, shift=0j), agreeing, of).holds is holds


def test_an_empty_field_has_no_points_and_is_tied_to_nothing():
    white = pack_picture(np.full((300, 400, 3), 235, np.uint8), 0.22).unpack()
    assert guess(find_keypoints(white), find_keypoints(white)) is None
    tie = check_overlap(white, white, Similarity(1 + 0j, 0j))
    assert (tie.checked, tie.holds) == (0, False)


def test_the_small_picture_is_the_same_whenever_it_is_made(fields):
    small = fields[0].result.picture
    assert small.um_per_px == pytest.approx(0.44, abs=0.005)
    assert (small.unpack().grey == picture(fields[0]).grey).all()
