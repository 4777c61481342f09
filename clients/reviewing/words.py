"""What labels are called where a reader gives them, and the keys that give them."""

from typing import Final

from smearwatch.daemon.record.beside import TALLIED_LABELS
from smearwatch.daemon.record.events import LABELS, LabelName
from smearwatch.daemon.share_text import label_text

LABEL_WORDS: Final[dict[LabelName, str]] = {name: label_text(name) for name in LABELS}

KEYS: Final[dict[str, LabelName]] = {
    "1": "band",
    "2": "segmented",
    "3": "eosinophil",
    "4": "basophil",
    "5": "monocyte",
    "6": "lymphocyte",
    "7": "neutrophil",
    "b": "blast",
    "i": "immature_granulocyte",
    "r": "reactive_lymphocyte",
    "p": "plasma_cell",
    "e": "erythroblast",
    "s": "smudge",
    "a": "artefact",
    "t": "platelet",
    "m": "not_one_cell",
    "o": "other",
    "c": "cannot_say",
    "x": "withdrawn",
}
"""Digits for the classes in their order, so that a number pad works as the keys of a differential counter do."""

TALLY_KEYS: Final[dict[str, LabelName]] = {key: label for key, label in KEYS.items() if label in TALLIED_LABELS} | {
    "l": "plasma_cell"
}
"""Which key counts which cell of a tally: those of the review page, and the terminal's own for a plasma cell."""
