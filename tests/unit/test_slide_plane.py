"""The plane: laid out by tiles, the same from wherever it is looked at, with the wished differential."""

from collections import Counter

import numpy as np
import pytest

from smearwatch.capture.slide.errors import SlideError
from smearwatch.capture.slide.mix import Mix
from smearwatch.capture.slide.optics import Optics
from smearwatch.capture.slide.path import Drift, Path
from smearwatch.capture.slide.plane import Plane, Window
from smearwatch.capture.slide.stain import CELL_CLASSES

LARGE = Window(-900.0, -700.0, 4000.0, 3000.0)


def test_overlapping_windows_agree_in_any_order():
    left, right = Window(0.0, 0.0, 500.0, 400.0), Window(300.0, -100.0, 500.0, 400.0)
    shared = Window(300.0, 0.0, 200.0, 300.0)

    def seen(window, plane):
        cells = [(c.name, c.cls, c.x_um, c.y_um, c.seed) for c in plane.leukocytes(window)]
        inside = shared.holds(np.array([c[2:4] for c in cells]).reshape(-1, 2))
        return [cell for cell, kept in zip(cells, inside, strict=True) if kept]

    one, other = Plane(5, Mix()), Plane(5, Mix())
    from_left, from_right = seen(left, one), seen(right, one)
    assert from_left
    assert from_left == from_right
    assert [seen(right, other), seen(left, other)] == [from_right, from_left]
    red_left, red_right = one.red_cells(left), other.red_cells(right)
    kept = red_left[shared.holds(red_left[:, :2])]
    assert len(kept) > 100
    assert np.array_equal(kept, red_right[shared.holds(red_right[:, :2])])


def test_leukocytes_keep_apart_and_have_the_wished_density():
    cells = Plane(2, Mix(), leukocytes_per_mm2=260.0).leukocytes(LARGE)
    places = np.array([(c.x_um, c.y_um) for c in cells])
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) + 1e9 * np.eye(len(places))
    assert apart.min() > 20.0
    # 260 a mm2 on 12 mm2; a hard-core process spreads less than a Poisson one.
    assert abs(len(cells) - 3120) < 3.0 * np.sqrt(3120)
    assert len({c.name for c in cells}) == len(cells)


@pytest.mark.parametrize("mix", [Mix(), Mix({"band": 1.0, "basophil": 1.0}), Mix.parse("segmented=60, lymphocyte=40")])
def test_the_differential_converges_to_the_mix(mix):
    counts = Counter(c.cls for c in Plane(3, mix).leukocytes(LARGE))
    for name, share in zip(CELL_CLASSES, mix.shares(), strict=True):
        spread = np.sqrt(share * (1.0 - share) / counts.total())
        assert abs(counts[name] / counts.total() - share) <= 4.0 * spread


def test_memory_stays_bounded_on_a_long_way():
    plane = Plane(1, Mix())
    for step in range(120):
        plane.leukocytes(Window(step * 150.0, 0.0, 130.0, 80.0))
    assert len(plane._tiles) <= 256


def test_the_path_meanders_and_its_fields_never_touch():
    path = Path(130.0, 81.0, gap_um=26.0, fields_per_row=3)
    corners = [path.corner_um(i) for i in range(9)]
    assert [round(x) for x, _ in corners] == [0, 156, 312, 312, 156, 0, 0, 156, 312]
    assert [round(y) for _, y in corners] == [0, 0, 0, 107, 107, 107, 214, 214, 214]
    assert len(set(corners)) == 9


def test_light_and_focus_drift_slowly_and_some_fields_are_blurred():
    steady = Drift(4, Optics(), 1.0, 0.0)
    lamps = np.array([steady.at(i)[0].background_bgr for i in range(200)])
    assert np.abs(np.diff(lamps, axis=0)).max() < 5.0
    assert lamps.std(axis=0).min() > 0.5
    assert steady.at(7) == steady.at(7)
    shaky = Drift(4, Optics(), 1.0, 0.2)
    blurred = [shaky.at(i) for i in range(300)]
    assert 30 < sum(b for _, b in blurred) < 90
    assert all((optics.blur_um > 0.5) == b for optics, b in blurred)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("blast=3", "blast"),
        ("band=-1", "band"),
        ("band=nan", "band"),
        ("band", "band"),
        ("band=many", "band=many"),
        ("band=0", "above 0"),
    ],
)
def test_an_impossible_mix_is_refused_with_its_mend(text, names):
    with pytest.raises(SlideError, match=names) as refused:
        Mix.parse(text)
    assert refused.value.hint
