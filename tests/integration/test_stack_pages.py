"""A TIFF of several fields in the watched folder: each page that is a field becomes a frame, and none is lost."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.formats.decode import decode, decode_whole
from smearwatch.capture.formats.decode_tiff import pages_of_fields
from smearwatch.capture.formats.metadata import MetadataScale, scale_from_metadata
from smearwatch.capture.formats.tiff_page import page_alone
from smearwatch.capture.slide.slide import Slide
from smearwatch.daemon.record.earlier import seen_files
from smearwatch.daemon.record.page_names import file_of_page, page_name
from smearwatch.daemon.record.reading import LedgerReader

pytestmark = pytest.mark.integration


def fields(count):
    """Fields of a drawn slide, red first [height, width, 3]."""
    slide = Slide(5, um_per_px=0.12, width_px=400, height_px=300)
    return [np.ascontiguousarray(slide.field(index).bgr[..., ::-1]) for index in range(count)]


def stack(pages, *, big=False, order="<", **options):
    out = io.BytesIO()
    with tifffile.TiffWriter(out, bigtiff=big, byteorder=order) as writer:
        for page in pages:
            writer.write(page, photometric="rgb", metadata=None, **options)
    return out.getvalue()


WRITTEN = {
    "as it is": {},
    "big": {"big": True},
    "Motorola": {"order": ">"},
    "deflate in tiles": {"compression": "deflate", "tile": (64, 64)},
    "LZW with predictor": {"compression": "lzw", "predictor": True},
    "JPEG": {"compression": "jpeg"},
    "in planes": {"planarconfig": "separate"},
    "strips of nine rows": {"rowsperstrip": 9},
}


@pytest.mark.parametrize("options", WRITTEN.values(), ids=WRITTEN)
def test_a_page_alone_has_the_pixels_and_the_scale_that_it_had(options):
    options = dict(options)
    planar = options.get("planarconfig")
    pages = [np.moveaxis(each, -1, 0) if planar else each for each in fields(3)]
    data = stack(pages, resolution=(1e4 / 0.12, 1e4 / 0.12), resolutionunit="CENTIMETER", **options)
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        expected = [np.moveaxis(page.asarray(), 0, -1) if planar else page.asarray() for page in tiff.pages]
    assert pages_of_fields(data, 10**8).pictures == [0, 1, 2]
    for index in range(3):
        alone = page_alone(data, index)
        assert np.array_equal(decode_whole(alone)[..., ::-1], expected[index])
        assert alone == page_alone(data, index)
        scale = scale_from_metadata(alone)
        assert isinstance(scale, MetadataScale)
        assert scale.um_per_px == pytest.approx(0.12, rel=1e-3)


def test_a_palette_has_pages_too_and_focal_planes_of_a_field_are_one_page():
    first, second = fields(2)
    planes = [cv2.GaussianBlur(first, (0, 0), 2.0), first, second, cv2.GaussianBlur(second, (0, 0), 3.0)]
    assert pages_of_fields(stack(planes), 10**8).pictures == [1, 2]
    assert pages_of_fields(stack(planes[:2]), 10**8).pictures == []
    colormap = np.tile((np.arange(256, dtype=np.uint16) * 257), (3, 1))
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        for page in (first, second):
            writer.write(page[..., 1], photometric="palette", colormap=colormap, metadata=None)
    assert pages_of_fields(out.getvalue(), 10**8).pictures == [0, 1]
    alone = page_alone(out.getvalue(), 1)
    assert np.array_equal(decode(alone)[..., 0], second[..., 1])


@pytest.mark.parametrize("file", ["monday.tif", "monday.TIFF", "scan 1.czi"])
def test_a_page_leads_back_to_its_file(file):
    assert file_of_page(page_name(file, 12)) == file
    assert file_of_page(file) is None


def test_a_page_that_cannot_be_decoded_is_a_picture_that_is_refused():
    pages = fields(3)
    data = bytearray(stack(pages, compression="deflate"))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as tiff:
        at = tiff.pages[1].dataoffsets[0]
    data[at : at + 40] = b"\xff" * 40
    assert pages_of_fields(bytes(data), 10**8).pictures == [0, 1, 2]


def run(folder: Path, state: Path, session: str, *more: str):
    command = [
        sys.executable, "-m", "smearwatch.daemon.cli", "run", "--watch", str(folder), "--session", session,
        "--um-per-px", "0.12", "--until-idle", "1", "--json", *more,
    ]  # fmt: skip
    places = {"SMEARWATCH_STATE_DIR": str(state), "SMEARWATCH_RUNTIME_DIR": str(state / "r")}
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | places, timeout=120)


def test_a_stack_counts_as_its_fields_do_and_is_known_when_another_session_begins(tmp_path):
    pages = fields(3)
    files = tmp_path / "files"
    files.mkdir()
    (files / "monday.tif").write_bytes(stack(pages, compression="deflate"))
    counted = json.loads(run(files, tmp_path / "state-files", "one").stdout.splitlines()[-1])
    assert counted["frames"] == {"seen": 3, "counted": 3, "rejected": 0, "pending": 0}
    files_of_one = [cv2.imencode(".png", page[..., ::-1])[1].tobytes() for page in pages]
    found = [find(data, um_per_px=0.12, um_per_px_source="configured") for data in files_of_one]
    assert counted["cells_found"] == sum(len(each.cells) for each in found if isinstance(each, FieldFound)) > 0
    with LedgerReader.read(tmp_path / "state-files" / "sessions" / "one") as ledger:
        names = [key[0] for _, key in seen_files(ledger)]
    assert sorted(set(names)) == ["monday page 1.tif", "monday page 2.tif", "monday page 3.tif", "monday.tif"]
    again = json.loads(run(files, tmp_path / "state-files", "one").stdout.splitlines()[-1])
    assert again["frames"] == counted["frames"]
    other = run(files, tmp_path / "state-files", "two")
    assert other.returncode != 0
    assert "session one has pictures that lie there" in other.stderr


def test_pages_of_other_sizes_are_counted_and_what_is_passed_over_is_said(tmp_path):
    pages = fields(1)
    slide = Slide(6, um_per_px=0.12, width_px=380, height_px=300)
    pages += [np.ascontiguousarray(slide.field(index).bgr[..., ::-1]) for index in range(2)]
    copy = cv2.resize(pages[0], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    files = tmp_path / "files"
    files.mkdir()
    (files / "monday.tif").write_bytes(stack([*pages, copy]))
    (files / "pyramid.tif").write_bytes(stack([fields(3)[2], copy[::2, ::2]]))
    run_of = run(files, tmp_path / "state", "one")
    counted = json.loads(run_of.stdout.splitlines()[-1])
    assert counted["frames"]["seen"] == 4, "three fields with a smaller copy, and a field with a thumbnail"
    assert counted["counters"]["pages_passed_over"] == 2
    assert run_of.stderr.count("passed_over=1") == 2
