"""Slides that are hard to count: pairs that touch and things that are no leukocytes, with exact masks of all."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.slide.errors import SlideError
from smearwatch.capture.slide.freehand import Freehand
from smearwatch.capture.slide.litter import Litter, LitteredPlane
from smearwatch.capture.slide.mix import Mix
from smearwatch.capture.slide.pairs import Pairs, contact_px
from smearwatch.capture.slide.plane import Plane, Window
from smearwatch.capture.slide.presets import hard
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.slide.thing import THING_KINDS

CROWDED = Litter(0.4, 120.0, 120.0, 120.0, 120.0, 120.0)
LARGE = Window(-900.0, -700.0, 4000.0, 3000.0)


def _slide(seed, litter=CROWDED, *, by_hand=False, um_per_px=0.12, size_px=(900, 600), **more):
    size = {"width_px": size_px[0], "height_px": size_px[1], "um_per_px": um_per_px}
    return Slide(seed, litter=litter, route=Freehand(angle_deg=20.0) if by_hand else None, **size, **more)


class _Discs:
    """Stands in for drawn cells where only places matter: each a disc of 6 um, drawn at 0.5 um a pixel."""

    side = 31
    cover = (np.hypot(*(np.mgrid[:31, :31] - 15)) * 0.5 <= 6.0).astype(np.float32)


def _pairs(share, seed=2):
    return Pairs(Plane(seed, Mix()), share, lambda _: _Discs, um_per_px=0.5)  # type: ignore[arg-type, return-value]


def test_without_litter_a_slide_is_what_it_was_byte_for_byte():
    for by_hand in (False, True):
        plain, empty = _slide(4, None, by_hand=by_hand).field(1), _slide(4, Litter(), by_hand=by_hand).field(1)
        assert np.array_equal(plain.bgr, empty.bgr)
        assert plain.cells == empty.cells
        assert plain.others == empty.others == ()


@pytest.mark.parametrize("by_hand", [False, True])
def test_littered_fields_are_the_same_in_any_order(by_hand):
    one, other = (_slide(8, by_hand=by_hand) for _ in range(2))
    forward = [one.field(i) for i in range(3)]
    for index in (2, 0, 1):
        again = other.field(index)
        assert np.array_equal(again.bgr, forward[index].bgr)
        assert (again.cells, again.others) == (forward[index].cells, forward[index].others)


@pytest.mark.parametrize(
    ("by_hand", "um_per_px", "size_px", "off"),
    [
        (False, 0.12, (900, 600), 0),
        (True, 0.12, (900, 600), 0),
        (True, 0.05, (1800, 1200), 0),
        (False, 0.05, (1800, 1200), 2),  # enlarged by 1.3: the box lies on the coarser pixels
    ],
)
def test_every_box_is_that_of_its_mask(by_hand, um_per_px, size_px, off):
    slide = _slide(3, by_hand=by_hand, um_per_px=um_per_px, size_px=size_px)
    seen = {"cells": 0, "others": 0}
    for index in range(7):
        field = slide.field(index)
        for name, labels, truth in zip(seen, slide.labels(index), (field.cells, field.others), strict=True):
            assert labels.max() <= len(truth)
            for number, one in enumerate(truth, start=1):
                found = np.array(cv2.boundingRect((labels == number).astype(np.uint8)))
                x, y, w, h = one.box_xywh_px
                boxes_meet = sum(
                    x < b[0] + b[2] and b[0] < x + w and y < b[1] + b[3] and b[1] < y + h
                    for b in (other.box_xywh_px for other in truth)
                )
                # Things may lie on each other, and a cut one's box may be wider than what the field shows of it.
                if one.at_edge or (name == "others" and boxes_meet > 1):
                    continue
                seen[name] += 1
                assert np.abs(found - one.box_xywh_px).max() <= off
    assert seen["cells"] > 3
    assert seen["others"] > 3


@pytest.mark.parametrize("by_hand", [False, True])
def test_the_cells_of_a_pair_touch_and_each_tells_the_other(by_hand):
    slide = _slide(5, Litter(pairs=0.5), by_hand=by_hand)
    pairs = 0
    for index in range(14):
        field, (labels, _) = slide.field(index), slide.labels(index)
        numbers = {cell.name: number for number, cell in enumerate(field.cells, start=1)}
        for cell in field.cells:
            other = field.cells[numbers[cell.touches] - 1] if cell.touches in numbers else None
            if other is None or cell.at_edge or other.at_edge:
                continue
            pairs += 1
            assert other.touches == cell.name
            mine, theirs = (labels == numbers[cell.name]), (labels == numbers[other.name])
            # Diagonal neighbours and one pixel of rounding.
            near = cv2.dilate(mine.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
            assert (near & theirs).any()
            # What lies below is hidden by less than a micrometre: both are nearly whole.
            assert min(mine.sum(), theirs.sum()) * 0.12**2 > 38.0
            apart = np.hypot(*np.subtract(cell.place_um, other.place_um))
            assert 6.0 < apart < 22.0
    assert pairs >= 6


def test_pairs_are_as_many_as_wished_where_there_is_room_and_crowd_nobody():
    plain = Plane(2, Mix()).leukocytes(LARGE)
    cells = _pairs(0.1).leukocytes(LARGE)
    partners = [c for c in cells if c.name.endswith("b")]
    assert 0.06 < len(partners) / len(plain) < 0.1
    places = np.array([(c.x_um, c.y_um) for c in cells])
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) + 1e9 * np.eye(len(places))
    close = np.argwhere(apart < 15.0)
    assert all(cells[a].touches == cells[b].name for a, b in close)
    assert len(close) == 2 * len(partners)
    assert _pairs(0.0).leukocytes(LARGE) == plain


def test_pairs_are_the_same_from_wherever_they_are_looked_at():
    left, right = Window(0.0, 0.0, 900.0, 700.0), Window(250.0, -100.0, 900.0, 700.0)
    shared = Window(250.0, 0.0, 650.0, 600.0)

    def seen(window):
        cells = _pairs(0.3, seed=9).leukocytes(window)
        return [c for c in cells if shared.holds(np.array([[c.x_um, c.y_um]]))[0]]

    assert any(c.touches for c in seen(left))
    assert sorted(seen(left), key=lambda c: c.name) == sorted(seen(right), key=lambda c: c.name)


def test_two_discs_meet_at_the_sum_of_their_radii():
    def disc(radius):
        return (np.hypot(*(np.mgrid[:81, :81] - 40)) <= radius).astype(np.float32)

    for turn in (0.0, 0.7, 2.0, 4.4):
        along = np.array([np.cos(turn), np.sin(turn)])
        assert contact_px(disc(20.0), disc(12.0), along) == pytest.approx(32.0, abs=1.5)


def test_things_have_the_wished_density_and_keep_off_leukocytes():
    litter = Litter(smudges_per_mm2=30.0, erythroblasts_per_mm2=60.0, precipitate_per_mm2=90.0)
    free = LitteredPlane(3, litter).things(LARGE, [])
    counts = {kind: sum(t.kind == kind for t in free) for kind in THING_KINDS}
    for kind in THING_KINDS:
        wished = litter.density_per_mm2(kind) * 12.0
        assert abs(counts[kind] - wished) <= 4.0 * np.sqrt(wished)
    assert len({t.name for t in free}) == len(free)
    leukocytes = Plane(3, Mix()).leukocytes(LARGE.grown(40.0))
    middles = np.array([(c.x_um, c.y_um) for c in leukocytes])
    kept = LitteredPlane(3, litter).things(LARGE, leukocytes)
    assert sum(t.kind == "precipitate" for t in kept) == counts["precipitate"]
    assert 0.5 * counts["erythroblast"] < sum(t.kind == "erythroblast" for t in kept) < counts["erythroblast"]
    for thing in kept:
        if thing.kind != "precipitate":
            assert np.hypot(*(middles - (thing.x_um, thing.y_um)).T).min() >= 12.5


def test_a_thing_has_one_name_kind_and_place_in_whatever_field_it_is_seen():
    slide = _slide(5, by_hand=True)
    known: dict[str, tuple[str, tuple[float, float]]] = {}
    twice = 0
    for index in range(8):
        for thing in slide.field(index).others:
            twice += thing.name in known
            assert known.setdefault(thing.name, (thing.kind, thing.place_um)) == (thing.kind, thing.place_um)
    assert twice > 8


def test_two_overlapping_fields_show_the_same_litter():
    slide = _slide(6, by_hand=True, variation=0.0)
    for index in range(1, 5):
        mine, theirs = slide.frame(index), slide.frame(index - 1)
        inside = {}
        for frame, number in ((mine, index), (theirs, index - 1)):
            field = slide.field(number)
            inside[number] = {
                one.name
                for one in (*field.cells, *field.others)
                # Well inside both fields.
                if all(
                    (f.to_px([one.place_um])[0] > 160).all()
                    and (f.to_px([one.place_um])[0] < np.array([740, 440])).all()
                    for f in (mine, theirs)
                )
            }
            assert frame.width_px == 900
        assert inside[index] == inside[index - 1]


def test_the_hard_preset_has_some_of_everything():
    slide = Slide(2, width_px=1200, height_px=800, um_per_px=0.12, **hard())
    fields = [slide.field(index) for index in range(12)]
    kinds = {thing.kind for field in fields for thing in field.others}
    assert len(kinds) >= 4
    assert any(cell.touches for field in fields for cell in field.cells)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pairs", 0.6),
        ("pairs", -0.1),
        ("smudges_per_mm2", 501.0),
        ("erythroblasts_per_mm2", float("nan")),
        ("platelet_clumps_per_mm2", -1.0),
        ("giant_platelets_per_mm2", float("inf")),
        ("precipitate_per_mm2", 1e9),
    ],
)
def test_litter_outside_its_limits_is_refused_with_its_mend(name, value):
    with pytest.raises(SlideError, match=name) as refused:
        Litter(**{name: value})
    assert str(value) in str(refused.value)
    assert refused.value.hint
