"""From the networks' numbers to a verdict."""

from typing import NamedTuple

import pytest
from pydantic import ValidationError

from smearwatch.models.verdict import Decision, Overrule, Policy, decide

SURE_BAND = (0.9, 0.06, 0.01, 0.01, 0.01, 0.01)
ALL_SILENT = (0.1, 0.1, 0.1, 0.1, 0.1, 0.1)
SEGMENTED_CLAIMS = (0.1, 0.95, 0.1, 0.1, 0.1, 0.1)
MAY = Policy(overrules=(Overrule(said=0, instead=1, claim_at=0.9),))


class Case(NamedTuple):
    name: str
    verifiers: tuple[float, ...]
    reject_score: float
    policy: Policy
    expected: Decision


DOUBTED = Policy(doubt_below=0.95)
NARROW, NARROW_MAY = Policy(doubtful_from=0.3), MAY.model_copy(update={"doubtful_from": 0.3})
AGREES = (0.9, 0.1, 0.1, 0.1, 0.1, 0.1)

CASES = [
    Case("improbable although its verifier agrees", AGREES, 0.0, DOUBTED, Decision(0, "flagged")),
    Case("as probable as asked", AGREES, 0.0, Policy(doubt_below=0.9), Decision(0, "confirmed")),
    Case("a neutrophil of either kind", AGREES, 0.0, Policy(doubt_five_below=0.95), Decision(0, "confirmed")),
    Case("not surely a neutrophil", AGREES, 0.0, Policy(doubt_five_below=0.99), Decision(0, "flagged")),
    Case("perhaps none of the six", AGREES, 0.3, NARROW, Decision(0, "flagged")),
    Case("perhaps none, and a rival claims it", SEGMENTED_CLAIMS, 0.3, NARROW_MAY, Decision(1, "flagged")),
    Case("surely one of the six", AGREES, 0.2999, NARROW, Decision(0, "confirmed")),
    Case("surely none", AGREES, 0.5, NARROW, Decision(0, "rejected")),
    Case("rejected before it is doubted", AGREES, 0.9, DOUBTED, Decision(0, "rejected")),
    Case("verifier agrees", (0.5, 0.1, 0.1, 0.1, 0.1, 0.1), 0.0, Policy(), Decision(0, "confirmed")),
    Case("agrees although a rival is louder", (0.6, 0.99, 0, 0, 0, 0), 0.0, MAY, Decision(0, "confirmed")),
    Case("just below the threshold", (0.4999, 0.1, 0.1, 0.1, 0.1, 0.1), 0.0, Policy(), Decision(0, "flagged")),
    Case("nobody claims it", ALL_SILENT, 0.0, MAY, Decision(0, "flagged")),
    Case("a rival claims it without permission", SEGMENTED_CLAIMS, 0.0, Policy(), Decision(0, "flagged")),
    Case("a rival claims it with permission", SEGMENTED_CLAIMS, 0.0, MAY, Decision(1, "corrected")),
    Case("the permitted rival is not loud enough", (0.1, 0.89, 0, 0, 0, 0), 0.0, MAY, Decision(0, "flagged")),
    Case("another rival is the loudest", (0.1, 0.95, 0.96, 0, 0, 0), 0.0, MAY, Decision(0, "flagged")),
    Case("rejected before anybody is asked", SEGMENTED_CLAIMS, 0.5, MAY, Decision(0, "rejected")),
    Case("just not rejected", SEGMENTED_CLAIMS, 0.4999, MAY, Decision(1, "corrected")),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_decision(case: Case):
    assert decide(SURE_BAND, case.verifiers, case.reject_score, case.policy) == case.expected


def test_own_threshold_of_each_class():
    policy = Policy(agree_at=(0.05, 0.5, 0.5, 0.5, 0.5, 0.5))
    assert decide(SURE_BAND, ALL_SILENT, 0.0, policy).verdict == "confirmed"
    assert decide(SURE_BAND[::-1], ALL_SILENT, 0.0, policy) == Decision(5, "flagged")


@pytest.mark.parametrize("bad", [{"said": 6}, {"instead": -1}, {"claim_at": 1.5}])
def test_overrule_out_of_range_is_refused(bad: dict[str, float]):
    with pytest.raises(ValidationError):
        Overrule.model_validate({"said": 0, "instead": 1, "claim_at": 0.9, **bad})


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_nothing_confirms_or_corrects_an_unfamiliar_cell_and_its_class_stands(case: Case):
    rejected = case.expected.verdict == "rejected"
    found = decide(SURE_BAND, case.verifiers, case.reject_score, case.policy, unfamiliar=True)
    assert found == Decision(case.expected.index, "rejected" if rejected else "flagged")


@pytest.mark.parametrize("bad", [0.99, -1.0, float("inf"), float("nan")])
def test_a_factor_below_one_or_without_end_is_refused(bad: float):
    with pytest.raises(ValidationError):
        Policy(unfamiliar_beyond=bad)
