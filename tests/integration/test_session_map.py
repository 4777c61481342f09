"""A finder that begins anew knows from the ledger what the one before it knew."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.finder.session_map import SessionMap
from smearwatch.capture.registration.slide_map import Placed
from smearwatch.capture.slide.view import View
from smearwatch.capture.slide.writer import encode
from smearwatch.daemon.record.events import Opened, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.reading import LedgerReader
from tests.answered import answered
from tests.walked import Walked, walked

pytestmark = pytest.mark.integration

SIZE: dict[str, Any] = {"width_px": 1000, "height_px": 640, "um_per_px": 0.11, "leukocytes_per_mm2": 500.0}


@pytest.fixture(scope="module")
def way() -> list[Walked]:
    """On, away, back, on."""
    views = [View(0.0, 0.0), View(55.0, 10.0, angle_deg=2.0), View(900.0, 0.0), View(8.0, -6.0, angle_deg=-9.0)]
    return walked([*views, View(930.0, 20.0, angle_deg=5.0)], **SIZE)


def commit(ledger: Ledger, frame: str, field: Walked, placed: Placed) -> None:
    """Write what the hub writes for what the finder says."""
    ledger.append([Seen(frame, "f.jpg", len(field.data), 1, None, None, True, "folder")])
    found, thumbnails = answered(frame, field.result, placed)
    ledger.append([found], thumbnails)


def recorded(folder: Path, way: list[Walked], *, anew_each_time: bool) -> list[Placed]:
    """Place a way while it is recorded; by one desk, or by another one for each field."""
    placed = []
    with Ledger.open(folder, session="s") as ledger, LedgerReader.read(folder) as reader:
        ledger.append([Opened(ledger.epoch, 1, "t", "s", 100, 33.0, "rule", {})])
        desk = SessionMap(reader, max_pixels=10**8)
        for field in way:
            frame = ledger.frames.put(field.data)
            if anew_each_time:
                desk = SessionMap(reader, max_pixels=10**8)
            placed.append(desk.place(frame, field.result))
            commit(ledger, frame, field, placed[-1])
    return placed


def test_going_on_from_the_ledger_gives_the_same_places_and_cells(way, tmp_path):
    one = recorded(tmp_path / "one", way, anew_each_time=False)
    other = recorded(tmp_path / "other", way, anew_each_time=True)
    assert one == other
    assert [p.placement.status for p in one if p.placement] == ["first", "placed", "unplaced", "placed", "placed"]
    assert sum(len(p.same_as) for p in one) >= 4


def defocused(field: Walked, um: float) -> Walked:
    """Photograph the same field a little out of focus."""
    bgr = cv2.GaussianBlur(field.field.bgr, (0, 0), um / field.result.um_per_px)
    data = encode(np.asarray(bgr, np.uint8), "jpeg")
    result = find(data, um_per_px=field.result.um_per_px, um_per_px_source="configured")
    assert isinstance(result, FieldFound), result
    return replace(field, data=data, result=result)


def test_a_blurred_first_view_is_beaten_once_by_whichever_desk_places_the_sharp_one(way, tmp_path):
    """Blurred, sharp, turned and as sharp, blurred again: the second view of each cell is judged, no other is."""
    four = [defocused(way[0], 0.5), way[0], way[3], defocused(way[3], 0.3)]
    one = recorded(tmp_path / "one", four, anew_each_time=False)
    assert recorded(tmp_path / "other", four, anew_each_time=True) == one
    assert len(one[1].same_as) >= 3
    assert one[1].better_than == one[1].same_as
    turned, soft = one[2:]
    assert set(turned.same_as.values()) & set(one[1].same_as.values())
    counted_blurred = set(one[1].same_as.values())
    assert [counted for counted in turned.better_than.values() if counted in counted_blurred] == []
    assert soft.better_than == {}


def test_without_being_asked_no_view_is_judged_again(way, tmp_path):
    blurred = defocused(way[0], 0.5)
    with Ledger.open(tmp_path, session="s") as ledger, LedgerReader.read(tmp_path) as reader:
        ledger.append([Opened(ledger.epoch, 1, "t", "s", 100, 33.0, "rule", {})])
        desk = SessionMap(reader, max_pixels=10**8, judges_again=False)
        placed = [desk.place(ledger.frames.put(field.data), field.result) for field in (blurred, way[0])]
    assert placed[1].same_as
    assert placed[1].better_than == {}


def test_what_the_ledger_says_of_a_frame_stands(way, tmp_path):
    """A frame whose crops were lost comes again: its cells are those of then."""
    placed = recorded(tmp_path, way, anew_each_time=False)
    with LedgerReader.read(tmp_path) as reader:
        desk = SessionMap(reader, max_pixels=10**8)
        frames = [found.frame for found in reader.found_frames()]
        assert len(frames) == len(way)
        assert [desk.place(frame, field.result) for frame, field in zip(frames, way, strict=True)] == placed


def test_fields_of_a_ledger_that_knew_no_places_are_known_by_their_cells(way, tmp_path):
    with Ledger.open(tmp_path, session="s") as ledger, LedgerReader.read(tmp_path) as reader:
        ledger.append([Opened(ledger.epoch, 1, "t", "s", 100, 33.0, "rule", {})])
        first = ledger.frames.put(way[0].data)
        commit(ledger, first, way[0], Placed(None, {}))
        desk = SessionMap(reader, max_pixels=10**8)
        again = desk.place(ledger.frames.put(way[3].data), way[3].result)
        assert again.placement is not None
        assert (again.placement.status, again.placement.tied_to) == ("placed", (first,))
        assert again.same_as
        # And the frame itself, asked for once more, has no place still.
        assert desk.place(first, replace(way[0].result)) == Placed(None, {})


def test_a_damaged_earlier_frame_costs_no_later_one(way, tmp_path):
    recorded(tmp_path, way[:1], anew_each_time=False)
    with Ledger.open(tmp_path, session="s") as ledger, LedgerReader.read(tmp_path) as reader:
        (found,) = reader.found_frames()
        path = ledger.frames.path(found.frame)
        path.chmod(0o600)
        path.write_bytes(way[0].data[:500])
        placed = SessionMap(reader, max_pixels=10**8).place(ledger.frames.put(way[3].data), way[3].result)
    assert placed.placement is not None
    assert (placed.placement.status, placed.same_as) == ("unplaced", {})
