"""What the finder remembers of a session is counted in bytes: so many a field, so many a cell, and no more."""

import hashlib
import tracemalloc

import numpy as np

from smearwatch.capture.registration.clearness import Clearness
from smearwatch.capture.registration.picture_cache import PictureCache
from smearwatch.capture.registration.signatures import Descriptor
from smearwatch.capture.registration.slide_map import Registered, SlideMap
from smearwatch.daemon.record.placement import Placement

FIELDS, CELLS, DISC_PX = 512, 4, 448
MOST_A_FIELD, MOST_A_CELL = 1_700, 1_400
"""Bytes. A field: its name, pose, answer. A cell: 448 of its look, 448 more where the field cuts that, its place."""


def remembered(cells: int) -> int:
    """Return the bytes that a map of so many cells a field takes, by field."""
    slide = SlideMap(PictureCache(lambda frame: None))
    tracemalloc.start()
    for number in range(FIELDS):
        frame = hashlib.sha256(str(number).encode()).hexdigest()
        descriptors = {
            index: Descriptor(complex(number, index), np.zeros((1, DISC_PX), np.uint8), np.ones((1, DISC_PX), np.uint8))
            for index in range(cells)
        }
        clear = {index: Clearness(float(number), 1.0) for index in range(cells)}
        placement = Placement("placed", 0, 100.0 * (number % 30), 100.0 * (number // 30), 0.0, 1.0, (frame[::-1],))
        slide.remember(frame, complex(140, 90), Registered(placement, {}), descriptors, clear)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return taken // FIELDS


def test_a_field_and_a_cell_take_so_many_bytes():
    remembered(1)  # what is made once is no part of it
    field = remembered(0)
    assert field <= MOST_A_FIELD
    assert remembered(CELLS) - field <= CELLS * MOST_A_CELL
