"""Two touching cells are cut apart where glass shows between them; the lobes of one cell are brought together."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.vision.touching import find_best_cut, separate_touching

UM = 0.2
GLASS, CYTOPLASM, NUCLEUS = 0.0, 0.2, 0.8


def _discs(*discs, size=(200, 260)):
    """Draw discs (x, y, radius in um, density): green density float32 [h, w]."""
    drawn = np.full(size, GLASS, np.float32)
    for x, y, radius, density in discs:
        cv2.circle(drawn, (round(x / UM), round(y / UM)), round(radius / UM), density, -1)
    return drawn


def _told(absorbed):
    _, labels = cv2.connectedComponents((absorbed >= NUCLEUS).astype(np.uint8))
    return separate_touching(np.asarray(labels, np.int32), absorbed, UM)


@pytest.mark.parametrize(
    ("what", "discs", "count"),
    [
        ("one round nucleus", [(26, 20, 5, NUCLEUS)], 1),
        ("two that touch", [(21.2, 20, 4.5, NUCLEUS), (29.8, 20, 4.5, NUCLEUS)], 2),
        ("two that overlap by 15 %", [(21.9, 20, 4.5, NUCLEUS), (29.6, 20, 4.5, NUCLEUS)], 2),
        ("a large and a small one", [(18, 20, 7, NUCLEUS), (28.3, 20, 4, NUCLEUS)], 2),
        ("three in a row", [(x, 20, 4.2, NUCLEUS) for x in (14, 22, 30)], 3),
        ("three in a corner", [(20, 16, 4.2, NUCLEUS), (28, 16, 4.2, NUCLEUS), (28, 24, 4.2, NUCLEUS)], 3),
        ("a nucleus and a platelet on it", [(24, 20, 4.5, NUCLEUS), (29.5, 20, 1.4, NUCLEUS)], 1),
        ("two lobes in one cell", [(26, 20, 7, CYTOPLASM), (22.5, 20, 3, NUCLEUS), (29.5, 20, 3, NUCLEUS)], 1),
        ("the same without a cell around them", [(22.5, 20, 3, NUCLEUS), (29.5, 20, 3, NUCLEUS)], 2),
        (
            "two cells, far nuclei",
            [(18, 20, 5, CYTOPLASM), (28, 20, 5, CYTOPLASM), (17, 20, 3.5, NUCLEUS), (29, 20, 3.5, NUCLEUS)],
            2,
        ),
        ("nothing", [], 0),
    ],
)
def test_cells_are_told_apart(what, discs, count):
    told = _told(_discs(*discs))
    assert told.max() == count, what
    assert set(np.unique(told)) == set(range(count + 1))


@pytest.mark.parametrize("degrees", [0, 30, 77, 145])
def test_direction_does_not_matter_and_every_pixel_stays(degrees):
    dx, dy = 4.2 * np.cos(np.radians(degrees)), 4.2 * np.sin(np.radians(degrees))
    absorbed = _discs((26 - dx, 20 - dy, 4.5, NUCLEUS), (26 + dx, 20 + dy, 4.5, NUCLEUS))
    told = _told(absorbed)
    assert np.array_equal(told > 0, absorbed >= NUCLEUS)
    areas = np.bincount(told.ravel())[1:] * UM**2
    assert areas == pytest.approx([np.pi * 4.5**2] * 2, rel=0.12)


def test_a_horseshoe_in_its_cell_is_not_cut_but_one_around_glass_is():
    for around, short in ((CYTOPLASM, False), (GLASS, True)):
        absorbed = _discs((26, 20, 7.5, around))
        cv2.ellipse(absorbed, (130, 100), (24, 24), 0, 30, 330, NUCLEUS, 16)
        cut = find_best_cut((absorbed >= NUCLEUS).astype(np.uint8), absorbed, UM)
        assert (cut is not None and cut.shortness < 0.8) == short


def test_the_picture_may_end_beside_a_nucleus():
    told = _told(_discs((3, 3, 4.5, NUCLEUS), (10.5, 3, 4.5, NUCLEUS)))
    assert told.max() == 2
