"""The shape of a nucleus, on drawn shapes whose measures are known, at any scale and turn."""

import base64
import zlib

import cv2
import numpy as np
import pytest

from smearwatch.capture.vision.nucleus_shape import measure_nucleus

WORK_UM_PER_PX = 0.22
_FINER = 4


def drawn(is_inside, um_per_px=WORK_UM_PER_PX, turned_deg=0.0, shift_um=0.0):
    """Draw a shape given as a function of x and y in um."""
    size = int(24 / um_per_px)
    along = ((np.arange(size * _FINER) + 0.5) / _FINER - size / 2) * um_per_px + shift_um
    x, y = np.meshgrid(along, along)
    cos, sin = np.cos(np.deg2rad(turned_deg)), np.sin(np.deg2rad(turned_deg))
    inside = is_inside(x * cos + y * sin, y * cos - x * sin)
    return inside.reshape(size, _FINER, size, _FINER).mean(axis=(1, 3)) > 0.5


def measured(nucleus, um_per_px=WORK_UM_PER_PX):
    shape = measure_nucleus(nucleus, um_per_px)
    assert shape is not None
    return shape


def disc(x, y, at=0.0, radius=3.0):
    return np.hypot(x - at, y) <= radius


def bar(x, y, reach, width):
    return (np.abs(x) <= reach) & (np.abs(y) <= width / 2)


def curved_band(x, y):
    """Draw an arc of 2.5 um width around 3.5 um, 2.2 radians to either side, its ends round: 17.9 um long."""
    ends = [np.hypot(x - 3.5 * np.cos(2.2), y - side * 3.5 * np.sin(2.2)) for side in (1, -1)]
    ring = np.where(np.abs(np.arctan2(y, x)) <= 2.2, np.abs(np.hypot(x, y) - 3.5), np.inf)
    return np.minimum(ring, np.minimum(*ends)) <= 1.25


def dumbbell(x, y, bridge):
    """Draw two discs of 4 um, 10 um long together, with a bridge whose width is that share of 4 um."""
    return disc(x, y, -3.0, 2.0) | disc(x, y, 3.0, 2.0) | bar(x, y, 3.0, 4.0 * bridge)


def three_lobes(x, y):
    return disc(x, y, -4.5, 1.7) | disc(x, y, 0.0, 1.7) | disc(x, y, 4.5, 1.7) | bar(x, y, 4.5, 1.2)


def two_apart(x, y):
    return disc(x, y, -2.5, 1.9) | disc(x, y, 2.5, 1.9)


def tapering(x, y):
    return (np.abs(x) <= 6.0) & (np.abs(y) <= 2.0 - 0.18 * (x + 6.0))


