"""The keys of the terminal: those of the review page, but for the ones that mean something else here already."""

import textwrap
from typing import Final

from smearwatch.clients.reviewing.words import KEYS, LABEL_WORDS
from smearwatch.daemon.record.classes import CLASSES
from smearwatch.daemon.record.events import LabelName

_ELSEWHERE: Final = {"p": "l"}  # p has long been the pictures'

LABEL_KEYS: Final[dict[str, LabelName]] = {_ELSEWHERE.get(key, key): label for key, label in KEYS.items()}
"""Which key gives which label."""

CLASS_KEYS: Final[dict[str, str]] = {label: key for key, label in LABEL_KEYS.items() if label in CLASSES}
"""Which key names which class, in their order."""

FURTHER: Final = {key: label for key, label in LABEL_KEYS.items() if label not in CLASSES}
"""The keys of everything else that a cell may be called."""

LABELS_BY_KEY: Final = tuple((key, LABEL_WORDS[label]) for key, label in LABEL_KEYS.items())
"""For the help page."""

_SHORT: Final = {"neutrophil": "neutrophil, not told which", "other": "other"}


def key_lines(keys: dict[str, LabelName], columns: int) -> str:
    """Return keys and what they say, in as many lines as it takes: a key is never parted from its words."""
    said = (f"{key} {_SHORT.get(label, LABEL_WORDS[label])}" for key, label in keys.items())
    whole = "   ".join(text.replace(" ", "\N{NO-BREAK SPACE}") for text in said)
    return "\n".join(textwrap.wrap(whole, max(20, columns))).replace("\N{NO-BREAK SPACE}", " ")
