"""What is drawn, found and cut changes only together with its version number."""

from dataclasses import replace

import numpy as np
import pytest

from smearwatch.capture.scale import circles
from smearwatch.capture.slide import cells
from smearwatch.capture.vision import nuclei
from smearwatch.models.preprocess import Preprocessing
from smearwatch.train.data import crop_cache, litter, samples, searched_frames, simulated
from smearwatch.train.data.samples import REJECT, Sample
from smearwatch.train.paper import databases, outline
from tests.golden.__main__ import update
from tests.golden.kept import differences, is_another, record, recorded_version
from tests.golden.made import GOLDEN, Golden

BY_NAME = {golden.name: golden for golden in GOLDEN}


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.name)
def test_what_is_made_is_what_was_recorded_under_this_version(golden: Golden):
    assert recorded_version(golden) == golden.version, "run `python -m tests.golden` and commit what it records"
    assert differences(golden) == [], "raise the version number of what changed, then run `python -m tests.golden`"


def test_a_renderer_that_stains_two_percent_darker_is_noticed(monkeypatch):
    real = cells.render_cell

    def darker(*args, **kwargs):
        cell = real(*args, **kwargs)
        return replace(cell, od_bgr=cell.od_bgr * np.float32(1.02))

    monkeypatch.setattr(cells, "render_cell", darker)
    assert is_another(replace(BY_NAME["renderer"], figures=lambda: ()))


@pytest.mark.parametrize(
    ("subject", "module", "name", "value"),
    [
        ("finder", circles, "_RIM_WITHIN", 1.0),
        ("finder", nuclei, "_FLOOR", 0.25),
        ("single_cells", samples, "flatten_cell", lambda bgr: bgr),
        ("outline", outline, "_REACH_UM", 4.0),
        ("alone", databases, "_GENEROUS_UM", 0.7),
    ],
)
def test_another_way_of_making_is_noticed(monkeypatch, subject, module, name, value):
    monkeypatch.setattr(module, name, value)
    assert is_another(BY_NAME[subject])


def test_only_a_higher_version_is_recorded_anew(tmp_path):
    old = Golden("x", 2, lambda: iter([("a", np.full((8, 8, 3), 100, np.uint8))]), lambda: [("n", 1.5)])
    record(old, tmp_path)
    changed = replace(old, figures=lambda: [("n", 1.6)])
    assert update([old], tmp_path) == []
    assert update([changed], tmp_path) == ["x: changed, but its version did not"]
    assert "lower" in update([replace(changed, version=1)], tmp_path)[0]
    assert differences(changed, tmp_path) == ["n: 1.6 for 1.5"]
    assert update([replace(changed, version=3)], tmp_path) == []
    assert recorded_version(old, tmp_path) == 3
    assert differences(changed, tmp_path) == []


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
        crop_cache.shrunken_fields([sample], Preprocessing(), tmp_path, lambda *_: None)
    assert len(drawn) == 1
    monkeypatch.setattr(crop_cache, module, getattr(crop_cache, module) + 1)
    crop_cache.shrunken_fields([sample], Preprocessing(), tmp_path, lambda *_: None)
    assert len(drawn) == 2


def test_a_frame_is_searched_anew_by_another_finder(monkeypatch, tmp_path):
    frame = tmp_path / "frame.png"
    frame.write_bytes(b"no picture")
    for version in (1, 1, 2):
        monkeypatch.setattr(searched_frames, "FINDER_VERSION", version)
        searched_frames.search_frames([frame], None, tmp_path / "cache", lambda *_: None)
    assert len(list((tmp_path / "cache").iterdir())) == 2
