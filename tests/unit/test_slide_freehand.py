"""The way that a hand goes: within its limits, overlapping as wished, coming back, and the same in any order."""

import numpy as np
import pytest

from smearwatch.capture.slide.errors import SlideError
from smearwatch.capture.slide.freehand import Freehand, FreehandRoute
from smearwatch.capture.slide.view import Frame, View

WIDTH_UM, HEIGHT_UM = 130.0, 81.0


def _views(count, seed=3, **more):
    route = FreehandRoute(seed, Freehand(**more), WIDTH_UM, HEIGHT_UM)
    return [route.view(i) for i in range(count)]


def _frame(view):
    return Frame(view, 1300, 810, 0.1)


def _overlaps(views):
    """The share of each step's new field that the field it goes on from shows too."""
    return np.array([_frame(v).shared_with(_frame(views[v.follows])) for v in views if v.follows is not None])


def test_a_field_asked_for_alone_lies_where_it_lies_on_the_way():
    route = FreehandRoute(5, Freehand(), WIDTH_UM, HEIGHT_UM)
    late, early = route.view(300), route.view(7)
    views = _views(301, seed=5)
    assert (late, early) == (views[300], views[7])
    assert views[300] != _views(301, seed=6)[300]


@pytest.mark.parametrize("most", [0.0, 0.3, 0.6, 0.85])
def test_steps_overlap_evenly_up_to_the_limit(most):
    shares = _overlaps(_views(1500, overlap=most, angle_deg=0.0, scale_drift=0.0))
    assert shares.min() >= 0.0
    assert shares.max() <= most + 1e-4
    # Even draws have their mean at a half and their quarters at the quarters.
    assert np.quantile(shares, [0.25, 0.5, 0.75]) == pytest.approx(np.array([0.25, 0.5, 0.75]) * most, abs=0.03)


def test_turning_and_drifting_changes_overlaps_only_a_little():
    shares = _overlaps(_views(1500))
    assert shares.max() < 0.65
    assert shares.mean() == pytest.approx(0.3, abs=0.03)


def test_angle_and_scale_drift_slowly_through_their_whole_range_and_never_beyond():
    views = _views(3000, angle_deg=8.0, scale_drift=0.04)
    angles, scales = np.array([v.angle_deg for v in views]), np.array([v.scale for v in views])
    assert 7.0 < np.abs(angles).max() <= 8.0
    assert 0.035 < np.abs(scales - 1.0).max() <= 0.04 + 1e-12
    assert angles.min() < -7.0
    assert angles.max() > 7.0
    steps = [abs(v.angle_deg - views[v.follows].angle_deg) for v in views if v.follows is not None]
    assert max(steps) < 0.35 * 8.0


@pytest.mark.parametrize("share", [0.0, 0.08, 0.3])
def test_earlier_places_are_seen_again_as_often_as_wished(share):
    views = _views(2500, revisits=share)
    again = [(i, v) for i, v in enumerate(views) if v.revisit_of is not None]
    spread = np.sqrt(share * (1.0 - share) / len(views))
    assert abs(len(again) / len(views) - share) <= 4.0 * spread + 0.002
    ages = np.array([i - v.revisit_of for i, v in again])
    if share:
        assert ages.min() >= 3
        assert np.mean(ages > 100) > 0.2
        # It is the same place, yet not the same picture.
        shared = np.array([_frame(v).shared_with(_frame(views[v.revisit_of])) for _, v in again])
        assert shared.min() > 0.3
        assert np.median(shared) < 0.95
        turned = np.array([abs(v.angle_deg - views[v.revisit_of].angle_deg) for _, v in again])
        assert np.median(turned) > 2.0
        assert all((v.revisit_of is None) != (v.follows is None) for v in views[1:])


def test_after_a_visit_the_way_goes_on_from_where_it_was_left():
    views = _views(2000, revisits=0.2)
    jumps = [i for i, v in enumerate(views) if v.follows is not None and v.follows != i - 1]
    assert len(jumps) > 100
    for i in jumps:
        between = views[views[i].follows + 1 : i]
        assert between[0].revisit_of is not None


def test_the_way_gets_about():
    places = np.array([(v.x_um, v.y_um) for v in _views(400)])
    assert (np.ptp(places, axis=0) > (10 * WIDTH_UM, 5 * HEIGHT_UM)).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("overlap", -0.1),
        ("overlap", 0.95),
        ("overlap", float("nan")),
        ("angle_deg", 46.0),
        ("angle_deg", -1.0),
        ("scale_drift", 0.3),
        ("revisits", 0.6),
        ("revisits", float("inf")),
    ],
)
def test_a_hand_outside_its_limits_is_refused_with_its_mend(name, value):
    with pytest.raises(SlideError, match=name.split("_")[0]) as refused:
        Freehand(**{name: value})
    assert str(value) in str(refused.value)
    assert refused.value.hint


def test_pixels_and_places_go_over_into_each_other():
    frame = Frame(View(500.0, -300.0, angle_deg=30.0, scale=1.1), 200, 100, 0.1)
    assert frame.to_um([(100, 50)])[0] == pytest.approx((500.0, -300.0))
    # 10 px to the right are 1.1 um along 30 degrees, clockwise as y points down.
    right = frame.to_um([(110, 50)])[0]
    assert right == pytest.approx((500.0 + 1.1 * np.cos(np.pi / 6), -300.0 + 1.1 * 0.5))
    places = np.random.default_rng(1).uniform(-50, 250, (20, 2))
    assert np.allclose(frame.to_px(frame.to_um(places)), places)
    window = frame.covering(2.0)
    assert window.holds(frame.corners_um).all()
    assert frame.area_um2 == pytest.approx(200 * 100 * 0.11**2)


@pytest.mark.parametrize(
    ("other", "share"),
    [
        (View(0.0, 0.0), 1.0),
        (View(10.0, 0.0), 0.5),
        (View(10.0, 5.0), 0.25),
        (View(0.0, 0.0, angle_deg=90.0), 0.5),
        (View(0.0, 0.0, scale=2.0), 1.0),
        (View(0.0, 0.0, scale=0.5), 0.25),
        (View(30.0, 0.0), 0.0),
    ],
)
def test_the_shared_area_of_two_fields(other, share):
    mine, theirs = (Frame(v, 200, 100, 0.1) for v in (View(0.0, 0.0), other))
    assert mine.shared_with(theirs) == pytest.approx(share, abs=1e-5)
