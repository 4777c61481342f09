"""A found cell on its way into the ledger: from the finder onto the wire, from the wire into an event, by name."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from smearwatch.capture.finder.field import FieldFound, FoundCell
from smearwatch.capture.finder.on_wire import cell_on_wire, cells_found
from smearwatch.capture.registration.picture import PackedPicture
from smearwatch.capture.registration.slide_map import Registered
from smearwatch.capture.vision.nucleus_shape import NucleusShape
from smearwatch.capture.vision.segment import Leukocyte, Segmentation
from smearwatch.daemon.hub.frame_queue import found_cell, found_event
from smearwatch.daemon.record.events import Nucleus, event_from_bytes, event_to_bytes
from smearwatch.daemon.record.placement import CellName, Placement
from smearwatch.daemon.wire.codec import decode, encode
from smearwatch.daemon.wire.messages import FrameLease

FRAME, EARLIER = "a" * 64, "b" * 64
LEUKOCYTES = (
    Leukocyte((1, 2, 30, 40), (16.5, 22.25), 131.5, False, 0.97),
    Leukocyte((5, 6, 70, 80), (40.5, 46.0), 99.0, True, 0.5),
    Leukocyte((500, 6, 70, 80), (535.0, 46.0), 101.25, False, 0.75),
)
PLACEMENT = Placement("placed", 3, 1.5, -2.25, 4.0, 1.01, (EARLIER,))
REGISTERED = Registered(PLACEMENT, {0: (EARLIER, 4), 2: (EARLIER, 7)}, {2: (EARLIER, 7)})
LEASE = FrameLease(9, FRAME, "f.jpg", None, None, ())

EVENT = (
    '{"cells":['
    '{"area_um2":131.5,"at_edge":false,"box":[1,2,30,40],"centre_xy_px":[16.5,22.25],"index":0,'
    f'"same_as":{{"frame":"{EARLIER}","index":4}},"score":0.97}},'
    '{"area_um2":99.0,"at_edge":true,"box":[5,6,70,80],"centre_xy_px":[40.5,46.0],"index":1,"score":0.5},'
    f'{{"area_um2":101.25,"at_edge":false,"better_than":{{"frame":"{EARLIER}","index":7}},"box":[500,6,70,80],'
    f'"centre_xy_px":[535.0,46.0],"index":2,"same_as":{{"frame":"{EARLIER}","index":7}},"score":0.75}}],'
    f'"focus":0.83,"frame":"{FRAME}","height_px":480,"kind":"found",'
    f'"placement":{{"angle_deg":4.0,"island":3,"scale":1.01,"status":"placed","tied_to":["{EARLIER}"],'
    '"x_um":1.5,"y_um":-2.25},'
    '"um_per_px":0.11,"um_per_px_estimate":0.112,"um_per_px_source":"red_cells","width_px":640}'
)
"""What ledgers hold since 0.1: their chain of hashes is over these bytes."""


@pytest.fixture
def field():
    crop = np.arange(750 * 750 * 3, dtype=np.uint64).astype(np.uint8).reshape(750, 750, 3)
    cells = tuple(
        FoundCell(index, leukocyte, None if leukocyte.at_edge else crop, f"jpeg {index}".encode())
        for index, leukocyte in enumerate(LEUKOCYTES)
    )
    labels = np.zeros((1, 1), np.int32)
    return FieldFound(
        width_px=640,
        height_px=480,
        um_per_px=0.11,
        um_per_px_source="red_cells",
        um_per_px_estimate=0.112,
        focus=0.83,
        cells=cells,
        segmentation=Segmentation(LEUKOCYTES, labels, labels, (640, 480)),
        picture=PackedPicture(b"", 0.44),
        stages_ms=MappingProxyType({"decode": 1.0}),
    )


def test_the_event_of_a_found_field_is_the_same_to_the_byte(field):
    message, _ = cells_found(LEASE, field, REGISTERED, {})
    assert event_to_bytes(found_event(message)).decode() == EVENT


def test_from_the_finder_through_the_wire_into_the_ledger_and_back(field):
    message, buffers = cells_found(LEASE, field, REGISTERED, {"decode": 1.0})
    received, received_buffers = decode([bytes(part) for part in encode(message, buffers)], max_bytes=10**8)
    assert received == message
    assert [bytes(buffer) for buffer in received_buffers] == [
        field.cells[2].crop_bgr.tobytes(),  # the first was seen before as well, the second is cut
        b"jpeg 0",
        b"jpeg 1",
        b"jpeg 2",
    ]
    event = found_event(received)
    assert event_from_bytes(event_to_bytes(event)) == event
    assert event.placement == PLACEMENT


@pytest.mark.parametrize("index", range(len(LEUKOCYTES)))
def test_each_value_of_a_cell_keeps_its_name(field, index):
    """All values of one cell differ, so that two of them in each other's place would show."""
    recorded = found_cell(cell_on_wire(field.cells[index], REGISTERED))
    leukocyte = LEUKOCYTES[index]
    assert recorded.index == index
    assert recorded.box == leukocyte.box
    assert recorded.centre_xy_px == leukocyte.centre_xy_px
    assert recorded.area_um2 == leukocyte.area_um2
    assert recorded.at_edge == leukocyte.at_edge
    assert recorded.score == leukocyte.score
    assert recorded.same_as == (CellName(*REGISTERED.same_as[index]) if index in REGISTERED.same_as else None)
    assert recorded.better_than == (
        CellName(*REGISTERED.better_than[index]) if index in REGISTERED.better_than else None
    )


def test_the_shape_of_a_nucleus_reaches_the_ledger(field):
    shaped = replace(LEUKOCYTES[2], nucleus=NucleusShape(4.25, 1.5, 13.75, 2))
    field = replace(field, cells=(*field.cells[:2], replace(field.cells[2], leukocyte=shaped)))
    message, buffers = cells_found(LEASE, field, REGISTERED, {})
    received, _ = decode([bytes(part) for part in encode(message, buffers)], max_bytes=10**8)
    assert received == message
    assert [cell.nucleus for cell in found_event(message).cells] == [None, None, Nucleus(4.25, 1.5, 13.75, 2)]
