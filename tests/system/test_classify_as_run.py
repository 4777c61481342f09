"""One cell has one answer: `smearwatch classify` and `smearwatch run` on the same pictures, as a person types them."""

import json
import shutil

import cv2
import numpy as np
import pytest

from smearwatch.capture.slide.slide import Slide
from smearwatch.models.classes import CLASSES
from tests.in_process import run_here
from tests.system.single_cells import UM, middle_row, write_cells
from tests.system.test_run import smearwatch

pytestmark = pytest.mark.system


@pytest.fixture
def pictures(tmp_path):
    """Drawn cells of every class, most of them beside the middle of their pictures."""
    folder = tmp_path / "cells"
    write_cells(folder, 2)
    return folder


def test_a_picture_of_one_cell_gets_the_answer_that_a_run_gives(pictures, tmp_path):
    files = sorted(pictures.iterdir())
    named = run_here("classify", *files, "--um-per-px", UM, "--json")
    assert named.returncode == 0, named.stderr
    answers = {record["file"]: record for record in map(json.loads, named.stdout.splitlines())}
    assert list(answers) == list(map(str, files))
    watched = tmp_path / "frames"
    shutil.copytree(pictures, watched)
    run = smearwatch("run", "--watch", watched, "--um-per-px", UM, "--session", "a", "--until-idle", "3", "--json")
    assert run.returncode == 0, run.stderr
    exported = run_here("sessions", "export", "a", "--json")
    judged = [row for row in map(json.loads, exported.stdout.splitlines()) if row["verdict"] is not None]
    for file in files:
        answer = answers[str(file)]
        assert answer["found"], "else there would be nothing to compare"
        assert answer["not_found"] is None
        middle = middle_row(judged, file)
        assert answer["verdict"] == middle["verdict"]
        assert middle["class"] == (None if answer["verdict"] == "rejected" else answer["class"])
        assert answer["reject_score"] == middle["reject_score"]
        for what, key in (("probability", "probabilities"), ("verifier", "verifiers")):
            assert answer[key] == {cls: middle[f"{what}_{cls}"] for cls in CLASSES}


def test_a_whole_field_is_refused_and_the_others_are_named(pictures, tmp_path):
    field = tmp_path / "field.png"
    assert cv2.imwrite(str(field), Slide(3, um_per_px=UM).field(0).bgr)
    first, second = sorted(pictures.iterdir())[:2]
    plain = run_here("classify", first, field, second, "--um-per-px", UM)
    assert plain.returncode == 1
    assert [line.split(":")[0] for line in plain.stdout.splitlines()] == [str(first), str(second)]
    (line,) = plain.stderr.splitlines()
    assert line.startswith(f"smearwatch: {field}: whole_field: 1440 x 900 px at 0.09 um/px are 130 x 81 um")
    assert "segment" in line
    assert "run" in line
    printed = run_here("classify", first, field, second, "--um-per-px", UM, "--json")
    assert printed.returncode == 1
    records = [json.loads(line) for line in printed.stdout.splitlines()]
    assert [record["reason"] for record in records] == [None, "whole_field", None]
    assert [record["found"] for record in records] == [True, None, True]
    assert [record["class"] is None for record in records] == [False, True, False]


def test_what_is_not_found_is_said_on_the_line(tmp_path):
    blank = tmp_path / "blank.png"
    assert cv2.imwrite(str(blank), np.full((400, 400, 3), 220, np.uint8))
    plain = run_here("classify", blank, "--um-per-px", UM)
    assert plain.returncode == 0
    assert plain.stdout.rstrip().endswith("[empty: picture judged as it is]")
    record = json.loads(run_here("classify", blank, "--um-per-px", UM, "--json").stdout)
    assert (record["found"], record["not_found"]) == (False, "empty")
