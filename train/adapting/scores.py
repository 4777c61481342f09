"""Before and after, on the same cells."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from smearwatch.models.classes import CLASSES
from smearwatch.models.verdict import Policy
from smearwatch.train.adapting.labelled_cells import family
from smearwatch.train.adapting.logits import Logits, is_leukocyte, named_rightly
from smearwatch.train.data.samples import Sample
from smearwatch.train.evaluation.five import five
from smearwatch.train.statistics import Paired

_SIGNIFICANT = 0.05


def compare_answers(samples: list[Sample], before: Logits, after: Logits) -> dict[str, Any]:
    """Compare the answers for leukocytes, cell by cell.

    Returns
    -------
    dict
        `as_labelled` (band and segmented apart where the label is one of them), `five_class` (as one), and `per_class`,
        each as `smearwatch.train.statistics.Paired` makes it.
    """
    one, two = _five_right(samples, before), _five_right(samples, after)
    kinds = np.array([family(sample) for sample in samples])
    return {
        "as_labelled": Paired.of(named_rightly(samples, before), named_rightly(samples, after)).to_json(),
        "five_class": Paired.of(one, two).to_json(),
        "per_class": {
            name: Paired.of(one[kinds == name], two[kinds == name]).to_json() for name in dict.fromkeys(kinds.tolist())
        },
    }


def is_gain(changes: dict[str, Any]) -> bool:
    """Return whether more cells were gained than lost, beyond what chance would do (exact McNemar)."""
    entry = changes["as_labelled"]
    return bool(entry["gained"] > entry["lost"] and entry["p_value"] < _SIGNIFICANT)


def compare_old_answers(samples: list[Sample], before: Logits, after: Logits) -> dict[str, Any]:
    """Pair the answers for old leukocytes; cells to reject are left out."""
    indices = np.flatnonzero(is_leukocyte(samples)).astype(np.int64)
    known = [samples[int(index)] for index in indices]
    changes = compare_answers(known, before.at(indices), after.at(indices))
    return {name: changes[name] for name in ("as_labelled", "five_class")}


def compare_rejected(
    samples: list[Sample], before: Logits, after: Logits, policy_before: Policy, policy_after: Policy
) -> dict[str, Any]:
    """Compare which cells are rejected: among leukocytes, where it is a fault; among the others, where it is wanted."""
    known = is_leukocyte(samples)
    one = expit(before.reject) >= policy_before.reject_at
    two = expit(after.reject) >= policy_after.reject_at
    return {
        "leukocytes": Paired.of(one[known], two[known]).to_json(),
        "others": Paired.of(one[~known], two[~known]).to_json(),
    }


def _five_right(samples: list[Sample], logits: Logits) -> NDArray[np.bool_]:
    shares = np.array([sample.target.shares for sample in samples], dtype=np.float64).reshape(-1, len(CLASSES))
    return np.asarray(five(shares.argmax(axis=1)) == five(logits.classes.argmax(axis=1)), dtype=bool)
