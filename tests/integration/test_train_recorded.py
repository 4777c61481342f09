"""Labelled cells of recorded sessions: the very crops that were counted, in groups that no frame straddles."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.slide.writer import encode
from smearwatch.clients.exports.archive import FORMAT, ArchiveOptions
from smearwatch.clients.exports.writing import export_session
from smearwatch.clients.progress import progress
from smearwatch.daemon.record.events import (
    COUNTS,
    Counted,
    Found,
    FoundCell,
    Labelled,
    LabelName,
    Opened,
    Replaced,
    Seen,
)
from smearwatch.daemon.record.importing import import_session
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.placement import CellName
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import SessionMissing, session_folder
from smearwatch.models.classes import CLASSES
from smearwatch.models.memory import short
from smearwatch.train.data.samples import DataUnusable
from smearwatch.train.data.sessions import read_labelled_session, session_path
from smearwatch.train.training.config import DataConfig, TrainConfig
from smearwatch.train.training.gather import list_samples
from tests.answered import answered

pytestmark = pytest.mark.integration

FIELD_UM = 30.0
FLAT = (720, 480, 0.12, "configured", None, 0.5, ())


def frames_with_cells(count: int) -> Iterator[tuple[bytes, FieldFound]]:
    for field in Slide(5, um_per_px=0.12, width_px=720, height_px=480).fields(0):
        data = encode(field.bgr, "png")
        found = find(data, um_per_px=0.12, um_per_px_source="configured", field_um=FIELD_UM)
        if isinstance(found, FieldFound) and any(not cell.leukocyte.at_edge for cell in found.cells):
            yield data, found
            count -= 1
        if count == 0:
            return


def seen(frame: str, number: int) -> Seen:
    return Seen(frame, f"{number}.png", 1, number, None, None, True, "folder")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, FieldFound]]:
    """Three frames of the simulated slide; their whole cells are labelled by class in turn, one of them twice."""
    folder = tmp_path_factory.mktemp("sessions") / "monday"
    fields: dict[str, FieldFound] = {}
    with Ledger.open(folder) as ledger:
        ledger.append([Opened(1, 1, "t", "monday", 100, FIELD_UM, "rule", {"max_frame_pixels": 400_000})])
        for number, (data, found) in enumerate(frames_with_cells(3)):
            frame = ledger.frames.put(data)
            fields[frame] = found
            jpegs = {(frame, cell.index): cell.thumbnail_jpeg for cell in found.cells}
            ledger.append([seen(frame, number), answered(frame, found)[0].with_thumbnails(jpegs)], jpegs)
        whole = [
            (frame, cell.index) for frame, found in fields.items() for cell in found.cells if not cell.leukocyte.at_edge
        ]
        ledger.append([Labelled(*cell, CLASSES[place % 6], "reader", 1, 5) for place, cell in enumerate(whole)])
        ledger.append([Labelled(*whole[0], "platelet", "reader", 2, 6)])
    with Ledger.open(folder) as later:  # carried on with another field: what was cut before stays as it was
        later.append([Opened(2, 1, "t", "monday", 100, 40.0, "rule", {})])
    return folder, fields


def test_training_lists_them_among_its_cells(recorded: tuple[Path, dict[str, FieldFound]], tmp_path: Path):
    config = TrainConfig(data=DataConfig(sessions=(recorded[0],)))
    listed = list_samples(config, tmp_path, lambda *_: None)
    assert [each.sample_id for each in listed] == [each.sample_id for each in read_labelled_session(recorded[0])]


def test_a_copy_of_a_session_does_not_count_its_cells_twice(
    recorded: tuple[Path, dict[str, FieldFound]], tmp_path: Path
):
    copy = tmp_path / "imported"
    shutil.copytree(recorded[0], copy)
    with pytest.raises(DataUnusable, match="session monday shows too, so they would count twice"):
        list_samples(TrainConfig(data=DataConfig(sessions=(recorded[0], copy))), tmp_path, lambda *_: None)
    once = TrainConfig(data=DataConfig(sessions=(copy, copy)))
    assert len(list_samples(once, tmp_path, lambda *_: None)) == len(read_labelled_session(copy))


def test_a_copy_without_names_does_not_count_its_cells_twice(
    recorded: tuple[Path, dict[str, FieldFound]], tmp_path: Path
):
    archive, options = tmp_path / "plain.smearwatch", ArchiveOptions(deidentify=True)
    export_session(recorded[0], tmp_path, archive, "archive", FORMAT, options, overwrite=False)
    import_session(tmp_path, archive, "plain", "A", progress)
    plain = session_folder(tmp_path, "plain")
    with LedgerReader.read(plain) as ledger:
        frames = {each.event.frame for each in ledger.seen_frames() if isinstance(each.event, Seen)}
    assert not frames & recorded[1].keys()
    assert len(read_labelled_session(plain)) == len(read_labelled_session(recorded[0]))
    for sessions in ((recorded[0], plain), (plain, recorded[0])):
        with pytest.raises(DataUnusable, match="shows too, so they would count twice"):
            list_samples(TrainConfig(data=DataConfig(sessions=sessions)), tmp_path, lambda *_: None)


def test_crops_are_those_of_the_live_pipeline_to_the_byte(recorded: tuple[Path, dict[str, FieldFound]]):
    folder, fields = recorded
    samples = read_labelled_session(folder)
    crops = {
        (frame, cell.index): cell.crop_bgr
        for frame, found in fields.items()
        for cell in found.cells
        if cell.crop_bgr is not None
    }
    assert len(samples) == len(crops) >= 3
    for sample, (key, crop) in zip(samples, crops.items(), strict=True):
        assert sample.sample_id == f"session/monday/{key[0][:16]}/{key[1]}"
        assert short(sample.digest) == short(key[0])
        np.testing.assert_array_equal(sample.draw(), crop)


def test_the_last_label_is_the_one_that_is_trained_on(recorded: tuple[Path, dict[str, FieldFound]]):
    first, second, *_ = read_labelled_session(recorded[0])
    assert (first.label, first.target.kind) == ("platelet", "reject")
    assert (second.label, second.target.kind, second.target.shares.index(1.0)) == ("segmented", "exact", 1)


def test_a_damaged_frame_is_told_in_one_line(recorded: tuple[Path, dict[str, FieldFound]]):
    folder, fields = recorded
    first = next(iter(fields))
    with LedgerReader.read(folder) as ledger:
        path = ledger.frames.path(first)
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(content[:-1])
    told: list[str] = []
    try:
        left = read_labelled_session(folder, report_line=told.append)
    finally:
        path.write_bytes(content)
    assert not [sample for sample in left if first[:16] in sample.sample_id]
    (line,) = told
    assert "0.png (changed)" in line
    assert "left out" in line


def tiny_session(folder: Path, labels: list[LabelName | None]) -> Path:
    with Ledger.open(folder) as ledger:
        ledger.append([Opened(1, 1, "t", folder.name, 100, 33.0, "rule", {})])
        for number, label in enumerate(labels):
            frame = ledger.frames.put(f"frame {number}".encode())
            cells = (FoundCell(0, (0, 0, 9, 9), (4.5, 4.5), 90.0, False, 1.0),)
            ledger.append([seen(frame, number), Found(frame, 90, 90, 0.1, "configured", None, 0.5, cells)])
            ledger.append([Labelled(frame, 0, label, "reader", 1, 5)] if label else [])
    return folder


@pytest.mark.parametrize(
    ("labels", "runs"),
    [
        (["band"] * 10 + [None] + ["band"] * 5, [10, 5]),
        (["band"] * 12 + [None] + ["band"] * 2, [12, 2]),
        (["band"] * 3 + [None] * 4 + ["band"] * 3 + [None, "band"], [6, 1]),
        (["band"] * 45, [20, 20, 5]),
        ([None] * 30 + ["band"], [1]),
    ],
)
def test_runs_of_neighbouring_frames(tmp_path: Path, labels: list[LabelName | None], runs: list[int]):
    groups = [sample.group for sample in read_labelled_session(tiny_session(tmp_path / "tuesday", labels))]
    assert [groups.count(group) for group in dict.fromkeys(groups)] == runs
    assert all(group.startswith("session/tuesday/") for group in groups)


def test_neutrophils_not_told_apart(tmp_path: Path):
    (sample,) = read_labelled_session(tiny_session(tmp_path / "tuesday", ["neutrophil"]))
    assert (sample.target.kind, sample.target.shares[:2]) == ("either", (0.5, 0.5))


def test_a_frame_that_is_no_picture_is_named_when_it_is_drawn(tmp_path: Path):
    (sample,) = read_labelled_session(tiny_session(tmp_path / "tuesday", ["band"]))
    with pytest.raises(DataUnusable, match="not_an_image"):
        sample.draw()


def test_a_session_without_labels(tmp_path: Path):
    with pytest.raises(DataUnusable, match="no labelled cell") as caught:
        read_labelled_session(tiny_session(tmp_path / "tuesday", [None]))
    assert "sessions label" in caught.value.hint


def test_a_session_by_name_or_by_folder(tmp_path: Path):
    folder = tiny_session(tmp_path / "sessions" / "tuesday", ["band"])
    assert session_path("tuesday", tmp_path) == folder
    assert session_path(str(folder), tmp_path / "elsewhere") == folder
    with pytest.raises(SessionMissing):
        session_path("wednesday", tmp_path)


def test_a_cell_is_cut_from_its_best_judged_view_and_stays_in_its_run(tmp_path: Path):
    """Judged or not, the sample keeps its name, its group and the frame by which it is known; there is one of it."""
    six = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    (one, first), (two, later) = frames_with_cells(2)
    folder = tmp_path / "monday"
    cell, better = (next(c for c in found.cells if not c.leukocyte.at_edge) for found in (first, later))
    with Ledger.open(folder) as ledger:
        ledger.append([Opened(1, 1, "t", "monday", 100, FIELD_UM, "rule", {})])
        a = ledger.frames.put(one)
        ledger.append([seen(a, 0), answered(a, first)[0]])
        for number in range(1, 12):  # frames between, without labels, so that the later one is of another run
            ledger.append([seen(f"{number:064x}", number), Found(f"{number:064x}", *FLAT)])
        b = ledger.frames.put(two)
        name = CellName(a, cell.index)
        known = [
            replace(c, same_as=name, better_than=name) if c.index == better.index else c
            for c in answered(b, later)[0].cells
        ]
        ledger.append([seen(b, 12), replace(answered(b, later)[0], cells=tuple(known))])
        ledger.append([Labelled(a, cell.index, "monocyte", "reader", 1, 5)])
        judged = Counted(a, cell.index, "band", "confirmed", six, six, 0.1, "w")
        (before,) = read_labelled_session(folder)
        np.testing.assert_array_equal(before.draw(), cell.crop_bgr)
        replaced = Replaced(a, cell.index, "band", "confirmed")
        ledger.append([judged, replace(judged, frame=b, index=better.index, instead_of=replaced)])
        (after,) = read_labelled_session(folder)
        np.testing.assert_array_equal(after.draw(), better.crop_bgr)
        assert (after.sample_id, after.group, short(after.digest)) == (
            before.sample_id,
            before.group,
            short(before.digest),
        )
        assert after.digest != before.digest
        path = ledger.frames.path(b)
        whole = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(whole[:-1])
        (fallen_back,) = read_labelled_session(folder)
        np.testing.assert_array_equal(fallen_back.draw(), cell.crop_bgr)
        path.write_bytes(whole)
        ledger.append([Labelled(b, c.index, "band", "reader", 1, 6) for c in known if c.left_out == COUNTS])
        groups = {sample.group for sample in read_labelled_session(folder) if b[:16] in sample.sample_id}
        assert groups
        assert before.group not in groups
