"""What lies on the slide besides leukocytes looks as atlases say, and the same seed draws the same thing."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.slide.cells import render_cell
from smearwatch.capture.slide.stain import Stain
from smearwatch.capture.slide.thing import REACH_UM, THING_KINDS
from smearwatch.capture.slide.things import render_thing

UM_PER_PX = 0.1


def _thing(kind, seed, um_per_px=UM_PER_PX):
    return render_thing(kind, np.random.default_rng(seed), um_per_px=um_per_px, stain=Stain())


def _across_um(extent, um_per_px=UM_PER_PX):
    _, _, width, height = cv2.boundingRect((extent > 0.5).astype(np.uint8))
    return float(np.mean([width, height]) * um_per_px)


@pytest.mark.parametrize("kind", THING_KINDS)
def test_the_same_state_draws_the_same_thing_within_its_reach(kind):
    for seed in range(12):
        thing, again = _thing(kind, seed), _thing(kind, seed)
        assert np.array_equal(thing.od_bgr, again.od_bgr)
        assert thing.od_bgr.min() >= 0.0
        side = thing.extent.shape[0]
        assert thing.extent.shape == thing.cover.shape == thing.od_bgr.shape[:2] == (side, side)
        assert side % 2 == 1
        assert side * UM_PER_PX / 2 <= REACH_UM[kind] + 2 * UM_PER_PX
        assert (thing.extent > 0.5).any()
        # Nothing dark lies outside what is said to be its extent.
        around = cv2.dilate((thing.extent > 0.5).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        assert thing.od_bgr[:, :, 1][~around].max(initial=0.0) < 0.35
    assert not np.array_equal(_thing(kind, 1).od_bgr[:9, :9], _thing(kind, 2).od_bgr[:9, :9]) or (
        _thing(kind, 1).od_bgr.shape != _thing(kind, 2).od_bgr.shape
    )


@pytest.mark.parametrize(
    ("kind", "smallest_um", "largest_um"),
    [
        ("smudge", 7.0, 34.0),
        ("erythroblast", 7.2, 10.6),
        ("platelet_clump", 3.5, 28.0),
        ("giant_platelet", 3.5, 9.5),
        ("precipitate", 0.2, 28.0),
    ],
)
@pytest.mark.parametrize("um_per_px", [0.065, 0.13])
def test_things_have_their_size_at_every_scale(kind, smallest_um, largest_um, um_per_px):
    sizes = [_across_um(_thing(kind, seed, um_per_px).extent, um_per_px) for seed in range(12)]
    assert smallest_um <= min(sizes)
    assert max(sizes) <= largest_um


def test_a_nucleated_red_cell_is_smaller_than_a_lymphocyte_and_its_nucleus_much_smaller():
    lymphocytes = [
        render_cell("lymphocyte", np.random.default_rng(s), um_per_px=UM_PER_PX, stain=Stain()) for s in range(25)
    ]
    nucleus_um2 = np.median([c.nucleus.sum() for c in lymphocytes]) * UM_PER_PX**2
    across_um = np.median([np.mean(c.box_xywh_px[2:]) for c in lymphocytes]) * UM_PER_PX
    young = [_thing("erythroblast", s) for s in range(25)]
    dense_um2 = [(t.od_bgr[:, :, 1] > 1.2).sum() * UM_PER_PX**2 for t in young]
    assert np.median([_across_um(t.extent) for t in young]) < 0.95 * across_um
    assert np.median(dense_um2) < 0.6 * nucleus_um2
    assert min(dense_um2) > 8.0


def test_a_smudge_is_paler_and_redder_than_chromatin_and_dye_is_darker_and_hides_nothing():
    chromatin = Stain().chromatin
    for seed in range(12):
        smudge = _thing("smudge", seed)
        inside = smudge.od_bgr[smudge.extent > 0.5].mean(axis=0)
        assert 0.25 * chromatin[1] < inside[1] < 0.75 * chromatin[1]
        assert inside[2] / inside[1] < 0.9 * chromatin[2] / chromatin[1]
    dye = [_thing("precipitate", seed) for seed in range(40)]
    assert max(t.od_bgr[:, :, 0].max() for t in dye) > 2.0 * chromatin[0]
    assert all(t.cover.max() == 0.0 for t in dye)
    # Specks of any size: from single grains to fields of them.
    spots = [cv2.connectedComponents((t.extent > 0.5).astype(np.uint8))[0] - 1 for t in dye]
    assert min(spots) <= 3
    assert max(spots) >= 20
