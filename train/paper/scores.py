"""Scores of one reproduction, and what leakage is worth."""

from typing import Any

import numpy as np

from smearwatch.models.classes import CLASSES
from smearwatch.train.paper.learning import Answers
from smearwatch.train.paper.protocol import TwoClass
from smearwatch.train.statistics import Share, independent_difference

_DECIMALS = 5


def six_class(answers: Answers) -> dict[str, Any]:
    """Accuracy with exact limits, cost, and confusion (rows are labels); at least one picture."""
    confusion = np.zeros((len(CLASSES), len(CLASSES)), dtype=np.int64)
    said = answers.logits.argmax(dim=1).numpy()
    np.add.at(confusion, (answers.pictures.classes, said), 1)
    right = answers.right()
    return {
        "n": len(right),
        "cells": len(np.unique(answers.pictures.cells)),
        "accuracy": Share(int(right.sum()), len(right)).to_json(),
        "cost": round(answers.cost(), _DECIMALS),
        "confusion": confusion.tolist(),
    }


def two_class(answers: Answers, data: TwoClass) -> dict[str, Any]:
    """Table 1: group sizes, and each network's accuracy on its own test pictures."""
    table: dict[str, Any] = {}
    for place, name in enumerate(CLASSES):
        tested = data.tests[:, place]
        every = tested | data.trains[:, place]
        own = answers.pictures.classes == place
        right = (answers.logits[:, place] > 0).numpy() == own
        table[name] = {
            "specific": int((every & own).sum()),
            "mixed": int((every & ~own).sum()),
            "accuracy": Share(int(right[tested].sum()), int(tested.sum())).to_json(),
        }
    return table


def gap(one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any]:
    """Accuracy of one set of scores minus another's, with 95 % limits (Newcombe, method 10)."""
    return independent_difference(Share.from_json(one["accuracy"]), Share.from_json(two["accuracy"])).to_json()


def leakage(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Say what leakage is worth, for each picture size that both protocols were run at.

    Returns
    -------
    list of dict
        `px`; `like_with_like`, the paper protocol's accuracy minus the honest one's, both on augmented test pictures;
        `against_cells`, minus the honest one's on test cells as photographed; `same_network`, its accuracy on its own
        test minus that on fresh cells. One that cannot be had is None.
    """
    paper, honest = (results.get(name, {}).get("six_class", {}) for name in ("paper", "honest"))
    rows = []
    for px, scores in paper.items():
        tests = scores["tests"]
        other = honest.get(px, {}).get("tests", {})
        rows.append(
            {
                "px": int(px),
                "like_with_like": gap(tests["augmented"], other["augmented"]) if other else None,
                "against_cells": gap(tests["augmented"], other["cells"]) if other else None,
                "same_network": gap(tests["augmented"], tests["fresh"]) if "fresh" in tests else None,
            }
        )
    return rows
