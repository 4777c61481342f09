"""Adapting: how cells are divided, what counts as a gain, how far the outcome is followed, what more labels bring."""

from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from smearwatch.daemon.scale_rule import ScaleUnusable
from smearwatch.models.classes import CLASSES
from smearwatch.models.memory import Memory, Remembered, short
from smearwatch.models.verdict import Overrule, Policy
from smearwatch.train.adapting.calibration import calibrate
from smearwatch.train.adapting.folds import indices_outside, is_divided_singly, make_folds, name_groups, thin_out
from smearwatch.train.adapting.heads import concatenate, remembered_samples
from smearwatch.train.adapting.labelled_cells import count_families, family, read_labelled_cells, sampling_weights
from smearwatch.train.adapting.learning_curve import Point, forecast
from smearwatch.train.adapting.logits import Logits, named_rightly
from smearwatch.train.adapting.old_cells import divide_old_cells
from smearwatch.train.adapting.scores import compare_answers, compare_rejected, is_gain
from smearwatch.train.adapting.strategy import Weights, average_weights, interpolate, mask_absent_classes, old_accuracy
from smearwatch.train.commands.adapt import app
from smearwatch.train.data.cells import Targets
from smearwatch.train.data.samples import REJECT, DataUnusable, Sample, Target, either, exact
from smearwatch.train.data.sources import DatasetSpec
from smearwatch.train.data.split import split
from smearwatch.train.training.recolour import draw_change, restyle
from smearwatch.train.training.remembering import make_remembered


def cell(target: Target, group: str = "g", name: str = "x") -> Sample:
    def no_picture():
        raise AssertionError("nothing is drawn here")

    return Sample(name, "here", name, target, group, None, no_picture, digest="00" * 32)


def saying(indices: list[int], sure: float = 5.0) -> Logits:
    return Logits(sure * np.eye(6)[indices], np.full(len(indices), -3.0), sure * (2 * np.eye(6)[indices] - 1))


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (exact(0), "neutrophil"),
        (exact(1, 0.7, other=0), "neutrophil"),
        (either((0, 1)), "neutrophil"),
        (exact(3), "basophil"),
        (REJECT, "reject"),
    ],
)
def test_family_joins_band_and_segmented(target: Target, name: str):
    assert family(cell(target)) == name
    assert count_families([cell(target)])[name] == 1


def test_folds_keep_groups_whole_and_spread_every_class():
    samples = [cell(exact(index % 6), f"run{index // 6}") for index in range(36)]
    folds = make_folds(samples, 3, seed=1)
    assert sorted(np.concatenate(folds).tolist()) == list(range(36))
    sides = [{samples[index].group for index in fold} for fold in folds]
    assert sum(len(side) for side in sides) == len(set().union(*sides)) == 6
    assert [len(fold) for fold in folds] == [12, 12, 12]
    assert not set(indices_outside(samples, folds[0])) & set(folds[0])


