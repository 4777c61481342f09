"""What is drawn, found and cut changes only together with its version number."""

from dataclasses import replace

import numpy as np
import pytest

from smearwatch.capture.scale import circles
from smearwatch.capture.slide import cells
from smearwatch.capture.vision import crop, cytoplasm, light, nuclei
from smearwatch.models.preprocess import Preprocessing
from smearwatch.train.data import crop_cache as fields_cache
from smearwatch.train.data import litter, simulated
from smearwatch.train.data import pipeline_cells as pipeline
from smearwatch.train.data.samples import REJECT, Sample
from tests.golden.made import GOLDEN, Golden, differences, kept

BY_NAME = {golden.name: golden for golden in GOLDEN}


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.name)
def test_what_is_made_is_what_was_recorded_under_this_version(golden: Golden):
    versions, _, _ = kept(golden)
    assert versions == list(golden.versions), "run `python -m tests.golden` and commit what it records"
    assert differences(golden) == [], "raise the version number of what changed, then run `python -m tests.golden`"


def test_a_renderer_that_stains_two_percent_darker_is_noticed(monkeypatch):
    real = cells.render_cell

    def darker(*args, **kwargs):
        cell = real(*args, **kwargs)
        return replace(cell, od_bgr=cell.od_bgr * np.float32(1.02))

    monkeypatch.setattr(cells, "render_cell", darker)
    assert differences(BY_NAME["renderer"])


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (circles, "_RIM_WITHIN", 1.0),
        (light, "_GRID_LONG_SIDE", 40),
        (nuclei, "_FLOOR", 0.25),
        (cytoplasm, "_REACH_UM", 4.0),
        (crop, "_SAMPLED_BEYOND_PX", -20),
    ],
)
def test_a_finder_that_differs_in_one_number_is_noticed(monkeypatch, module, name, value):
    monkeypatch.setattr(module, name, value)
    assert differences(BY_NAME["finder"])


def test_another_renderer_draws_other_cells(monkeypatch):
    first = [sample.digest for sample in [*simulated.draw_cells(3), *litter.draw_litter(3)]]
    monkeypatch.setattr(simulated, "RENDERER_VERSION", 2)
    monkeypatch.setattr(litter, "RENDERER_VERSION", 2)
    other = [sample.digest for sample in [*simulated.draw_cells(3), *litter.draw_litter(3)]]
    assert len({*first, *other}) == 12


def test_weights_remember_the_first_renderers_cells():
    digests = {sample.digest[:16] for sample in [*simulated.draw_cells(1), *litter.draw_litter(1)]}
    assert digests == {"3e34f4c70df95f75", "c89f8440d5f765c8"}  # what the memories of weights hold


@pytest.mark.parametrize("module", ["FINDER_VERSION", "SHRINK_VERSION"])
def test_crops_of_another_version_are_drawn_anew(monkeypatch, tmp_path, module):
    drawn = []

    def draw():
        drawn.append(1)
        return np.zeros((750, 750, 3), np.uint8)

    sample = Sample("a", "a", "smudge", REJECT, group="a", agreed=None, draw=draw, digest="0" * 64)
    for _ in range(2):
        fields_cache.shrunken_fields([sample], Preprocessing(), tmp_path, lambda *_: None)
    assert len(drawn) == 1
    monkeypatch.setattr(fields_cache, module, 2)
    fields_cache.shrunken_fields([sample], Preprocessing(), tmp_path, lambda *_: None)
    assert len(drawn) == 2


def test_a_frame_is_searched_anew_by_another_finder(monkeypatch, tmp_path):
    frame = tmp_path / "frame.png"
    frame.write_bytes(b"no picture")
    for version in (1, 1, 2):
        monkeypatch.setattr(pipeline, "FINDER_VERSION", version)
        pipeline._searched([frame], tmp_path / "cache", lambda *_: None)
    assert len(list((tmp_path / "cache").iterdir())) == 2
