"""Fields of a hand's way: turned, rescaled, overlapping and spoiled, with a truth that is exact all the same."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.slide.canvas import Canvas
from smearwatch.capture.slide.degradations import Degradations
from smearwatch.capture.slide.errors import SlideError
from smearwatch.capture.slide.freehand import Freehand
from smearwatch.capture.slide.optics import Optics
from smearwatch.capture.slide.painter import Scene
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.slide.stain import Stain

CLEAR = {
    "stain": Stain(),
    "optics": Optics(vignetting=0.0, noise=0.0, blur_um=0.0, halo=0.0, flare=0.0),
    "variation": 0.0,
}


def _by_hand(seed, um_per_px=0.12, hand=None, size_px=(720, 450), **more):
    size = {"width_px": size_px[0], "height_px": size_px[1], "um_per_px": um_per_px}
    return Slide(seed, route=hand or Freehand(angle_deg=20.0), **size, **more)


def test_fields_are_the_same_bytes_in_any_order_and_at_any_time():
    degradations = Degradations(moved_share=0.5, focus_um=0.2, stain_drift=0.5)
    one, other = (_by_hand(8, degradations=degradations, blurred_share=0.2) for _ in range(2))
    forward = [one.field(i) for i in range(6)]
    for index in (5, 2, 0, 3, 5):
        again = other.field(index)
        assert np.array_equal(again.bgr, forward[index].bgr)
        assert again.cells == forward[index].cells
        assert (again.view, again.moved_um, again.blurred) == (
            forward[index].view,
            forward[index].moved_um,
            forward[index].blurred,
        )


@pytest.mark.parametrize(("um_per_px", "size_px"), [(0.04, (1800, 1200)), (0.12, (900, 600))])
def test_a_true_box_is_that_of_the_pixels_that_the_cell_covers(monkeypatch, um_per_px, size_px):
    """Cells painted plainly black on nothing, looked at by the camera, have the boxes that the truth gives."""
    slide = _by_hand(4, um_per_px, size_px=size_px, leukocytes_per_mm2=600.0, **CLEAR)

    def paint_black(canvas: Canvas, scene: Scene) -> None:
        for one in scene.cells:
            (x, y), (height, width) = one.lying.corner_px, one.lying.extent.shape
            x0, y0 = max(x, 0), max(y, 0)
            x1, y1 = min(x + width, canvas.od_bgr.shape[1]), min(y + height, canvas.od_bgr.shape[0])
            if x1 > x0 and y1 > y0:
                part = one.rendered.cover[y0 - y : y1 - y, x0 - x : x1 - x, None]
                canvas.od_bgr[y0:y1, x0:x1] = np.maximum(canvas.od_bgr[y0:y1, x0:x1], 4.0 * part)

    monkeypatch.setattr(slide._painter, "paint", paint_black)
    seen = 0
    for index in range(8):
        field = slide.field(index)
        # Half covered: density 2 of 4.
        level = np.exp(-2.0) * np.array(Optics().background_bgr)
        covered = (field.bgr < level).all(axis=2).astype(np.uint8)
        labels, _ = slide.labels(index)
        assert np.mean((labels > 0) != covered) < 2e-3
        for cell in field.cells:
            x, y, w, h = cell.box_xywh_px
            if cell.at_edge:
                continue
            seen += 1
            around = np.zeros_like(covered)
            around[max(y - 3, 0) : y + h + 3, max(x - 3, 0) : x + w + 3] = 1
            found = np.array(cv2.boundingRect(covered & around))
            # Whether a pixel is just half covered may be rounded either way.
            assert np.abs(found - cell.box_xywh_px).max() <= 1
    assert seen >= 6


def test_a_cell_has_one_name_class_and_place_in_whatever_field_it_is_seen():
    slide = _by_hand(5, leukocytes_per_mm2=500.0)
    known: dict[str, tuple[str, tuple[float, float]]] = {}
    twice = 0
    for index in range(14):
        frame = slide.frame(index)
        for cell in slide.field(index).cells:
            if cell.name in known:
                twice += 1
                assert known[cell.name] == (cell.cls, cell.place_um)
            known[cell.name] = (cell.cls, cell.place_um)
            if not cell.at_edge:
                # The cell's middle on the slide lies about where its box's middle is.
                away = frame.to_px([cell.place_um])[0] - cell.centre_xy_px
                assert np.hypot(*away) * 0.12 < 2.0
    assert twice > 10


def test_two_fields_show_the_same_slide_where_they_overlap():
    slide = _by_hand(6, hand=Freehand(overlap=0.6, angle_deg=20.0, revisits=0.0), **CLEAR)
    pairs = 0
    for index in range(1, 12):
        mine, theirs = slide.frame(index), slide.frame(index - 1)
        if mine.shared_with(theirs) < 0.3:
            continue
        pairs += 1
        to_um, from_um = (np.vstack([f.pixels_to_um, [0, 0, 1]]) for f in (mine, theirs))
        half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
        matrix = (np.linalg.inv(half) @ np.linalg.inv(from_um) @ to_um @ half)[:2]
        size, flags = (720, 450), cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(slide.field(index - 1).bgr, matrix, size, flags=flags)
        shown = cv2.warpAffine(np.ones((450, 720), np.uint8), matrix, size, flags=cv2.WARP_INVERSE_MAP)
        inside = cv2.erode(shown, np.ones((9, 9)), borderValue=0) > 0
        one, other = slide.field(index).bgr[inside].astype(float).ravel(), moved[inside].astype(float).ravel()
        assert np.corrcoef(one, other)[0, 1] > 0.99
        assert np.abs(one - other).mean() < 1.5
    assert pairs >= 4


def test_the_upper_left_corner_and_the_middle_are_told():
    slide = _by_hand(2)
    field = slide.field(3)
    assert (field.x_um, field.y_um) == pytest.approx(tuple(slide.frame(3).to_um([(0, 0)])[0]))
    assert (field.view.x_um, field.view.y_um) == pytest.approx(tuple(slide.frame(3).to_um([(360, 225)])[0]))
    assert field.um_per_px == 0.12
    upright = Slide(2, width_px=720, height_px=450, um_per_px=0.12)
    field = upright.field(1)
    assert (field.view.x_um - field.x_um, field.view.y_um - field.y_um) == pytest.approx((43.2, 27.0))
    assert tuple(upright.frame(1).to_um([(0, 0)])[0]) == pytest.approx((field.x_um, field.y_um))


def _sharpness(bgr, axis):
    """Mean squared difference of neighbouring pixels along an axis."""
    return float((np.diff(bgr.astype(float), axis=axis) ** 2).mean())


def test_a_moved_field_is_smeared_along_its_movement_and_hardly_across(monkeypatch):
    still = _by_hand(7, **CLEAR)
    moving = _by_hand(7, degradations=Degradations(moved_share=1.0, moved_um=(4.0, 4.0)), **CLEAR)
    monkeypatch.setattr(Degradations, "movement_um", lambda self, *_: (4.0 * self.moved_share, 0.0))
    sharp, smeared = still.field(2), moving.field(2)
    assert smeared.moved
    assert not sharp.moved
    assert sharp.cells == smeared.cells
    assert _sharpness(smeared.bgr, 1) < 0.2 * _sharpness(sharp.bgr, 1)
    assert _sharpness(smeared.bgr, 0) > 2.5 * _sharpness(smeared.bgr, 1)


def test_as_many_fields_are_moved_as_wished_and_as_far():
    degradations = Degradations(moved_share=0.2, moved_um=(2.0, 5.0))
    lengths = np.array([np.hypot(*degradations.movement_um(3, index)) for index in range(2000)])
    moved = lengths[lengths > 0.0]
    assert abs(len(moved) / 2000 - 0.2) < 0.04
    assert moved.min() >= 2.0 - 1e-9
    assert moved.max() <= 5.0 + 1e-9


def test_mild_defocus_softens_and_stain_drifts_slowly_over_the_slide():
    soft = [_by_hand(7, degradations=Degradations(focus_um=0.5), **CLEAR).field(i).bgr for i in range(4)]
    sharp = [_by_hand(7, **CLEAR).field(i).bgr for i in range(4)]
    assert sum(_sharpness(s, 1) for s in soft) < 0.7 * sum(_sharpness(s, 1) for s in sharp)
    drift = Degradations(stain_drift=1.0)
    along = np.array([drift.stain_at(3, x, 0.0) for x in np.arange(0.0, 20000.0, 50.0)])
    assert np.abs(np.diff(along, axis=0)).max() < 0.06
    assert along.std(axis=0).min() > 0.05
    assert Degradations().stain_at(3, 900.0, 7.0) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("moved_share", 1.1),
        ("moved_share", float("nan")),
        ("moved_um", (5.0, 2.0)),
        ("moved_um", (0.0, 2.0)),
        ("moved_um", (1.0, 90.0)),
        ("focus_um", -0.1),
        ("stain_drift", 1.5),
    ],
)
def test_spoiling_outside_its_limits_is_refused_with_its_mend(name, value):
    with pytest.raises(SlideError, match=name) as refused:
        Degradations(**{name: value})
    assert refused.value.hint


@pytest.mark.parametrize("um_per_px", [0.022, 0.13])
def test_any_scale_and_size_can_be_had_by_hand(um_per_px):
    field = Slide(1, um_per_px=um_per_px, width_px=641, height_px=479, route=Freehand()).field(2)
    assert field.bgr.shape == (479, 641, 3)
