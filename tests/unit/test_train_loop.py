"""Small parts of training: the learning rate, the order of an epoch, the report's words, the line of progress."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from smearwatch.models.outputs import Outputs
from smearwatch.models.verdict import Policy
from smearwatch.train.data.samples import REJECT, Sample, exact
from smearwatch.train.evaluation.measure import measure
from smearwatch.train.evaluation.report import write_report
from smearwatch.train.evaluation.results import Report, ScoredSet
from smearwatch.train.progress import ProgressLine
from smearwatch.train.training.config import TrainConfig
from smearwatch.train.training.schedule import epoch_order, learning_rate

TWICE = TrainConfig(epochs=10, again_epochs=4, learning_rate=1.0, warmup_share=0.1, again_rate=0.5)


def cell(position: int | None, source: str = "cells") -> Sample:
    def no_picture():
        raise AssertionError("nothing is drawn here")

    target = REJECT if position is None else exact(position)
    return Sample("", source, "platelet" if position is None else "x", target, "", None, no_picture, digest="")


@pytest.mark.parametrize(
    ("epochs_done", "rate"),
    [(0.5, 0.5), (1.0, 1.0), (5.5, 0.5), (9.999, 0.0), (10.2, 0.25), (10.4, 0.5), (12.2, 0.25), (14.0, 0.0)],
)
def test_rate_rises_falls_and_does_so_again(epochs_done: float, rate: float):
    assert learning_rate(TWICE, epochs_done) == pytest.approx(rate, abs=0.02)


def test_rate_without_a_restart_ends_at_nothing():
    once = TWICE.model_copy(update={"again_epochs": 0})
    assert learning_rate(once, 10.0) == 0.0


def test_an_epoch_repeats_the_sources_it_is_told_to():
    samples = [cell(0), cell(1, "chula"), cell(2)]
    order = epoch_order(samples, {"chula": 4}, torch.Generator().manual_seed(0))
    assert np.bincount(order).tolist() == [1, 4, 1]
    again = epoch_order(samples, {"chula": 4}, torch.Generator().manual_seed(0))
    assert order.tolist() == again.tolist()


@pytest.mark.parametrize("places", [[0, 1, 2, 3, 4, 5, None], [0], [None]])
def test_report_of_many_few_and_no_cells(tmp_path: Path, places: list[int | None]):
    samples = [cell(position) for position in places]
    outputs = Outputs(
        np.eye(6)[[position or 0 for position in places]], np.zeros((len(places), 6)), np.zeros(len(places))
    )
    scores = measure(samples, outputs, Policy())
    scored = ScoredSet(scores)
    write_report(tmp_path, Report("Scores", ["a note"], {"all cells": scored}, first=scored))
    assert json.loads((tmp_path / "report.json").read_text())["n"] == sum(position is not None for position in places)
    text = (tmp_path / "report.md").read_text()
    assert "a note" in text
    assert ("six classes, all labels" in text) == (scores.n > 0)
    assert ("platelet rejected" in text) == (None in places)


def test_progress_off_a_terminal_says_the_end_of_each_stage(capsys: pytest.CaptureFixture[str]):
    progress = ProgressLine()
    for done in range(1, 101):
        progress("crops", done, 100)
    for done in range(1, 101):
        progress(f"epoch 1/2 loss {done}", done, 100)
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) <= 4
    assert lines[-1].startswith("epoch 1/2 loss 100  100/100")


def test_a_stage_of_which_nothing_is_done_yet_is_named(capsys: pytest.CaptureFixture[str]):
    ProgressLine()("waiting for the crops of another run", 0, 1)
    assert capsys.readouterr().err == "waiting for the crops of another run\n"
