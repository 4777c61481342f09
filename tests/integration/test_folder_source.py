"""The watched folder against the writers of real life: nothing torn is taken, nothing is missed."""

import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import pytest
from structlog.testing import capture_logs

from smearwatch.capture.formats.metadata import scale_from_metadata
from smearwatch.capture.sources.base import SourceFrame
from smearwatch.capture.sources.folder import FolderSource
from smearwatch.capture.sources.reading import mark_of
from smearwatch.capture.sources.surroundings import Surroundings
from smearwatch.daemon.config import Settings
from smearwatch.daemon.folder_check import is_picture_name
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.wire.control import FileOnWire
from tests.czi_files import SubBlock, czi

pytestmark = pytest.mark.integration


def picture(seed, suffix=".jpg", size=(60, 80)):
    noise = np.random.default_rng(seed).integers(0, 255, (*size, 3), np.uint8)
    return cv2.imencode(suffix, noise)[1].tobytes()


class Watching:
    """A source on a real folder, polled as its delivery polls it."""

    def __init__(self, folder: Path, until_idle_s=None, **settings):
        folder.mkdir(exist_ok=True)
        values = {"settle_s": 0.1, "incomplete_s": 1.5, "rescan_s": 0.3, **settings}
        self.folder = folder
        plan = RunPlan(settings=Settings(**values), session="t", source="folder", until_idle_s=until_idle_s)
        self.source = FolderSource(folder, plan)
        self.got: list[SourceFrame] = []

    def __enter__(self):
        self.source.__enter__()
        return self

    def __exit__(self, *_):
        self.source.__exit__()

    def poll(self, seconds, until=lambda: False):
        """Poll for so long, or until it holds; acknowledges what it is given."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not until():
            for frame in self.source.ready(4):
                self.got.append(frame)
                self.source.taken(frame, known=False)
            time.sleep(0.01)
        return self.got

    def until(self, count, seconds=5.0):
        """Poll until so many frames were given."""
        self.poll(seconds, lambda: len(self.got) >= count)
        return [frame.data for frame in self.got]


@pytest.fixture
def watching(tmp_path):
    with Watching(tmp_path / "in") as watching:
        watching.poll(0.05)
        yield watching


def test_files_already_there_are_taken(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for n in range(5):
        (folder / f"{n}.jpg").write_bytes(picture(n))
    with Watching(folder) as watching:
        assert watching.until(5) == [picture(n) for n in range(5)]
        assert watching.source.state().scanned
        assert watching.source.state().waiting == 0


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tiff"])
def test_slow_chunks_are_taken_whole(watching, suffix):
    data = picture(1, suffix, (200, 200))

    def write():
        with (watching.folder / f"slow{suffix}").open("wb") as file:
            for start in range(0, len(data), len(data) // 7 + 1):
                file.write(data[start : start + len(data) // 7 + 1])
                file.flush()
                time.sleep(0.08)

    writer = threading.Thread(target=write)
    writer.start()
    assert watching.until(1) == [data]
    writer.join()
    assert watching.poll(0.5)[1:] == []


def test_a_pause_longer_than_the_settle_time_tears_nothing(watching):
    data = picture(1)
    path = watching.folder / "paused.jpg"
    path.write_bytes(data[: len(data) // 2])
    assert watching.poll(0.8) == []
    assert watching.source.state().waiting == 1
    with path.open("ab") as file:
        file.write(data[len(data) // 2 :])
    assert watching.until(1) == [data]


def test_never_completed_is_taken_as_it_is_after_a_while(watching):
    data = picture(1)[:-10]
    (watching.folder / "half.jpg").write_bytes(data)
    assert watching.until(1, 4.0) == [data]


def test_completed_after_it_was_given_up_is_another_frame(watching):
    data = picture(1)
    path = watching.folder / "late.jpg"
    path.write_bytes(data[:-10])
    watching.until(1, 4.0)
    path.write_bytes(data)
    assert watching.until(2) == [data[:-10], data]


def test_write_then_rename_is_taken_once(watching):
    data = picture(1)
    hidden = watching.folder / ".a.jpg.part"
    hidden.write_bytes(data)
    hidden.rename(watching.folder / "a.jpg")
    assert watching.until(1) == [data]
    assert watching.poll(0.5)[1:] == []


def test_overwritten_in_place_is_a_new_frame(watching):
    path = watching.folder / "image.jpg"
    path.write_bytes(picture(1))
    watching.until(1)
    path.write_bytes(picture(2))
    assert watching.until(2) == [picture(1), picture(2)]


def test_preallocated_zeros_are_waited_for(watching):
    data = picture(1)
    path = watching.folder / "zeros.jpg"
    path.write_bytes(bytes(len(data)))
    assert watching.poll(0.5) == []
    path.write_bytes(data)
    assert watching.until(1) == [data]


def test_a_burst_misses_none(watching):
    for n in range(120):
        (watching.folder / f"{n:03}.jpg").write_bytes(picture(n))
    assert sorted(watching.until(120, 20.0)) == sorted(picture(n) for n in range(120))


def test_a_missed_notification_is_made_good_by_the_rescan(tmp_path):
    watching = Watching(tmp_path / "in")  # never started: no notification will come
    watching.poll(0.1)
    (watching.folder / "silent.jpg").write_bytes(picture(1))
    assert watching.until(1, 3.0) == [picture(1)]


def test_what_is_no_picture_is_handed_on_at_once_to_be_rejected(watching):
    (watching.folder / "notes.jpg").write_text("these are notes, not a picture\n" * 9)
    began = time.monotonic()
    assert len(watching.until(1)) == 1
    assert time.monotonic() - began < 1.0


def test_an_empty_file_is_waited_for_then_handed_on(watching):
    (watching.folder / "empty.jpg").touch()
    assert watching.poll(0.8) == []
    assert watching.until(1, 4.0) == [b""]


def test_other_files_are_left_alone_and_counted(watching):
    for name in ("truth.txt", ".hidden.jpg", "image.jpg.part"):
        (watching.folder / name).write_bytes(picture(1))
    assert watching.poll(0.6) == []
    assert watching.source.state().counters["files_ignored"] == 3


def test_what_is_waited_for_is_named_with_why(watching):
    (watching.folder / "cut.jpg").write_bytes(picture(1)[:900])
    (watching.folder / "whole.jpg").write_bytes(picture(2))
    with (watching.folder / "open.jpg").open("wb") as file:
        file.write(picture(3))
        file.flush()
        watching.poll(0.5, lambda: len(watching.source.state().left) == 2)
        assert {file.name: file.why for file in watching.source.state().left} == {
            "cut.jpg": "incomplete", "open.jpg": "being_written",
        }  # fmt: skip
    watching.until(3)
    assert watching.source.state().left == ()


def test_of_many_files_the_held_up_ones_are_named_first(watching):
    (watching.folder / "cut.jpg").write_bytes(picture(1)[:900])
    watching.poll(0.4)
    for n in range(260):
        (watching.folder / f"{n:03}.jpg").write_bytes(b"x")
    watching.source.ready(0)
    state = watching.source.state()
    assert (state.left[0].name, state.left[0].why, state.left[1].why) == ("cut.jpg", "incomplete", "waiting")
    assert (len(state.left), state.left_more) == (200, 61)


def test_pictures_of_a_kind_that_is_not_read_are_named_once(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.HEIC", "b.heic", "c.webp", "d.txt", ".e.heic"):
        (folder / name).write_bytes(b"x")
    around = Surroundings(folder)
    with capture_logs() as logs:
        for name in sorted(os.listdir(folder)):
            around.ignore(name)
    assert [(line["kind"], line["file"]) for line in logs] == [(".heic", "a.HEIC"), (".webp", "c.webp")]
    assert all("JPEG" in line["hint"] for line in logs)
    assert around.counters() == {
        "files_ignored": 5, "links_outside": 0, "subfolders_ignored": 0, "not_read_heic": 2, "not_read_webp": 1,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.jpe", "a.jfif", "a.MPO", "a.tif"])
def test_every_usual_name_of_a_jpeg_or_tiff_is_read(name):
    assert is_picture_name(name)


def test_too_large_is_refused_with_its_digest(tmp_path):
    with Watching(tmp_path / "in", max_frame_bytes=2048) as watching:
        data = picture(1, ".png", (90, 90))
        (watching.folder / "big.png").write_bytes(data)
        watching.until(1)
        frame = watching.got[0]
    assert frame.data is None
    assert frame.refusal is not None
    assert frame.refusal[0] == "file_too_large"
    assert frame.size_bytes == len(data)


def test_a_folder_that_goes_away_and_comes_back(watching):
    away = watching.folder.with_name("away")
    (watching.folder / "a.jpg").write_bytes(picture(1))
    watching.until(1)
    watching.folder.rename(away)
    watching.poll(0.8)
    (away / "b.jpg").write_bytes(picture(2))
    away.rename(watching.folder)
    assert watching.until(2) == [picture(1), picture(2)]


def test_a_file_that_vanishes_is_forgotten(watching):
    path = watching.folder / "gone.jpg"
    path.write_bytes(picture(1)[:-10])
    watching.poll(0.4)
    path.unlink()
    watching.poll(0.5)
    assert watching.source.state().waiting == 0
    assert watching.got == []


def test_the_time_is_the_files(watching):
    path = watching.folder / "a.jpg"
    path.write_bytes(picture(1))
    os.utime(path, ns=(5, 123_456_789))
    watching.until(1)
    assert watching.got[0].captured_at_ns == 123_456_789


ZEISS = "<ImageMetadata><Scaling><Items>{}</Items></Scaling></ImageMetadata>".format(
    "".join(f'<Distance Id="{axis}"><Value>4.4E-08</Value></Distance>' for axis in "XY")
)


def test_the_file_beside_a_picture_comes_with_it_even_if_it_is_late(watching):
    first, second = watching.folder / "a.tif", watching.folder / "b.tif"
    (watching.folder / "a.tif_metadata.xml").write_text(ZEISS)
    first.write_bytes(picture(1, ".tiff"))
    watching.until(1)
    second.write_bytes(picture(2, ".tiff"))
    watching.poll(0.6)
    assert [frame.name for frame in watching.got] == ["a.tif"]
    (watching.folder / "b.tif_metadata.xml").write_text(ZEISS)
    watching.until(2)
    scales = [scale_from_metadata(frame.data, frame.side_file) for frame in watching.got]
    assert [getattr(scale, "um_per_px", None) for scale in scales] == [pytest.approx(0.044)] * 2


def test_a_picture_whose_side_file_never_comes_is_taken_all_the_same(watching):
    (watching.folder / "a.tif_metadata.xml").write_text(ZEISS)
    (watching.folder / "a.tif").write_bytes(picture(1, ".tiff"))
    watching.until(1)
    (watching.folder / "b.tif").write_bytes(picture(2, ".tiff"))
    watching.until(2, seconds=20.0)
    assert [(frame.name, frame.side_file is None) for frame in watching.got] == [("a.tif", False), ("b.tif", True)]


def test_a_czi_is_a_picture(watching):
    data = czi(SubBlock(np.full((40, 50, 3), (10, 120, 200), np.uint8)))
    (watching.folder / "a.czi").write_bytes(data)
    assert watching.until(1) == [data]


def test_the_line_to_the_next_specimen_takes_what_had_come_and_nothing_later(tmp_path):
    with Watching(tmp_path / "in", incomplete_s=30.0) as watching:
        (watching.folder / "taken.jpg").write_bytes(picture(1))
        watching.until(1)
        (watching.folder / "waits.jpg").write_bytes(picture(3))
        with (watching.folder / "growing.jpg").open("wb") as file:
            file.write(picture(2)[:-10])
            file.flush()
            assert sorted(file.name for file in watching.source.draw_line()) == ["growing.jpg", "waits.jpg"]
            file.write(picture(2)[-10:])
        (watching.folder / "after.jpg").write_bytes(picture(4))
        (watching.folder / "taken.jpg").write_bytes(picture(1)[:500])
        assert watching.until(3)[1:] in ([picture(3), picture(2)], [picture(2), picture(3)])
        watching.poll(0.8)
        assert len(watching.got) == 3
        assert watching.source.state().waiting == 0
        watching.source.hold_line(None)
        assert watching.until(4)[3] == picture(4)


def test_a_file_that_was_changed_between_two_specimens_is_rejected_with_its_reason(tmp_path):
    with Watching(tmp_path / "in") as watching:
        path = watching.folder / "a.jpg"
        path.write_bytes(picture(1))
        before = mark_of(path.stat())
        watching.source.hold_line([FileOnWire("a.jpg", before.size_bytes, before.modified_at_ns - 1)])
        watching.until(1)
        assert (watching.got[0].data, watching.got[0].refusal[0]) == (None, "specimen_unclear")
        assert watching.poll(0.5)[1:] == []


def test_what_stalled_is_taken_as_it_is_where_nothing_else_is_waited_for(tmp_path):
    with Watching(tmp_path / "in", until_idle_s=0.4, incomplete_s=60.0) as watching:
        watching.poll(0.05)  # what is there by then comes by name, and what follows as it comes
        torn, whole = watching.folder / "torn.jpg", picture(1)
        torn.write_bytes(whole[:500])
        with (watching.folder / "held.jpg").open("wb") as held:  # whole, and its writer does not close it
            held.write(picture(2))
            held.flush()
            watching.poll(0.2)
            assert watching.source.state().stalled == 0
            watching.poll(0.4)
            state = watching.source.state()
            assert (state.waiting, state.stalled, watching.got) == (2, 2, [])
            watching.source.take_stalled()
            assert watching.until(2) == [whole[:500], picture(2)]
            assert watching.source.state().waiting == 0
        torn.write_bytes(whole)
        assert watching.until(3)[2] == whole  # it was completed later still: nothing is lost


def test_a_file_that_grows_over_the_line_is_known_again_by_a_source_that_comes_back(tmp_path):
    folder, pictures = tmp_path / "in", {name: picture(seed, size=(300, 400)) for seed, name in enumerate("abcd")}
    written = {"a": 70_000, "b": 70_000, "c": 5_000}  # the last one has too little to be known by
    with ExitStack() as open_ones:
        with Watching(folder, incomplete_s=30.0) as watching:
            files = {name: open_ones.enter_context((folder / f"{name}.jpg").open("wb", 0)) for name in written}
            for name, size_bytes in written.items():
                files[name].write(pictures[name][:size_bytes])
            watching.poll(0.3)
            line = watching.source.draw_line()
        assert {file.name for file in line if file.begins} == {"a.jpg", "b.jpg"}
        with Watching(folder, incomplete_s=30.0) as again:
            again.source.hold_line(line)
            for name in written:
                files[name].write(pictures[name][written[name] : 90_000])
            files["b"].seek(0)
            files["b"].write(pictures["d"])  # another picture under its name
            files["b"].close()
            files["c"].close()
            refused = {"b.jpg": ("specimen_unclear", None), "c.jpg": ("specimen_unclear", None)}
            again.until(2)
            assert {frame.name: (frame.refusal[0], frame.data) for frame in again.got if frame.refusal} == refused
            files["a"].write(pictures["a"][90_000:])
            files["a"].close()
            assert again.until(3)[2] == pictures["a"]
            assert again.poll(0.5)[3:] == []