SHAPES = {
    "disc": (disc, 6.0, 6.0, 6.0, 1),
    "curved band": (curved_band, 2.5, 2.5, 17.9, 1),
    "bridge of a quarter": (lambda x, y: dumbbell(x, y, 0.25), 4.0, 1.0, 10.0, 2),
    "bridge of a half": (lambda x, y: dumbbell(x, y, 0.5), 4.0, 2.0, 10.0, 2),
    "three lobes": (three_lobes, 3.4, 1.2, 12.4, 3),
    "two apart": (two_apart, 3.8, 0.0, 7.6, 2),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(
    ("um_per_px", "turned_deg"), [(0.22, 0), (0.22, 30), (0.22, 45), (0.22, 105), (0.1, 20), (0.3, 65)]
)
def test_a_drawn_shape_has_its_measures(name, um_per_px, turned_deg):
    is_inside, widest_um, narrowest_um, length_um, lobes = SHAPES[name]
    shape = measured(drawn(is_inside, um_per_px, turned_deg, shift_um=0.07), um_per_px)
    # No width is known better than a pixel in which the outline was drawn.
    assert shape.widest_um == pytest.approx(widest_um, abs=max(0.25, um_per_px))
    assert shape.narrowest_um == pytest.approx(narrowest_um, abs=0.3)
    assert shape.length_um == pytest.approx(length_um, rel=0.08)
    assert shape.lobes == lobes


@pytest.mark.parametrize("name", SHAPES)
def test_turn_and_pixels_change_a_few_percent(name):
    turns = [(0.22, turn) for turn in range(0, 180, 20)] + [(0.15, 10), (0.1, 50), (0.25, 70)]
    shapes = [measured(drawn(SHAPES[name][0], um_per_px, turn), um_per_px) for um_per_px, turn in turns]
    for values in ([shape.widest_um for shape in shapes], [shape.length_um for shape in shapes]):
        assert np.std(values) < 0.03 * np.mean(values)
    assert np.std([shape.narrowest_um / shape.widest_um for shape in shapes]) < 0.03


def test_a_nucleus_that_only_tapers_has_no_narrow_place():
    shape = measured(drawn(tapering), WORK_UM_PER_PX)
    assert (shape.narrowest_um, shape.lobes) == (shape.widest_um, 1)
    assert shape.length_um / shape.widest_um > 3.0


def test_a_pale_spot_inside_is_no_outline():
    whole = drawn(disc)
    spotted = whole & ~drawn(lambda x, y: disc(x, y, 0.5, 0.7))
    assert spotted.sum() < whole.sum()
    assert measured(spotted) == measured(whole, WORK_UM_PER_PX)


def test_a_fragment_is_no_lobe_and_nothing_is_no_nucleus():
    with_fragment = drawn(lambda x, y: disc(x, y) | disc(x, y, 5.0, 0.7))
    assert measured(with_fragment) == measured(drawn(disc), WORK_UM_PER_PX)
    assert measure_nucleus(drawn(lambda x, y: disc(x, y, 0.0, 0.7)), WORK_UM_PER_PX) is None


def test_the_border_of_the_window_is_an_outline():
    whole = drawn(curved_band)
    rows, columns = np.flatnonzero(whole.any(axis=1)), np.flatnonzero(whole.any(axis=0))
    window = whole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    far, near = measured(whole, WORK_UM_PER_PX), measured(window, WORK_UM_PER_PX)
    for measure in ("widest_um", "narrowest_um", "length_um"):
        assert getattr(near, measure) == pytest.approx(getattr(far, measure), rel=0.05)


# A drawn nucleus, 64 rows of 70 pixels, in which two narrow places are alike but for the last digit.
_TWO_ALIKE = (
    "c-qa7yA8uI3`A+TP^l3-iZ+Whnt&|g5mdSmeBtMm6e-h$4G+3U9w?FDYO<##3dM$t&JqP91aNxaf$ky$3z=Vt5P5IuL~fA>_j`KQnR+?WcF$"
    "789(Bu<ie|{zY)+9gdzJ=OV>RfBK(qqUvMtp_w~Oec<v82On&a#cvMmk>C(-dCbL0T8E$iCy`3L^y(d57C1z?keD*"
)


def test_the_same_wherever_the_distances_lie_in_memory(monkeypatch):
    packed = np.frombuffer(zlib.decompress(base64.b85decode(_TWO_ALIKE)), dtype=np.uint8)
    nucleus = np.unpackbits(packed, count=64 * 70).reshape(64, 70)
    as_it_is = cv2.distanceTransform

    def measured_with_distances_at(offset):
        def distances(mask, kind, precision):
            memory = np.empty(mask.size * 4 + 64, dtype=np.uint8)
            first = -memory.ctypes.data % 32 + offset
            at = memory[first : first + mask.size * 4].view(np.float32).reshape(mask.shape)
            return as_it_is(mask, kind, precision, at)

        monkeypatch.setattr(cv2, "distanceTransform", distances)
        return measured(nucleus)

    assert len({measured_with_distances_at(offset) for offset in range(0, 32, 4)}) == 1