def test_folds_of_slides_with_one_class_each():
    samples = [cell(exact(2 + slide // 2), f"slide{slide}") for slide in range(8) for _ in range(5)]
    for fold in make_folds(samples, 2, seed=3):
        assert {family(samples[index]) for index in fold} == {"eosinophil", "basophil", "monocyte", "lymphocyte"}


def test_slides_are_kept_whole_where_a_class_stands_on_several():
    slides = [("a", 2), ("b", 2), ("c", 4)]
    samples = [cell(exact(index), f"here/{slide}/{run}") for slide, index in slides for run in range(3)]
    groups = name_groups(samples)
    assert groups == ["here/a"] * 3 + ["here/b"] * 3 + ["here/c/0", "here/c/1", "here/c/2"]


def test_new_cells_say_nothing_about_a_class_without_one():
    shares = torch.tensor([[0.5, 0.5, 0, 0, 0, 0], [0, 0, 1.0, 0, 0, 0]])
    targets = Targets(shares, torch.tensor([True, False]), torch.tensor([False, False]))
    logits = torch.zeros(2, 6, requires_grad=True)
    mask_absent_classes(logits, targets).logsumexp(dim=1).sum().backward()
    assert logits.grad is not None
    assert (logits.grad[:, :3] > 0).all()
    assert (logits.grad[:, 3:] == 0).all()


def test_cells_of_one_group_are_dealt_singly():
    samples = [cell(exact(index % 2 * 3)) for index in range(10)]
    assert is_divided_singly(samples)
    assert [len(fold) for fold in make_folds(samples, 5, seed=1)] == [2] * 5


@pytest.mark.parametrize(("share", "kept"), [(1.0, 24), (0.5, 12), (0.25, 6), (0.01, 3)])
def test_thinning_keeps_every_class(share: float, kept: int):
    samples = [cell(exact(2 + index % 3)) for index in range(24)]
    indices = thin_out(samples, np.arange(24), share, seed=1)
    assert len(indices) == kept
    assert len({family(samples[index]) for index in indices}) == 3


def test_a_label_that_joins_two_classes_allows_both():
    samples = [cell(either((0, 1))), cell(either((0, 1))), cell(exact(0)), cell(exact(1, 0.7, other=0)), cell(REJECT)]
    assert named_rightly(samples, saying([0, 1, 1, 1, 2])).tolist() == [True, True, False, True, False]


class OneTensor:
    """A way whose old cells are named rightly up to a share of the path."""

    name = "heads"
    by_statistics = False

    def __init__(self, right_up_to: float) -> None:
        self.present: Weights = {"w": torch.zeros(1)}
        self.chosen_by = [cell(exact(2))] * 10
        self.checked_by: list[Sample] = []
        self._right_up_to = right_up_to

    def fit(self, indices):
        return {"w": torch.ones(1)}

    def predict_new(self, weights, indices):
        return saying([2] * len(indices))

    def predict_chosen_by(self, weights):
        share = float(weights["w"])
        wrong = 0 if share <= self._right_up_to + 1e-6 else 1
        return saying([3] * wrong + [2] * (10 - wrong))

    predict_checked_by = predict_chosen_by

    def of_networks(self, weights):
        return weights

    def remember(self, weights):
        raise AssertionError("not asked here")


@pytest.mark.parametrize(
    ("right_up_to", "tolerance", "share"), [(1.0, 0.0, 1.0), (0.6, 0.005, 0.6), (0.0, 0.005, 0.0), (0.0, 0.1, 1.0)]
)
def test_old_cells_say_how_far_to_go(right_up_to: float, tolerance: float, share: float):
    strategy = OneTensor(right_up_to)
    least = old_accuracy(strategy, strategy.present) - tolerance
    followed = interpolate(strategy, strategy.fit(np.arange(1)), least)
    assert followed.share == share
    assert followed.weights["w"].item() == pytest.approx(share)


def test_weights_in_between():
    half = average_weights({"a": torch.tensor([0.0, 2.0])}, {"a": torch.tensor([4.0, 0.0])}, 0.25)
    assert half["a"].tolist() == [1.0, 1.5]


@pytest.mark.parametrize(
    ("before", "after", "gained"), [(10, 20, True), (18, 20, False), (20, 10, False), (20, 20, False)]
)
def test_a_gain_must_be_surer_than_chance(before: int, after: int, gained: bool):
    samples = [cell(exact(4))] * 20
    changes = compare_answers(
        samples, saying([4] * before + [5] * (20 - before)), saying([4] * after + [5] * (20 - after))
    )
    assert is_gain(changes.as_labelled) is gained
    assert changes.per_class["monocyte"].after.hits == after
    assert changes.five_class.n == 20


def test_rejected_tells_true_cells_from_others():
    samples = [cell(exact(4)), cell(exact(4)), cell(REJECT)]
    before = Logits(np.zeros((3, 6)), np.array([2.0, -2.0, 2.0]), np.zeros((3, 6)))
    after = Logits(np.zeros((3, 6)), np.array([-2.0, -2.0, 2.0]), np.zeros((3, 6)))
    found = compare_rejected(samples, before, after, Policy(), Policy())
    assert (found.leukocytes.before.hits, found.leukocytes.after.hits) == (1, 0)
    assert found.others.after.hits == 1


def points_of_a_law(power: float, count: int = 4000) -> list[Point]:
    cells = [10.0, 20.0, 40.0, 80.0]
    return [Point(n, np.arange(count) >= round(count * 1.5 * n**-power)) for n in cells]


@pytest.mark.parametrize("power", [0.3, 0.5, 1.0])
def test_forecast_finds_the_law(power: float):
    found = forecast(points_of_a_law(power), [str(n) for n in range(4000)], now=80, more=80, seed=1)
    wanted = 1.5 * (80.0**-power - 160.0**-power)
    assert found.power.value == pytest.approx(power, abs=0.03)
    assert found.gain.value == pytest.approx(wanted, rel=0.1, abs=0.002)
    assert found.gain.low <= wanted <= found.gain.high


def test_forecast_without_a_trend_or_without_errors_promises_nothing():
    flat = [Point(n, np.arange(100) >= 20) for n in (10.0, 40.0)]
    found = forecast(flat, [str(n) for n in range(100)], now=40, more=40, seed=1)
    assert found.gain.value == pytest.approx(0.0, abs=0.005)
    none = [Point(n, np.ones(100, dtype=bool)) for n in (10.0, 40.0)]
    assert forecast(none, [str(n) for n in range(100)], now=40, more=40, seed=1).gain.high < 0.01


def test_restyling_takes_the_new_colours():
    rng = np.random.default_rng(1)
    old = rng.integers(180, 240, (4, 32, 32, 3)).astype(np.uint8)
    new = rng.integers(60, 200, (4, 32, 32, 3)).astype(np.uint8)
    made = restyle(old, new, draw_change(4, np.random.default_rng(2)))
    assert made.shape == old.shape
    assert made.dtype == np.uint8
    means = [pictures.astype(float).mean() for pictures in (old, made, new)]
    assert means[2] < means[1] < means[0]
    flat = np.full((1, 32, 32, 3), 250, dtype=np.uint8)
    assert np.isfinite(restyle(flat, new[:1], draw_change(1, rng))).all()


def test_restyling_grey_levels_is_restyling_every_pixel():
    rng = np.random.default_rng(3)
    old, new = (rng.integers(*limits, (3, 40, 40, 3)).astype(np.uint8) for limits in ((0, 256), (60, 200)))
    share = np.array([1.0, 0.5, 0.8])
    one, two = (-np.log(np.maximum(fields, 2.0) / 235) for fields in (old, new))
    inner = slice(6, -6)
    means = [part[:, inner, inner].mean(axis=(1, 2), keepdims=True) for part in (one, two)]
    spreads = [part[:, inner, inner].std(axis=(1, 2), keepdims=True) for part in (one, two)]
    strategy = share.reshape(-1, 1, 1, 1)
    spread = spreads[0] * (spreads[1] / spreads[0]) ** strategy
    density = (one - means[0]) / spreads[0] * spread + means[0] + (means[1] - means[0]) * strategy
    wanted = np.clip(np.rint(np.exp(-density) * 235), 0, 255)
    assert np.abs(restyle(old, new, share.astype(np.float32)) - wanted).max() <= 1
    assert np.mean(restyle(old, new, share.astype(np.float32)) != wanted) < 0.001


def test_frequent_classes_are_drawn_less_often_each():
    weights = sampling_weights(["a"] * 4 + ["b"])
    assert weights.sum() == pytest.approx(1.0)
    assert weights[:4].sum() / weights[4] == pytest.approx(2.0)


def test_calibration_takes_old_and_new_alike_and_drops_what_nobody_can_check():
    new_samples = [cell(exact(index % 6)) for index in range(30)]
    old_samples = [cell(exact(index % 6)) for index in range(60)]
    new, old = (saying([index % 6 for index in range(count)]) for count in (30, 60))
    mute = Logits(old.classes, old.reject, np.full((60, 6), np.nan))
    may = (Overrule(said=0, instead=1, claim_at=0.9),)
    present = Policy(
        agree_at=(0.4,) * 6, overrules=may, unfamiliar_beyond=1.5, doubt_five_below=0.99, doubtful_from=0.5
    )
    temperature, policy = calibrate(old_samples, mute, new_samples, new, present)
    assert temperature < 1  # all are right, so more confidence is due
    assert policy.agree_at == present.agree_at
    assert policy.overrules == ()
    assert (policy.doubt_five_below, policy.doubtful_from) == (0.99, 0.5), "chosen on laboratories left out"
    assert policy.reject_at == 0.5
    assert policy.unfamiliar_beyond == 1.5
    heard = calibrate(old_samples, old, new_samples, new, present)[1]
    assert (heard.agree_at, heard.unfamiliar_beyond) == ((0.5,) * 6, 1.5)


def test_new_cells_with_high_reject_scores_raise_the_threshold():
    samples = [cell(exact(2))] * 50
    old = saying([2] * 50)
    new = Logits(old.classes, np.full(50, 2.0), old.verifiers)
    assert calibrate(samples, old, samples, new, Policy())[1].reject_at > 0.85


def test_remembered_cells_are_samples_without_a_picture():
    samples = [cell(exact(2)), cell(either((0, 1))), cell(REJECT)]
    once = make_remembered(np.zeros((3, 512), np.float32), samples)
    again = remembered_samples(concatenate(once, once))
    assert [sample.target for sample in again] == [sample.target for sample in samples] * 2
    with pytest.raises(DataUnusable, match="no picture"):
        again[0].draw()


def tree(folder: Path, counts: dict[str, int]) -> Path:
    import cv2

    rng = np.random.default_rng(1)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            picture = rng.integers(0, 255, (40, 40, 3)).astype(np.uint8)
            cv2.imwrite(str(folder / name / f"{number}.png"), picture)
    return folder


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"band": 3, "monocyte": 4}, "7 labelled leukocytes, adapting takes at least 12"),
        ({"band": 3, "platelet": 14}, "3 labelled leukocytes"),
        ({"band": 6, "segmented": 7}, "of one class (neutrophil)"),
    ],
)
def test_too_few_cells_are_one_clear_line(tmp_path: Path, counts: dict[str, int], words: str):
    spec = DatasetSpec(data=tree(tmp_path / "here", counts), um_per_px=0.1, force_scale=True)
    with pytest.raises(DataUnusable) as caught:
        read_labelled_cells(spec, print)
    assert words in str(caught.value)
    assert "label" in caught.value.hint


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing to adapt to (give --data"),
        (["--data", "x"], "--data without --um-per-px"),
        (["--fields", "x"], "--fields without --fields-um-per-px"),
        (["--data", "x", "--um-per-px", "0.1", "--old", "y"], "--old without --old-um-per-px"),
        (["--data", "x", "--um-per-px", "0.1", "--old-um-per-px", "1"], "--old-um-per-px without --old"),
        (["--data", "x", "--um-per-px", "0.1", "--tolerance", "nan"], "--tolerance nan"),
        (["--data", "x", "--um-per-px", "0.1", "--tolerance", "7"], "--tolerance 7"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], words: str):
    result = CliRunner().invoke(app, ["--out", "new", *arguments])
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_scale_without_sense_is_refused_before_anything_else():
    result = CliRunner().invoke(app, ["--out", "new", "--data", "x", "--um-per-px", "-1"])
    assert isinstance(result.exception, ScaleUnusable)


