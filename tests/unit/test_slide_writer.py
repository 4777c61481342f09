"""Writing fields as a camera's software does, and the truth beside them."""

import json
import os
import threading

import cv2
import numpy as np
import pytest

from smearwatch.capture.slide.errors import SlideError
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.slide.writer import SUFFIXES, FieldWriter, Pace, TruthFile, truth_line


@pytest.fixture(scope="module")
def field():
    return Slide(2, width_px=400, height_px=300, um_per_px=0.12).field(3)


@pytest.mark.parametrize("picture_format", sorted(SUFFIXES))
@pytest.mark.parametrize("by_rename", [False, True])
def test_written_files_decode_to_the_field(tmp_path, field, picture_format, by_rename):
    path = FieldWriter(tmp_path, picture_format, by_rename=by_rename).write(field, lambda _: False)
    assert [path] == list(tmp_path.iterdir())
    back = cv2.imread(str(path))
    assert back is not None
    allowed = 8.0 if picture_format == "jpeg" else 0.0
    assert np.abs(back.astype(int) - field.bgr).mean() <= allowed


def test_a_file_grows_in_chunks_with_pauses(tmp_path, field):
    sizes = []
    writer = FieldWriter(tmp_path, "bmp", chunk_bytes=100_000, pause_s=0.5)

    def wait(seconds):
        assert seconds == 0.5
        sizes.append(writer.path_of(3).stat().st_size)
        return False

    path = writer.write(field, wait)
    assert sizes[:3] == [100_000, 200_000, 300_000]
    assert sizes[-1] == path.stat().st_size


def test_an_ending_completes_the_file_without_further_pauses(tmp_path, field):
    ended = threading.Event()
    ended.set()
    path = FieldWriter(tmp_path, "bmp", chunk_bytes=1000, pause_s=60.0).write(field, ended.wait)
    assert path.stat().st_size == 400 * 300 * 3 + 54


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path, field):
    with pytest.raises(SlideError, match="gone") as refused:
        FieldWriter(tmp_path / "gone").write(field, lambda _: False)
    assert refused.value.hint


def test_the_truth_is_one_json_object_a_field(field):
    line = truth_line(field, "field_000003.jpg")
    assert "\n" not in line
    truth = json.loads(line)
    assert (truth["index"], truth["file"], truth["width"], truth["height"]) == (3, "field_000003.jpg", 400, 300)
    assert [tuple(c["box"]) for c in truth["cells"]] == [c.box_xywh_px for c in field.cells]
    assert [c["class"] for c in truth["cells"]] == [c.cls for c in field.cells]


def test_the_truth_never_lies_in_the_watched_folder(tmp_path):
    for place in (tmp_path / "t.jsonl", tmp_path / "deeper" / "t.jsonl"):
        with pytest.raises(SlideError, match="watched folder"):
            TruthFile(place, tmp_path, force=False)
    with TruthFile(None, tmp_path, force=False) as nothing:
        nothing.write("{}")
    assert list(tmp_path.iterdir()) == []


def test_the_truth_is_made_with_its_first_line_and_nothing_is_written_over(tmp_path):
    path = tmp_path / "truth.jsonl"
    for force in (False, True):
        with TruthFile(path, tmp_path / "watched", force=force) as truth:
            assert path.exists() is force
            truth.write("{}")
            truth.write("{}")
        assert path.read_text() == "{}\n{}\n"
    with pytest.raises(SlideError, match="exists already"):
        TruthFile(path, tmp_path / "watched", force=False)
    late = TruthFile(tmp_path / "late.jsonl", tmp_path / "watched", force=False)
    (tmp_path / "late.jsonl").write_text("mine")
    with pytest.raises(SlideError, match="exists already"):
        late.write("{}")
    assert (tmp_path / "late.jsonl").read_text() == "mine"


def test_a_pipe_for_the_truth_is_refused(tmp_path):
    os.mkfifo(tmp_path / "truth")
    with pytest.raises(SlideError, match="Is a pipe"):
        TruthFile(tmp_path / "truth", tmp_path / "watched", force=True)


@pytest.mark.parametrize(
    ("rate", "arrivals", "waits"),
    [
        (0.0, [0.0, 0.1, 0.2], [0.0, 0.0, 0.0]),
        (2.0, [0.0, 0.1, 0.6], [0.0, 0.4, 0.4]),
        (2.0, [0.0, 5.0, 5.1], [0.0, 0.0, 0.4]),
    ],
)
def test_the_pace_is_kept_by_deadlines(rate, arrivals, waits):
    pace = Pace(rate)
    assert [pace.next_wait_s(now) for now in arrivals] == pytest.approx(waits)


def test_what_comes_while_a_picture_is_written_stays(field, tmp_path):
    writer = FieldWriter(tmp_path, by_rename=True)

    def wait(_):
        writer.path_of(field.index).write_text("mine")
        return True

    with pytest.raises(SlideError, match="exists already"):
        writer.write(field, wait)
    assert writer.path_of(field.index).read_text() == "mine"
