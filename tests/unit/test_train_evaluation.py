"""The parts of an evaluation on answers whose right score is known."""

import numpy as np
import pytest

from smearwatch.models.memory import Memory, Remembered, short
from smearwatch.models.outputs import Outputs
from smearwatch.models.verdict import Policy
from smearwatch.train.data.pipeline_cells import PipelineAccount, match_boxes
from smearwatch.train.data.samples import REJECT, Sample, Target, either, exact
from smearwatch.train.evaluation.analysis import analyse
from smearwatch.train.evaluation.measure import measure
from smearwatch.train.evaluation.reliability import calibration_error, reliability
from smearwatch.train.evaluation.results import (
    EvaluatedSet,
    Heading,
    Kind,
    Origin,
    Report,
    Split,
)
from smearwatch.train.evaluation.risk_coverage import CoverageErrors, PolicyRisk, risk_coverage
from smearwatch.train.evaluation.seen_in_training import explain, part
from smearwatch.train.evaluation.verifier_gains import verifier_gains
from smearwatch.train.evaluation.worst import choose_let_through, choose_worst, pair_answers
from smearwatch.train.statistics import Share


def cell(target: Target, name: str = "", *, agreed: bool | None = None, group: str = "", digest: str = "") -> Sample:
    def no_picture():
        raise AssertionError("scores need no picture")

    return Sample(name, "cells", name or "x", target, group, agreed, no_picture, digest)


def answers(predicted: list[int], sure: list[float], verifiers=None, reject=None) -> Outputs:
    probabilities = np.repeat((1 - np.array(sure)[:, None]) / 5, 6, axis=1)
    probabilities[np.arange(len(predicted)), predicted] = sure
    agreeing = np.eye(6)[predicted]
    scores = np.zeros(len(predicted)) if reject is None else np.array(reject)
    return Outputs(probabilities, agreeing if verifiers is None else np.array(verifiers, dtype=float), scores)


def test_reliability_bins_are_those_of_the_answers():
    confidence = np.array([0.34, 0.34, 0.95, 0.95, 0.95, 1.0])
    right = np.array([True, False, True, True, False, True])
    bins = reliability(confidence, right)
    assert [each.accuracy.n for each in bins] == [2, 4]
    assert bins[1].confidence == pytest.approx(0.9625)
    assert calibration_error(bins) == pytest.approx((abs(1 - 0.68) + abs(3 - 3.85)) / 6, abs=1e-5)
    assert reliability(confidence[:0], right[:0]) == []
    assert calibration_error([]) is None


def test_what_verifiers_notice_mend_and_spoil():
    """Cells said to be band: one error that segmented's verifier mends, one right answer that it spoils, one kept."""
    claims = np.zeros((5, 6))
    claims[0, 1] = claims[1, 1] = 0.9  # band's own verifier is silent
    claims[2, 0] = 0.9
    claims[3, 5] = 0.9
    claims[4, 5] = 0.6  # lymphocyte's claim is true, but the ResNet's answer is wrong and confirmed by its verifier
    claims[4, 4] = 0.8
    truth = np.array([1, 0, 0, 5, 5])
    gains = verifier_gains(answers([0, 0, 0, 5, 4], [0.8] * 5, claims), truth, Policy())
    assert gains["band"].errors_noticed == Share(1, 1)
    assert gains["band"].right_challenged == Share(1, 2)
    assert gains["segmented"].missed_claimed == Share(1, 1)
    assert gains["lymphocyte"].missed_claimed == Share(1, 1)
    assert gains["monocyte"].errors_noticed == Share(0, 1)
    overruling = gains["segmented"].overruling
    assert (overruling.fixed, overruling.broken, overruling.n) == (1, 1, 5)
    assert gains["together"].overruling.net == 0
    assert gains["together"].errors_noticed == Share(1, 2)