def test_a_memory_holds_the_classes_it_was_given():
    cells = Remembered(np.ones((2, 512), np.float32), np.eye(6, dtype=np.float32)[:2], np.zeros(2, np.uint8))
    memory = Memory(frozenset({1}), frozenset({2}), cells, cells)
    assert [family(sample) for sample in remembered_samples(memory.fitted)] == ["neutrophil"] * 2
    assert len(CLASSES) == cells.shares.shape[1]


def old(number: int, group: str) -> Sample:
    def no_picture():
        raise AssertionError("nothing is drawn here")

    return Sample(f"old/{number}", "pbc", "band", exact(0), f"pbc/{group}", None, no_picture, f"{number:064x}"[::-1])


def test_old_cells_are_divided_as_the_weights_were_trained():
    samples = [old(number, f"g{number}") for number in range(1, 7)] + [old(7, "g1")]
    nothing = Remembered(np.zeros((0, 512), np.float32), np.zeros((0, 6), np.float32), np.zeros(0, np.uint8))
    keys = [short(sample.digest) for sample in samples]
    met = Memory(frozenset(keys[:2]), frozenset(keys[2:4]), nothing, nothing)
    sides = divide_old_cells(samples, met)
    assert {part: [sample.sample_id for sample in side] for part, side in sides.items()} == {
        "train": ["old/1", "old/2"],
        "validation": ["old/3", "old/4"],
        "test": ["old/5", "old/6"],  # the seventh nearly equals the first
    }
    stranger = Memory(frozenset({1}), frozenset(), nothing, nothing)
    assert divide_old_cells(samples, stranger) == divide_old_cells(samples, None) == split(samples)
