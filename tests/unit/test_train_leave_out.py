"""Leaving out a laboratory: what is trained on without it, which cells are measured, and the scores."""

import json
from pathlib import Path

import numpy as np
import pytest

from smearwatch.models.classes import CLASSES
from smearwatch.models.outputs import Outputs
from smearwatch.models.verdict import Policy
from smearwatch.train.data.laboratories import Laboratory
from smearwatch.train.data.samples import REJECT, DataUnusable, Sample, Target, either, exact
from smearwatch.train.leave_out.cells import CutCells, choose_cells
from smearwatch.train.leave_out.choosing import Answers, choose_thresholds
from smearwatch.train.leave_out.folds import make_folds
from smearwatch.train.leave_out.scores import score_cells
from smearwatch.train.leave_out.summary import Worst, summarise
from smearwatch.train.statistics import Share
from smearwatch.train.thresholds import Thresholds, read_thresholds
from smearwatch.train.training.config import DataConfig, TrainConfig


def cell(number: int, label: str, target: Target, agreed: bool | None = None) -> Sample:
    def no_picture():
        raise AssertionError("scores need no picture")

    return Sample(f"lab/{label}/{number}", "lab", label, target, "", agreed, no_picture, digest="")


def of(label: str) -> Target:
    return exact([*CLASSES].index(label))  # type: ignore[arg-type]


def answers(said: list[str], scores: list[float], *, doubted: tuple[int, ...] = ()) -> Outputs:
    indices = [[*CLASSES].index(label) for label in said]  # type: ignore[arg-type]
    table = np.eye(len(CLASSES))[indices]
    verifiers = table.copy()
    verifiers[list(doubted)] = 0.0
    return Outputs(0.9 * table + 0.1 / 6, verifiers, np.array(scores))


CELLS = [
    cell(0, "band", of("band"), agreed=True),
    cell(1, "segmented", of("segmented"), agreed=False),
    cell(2, "monocyte", of("monocyte")),
    cell(3, "monocyte", of("monocyte")),
    cell(4, "monocyte", of("monocyte")),
    cell(5, "platelet", REJECT),
]


def test_a_cell_that_is_not_found_is_neither_right_nor_confirmed():
    found = [CELLS[0], CELLS[1], CELLS[2], CELLS[3], CELLS[5]]
    outputs = answers(
        ["segmented", "band", "monocyte", "monocyte", "basophil"], [0.1, 0.2, 0.3, 0.9, 0.8], doubted=(1,)
    )
    scores = score_cells(CutCells(found, CELLS[:5]), outputs, Policy())
    assert (scores.n, scores.found) == (5, Share(4, 5))
    assert scores.right_five == Share(4, 5)
    assert (scores.right_six, scores.right_six_agreed) == (Share(2, 5), Share(2, 4))
    assert scores.right_by_class == {"band": Share(1, 1), "monocyte": Share(2, 3), "segmented": Share(1, 1)}
    assert scores.rejected == Share(1, 4)
    assert scores.rejected_by_class["monocyte"] == Share(1, 2)
    assert scores.right_and_kept == Share(3, 5)
    assert (scores.confirmed, scores.confirmed_right) == (Share(2, 5), Share(2, 2))
    assert scores.reject_auroc == 0.75
    assert scores.others_rejected == {"platelet": Share(1, 1)}


def test_six_classes_are_not_scored_where_no_label_tells_band_from_segmented():
    cells = [cell(0, "neutrophil", either((0, 1))), cell(1, "monocyte", of("monocyte"))]
    scores = score_cells(CutCells(cells, cells), answers(["band", "basophil"], [0.1, 0.1]), Policy())
    assert (scores.right_six, scores.right_six_agreed, scores.reject_auroc) == (None, None, None)
    assert scores.right_five == Share(1, 2)


def test_nothing_found_is_scored_too():
    outputs = Outputs(np.empty((0, 6)), np.empty((0, 6)), np.empty(0))
    scores = score_cells(CutCells([], CELLS[:5]), outputs, Policy())
    assert (scores.right_five, scores.rejected, scores.confirmed_right) == (Share(0, 5), Share(0, 0), Share(0, 0))


def test_mean_and_worst_are_over_laboratories():
    good = score_cells(CutCells(CELLS[2:4], CELLS[2:4]), answers(["monocyte"] * 2, [0.1, 0.1]), Policy())
    bad = score_cells(CutCells(CELLS[2:4], CELLS[2:4]), answers(["basophil", "monocyte"], [0.1, 0.9]), Policy())
    summary = summarise({"good": good, "bad": bad})
    assert summary.mean["right_five"] == 0.75
    assert summary.worst["right_five"] == Worst(0.5, "bad")
    assert summary.worst["rejected"] == Worst(0.5, "bad")
    assert (summary.mean["right_six"], summary.worst["right_six"]) == (None, None)


