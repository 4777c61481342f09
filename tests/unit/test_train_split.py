"""Splits and clusters: nothing that belongs together stands on two sides."""

from collections import Counter

import cv2
import numpy as np
import pytest

from smearwatch.train.data.near_duplicates import clusters, thumbnail
from smearwatch.train.data.samples import REJECT, Sample
from smearwatch.train.data.split import part_of, parts_of_runs, split, split_digest


def sample(name: str, group: str, source: str = "cells") -> Sample:
    def no_picture():
        raise AssertionError("a split draws nothing")

    return Sample(name, source, "artefact", REJECT, group, None, no_picture, digest=name)


def test_groups_stay_whole_and_shares_are_about_right():
    samples = [sample(f"{g}-{i}", f"cells/{g}") for g in range(2000) for i in range(2)]
    parts = split(samples)
    sides = {part: {s.group for s in found} for part, found in parts.items()}
    assert sum(len(found) for found in parts.values()) == len(samples)
    assert not sides["train"] & sides["test"]
    assert not sides["train"] & sides["validation"]
    assert not sides["validation"] & sides["test"]
    shares = {part: len(groups) / 2000 for part, groups in sides.items()}
    assert 0.12 < shares["test"] < 0.18
    assert 0.08 < shares["validation"] < 0.12


def test_new_data_moves_nothing_old():
    old = [sample(str(g), f"cells/{g}") for g in range(50)]
    more = [sample(str(g), f"cells/{g}") for g in range(200)]
    before = {s.sample_id: part for part, found in split(old).items() for s in found}
    after = {s.sample_id: part for part, found in split(more).items() for s in found}
    assert all(after[name] == part for name, part in before.items())
    assert all(part_of(f"cells/{name}") == part for name, part in before.items())


def test_every_slide_with_several_runs_is_on_several_sides():
    for slide in range(20):
        counts = Counter(parts_of_runs(f"chula/{slide}/{run}" for run in range(4)).values())
        assert counts == {"train": 2, "test": 1, "validation": 1}
        assert set(parts_of_runs([f"chula/{slide}/0", f"chula/{slide}/1"]).values()) == {"train", "test"}


def test_runs_are_divided_whatever_their_order():
    runs = [f"chula/E-1/{run}" for run in range(7)]
    assert parts_of_runs(runs) == parts_of_runs(runs[::-1])


def test_digest_knows_the_cells_and_not_their_order():
    samples = [sample(str(g), str(g)) for g in range(5)]
    assert split_digest(samples) == split_digest(samples[::-1])
    assert split_digest(samples) != split_digest(samples[1:])


def smooth_picture(rng: np.random.Generator, move_px: tuple[int, int] = (0, 0)) -> np.ndarray:
    """A blurred random texture, cut out of a larger one at a place of one's own."""
    texture = cv2.resize(rng.normal(size=(14, 14)).astype(np.float32), (168, 168), interpolation=cv2.INTER_CUBIC)
    y, x = 24 + move_px[0], 24 + move_px[1]
    grey = np.asarray(127 + 100 * np.tanh(texture[y : y + 120, x : x + 120]), dtype=np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


@pytest.mark.parametrize("count", [20, 400])
def test_copies_cluster_and_strangers_do_not(count: int):
    pictures = [smooth_picture(np.random.default_rng(seed)) for seed in range(count)]
    noisy = np.clip(pictures[3] + np.random.default_rng(1).normal(0, 3, (120, 120, 3)), 0, 255).astype(np.uint8)
    darker = (pictures[7] * 0.9).astype(np.uint8)
    moved = smooth_picture(np.random.default_rng(9), move_px=(14, -12))
    groups = clusters(np.stack([thumbnail(p) for p in [*pictures, noisy, darker, moved]]))
    assert groups == [*range(count), 3, 7, 9]


def test_one_picture_and_blank_ones_are_grouped_too():
    blank = np.full((40, 50, 3), 235, np.uint8)
    assert clusters(thumbnail(blank)[None]) == [0]
    assert len(clusters(np.stack([thumbnail(blank)] * 3))) == 3
