"""All scores of one set of cells, as the report holds them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from smearwatch.models.engine import Outputs
from smearwatch.models.verdict import Policy
from smearwatch.train.data.samples import Sample
from smearwatch.train.evaluation.measure import measure
from smearwatch.train.evaluation.risk_coverage import risk_coverage
from smearwatch.train.evaluation.verifier_gains import verifier_gains


def scores_of(samples: Sequence[Sample], outputs: Outputs, policy: Policy) -> dict[str, Any]:
    """Score n cells: `smearwatch.train.evaluation.measure.measure`, and what only an evaluation asks.

    Returns
    -------
    dict
        As `measure`, with `cells` (how many of each label), `verifier_gains` and `risk_coverage`, both for "all" labels
        of the six and for "agreed" ones (a second group did not differ).
    """
    every = [place for place, sample in enumerate(samples) if sample.target.kind == "exact"]
    chosen = {"all": every, "agreed": [place for place in every if samples[place].agreed is not False]}
    truth = np.array([int(np.argmax(sample.target.shares)) for sample in samples], dtype=np.int64)
    gains = {}
    risks = {}
    for name, places in chosen.items():
        part, labels = outputs.at(places), truth[places]
        gains[name] = verifier_gains(part, labels, policy)
        risks[name] = risk_coverage(part, labels, policy)
    return {
        **measure(samples, outputs, policy),
        "cells": dict(sorted(Counter(sample.label for sample in samples).items())),
        "verifier_gains": gains,
        "risk_coverage": risks,
    }
