"""Scores of one reproduction, and what leakage is worth."""

from collections.abc import Mapping

import numpy as np

from smearwatch.models.classes import CLASSES
from smearwatch.train.evaluation.confusion import confusion_table
from smearwatch.train.paper.learning import Answers
from smearwatch.train.paper.protocol import TwoClass
from smearwatch.train.paper.results import Leakage, ProtocolResult, SixClassScores, TwoClassScores
from smearwatch.train.statistics import Difference, Share, independent_difference

_DECIMALS = 5


def score_six_class(answers: Answers) -> SixClassScores:
    """Score answers to at least one picture."""
    predicted = answers.logits.argmax(dim=1).numpy()
    right = answers.right()
    return SixClassScores(
        n=len(right),
        cells=len(np.unique(answers.pictures.cells)),
        accuracy=Share.of(right),
        cost=round(answers.cost(), _DECIMALS),
        confusion=confusion_table(answers.pictures.classes, predicted, len(CLASSES)).tolist(),
    )


def score_two_class(answers: Answers, data: TwoClass) -> dict[str, TwoClassScores]:
    """Make Table 1: group sizes, and each network's accuracy on its own test pictures."""
    table: dict[str, TwoClassScores] = {}
    for index, name in enumerate(CLASSES):
        tested = data.tests[:, index]
        every = tested | data.trains[:, index]
        own = answers.pictures.classes == index
        right = (answers.logits[:, index] > 0).numpy() == own
        table[name] = TwoClassScores(int((every & own).sum()), int((every & ~own).sum()), Share.of(right[tested]))
    return table


def measure_leakage(results: Mapping[str, ProtocolResult]) -> list[Leakage]:
    """Compare the protocols at each picture size that "paper" was run at."""
    paper, honest = results.get("paper"), results.get("honest")
    rows = []
    for px, result in paper.six_class.items() if paper else ():
        tests = result.tests
        other = honest.six_class[px].tests if honest and px in honest.six_class else {}
        rows.append(
            Leakage(
                px=int(px),
                like_with_like=_gap(tests["augmented"], other.get("augmented")),
                against_cells=_gap(tests["augmented"], other.get("cells")),
                same_network=_gap(tests["augmented"], tests.get("fresh")),
            )
        )
    return rows


def _gap(one: SixClassScores, two: SixClassScores | None) -> Difference | None:
    return None if two is None else independent_difference(one.accuracy, two.accuracy)
