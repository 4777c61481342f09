"""Cells that are trained on in the colours of another microscope."""

import numpy as np
import torch

from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.samples import Sample, exact
from smearwatch.train.training.prefetch import Wanted, feed
from smearwatch.train.training.recolour import NONE, Recolouring

SOURCES = ["cells"] * 60 + ["chula"] * 20 + ["simulated"] * 20
CPU = torch.device("cpu")


def cells() -> CellSet:
    """Pale cells, dark ones of another microscope, and drawn ones that are paler still."""

    def no_picture():
        raise AssertionError("nothing is drawn here")

    samples = [Sample(str(i), name, "x", exact(0), "", None, no_picture, "") for i, name in enumerate(SOURCES)]
    rng = np.random.default_rng(1)
    middle = {"cells": 200, "chula": 90, "simulated": 230}
    levels = np.array([middle[name] for name in SOURCES]).reshape(-1, 1, 1, 1)
    return CellSet(samples, (levels + rng.integers(-15, 15, (len(SOURCES), 24, 24, 3))).astype(np.uint8))


def test_only_other_photographed_cells_get_the_colours_and_about_as_many_as_asked_for():
    recolouring = Recolouring({"chula": 0.4}, cells().samples)
    everyone = np.arange(len(SOURCES))
    drawn = np.stack([recolouring.colours(everyone, seed).indices for seed in range(200)])
    assert (drawn[:, 60:] == NONE).all()
    given = drawn[:, :60]
    assert set(given[given != NONE]) == set(range(60, 80))
    assert 0.37 < (given != NONE).mean() < 0.43
    assert (recolouring.colours(everyone, 3).indices == drawn[3]).all()


def test_nothing_is_drawn_for_a_source_that_is_not_there():
    for shares in ({}, {"elsewhere": 0.9}, {"chula": 0.0}):
        colours = Recolouring(shares, cells().samples).colours(np.arange(len(SOURCES)), 1)
        assert (colours.indices == NONE).all()


def test_batches_hold_the_new_colours_whoever_prepares_which_part():
    here = cells()
    batch = np.random.default_rng(2).permutation(len(SOURCES))[:64]
    colours = Recolouring({"chula": 0.5}, here.samples).colours(batch, 5)
    before = np.array(here.fields)
    (whole,) = feed(here, [Wanted(batch, batch, colours)], CPU)
    halves = [Wanted(batch[start : start + 32], batch, colours.at(start, start + 32)) for start in (0, 32)]
    parts = [fed.fields for fed in feed(here, halves, CPU)]
    assert torch.equal(torch.cat(parts), whole.fields)
    changed = colours.indices != NONE
    means = whole.fields.float().mean(dim=(1, 2, 3)).numpy()
    assert means[changed].max() < 170
    assert np.array_equal(whole.fields.numpy()[~changed], before[batch][~changed])
    assert np.array_equal(np.array(here.fields), before), "the cells themselves are left alone"
