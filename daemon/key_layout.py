"""Which key names which cell: one layout for the review page, the terminal and the tally, as on a differential counter.

The page and the terminal each have keys that do something else; nothing of either is given to a cell.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.plain_words import nearest
from smearwatch.daemon.record.classes import LABELS, LabelName
from smearwatch.daemon.record.extra_classes import ExtraClass
from smearwatch.daemon.share_text import label_text

USUAL: Final[Mapping[LabelName, str]] = {
    "band": "1",
    "segmented": "2",
    "eosinophil": "3",
    "basophil": "4",
    "monocyte": "5",
    "lymphocyte": "6",
    "neutrophil": "7",
    "blast": "b",
    "immature_granulocyte": "i",
    "reactive_lymphocyte": "r",
    "plasma_cell": "p",
    "erythroblast": "e",
    "smudge": "s",
    "artefact": "a",
    "platelet": "t",
    "not_one_cell": "m",
    "other": "o",
    "cannot_say": "c",
    "withdrawn": "x",
}
"""Digits for the classes in their order, so that a number pad works as the keys of a differential counter do."""

RESERVED: Final[Mapping[str, str]] = {
    " ": "choosing several",
    "?": "the keys' help",
    "d": "the random review of the page, dark and light",
    "f": "the whole field",
    "g": "what the network looked at, signing in the terminal",
    "n": "the next cell to be seen",
    "p": "the terminal's pictures",
    "q": "the end",
    "u": "undo",
    "v": "the random review in the terminal",
    "y": "redo",
    "z": "nearer and farther",
}
"""Keys that do something else on the page, in the terminal or in a tally."""

_PLASMA: Final = "plasma_cell"
_IN_THE_TERMINAL: Final = "l"  # p has long been the pictures' there


class KeysClash(Hinted, ValueError):
    """A layout of keys that cannot be."""


@dataclass(frozen=True, slots=True)
class KeyLayout:
    """Which key gives which label.

    Attributes
    ----------
    page, terminal, tally
        By key. They are the same, but for a plasma cell where nobody gave it a key: ``p`` on the page, ``l`` in the
        terminal, and both in a tally.
    extra
        The extra classes among them.
    """

    page: Mapping[str, LabelName]
    terminal: Mapping[str, LabelName]
    tally: Mapping[str, LabelName]
    extra: tuple[ExtraClass, ...] = ()

    def short_text(self, label: str) -> str:
        """Return a label's name where there is little room: for an extra class its short one."""
        return next((each.short for each in self.extra if each.label == label), label_text(label))


def key_layout(keys: Mapping[str, str], extra: Iterable[ExtraClass] = (), *, others: Iterable[str] = ()) -> KeyLayout:
    """Return a laboratory's layout.

    Parameters
    ----------
    keys
        By what a cell is called, where it is not to have its usual key.
    extra
        The extra classes that there are.
    others
        Further names that are known, and not used here.

    Raises
    ------
    KeysClash
        A name is unknown, two cells have one key, or a key is none, or does something else.
    """
    extra = tuple(extra)
    own = {each.name: each.label for each in extra}
    for name in keys:
        if name not in LABELS and name not in own and name not in others:
            near = nearest(name, [*LABELS, *own])
            hint = f"did you mean {near}?" if near else f"one of {', '.join([*LABELS, *own])}"
            raise KeysClash(f"a key for {name!r}, which no cell is called", hint)
    by_label: dict[LabelName, str] = {**USUAL, **{each.label: each.key for each in extra}}
    by_label |= {own.get(name, name): key.lower() for name, key in keys.items() if name in LABELS or name in own}
    usual_plasma = by_label[_PLASMA] == USUAL[_PLASMA]
    page: dict[str, LabelName] = {}
    for label, key in by_label.items():
        _check_key(key, label, usual=USUAL.get(label))
        if key in page or (usual_plasma and key == _IN_THE_TERMINAL):
            other = page.get(key, _PLASMA)
            hint = "give one of them another key in the settings"
            raise KeysClash(f"{key!r} is the key of {label_text(other)} and of {label_text(label)}", hint)
        page[key] = label
    terminal = {_IN_THE_TERMINAL if usual_plasma and key == USUAL[_PLASMA] else key: name for key, name in page.items()}
    return KeyLayout(page, terminal, page | terminal, extra)


def _check_key(key: str, label: str, *, usual: str | None) -> None:
    if len(key) != 1 or not key.isprintable():
        raise KeysClash(f"{key!r} for {label_text(label)} is no single key", "write one letter, digit or sign")
    if key in RESERVED and key != usual:
        free = "abcdefghijklmnopqrstuvwxyz"
        taken = {*RESERVED, *USUAL.values(), _IN_THE_TERMINAL}
        letters = " ".join(each for each in free if each not in taken)
        hint = f"that key does something else; free are {letters}, signs and digits"
        raise KeysClash(f"{key!r} cannot be the key of {label_text(label)}, for it is {RESERVED[key]}", hint)
