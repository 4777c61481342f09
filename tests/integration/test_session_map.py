"""A finder that begins anew knows from the ledger what the one before it knew."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.finder.hub_record import HubRecord
from smearwatch.capture.finder.session_map import SessionMap
from smearwatch.capture.registration.slide_map import Registered
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.slide.view import View
from smearwatch.capture.slide.writer import encode
from smearwatch.daemon.hub.audience import answer
from smearwatch.daemon.hub.journal import Journal
from smearwatch.daemon.record.events import Opened, Seen
from smearwatch.daemon.record.frame_store import FrameStoreError
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.hub_sockets import HubSockets
from smearwatch.daemon.wire.messages import WantEvents, WantFrame, WantThumbnails
from smearwatch.daemon.wire.sockets import context
from tests.answered import answered
from tests.walked import Walked, walked

pytestmark = pytest.mark.integration

SIZE: dict[str, Any] = {"width_px": 1000, "height_px": 640, "um_per_px": 0.11, "leukocytes_per_mm2": 500.0}


@pytest.fixture(scope="module")
def route() -> list[Walked]:
    """On, away, back, on."""
    views = [View(0.0, 0.0), View(55.0, 10.0, angle_deg=2.0), View(900.0, 0.0), View(8.0, -6.0, angle_deg=-9.0)]
    return walked([*views, View(930.0, 20.0, angle_deg=5.0)], **SIZE)


def commit(ledger: Ledger, frame: str, field: Walked, registered: Registered) -> None:
    """Write what the hub writes for what the finder says."""
    ledger.append([Seen(frame, "f.jpg", len(field.data), 1, None, None, True, "folder")])
    found, thumbnails = answered(frame, field.result, registered)
    ledger.append([found], thumbnails)


def recorded(folder: Path, route: list[Walked], *, anew_each_time: bool) -> list[Registered]:
    """Register a route while it is recorded; by one session map, or by another one for each field."""
    registered = []
    with Ledger.open(folder, session="s") as ledger, LedgerReader.read(folder) as reader:
        ledger.append([Opened(ledger.epoch, 1, "t", "s", 100, 33.0, "rule", {})])
        session_map = SessionMap(reader, max_pixels=10**8)
        for field in route:
            frame = ledger.frames.put(field.data)
            if anew_each_time:
                session_map = SessionMap(reader, max_pixels=10**8)
            registered.append(session_map.register(frame, field.result))
            commit(ledger, frame, field, registered[-1])
    return registered


def test_what_the_red_cells_said_is_known_at_once_and_once(route, tmp_path):
    measured = [replace(field.result, um_per_px_estimate=0.1 + n / 1000) for n, field in enumerate(route)]
    with Ledger.open(tmp_path, session="s") as ledger, LedgerReader.read(tmp_path) as reader:
        ledger.append([Opened(ledger.epoch, 1, "t", "s", 100, 33.0, "rule", {})])
        going_on = SessionMap(reader, max_pixels=10**8)
        for field, result in zip(route, measured, strict=True):
            frame = ledger.frames.put(field.data)
            assert not going_on.knows(frame)
            registered = going_on.register(frame, result)
            commit(ledger, frame, replace(field, result=result), registered)
            assert going_on.register(frame, result) == registered  # its crops were lost, and are cut again
            anew = SessionMap(reader, max_pixels=10**8)
            assert anew.knows(frame)
            assert going_on.kinds.estimates == anew.kinds.estimates
            assert going_on.kinds.estimates[-1][0] == result.um_per_px_estimate
        assert len(going_on.kinds.estimates) == len(route)


def test_going_on_from_the_ledger_gives_the_same_placements_and_cells(route, tmp_path):
    one = recorded(tmp_path / "one", route, anew_each_time=False)
    other = recorded(tmp_path / "other", route, anew_each_time=True)
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


def test_a_blurred_first_view_is_beaten_once_by_whichever_map_registers_the_sharp_one(route, tmp_path):
    """Blurred, sharp, turned and as sharp, blurred again: the second view of each cell is judged, no other is."""
    four = [defocused(route[0], 0.5), route[0], route[3], defocused(route[3], 0.3)]
    one = recorded(tmp_path / "one", four, anew_each_time=False)
    assert recorded(tmp_path / "other", four, anew_each_time=True) == one
    assert len(one[1].same_as) >= 3
    assert one[1].better_than == one[1].same_as
    turned, soft = one[2:]
    assert set(turned.same_as.values()) & set(one[1].same_as.values())
    counted_blurred = set(one[1].same_as.values())
    assert [counted for counted in turned.better_than.values() if counted in counted_blurred] == []
    assert soft.better_than == {}


def test_without_being_asked_no_view_is_judged_again(route, tmp_path):
    blurred = defocused(route[0], 0.5)
    with Ledger.open(tmp_path, session="s") as ledger, LedgerReader.read(tmp_path) as reader:
        ledger.append([Opened(ledger.epoch, 1, "t", "s", 100, 33.0, "rule", {})])
        session_map = SessionMap(reader, max_pixels=10**8, judges_again=False)
        registered = [
            session_map.register(ledger.frames.put(field.data), field.result) for field in (blurred, route[0])
        ]
    assert registered[1].same_as
    assert registered[1].better_than == {}


def test_what_the_ledger_says_of_a_frame_stands(route, tmp_path):
    """A frame whose crops were lost comes again: its cells are those of then."""
    registered = recorded(tmp_path, route, anew_each_time=False)
    with LedgerReader.read(tmp_path) as reader:
        session_map = SessionMap(reader, max_pixels=10**8)
        frames = [found.frame for found in reader.found_frames()]
        assert len(frames) == len(route)
        assert [
            session_map.register(frame, field.result) for frame, field in zip(frames, route, strict=True)
        ] == registered


def test_a_finder_on_another_computer_knows_what_the_ledger_says(route, tmp_path):
    """What it asks of the hub gives the same map, with the pictures that it needs again."""
    folder = tmp_path / "ledger"
    recorded(folder, route, anew_each_time=False)
    asked, over = Event(), Event()

    def serve() -> None:
        with LedgerReader.read(folder) as reader, context() as owner:
            sockets = HubSockets(owner, Endpoints.under(tmp_path), max_bytes=10**8)
            journal = cast("Journal", SimpleNamespace(ledger=reader))
            asked.set()
            while not over.is_set():
                if (received := sockets.receive(0.05)) is not None:
                    identity, message, _ = received
                    assert isinstance(message, WantEvents | WantThumbnails | WantFrame)
                    sockets.send(identity, *answer(message, journal, target=100))
            sockets.close()

    view = walked([View(52.0, 4.0, angle_deg=1.0)], **SIZE)[0]
    with ThreadPoolExecutor(1) as pool, LedgerReader.read(folder) as reader:
        served = pool.submit(serve)
        assert asked.wait(10.0)
        record = HubRecord(Endpoints.under(tmp_path))
        try:
            assert list(record.found_frames()) == list(reader.found_frames())
            near = SessionMap(reader, max_pixels=10**8)
            frames = [found.frame for found in reader.found_frames()]
            assert record.frames.read_as_recorded(frames[1]) == reader.frames.read(frames[1])
            with pytest.raises(FrameStoreError):
                record.frames.read_as_recorded("0" * 64)
            record.close()
            record = HubRecord(Endpoints.under(tmp_path))
            far = SessionMap(record, max_pixels=10**8)
            registered = far.register("f" * 64, view.result)
            assert registered == near.register("f" * 64, view.result)
            assert registered.same_as
        finally:
            record.close()
            over.set()
        served.result(10.0)


def test_fields_of_a_ledger_without_placements_are_known_by_their_cells(route, tmp_path):
    with Ledger.open(tmp_path, session="s") as ledger, LedgerReader.read(tmp_path) as reader:
        ledger.append([Opened(ledger.epoch, 1, "t", "s", 100, 33.0, "rule", {})])
        first = ledger.frames.put(route[0].data)
        commit(ledger, first, route[0], Registered(None, {}))
        session_map = SessionMap(reader, max_pixels=10**8)
        again = session_map.register(ledger.frames.put(route[3].data), route[3].result)
        assert again.placement is not None
        assert (again.placement.status, again.placement.tied_to) == ("placed", (first,))
        assert again.same_as
        # And the frame itself, asked for once more, has no place still.
        assert session_map.register(first, replace(route[0].result)) == Registered(None, {})


def test_a_damaged_earlier_frame_costs_no_later_one(route, tmp_path):
    recorded(tmp_path, route[:1], anew_each_time=False)
    with Ledger.open(tmp_path, session="s") as ledger, LedgerReader.read(tmp_path) as reader:
        (found,) = reader.found_frames()
        path = ledger.frames.path(found.frame)
        path.chmod(0o600)
        path.write_bytes(route[0].data[:500])
        registered = SessionMap(reader, max_pixels=10**8).register(ledger.frames.put(route[3].data), route[3].result)
    assert registered.placement is not None
    assert (registered.placement.status, registered.same_as) == ("unplaced", {})


def test_a_round_field_is_remade_as_it_was_searched(tmp_path):
    """After a restart it is recognised by its disc: what lies around must not look like a part of the slide."""
    bgr = Slide(7, um_per_px=0.1, width_px=1000, height_px=800).field(0).bgr
    y, x = np.ogrid[:800, :1000]
    bgr = np.where((np.hypot(x - 500, y - 400) < 380)[..., None], bgr, np.uint8(5))
    data = cv2.imencode(".png", bgr)[1].tobytes()
    result = find(data, um_per_px=0.1, um_per_px_source="configured")
    assert isinstance(result, FieldFound)
    with Ledger.open(tmp_path, session="s") as ledger, LedgerReader.read(tmp_path) as reader:
        ledger.append([Opened(ledger.epoch, 1, "t", "s", 100, 33.0, "rule", {})])
        frame = ledger.frames.put(data)
        registered = SessionMap(reader, max_pixels=10**8).register(frame, result)
        ledger.append([Seen(frame, "f.png", len(data), 1, None, None, True, "folder")])
        found, thumbnails = answered(frame, result, registered)
        ledger.append([found], thumbnails)
        remade = SessionMap(reader, max_pixels=10**8)._remake(frame)
    assert remade == result.picture
