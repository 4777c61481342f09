"""When a picture is taken: the stage rests, on a field that is not the one taken last. Time is injected."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from smearwatch.capture.camera.fields import Fields, Stage
from smearwatch.capture.camera.likeness import SIDE_PX, explain_change, find_shift, reduce_picture
from tests.stage import SIZE, view, way

STEP_S = 0.08
A, B, C = (40.0, 40.0), (500.0, 60.0), (900.0, 300.0)


def looked_at(pictures, *, room=lambda number: True, step_s=STEP_S, **settings):
    """Let the stage go by; gives the pictures' numbers that were taken, and what counted."""
    fields = Fields(**{"settle_s": 0.3, "moved_share": 0.05, **settings})
    taken = []
    for number, picture in enumerate(pictures):
        if fields.see(picture, 100.0 + number * step_s) is Stage.ON_NEW and room(number):
            fields.take()
            taken.append(number)
    return taken, fields


@dataclass(frozen=True)
class Case:
    name: str
    places: list[tuple[float, float]]
    taken: int
    same: int = 0
    options: dict[str, float] = field(default_factory=dict)


SHARE = SIZE[0] * 0.05  # 5 % of the field's width, in pixels

CASES = [
    Case("rests once", [A] * 30, 1),
    Case("never rests", way(A, B, C, rest=1, steps=12), 0),
    Case("three fields", way(A, B, C), 3),
    Case("rests shorter than the settle time", way(A, B, C, rest=3), 0),
    Case(
        "back without a taken field between", way(A, B, rest=10) + [B] * 10 + way(B, A, B, rest=3)[3:] + [B] * 8, 2, 1
    ),
    Case("back with a taken field between", way(A, B, A), 3),
    Case("a step below the limit", way(A, (A[0] + 0.8 * SHARE, A[1]), rest=12), 1, 1),
    Case("a step above the limit", way(A, (A[0] + 1.2 * SHARE, A[1]), rest=12), 2),
    Case("a step down above the limit of the height", way(A, (A[0], A[1] + 1.3 * 0.05 * SIZE[1]), rest=12), 2),
    Case("a drift that never adds up", [(A[0] + 0.1 * n, A[1]) for n in range(250)], 1),
    Case("a drift that adds up once", [(A[0] + 0.1 * n, A[1]) for n in range(500)], 2),
    Case("steady motion is no rest", [(A[0] + 2.0 * n, A[1]) for n in range(100)], 0),
    Case("much noise", way(A, B, C, rest=12), 3, 0, {"noise": 25.0, "jpeg": 30}),
    Case("none", way(A, B, C, rest=12), 3, 0, {"noise": 0.0}),
    Case("coarse JPEG", way(A, B, C, rest=12), 3, 0, {"jpeg": 15}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_stage(case):
    rng = np.random.default_rng(1)
    flicker = rng.uniform(0.93, 1.07, len(case.places))
    pictures = (
        view(x, y, seed=number, gain=flicker[number], **case.options) for number, (x, y) in enumerate(case.places)
    )
    taken, fields = looked_at(pictures)
    assert len(taken) == case.taken
    assert fields.missed == fields.refocused == 0
    if case.same:
        assert fields.same_field >= case.same


def test_what_is_taken_is_at_rest_for_the_settle_time():
    places = way(A, B)
    taken, _ = looked_at(view(x, y, seed=n) for n, (x, y) in enumerate(places))
    first_at_b = places.index(B)
    assert taken[0] * STEP_S >= 0.3
    assert (taken[1] - first_at_b) * STEP_S >= 0.3 - 1e-9
    assert (taken[1] - first_at_b) * STEP_S < 0.5


def test_a_slow_camera_needs_three_pictures():
    taken, _ = looked_at((view(*A, seed=n) for n in range(5)), step_s=2.0)
    assert taken == [2]


def test_a_blank_field_is_taken_once_and_is_not_a_field_with_cells():
    blank = np.full((900, 1800, 3), 225, np.uint8)
    pictures = [view(0, 0, seed=n, noise=10.0, plane=blank) for n in range(40)]
    pictures += [view(*A, seed=n, noise=10.0) for n in range(12)]
    taken, _ = looked_at(pictures)
    assert len(taken) == 2
    assert taken[1] >= 40


def test_one_cell_on_a_blank_field_that_moves_is_motion():
    plane = np.full((900, 1800, 3), 225, np.uint8)
    plane[200:260, 300:360] = (150, 70, 110)
    still = [view(0, 0, seed=n, noise=8.0, plane=plane) for n in range(12)]
    moving = [view(3.0 * n, 0, seed=n, noise=8.0, plane=plane) for n in range(1, 30)]
    taken, _ = looked_at([*still, *moving])
    assert len(taken) == 1
    assert taken[0] < 12


def test_taken_again_once_it_is_focused():
    blurs = [5.0] * 12 + [4.0, 3.0, 2.0, 1.0] + [0.0] * 40
    taken, fields = looked_at(view(*A, seed=n, blur=blur) for n, blur in enumerate(blurs))
    assert 2 <= len(taken) <= 3
    assert taken[-1] >= 14  # the sharpest of them is sharp
    assert fields.refocused == len(taken) - 1
    # Out of focus again is no better picture.
    taken, _ = looked_at(view(*A, seed=n, blur=blur) for n, blur in enumerate(reversed(blurs)))
    assert len(taken) == 1


def test_a_field_waits_for_room_and_is_missed_only_once_the_stage_has_left():
    places = way(A, B, C)
    pictures = [view(x, y, seed=n) for n, (x, y) in enumerate(places)]
    late = places.index(B) + 9
    taken, fields = looked_at(pictures, room=lambda number: number < 10 or number >= late)
    assert [places[number] for number in taken] == [A, B, C]
    assert fields.missed == 0
    taken, fields = looked_at(pictures, room=lambda number: number < 10 or number >= places.index(C))
    assert [places[number] for number in taken] == [A, C]
    assert fields.missed == 1


def test_another_size_is_another_field():
    pictures = [view(*A, seed=n) for n in range(10)] + [view(*A, seed=n, size=(800, 400)) for n in range(10)]
    taken, _ = looked_at(pictures)
    assert len(taken) == 2


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (12.0, 0.0), (0.0, -8.0), (21.0, 13.0)])
def test_a_shift_is_measured(x, y):
    found, correlation = find_shift(
        reduce_picture(view(*A)), reduce_picture(view(A[0] + x, A[1] + y, seed=1)), reach_share=0.09
    )
    assert found == pytest.approx(max(abs(x) / SIZE[0], abs(y) / SIZE[1]), abs=0.001)
    assert correlation > 0.95