def test_risk_falls_as_doubtful_cells_are_left_out():
    sure = [0.99, 0.95, 0.9, 0.6, 0.5]
    truth = np.array([0, 0, 0, 1, 1])
    verifiers = np.eye(6)[[0, 0, 0, 0, 1]]  # the last one's verifier disagrees: flagged
    result = risk_coverage(answers([0] * 5, sure, verifiers), truth, Policy())
    assert result.doubt.curve == [(0.2, 0.0), (0.4, 0.0), (0.6, 0.0), (0.8, 0.25), (1.0, 0.4)]
    assert result.doubt.aurc == pytest.approx((0.25 + 0.4) / 5)
    assert result.doubt.at[0] == CoverageErrors(1.0, Share(2, 5))
    assert result.policy == PolicyRisk(coverage=Share(4, 5), errors=Share(1, 4), by_doubt=Share(1, 4))


def test_scores_hold_all_and_agreed_labels_side_by_side():
    samples = [
        cell(exact(0), agreed=True),
        cell(exact(1, 0.7, other=0), agreed=False),
        cell(either((0, 1))),
        cell(REJECT),
    ]
    outputs = answers([0, 0, 1, 3], [0.9] * 4, reject=[0, 0, 0, 1])
    scores, analysis = measure(samples, outputs, Policy()), analyse(samples, outputs, Policy())
    assert scores.accuracy_share == Share(1, 2)
    assert scores.agreed == Share(1, 1)
    assert scores.neutrophils["all"]["segmented"].recall == Share(0, 1)
    assert scores.neutrophils["agreed"]["segmented"].recall == Share(0, 0)
    assert scores.neutrophils["all"]["neutrophils"].recall == Share(3, 3)
    assert scores.confusion_five[0][0] == 3
    assert analysis.risk_coverage["all"].policy.errors == Share(1, 2)
    assert analysis.risk_coverage["agreed"].policy.errors == Share(0, 1)
    assert analysis.verifier_gains["agreed"]["together"].overruling.n == 1
    assert scores.reject.all_others_rejected == Share(1, 1)


def test_scores_of_rejects_alone():
    outputs = answers([0], [0.9], reject=[1.0])
    scores, analysis = measure([cell(REJECT)], outputs, Policy()), analyse([cell(REJECT)], outputs, Policy())
    assert scores.n == 0
    assert scores.accuracy is None
    assert scores.ece is None
    assert analysis.risk_coverage["all"].doubt.aurc is None
    assert analysis.verifier_gains["all"]["together"].overruling.rate is None


def scored(about: Origin | None, kind: Kind, end_to_end: Share | None = None) -> EvaluatedSet:
    samples, outputs = [cell(exact(0), "band")], answers([0], [0.9])
    return EvaluatedSet(
        measure(samples, outputs, Policy()), analyse(samples, outputs, Policy()), kind, about, end_to_end
    )


def test_a_report_keeps_its_keys_and_their_order():
    """What other programs read: a set's origin first, then its scores; at the top the scores of the first set."""
    split = Split("test", kept=1, known=True, train=0, validation=0, related=0)
    account = PipelineAccount(2, 1, 0, 1, 1, 3, 2, {"blurred": 1}, [0.09, 0.1, 0.11])
    boxes = scored(Origin(split, 0.1), "boxes")
    found = scored(Origin(split, 0.1, account), "pipeline", Share(1, 2))
    whole = scored(None, "all")
    report = Report("Scores", ["a note"], {"boxes": boxes, "found": found, "all": whole}, first=whole).to_json()
    of_scores = [*whole.scores.to_json(), "cells", "verifier_gains", "risk_coverage"]
    assert list(report) == ["title", "notes", *of_scores, "sets"]
    assert list(report["sets"]["boxes"]) == ["kind", "um_per_px", "split", *of_scores]
    assert list(report["sets"]["found"]) == ["kind", "split", "um_per_px", "pipeline", *of_scores]
    assert list(report["sets"]["all"]) == ["kind", *of_scores]
    assert report["sets"]["found"]["pipeline"] == {**account.to_json(), "end_to_end": Share(1, 2).to_json()}
    assert report["sets"]["boxes"]["split"] == {
        "part": "test",
        "kept": 1,
        "known": True,
        "train": 0,
        "validation": 0,
        "related": 0,
    }
    heading = Heading("id", "name", "rule", "boxes")
    alone = Report("Scores", [], {"boxes": boxes}, first=boxes, heading=heading, figures=("verifiers",)).to_json()
    assert list(alone)[2:9] == ["weights_id", "weights_name", "band_rule", "set", "kind", "um_per_px", "split"]
    assert list(alone)[-2:] == ["sets", "figures"]


