"""The help page: what the signs and words mean, which keys work, and every counter."""

import textwrap
from typing import Final, TypeAlias

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from smearwatch.clients.terminal.bar import share_bar
from smearwatch.clients.terminal.differential import DIM
from smearwatch.clients.terminal.figures import counters_text
from smearwatch.clients.terminal.keys import labels_by_key
from smearwatch.clients.terminal.readers import Readers
from smearwatch.clients.view import View
from smearwatch.daemon.key_layout import KeyLayout, KeysClash, key_layout
from smearwatch.daemon.notices import RESEARCH_USE

Terms: TypeAlias = tuple[tuple[str, str], ...]

_TERM: Final = 17  # columns before a meaning
_LEAST_MEANING: Final = 20
_TERMS = (
    ("percent", "of all counted cells; rejected cells and cells cut by the edge are not among them"),
    ("95 % interval", "exact binomial (Clopper-Pearson) limits of the share, drawn on the bar"),
    ("neutrophils", "band and segmented together"),
    ("verifiers agree", "the machine's second networks agree with its first one; no person has said anything"),
    ("verifiers' name", "the second networks overruled the first one, and their name stands"),
    ("flagged", "they disagree, or it looks unlike all trained on; the answer stands, a person should look"),
    ("rejected", "not one of the six: artefact, smudge, precursor, out of focus; not counted"),
    ("drift", "the last cells look unlike those the weights were trained on: check, label, adapt"),
    ("adjusted", "for the machine's errors, by a random review: its limits hold how often it errs, too"),
    ("scale", "the red cells say another one than the one in use: check it, and count anew in another session"),
    (
        "?",
        "behind a percentage: too many cells look unlike those trained on, or the scale is doubtful; it may be wrong",
    ),
    ("at the edge", "cells cut by the frame's edge: not counted, for the next field shows them whole"),
    ("seen again", "a cell that was photographed twice, in overlapping fields: it is counted once"),
    ("not located", "fields that overlap no earlier one: whether a cell is seen twice cannot be told there"),
    ("pending", "frames that are safe on disk and wait for their turn"),
    ("waiting files", "pictures in the folder that are not taken up yet"),
    ("delay", "from a finished file to its count, the median"),
    ("searching", "processes that find the cells in a field; judging: those that say what a cell is"),
)
_COUNT_KEYS = (
    ("n", "the next cell that a person should look at: flagged or rejected, and named by nobody"),
    ("arrows", "the last cells, the newest first"),
    ("v", "the random review: cells that nobody chose, named without the machine's word"),
    ("g", "sign the result: what stands before it is shown; a signed one is opened again"),
    ("p", "pictures of the last cells on and off; says which there are, or why there are none"),
    ("s", "start, stop, pause; the next specimen; another session; what this one is of"),
    ("d", "dark and light"),
    ("?", "this page; again or Esc to go back"),
    ("q", "quit; a running count goes on, and labels are written"),
)
_CHOOSING = (
    ("arrows", "another cell; page up and down, home, end"),
    ("Tab", "other cells: flagged, rejected, labelled, each class, all; Shift+Tab backwards"),
    ("n", "the next one that is to be seen; after a label the next is chosen by itself"),
)
_NAMING = (
    ("Enter", "the machine is right; what it rejected is rightly rejected"),
    ("u, y", "undo, redo; nothing is erased, a label that is taken back stays in the record"),
    ("z, f", "more around the cell; the whole frame"),
    ("p", "says how pictures are drawn; unlike on the review page, where it is a plasma cell"),
    ("v, g", "the random review, and back (on the review page that is d); sign"),
    ("Esc", "back to the count"),
)


class HelpPage(ModalScreen[None]):
    """A page over the screen."""

    BINDINGS = [  # noqa: RUF012  # as Textual documents it
        Binding("escape,question_mark", "dismiss", "Back"),
    ]

    def __init__(self, view: View, readers: Readers | None = None) -> None:
        super().__init__()
        self._view = view
        self._clash = ""
        self._layout = key_layout({})
        if readers is not None:
            try:
                self._layout = readers.layout(view.session)
            except KeysClash as clash:
                self._clash = f"{clash} ({clash.hint})"

    def compose(self) -> ComposeResult:
        """Make the page."""
        with VerticalScroll(id="help") as page:
            page.border_subtitle = RESEARCH_USE
            for title, terms in _keys(self._layout, self._clash).items():
                yield _Section(title, terms)
            yield _Section("Words", _TERMS)
            yield Static(_bar())
            yield _Section("Counters", self._counters())

    def _counters(self) -> Terms:
        return (
            ("record", f"{self._view.event} entries so far"),
            ("the count", counters_text(self._view.counters)),
            ("this screen", counters_text(self._view.client_counters)),
        )


class _Section(Static):
    """A title, and terms with what they mean beside them, at every width."""

    def __init__(self, title: str, terms: Terms) -> None:
        super().__init__()
        self._title = title
        self._terms = terms

    def on_resize(self) -> None:
        """Break the lines anew."""
        room = max(_LEAST_MEANING, self.content_size.width - _TERM)
        lines = [Content.styled(f"\n{self._title}", "bold $primary")]
        for term, meaning in self._terms:
            first, *more = textwrap.wrap(meaning, room) or [""]
            lines.append(Content.assemble((f"  {term:<{_TERM - 2}}", "$secondary"), first))
            lines += [Content(" " * _TERM + line) for line in more]
        self.update(Content("\n").join(lines))


def _keys(layout: KeyLayout, clash: str) -> dict[str, Terms]:
    cells = (*_CHOOSING, *((("none", clash),) if clash else labels_by_key(layout)), *_NAMING)
    return {"Keys of the count": _COUNT_KEYS, "Keys of the cells": cells}


def _bar() -> Content:
    example = share_bar(30.0, 21.2, 40.0, 40)
    return Content.assemble("\n  ", example, ("\n  30 of 100: 30.0 %, 21.2 to 40.0 %", DIM))
