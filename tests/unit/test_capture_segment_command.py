"""`smearwatch segment`: one JSON object a picture, one line a mistake."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from smearwatch.capture.commands.segment import app
from smearwatch.capture.decode import decode
from smearwatch.capture.slide.slide import Slide


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    file = tmp_path_factory.mktemp("fields") / "field.png"
    cv2.imwrite(str(file), Slide(7, um_per_px=0.1, width_px=900, height_px=600).field(1).bgr)
    return file


def _run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_field_becomes_one_json_object(field):
    done = _run(field, "--json", "--um-per-px", "0.1")
    assert done.exit_code == 0
    (record,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert record["file"] == str(field)
    assert (record["width"], record["height"]) == (900, 600)
    assert (record["um_per_px"], record["um_per_px_source"]) == (0.1, "configured")
    assert (record["accepted"], record["reason"]) == (True, None)
    assert 0.0 <= record["focus"] <= 1.0
    for cell in record["cells"]:
        assert set(cell) >= {"box", "area_um2", "at_edge", "score"}
        assert len(cell["box"]) == 4


def test_scale_is_estimated_by_default(field):
    record = json.loads(_run(field, "--json").stdout)
    assert record["um_per_px_source"] == "red_cells"
    assert record["um_per_px"] == pytest.approx(0.1, rel=0.12)


def test_masks_are_written_beside_each_other(field, tmp_path):
    twin = tmp_path / "field.png"
    twin.write_bytes(field.read_bytes())
    folder = tmp_path / "masks" / "new"
    done = _run(field, twin, "--masks", folder, "--json", "--um-per-px", "0.1")
    assert done.exit_code == 0
    names = [json.loads(line)["mask"] for line in done.stdout.splitlines()]
    assert names == [str(folder / "field.png"), str(folder / "field-2.png")]
    mask = decode(Path(names[0]).read_bytes())
    assert mask.shape == (600, 900, 3)
    assert set(np.unique(mask)) <= {0, 128, 255}


def test_one_bad_picture_does_not_stop_the_others(field, tmp_path):
    text = tmp_path / "words.jpg"
    text.write_text("no picture")
    for more in ([], ["--json"]):
        done = _run(text, tmp_path / "gone.png", tmp_path, field, *more)
        assert done.exit_code == 1
        errors = done.stderr.splitlines()
        assert len(errors) == 3
        assert all(line.startswith(f"smearwatch: {tmp_path}") and line.endswith(")") for line in errors)
        lines = done.stdout.splitlines()
        assert len(lines) == (4 if more else 1)
        assert str(field) in lines[-1]
    refused = json.loads(lines[0])
    assert refused["file"] == str(text)
    assert (refused["accepted"], refused["reason"]) == (False, "not_an_image")


def test_a_poor_field_is_an_answer(tmp_path):
    file = tmp_path / "glass.png"
    cv2.imwrite(str(file), np.full((300, 400, 3), 190, np.uint8))
    done = _run(file, "--json")
    assert done.exit_code == 0
    record = json.loads(done.stdout)
    assert (record["accepted"], record["reason"], record["cells"]) == (False, "empty", [])
    assert "not searched: empty" in _run(file).stdout


@pytest.mark.parametrize("scale", ["0", "-1", "50", "nan", "inf", "micron"])
def test_an_impossible_scale_is_one_line(field, scale):
    done = _run(field, "--um-per-px", scale)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr == f"smearwatch: --um-per-px {scale}: no usable scale (give auto or a number from 0.01 to 2.0)\n"


def test_a_mask_folder_that_cannot_be_made_is_one_line(field, tmp_path):
    (tmp_path / "taken").write_text("a file")
    done = _run(field, "--masks", tmp_path / "taken")
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
