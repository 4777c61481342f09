"""The help page: what the signs and words mean, which keys work, and every counter."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from smearwatch.clients.terminal.bar import share_bar
from smearwatch.clients.terminal.differential import DIM
from smearwatch.clients.terminal.figures import counters_text
from smearwatch.clients.view import View
from smearwatch.daemon.notices import RESEARCH_USE

_TERMS = (
    ("percent", "of all counted cells; rejected cells and cells cut by the edge are not among them"),
    ("95 % interval", "exact binomial (Clopper-Pearson) limits of the share, drawn on the bar"),
    ("neutrophils", "band and segmented together"),
    ("confirmed", "the verifier of the class agrees"),
    ("corrected", "the verifiers overruled the first answer"),
    ("flagged", "they disagree, or it looks unlike all trained on; the answer stands, a person should look"),
    ("rejected", "none of these classes: artefact, smudge, precursor, out of focus"),
    ("drift", "the last cells look unlike those the weights were trained on: check, label, adapt"),
    ("?", "behind a percentage: too many cells look unlike those trained on, so it may be wrong"),
    ("at the edge", "cells cut by the frame's edge: not counted, for the next field shows them whole"),
    ("seen again", "cells that an earlier, overlapping field shows too: counted once"),
    ("not located", "fields that overlap no other one: whether a cell is seen twice cannot be told there"),
    ("pending", "frames that are safe on disk and wait for their turn"),
    ("waiting files", "pictures in the folder that are not taken up yet"),
    ("delay", "from a finished file to its count, the median"),
    ("searching", "processes that find the cells in a field; judging: those that say what a cell is"),
)
_KEYS = (
    ("p", "pictures of the last cells on and off"),
    ("d", "dark and light"),
    ("?", "this page; again or Esc to go back"),
    ("q", "quit; the count goes on"),
)


class HelpPage(ModalScreen[None]):
    """A page over the screen."""

    BINDINGS = [  # noqa: RUF012  # as Textual documents it
        Binding("escape,question_mark", "dismiss", "Back"),
    ]

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view

    def compose(self) -> ComposeResult:
        """Make the page."""
        with VerticalScroll(id="help") as page:
            page.border_subtitle = RESEARCH_USE
            yield Static(Content("\n").join([*_section("Words", _TERMS), *_bar(), *_section("Keys", _KEYS)]))
            yield Static(self._counters())

    def _counters(self) -> Content:
        return Content("\n").join(
            [
                *_section("Counters", ()),
                Content.assemble((f"  {'record':<15}", "$secondary"), f"{self._view.event} entries so far"),
                Content.assemble((f"  {'the count':<15}", "$secondary"), counters_text(self._view.counters)),
                Content.assemble((f"  {'this screen':<15}", "$secondary"), counters_text(self._view.client_counters)),
            ]
        )


def _section(title: str, terms: tuple[tuple[str, str], ...]) -> list[Content]:
    lines = [Content.styled(f"\n{title}", "bold $primary")]
    lines += [Content.assemble((f"  {term:<15}", "$secondary"), meaning) for term, meaning in terms]
    return lines


def _bar() -> list[Content]:
    example = share_bar(30.0, 21.2, 40.0, 40)
    return [Content(""), Content.assemble("  ", example), Content.styled("  30 of 100: 30.0 %, 21.2 to 40.0 %", DIM)]