def digest(number: int) -> str:
    return f"{number:064x}"[::-1]


def remembering(train: set[int], validation: set[int]) -> Memory:
    none = Remembered(np.zeros((0, 512), np.float32), np.zeros((0, 6), np.float32), np.zeros(0, np.uint8))
    return Memory(
        frozenset(short(digest(n)) for n in train), frozenset(short(digest(n)) for n in validation), none, none
    )


def test_what_was_seen_in_training_and_what_nearly_equals_it_is_left_out():
    groups = ["a", "a", "b", "c", "d"]
    samples = [cell(exact(0), str(n), group=group, digest=digest(n)) for n, group in enumerate(groups)]
    memory = remembering({0}, {2})
    tested = part(samples, memory, "test")
    assert [sample.sample_id for sample in tested.kept] == ["3", "4"]
    assert (tested.train, tested.validation, tested.related) == (1, 1, 1)
    every = part(samples, memory, "all")
    assert len(every.kept) == 5
    assert "met ones too" in explain(every, "all")
    unknown = part(samples, None, "test")
    assert len(unknown.kept) == 5
    assert "do not say what they were trained on" in explain(unknown, "test")


@pytest.mark.parametrize(
    ("boxes", "cells", "partners"),
    [
        ([(0, 0, 10, 10)], [(1, 1, 10, 10)], {0: 0}),
        ([(0, 0, 10, 10)], [(20, 0, 10, 10)], {}),
        ([(0, 0, 2, 2)], [(0, 0, 20, 20)], {0: 0}),  # hardly any overlap, but the centre lies inside
        ([(0, 0, 10, 10)], [(6, 0, 10, 10)], {}),  # overlap of a quarter, centre outside
        ([(0, 0, 10, 10), (10, 0, 10, 10)], [(0, 0, 20, 10)], {0: 0}),  # one found cell is never two
        ([(0, 0, 10, 10)], [(4, 0, 10, 10), (1, 0, 10, 10)], {0: 1}),  # the better one
        ([], [(0, 0, 1, 1)], {}),
    ],
)
def test_boxes_and_found_cells_pair_up(boxes, cells, partners):
    assert match_boxes(boxes, cells) == partners


def test_worst_cells_are_sure_errors_first_and_disputed_ones_later():
    samples = [
        cell(exact(0), "right, sure"),
        cell(exact(0), "right, unsure"),
        cell(exact(0), "wrong, sure"),
        cell(exact(0), "wrong, unsure"),
        cell(exact(1, 0.7, other=0), "disputed, surest", agreed=False),
        cell(either((0, 1)), "joined, right"),
        cell(REJECT, "suspected"),
        cell(REJECT, "taken for one"),
        cell(REJECT, "rejected"),
    ]
    outputs = answers(
        [0, 0, 4, 4, 0, 1, 5, 5, 5],
        [0.99, 0.5, 0.97, 0.55, 0.999, 0.95, 0.9, 0.9, 0.9],
        reject=[0, 0, 0, 0, 0, 0, 0.4, 0.1, 0.9],
    )
    cells = pair_answers(samples, outputs, Policy())
    order = [one.sample.sample_id for one in choose_worst(cells)]
    assert order[:4] == ["wrong, sure", "wrong, unsure", "disputed, surest", "right, unsure"]
    assert len(order) == 6
    assert [one.sample.sample_id for one in choose_worst(cells, 2)] == order[:2]
    assert [one.sample.sample_id for one in choose_let_through(cells)] == ["taken for one", "suspected"]
