"""One number for each class, and the table of the networks' answers: its columns, and every other width refused."""

import numpy as np
import pytest
import torch

from smearwatch.models.classes import CLASSES, check_number, per_class
from smearwatch.models.output_table import WIDTH, columns, side_by_side
from smearwatch.models.outputs import Outputs
from smearwatch.models.verdict import Policy, decide
from smearwatch.train.adapting.logits import Logits

COUNT = len(CLASSES)


@pytest.mark.parametrize("given", [0, COUNT - 1, COUNT + 1])
def test_another_number_of_numbers_is_refused(given: int):
    says = f"{COUNT} numbers expected, one for each class, and {given} given"
    with pytest.raises(ValueError, match=says):
        per_class([0.5] * given)
    with pytest.raises(ValueError, match=says):
        check_number([0.5] * given)
    with pytest.raises(ValueError, match=says):
        Policy(agree_at=(0.5,) * given)
    for probabilities, verifiers in (([0.5] * given, [0.5] * COUNT), ([0.5] * COUNT, [0.5] * given)):
        with pytest.raises(ValueError, match=says):
            decide(probabilities, verifiers, 0.1, Policy())


def test_one_for_each_class_is_taken_as_it_is():
    values = [place / 10 for place in range(COUNT)]
    assert per_class(values) == tuple(values)


def test_what_stands_side_by_side_is_found_again():
    rng = np.random.default_rng(5)
    classes, verifiers, reject = rng.random((4, COUNT)), rng.random((4, COUNT)), rng.random(4)
    table = side_by_side(*(torch.from_numpy(part) for part in (classes, verifiers, reject))).numpy()
    assert table.shape == (4, WIDTH)
    found = columns(table)
    assert np.array_equal(found.classes, classes)
    assert np.array_equal(found.verifiers, verifiers)
    assert np.array_equal(found.reject, reject)


@pytest.mark.parametrize("width", [WIDTH - 1, WIDTH + 1, WIDTH + 2])
def test_a_table_of_another_width_is_refused(width: int):
    with pytest.raises(ValueError, match=f"{WIDTH} columns expected, for {COUNT} classes"):
        columns(np.zeros((2, width)))


@pytest.mark.parametrize(
    ("classes", "verifiers", "reject"),
    [
        ((3, COUNT + 1), (3, COUNT), (3,)),
        ((3, COUNT), (3, COUNT - 1), (3,)),
        ((3, COUNT + 1), (3, COUNT - 1), (3,)),  # the sum of columns would be right
        ((3, COUNT), (2, COUNT), (3,)),
        ((3, COUNT), (3, COUNT), (3, 1)),
    ],
)
def test_answers_that_do_not_fit_are_refused(
    classes: tuple[int, ...], verifiers: tuple[int, ...], reject: tuple[int, ...]
):
    with pytest.raises(ValueError, match="expected"):
        side_by_side(torch.zeros(classes), torch.zeros(verifiers), torch.zeros(reject))
    with pytest.raises(ValueError, match="expected"):
        Outputs(np.zeros(classes), np.zeros(verifiers), np.zeros(reject))
    with pytest.raises(ValueError, match="expected"):
        Logits(np.zeros(classes), np.zeros(reject), np.zeros(verifiers))
