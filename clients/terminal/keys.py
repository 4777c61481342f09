"""The keys of the terminal, in words."""

import textwrap
from collections.abc import Mapping
from typing import Final

from smearwatch.daemon.key_layout import KeyLayout
from smearwatch.daemon.record.classes import CLASSES, LabelName
from smearwatch.daemon.share_text import label_text

_SHORT: Final = {"neutrophil": "neutrophil, machine divides", "other": "other"}


def class_keys(layout: KeyLayout) -> dict[str, str]:
    """Return which key names which class, in their order."""
    by_label = {label: key for key, label in layout.terminal.items()}
    return {name: by_label[name] for name in CLASSES}


def further_keys(layout: KeyLayout) -> dict[str, LabelName]:
    """Return the keys of everything else that a cell may be called."""
    return {key: label for key, label in layout.terminal.items() if label not in CLASSES}


def labels_by_key(layout: KeyLayout) -> tuple[tuple[str, str], ...]:
    """Return keys and what they say, for the help page."""
    return tuple((key, label_text(label)) for key, label in layout.terminal.items())


def key_lines(keys: Mapping[str, LabelName], columns: int, layout: KeyLayout) -> str:
    """Return keys and what they say, in as many lines as it takes: a key is never parted from its words."""
    said = (f"{key} {_SHORT.get(label, layout.short_text(label))}" for key, label in keys.items())
    whole = "   ".join(text.replace(" ", "\N{NO-BREAK SPACE}") for text in said)
    return "\n".join(textwrap.wrap(whole, max(20, columns))).replace("\N{NO-BREAK SPACE}", " ")