def test_the_same_few_cells_of_each_label_every_time():
    cells = [cell(number, label, of(label)) for label in ("monocyte", "basophil") for number in range(30)]
    chosen = choose_cells(cells, 4)
    assert [each.label for each in chosen] == ["monocyte"] * 4 + ["basophil"] * 4
    assert choose_cells(cells[::-1], 4) == chosen[::-1]
    assert [each.sample_id for each in chosen] != [each.sample_id for each in (*cells[:4], *cells[30:34])]
    assert choose_cells(cells, None) == cells


def test_a_training_without_a_laboratory_has_nothing_of_it():
    there = {"um_per_px": 0.1, "folder": Path("somewhere")}
    config = TrainConfig(
        data=DataConfig(fields=Path("fields"), fields_um_per_px=0.1, fields_found=True),
        laboratories={
            "pbc": Laboratory.model_validate({"layout": "cells", **there}),
            "bccd": Laboratory.model_validate({"layout": "outlined", **there}),
            "raabin": Laboratory(layout="cells", um_per_px=0.1),
        },
        recoloured={"pbc": 0.3, "chula": 0.2},
    )
    folds = {fold.name: fold.config for fold in make_folds(config, [])}
    assert [*folds] == ["chula", "pbc"], "what names no class, and what has no folder, is not left out"
    assert [*folds["pbc"].used_laboratories()] == ["chula", "bccd"]
    assert folds["pbc"].recoloured == {"chula": 0.2}
    assert [*folds["chula"].used_laboratories()] == ["pbc", "bccd"]
    assert not folds["chula"].data.fields_found
    assert [fold.name for fold in make_folds(config, ["pbc"])] == ["pbc"]
    with pytest.raises(DataUnusable, match="no laboratory bccd whose cells have classes; there are chula, pbc"):
        make_folds(config, ["bccd"])


def answered(said: list[str], sure: list[float], scores: list[float]) -> Outputs:
    indices = [[*CLASSES].index(label) for label in said]  # type: ignore[arg-type]
    table = np.eye(len(CLASSES))[indices]
    p = np.array(sure)[:, None]
    return Outputs(p * table + (1 - p) / 5 * (1 - table), table, np.array(scores))


def test_thresholds_hold_in_each_laboratory_that_was_left_out():
    cells = [cell(number, "monocyte", of("monocyte")) for number in range(100)]
    # Of one laboratory the answers below 0.8 are half of them wrong, of the other all are right.
    said = ["lymphocyte" if number < 20 and number % 2 else "monocyte" for number in range(100)]
    weak = answered(said, [0.7] * 20 + [0.9] * 80, [0.1] * 94 + [0.8] * 6)
    good = answered(["monocyte"] * 100, [0.6] * 100, [0.1] * 100)
    policy = Policy(agree_at=(0.4,) * len(CLASSES), doubt_below=0.2)
    weak_alone = choose_thresholds({"weak": [Answers(cells, weak, policy)]})
    assert 0.7 < weak_alone.doubt_below <= 0.9
    assert weak_alone.reject_at == 0.81, "of six in a hundred the score is 0.8"
    assert choose_thresholds({"good": [Answers(cells, good, policy)]}) == Thresholds(0.5, 0.3, ("good",), 1.0)
    assert weak_alone.confirmed_right == 1.0
    wrong = answered(["lymphocyte"] * 50 + ["monocyte"] * 50, [0.9] * 100, [0.1] * 100)
    nowhere = choose_thresholds({"wrong": [Answers(cells, wrong, policy)]})
    assert nowhere.confirmed_right == 0.5, "what no threshold mends is said"
    assert nowhere.doubt_below == 0.3, "and no cell is doubted for less than a hundredth"
    unsure = answered(["monocyte"] * 100, [0.9] * 97 + [0.1] * 3, [0.1] * 100)
    silent = Outputs(unsure.probabilities, np.zeros_like(unsure.verifiers), unsure.reject_scores)
    assert choose_thresholds({"silent": [Answers(cells, silent, policy)]}).confirmed_right is None
    both = {"weak": [Answers(cells, weak, policy)], "good": [Answers(cells, good, policy)]}
    assert choose_thresholds(both).reject_at == 0.81, "six in a hundred of one laboratory are too many"
    kept = weak_alone.put_into(policy)
    assert (kept.agree_at, kept.doubt_below, kept.reject_at) == (policy.agree_at, 0.2, 0.81)
    assert kept.doubt_five_below == weak_alone.doubt_below
    assert kept.doubtful_from == 0.5, "what its own cells would have rejected is flagged"
    assert Thresholds(0.5, 0.3, ("good",)).put_into(policy).doubtful_from is None
    assert score_cells(CutCells(cells, cells), weak, kept).confirmed_right.value == 1.0


def test_thresholds_are_read_from_what_was_written_and_from_nothing_else(tmp_path: Path):
    chosen = Thresholds(0.75, 0.9, ("one", "two"))
    (tmp_path / "thresholds.json").write_text(json.dumps(chosen.to_json()))
    assert read_thresholds(tmp_path / "thresholds.json") == chosen
    (tmp_path / "thresholds.json").write_text('{"reject_at": 0.1, "doubt_below": 0.9, "chosen_on": []}')
    with pytest.raises(ValueError, match="reject_at"):
        read_thresholds(tmp_path / "thresholds.json")
