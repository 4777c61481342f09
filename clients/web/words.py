"""What labels are called on the page, and the keys that give them."""

from typing import Final

from smearwatch.daemon.record.events import LabelName

LABEL_WORDS: Final[dict[LabelName, str]] = {
    "band": "band",
    "segmented": "segmented",
    "eosinophil": "eosinophil",
    "basophil": "basophil",
    "monocyte": "monocyte",
    "lymphocyte": "lymphocyte",
    "neutrophil": "neutrophil, band or segmented not told",
    "blast": "blast",
    "immature_granulocyte": "immature granulocyte",
    "reactive_lymphocyte": "reactive lymphocyte",
    "plasma_cell": "plasma cell",
    "erythroblast": "nucleated red cell",
    "smudge": "smudge",
    "artefact": "artefact",
    "platelet": "platelet",
    "not_one_cell": "not one cell",
    "other": "other, none of these",
    "cannot_say": "can't say",
    "withdrawn": "no label",
}

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
