"""What only an evaluation asks of a set: what verifiers are worth, and what is let through unseen."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smearwatch.models.outputs import Outputs
from smearwatch.models.verdict import Policy
from smearwatch.train.data.samples import Sample
from smearwatch.train.evaluation.risk_coverage import RiskCoverage, risk_coverage
from smearwatch.train.evaluation.verifier_gains import VerifierGain, verifier_gains
from smearwatch.train.json_record import JsonRecord

ALL, AGREED = "all", "agreed"


@dataclass(frozen=True, slots=True)
class Analysis(JsonRecord):
    """Analyses for `ALL` labels of the six and for `AGREED` ones (a second group did not differ).

    Attributes
    ----------
    cells
        How many of each label.
    verifier_gains
        Of each by class, with "together".
    """

    cells: dict[str, int]
    verifier_gains: dict[str, dict[str, VerifierGain]]
    risk_coverage: dict[str, RiskCoverage]


def analyse(samples: Sequence[Sample], outputs: Outputs, policy: Policy) -> Analysis:
    """Analyse n labelled cells' outputs, in the same order."""
    every = [index for index, sample in enumerate(samples) if sample.target.kind == "exact"]
    chosen = {ALL: every, AGREED: [index for index in every if samples[index].agreed is not False]}
    truth = np.array([int(np.argmax(sample.target.shares)) for sample in samples], dtype=np.int64)
    parts = {name: (outputs.at(indices), truth[indices]) for name, indices in chosen.items()}
    return Analysis(
        cells=dict(sorted(Counter(sample.label for sample in samples).items())),
        verifier_gains={name: verifier_gains(part, labels, policy) for name, (part, labels) in parts.items()},
        risk_coverage={name: risk_coverage(part, labels, policy) for name, (part, labels) in parts.items()},
    )
