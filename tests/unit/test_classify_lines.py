"""What `smearwatch classify` prints for a person, by verdict."""

from pathlib import Path
from typing import Any

import pytest

from smearwatch.models.classes import CLASSES
from smearwatch.models.judgement import Judgement
from smearwatch.train.commands.classify import _record, plain_line

# The ResNet's answer is the third; a verifier may have put the fifth in its place.
PROBABILITIES: Any = (0.02, 0.03, 0.605, 0.05, 0.295, 0.0)


@pytest.mark.parametrize(
    ("cls", "verdict", "reject_score", "told"),
    [
        (CLASSES[2], "confirmed", 0.01, "eosinophil (0.60), verifiers agree"),
        (CLASSES[2], "flagged", 0.01, "eosinophil (0.60), flagged: a person should look"),
        (CLASSES[4], "corrected", 0.01, "monocyte (0.29), verifiers' name"),
        (CLASSES[2], "rejected", 0.981, "eosinophil (0.60), rejected: probably none of the six (0.98)"),
    ],
)
def test_a_verdict_in_words(cls, verdict, reject_score, told):
    verifiers: Any = (0.5,) * len(CLASSES)
    judgement = Judgement(cls, verdict, PROBABILITIES, verifiers, reject_score, {})
    assert plain_line(Path("cell.jpg"), judgement) == f"cell.jpg: {told}"


def test_an_unfamiliar_cell_says_why_it_is_flagged():
    verifiers: Any = (0.5,) * len(CLASSES)
    judgement = Judgement(CLASSES[2], "flagged", PROBABILITIES, verifiers, 0.01, {}, unfamiliar=True)
    told = "cell.jpg: eosinophil (0.60), flagged: looks unlike what the weights were trained on"
    assert plain_line(Path("cell.jpg"), judgement) == told
    assert _record(Path("cell.jpg"), judgement, None).to_json()["unfamiliar"] is True


@pytest.mark.parametrize(
    ("not_found", "told"),
    [
        ("no_leukocyte", "no leukocyte found in the middle"),
        ("at_edge", "the leukocyte touches the border"),
        ("out_of_focus", "out of focus"),
    ],
)
def test_what_was_not_found_stands_in_brackets(not_found, told):
    verifiers: Any = (0.5,) * len(CLASSES)
    judgement = Judgement(CLASSES[2], "confirmed", PROBABILITIES, verifiers, 0.01, {})
    line = plain_line(Path("cell.jpg"), judgement, not_found)
    assert line == f"cell.jpg: eosinophil (0.60), verifiers agree [{told}: picture judged as it is]"