@pytest.mark.parametrize("pixels", [0.0, 0.5, 1.0, 2.0])
def test_a_small_movement_is_measured_under_another_exposure(pixels):
    found = explain_change(reduce_picture(view(*A)), reduce_picture(view(A[0] + pixels, A[1], seed=1, gain=1.1)))
    assert found.moved_px == pytest.approx(pixels * SIDE_PX / SIZE[0], abs=0.15 * pixels * SIDE_PX / SIZE[0] + 0.03)
    assert found.likeness > 0.98


@pytest.mark.parametrize("colour", [0, 128, 255])
def test_pictures_without_anything_have_an_answer(colour):
    flat = reduce_picture(np.full((300, 400, 3), colour, np.uint8))
    assert explain_change(flat, flat).moved_px == 0.0
    assert explain_change(flat, flat).likeness == 1.0
    assert np.isfinite(find_shift(flat, flat, reach_share=0.1)).all()


@pytest.mark.parametrize(
    ("places", "taken", "passed"),
    [
        ([A] * 30, 0, 1),  # the slide before is still there
        (way(A, B, C), 2, 1),
        (way(A, B, C)[11:], 2, 0),  # it was being changed
    ],
)
def test_the_field_of_the_slide_before_is_not_taken(places, taken, passed):
    pictures = [view(*place) for place in places]
    numbers, fields = looked_at(pictures, pass_first=True)
    assert (len(numbers), fields.passed) == (taken, passed)
