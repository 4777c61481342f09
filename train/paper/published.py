"""The numbers of the paper that ours stand beside, in this project's class order.

Nozaka et al., Basic Study of Artificial Intelligence Model with Deep Learning Algorithms for Peripheral Blood
Leukocyte Classification, APAMI 2020, AP2-E2-4-03: Tables 1 and 2 and the section on the data set.
"""

from typing import Final

SOURCE_PICTURES: Final = 1335
"""Cells photographed, all classes together."""

AUGMENTED: Final = (500, 500, 462, 520, 500, 500)
"""Pictures of each class after augmentation, for the six-class network."""

PER_CLASS: Final = 500
"""What those numbers are about, and what `--per-class` is measured against."""

SPECIFIC: Final = (495, 480, 475, 520, 555, 485)
"""Table 1: pictures of the class itself, for each two-class network."""

MIXED: Final = (498, 499, 502, 493, 486, 500)
"""Table 1: pictures of the other five classes."""

TWO_CLASS_ACCURACY: Final = (0.968, 0.977, 1.0, 0.826, 1.0, 1.0)
"""Table 1."""

CONFUSION: Final = (
    (45, 0, 0, 0, 0, 0),
    (1, 51, 0, 0, 0, 0),
    (0, 0, 45, 0, 0, 0),
    (0, 0, 0, 21, 0, 0),
    (0, 0, 0, 0, 49, 0),
    (0, 0, 0, 0, 0, 55),
)
"""Table 2: rows are labels, columns answers."""

ACCURACY: Final = 0.996
COST: Final = 0.109
"""Of the six-class network after fine-tuning."""

TRAIN_SHARE: Final = 0.8
"""Share of the pictures that were trained on; the others were the test."""


def scaled(count: int, per_class: int) -> int:
    """Scale one of the paper's group sizes to about `per_class` pictures a class instead of 500."""
    return max(2, round(count * per_class / PER_CLASS))


def sources(class_index: int, per_class: int) -> int:
    """Return how many cells of a class to start from: the paper's 1335 in the proportions of its augmented groups."""
    return max(2, round(SOURCE_PICTURES * AUGMENTED[class_index] / sum(AUGMENTED) * per_class / PER_CLASS))
