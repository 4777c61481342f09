"""The screen of the random review: cells that nobody chose, named without the machine's word."""

import textwrap
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.content import Content

from smearwatch.clients.reviewing.cells import Cell
from smearwatch.clients.reviewing.desk import Change
from smearwatch.clients.terminal.cell_words import adjusted_lines, adjusted_words, key_words, result_lines
from smearwatch.clients.terminal.cutting import Wanted
from smearwatch.clients.terminal.differential import DIM
from smearwatch.clients.terminal.reading import Reading
from smearwatch.clients.terminal.reading_screen import ALL_KEYS, BACK, UNDO, ReadingScreen
from smearwatch.daemon.corrected_text import adjusted
from smearwatch.daemon.record.events import LabelName
from smearwatch.daemon.record.views import CellKey

if TYPE_CHECKING:
    from PIL.Image import Image

_LOOK_AGAIN_S: Final = 0.8
_WORDS_ROWS: Final = 5
_ABOUT: Final = (
    "Cells that nobody chose. Name each by what you see: from these it is learnt how often the machine errs. "
    "{key}: nobody could say."
)


class RandomScreen(ReadingScreen):
    """One cell after another out of the random review.

    Parameters
    ----------
    reading : Reading
        The session and its reader.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ALL_KEYS,
        UNDO,
        BACK,
        Binding("enter", "name_it", show=False),
        Binding("v,V", "back", show=False),
        Binding("n,N,tab,shift+tab,left,right,up,down", "stay", show=False),
    ]

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading)
        self._asked: CellKey | None = None
        self._moved_s = -_LOOK_AGAIN_S
        self._seen: Wanted | None = None

    def refresh_cells(self) -> None:
        """Draw the cell that is asked for by now."""
        asked = self._reading.random.asked
        if asked != self._asked:
            if self._asked is not None:  # somebody else named it, while this reader was about to
                self._moved_s = time.monotonic()
            self._asked = asked
        self._draw()

    def show_picture(self, wanted: Wanted, image: "Image | None") -> None:
        """Draw the picture of the cell, which can be named from then on."""
        super().show_picture(wanted, image)
        if wanted == self._drawn:
            self._seen = wanted

    def action_stay(self) -> None:
        """Say that no cell is chosen here."""
        self.say("Nobody chooses the cells here. Esc: back to where one does.")

    def action_name_it(self) -> None:
        """Say that nobody can agree with what is not shown."""
        self.say("Name the cell by what you see; u takes back.", wrong=True)

    def _label(self, label: LabelName | None) -> None:
        if self._is_closed():
            return
        if self._asked is None:
            self.say(self._words_without()[0], wrong=True)
        elif label is None or label == "withdrawn":
            self.action_name_it()
        elif not self._is_named():
            return
        elif time.monotonic() - self._moved_s < _LOOK_AGAIN_S:
            self.say("Another reader named that cell; this is the next one.", wrong=True)
        elif self._seen is None or self._seen != self._drawn:
            self.say("One moment: its picture is not there yet. Nothing was named.", wrong=True)
        else:
            change = self._reading.desk.label(self._asked, label, self._reading.by, drawn=True)
            self._reading.write(change)
            self._came_back(change)
            self.say(self._sentence(change))

    def _came_back(self, change: Change) -> None:
        self._asked = self._reading.random.asked

    def _chosen_cell(self) -> Cell | None:
        return None if self._asked is None else self._reading.desk.cell(self._asked)

    def _list_words(self, columns: int, rows: int) -> Content:
        review = self._reading.random
        numbers = [f"{review.named} named at random"]
        if review.asked is not None:
            numbers += [] if review.more is None else [f"{review.more or 'no'} more are asked for"]
            numbers.append(f"of {review.named + review.left}")
        key = next(key for key, label in self._reading.layout.terminal.items() if label == "cannot_say")
        about = "\n".join(textwrap.wrap(_ABOUT.format(key=key), columns))
        return Content.assemble(
            ("random review", "bold $primary"), ("\n" + "\n".join(numbers), "$foreground"), (f"\n\n{about}", DIM)
        )

    def _cell_words(self, cell: Cell, known: Mapping[str, Any], rows: int) -> tuple[Content, Content]:
        return Content.styled("What is this? The machine's word is not shown.", "bold $foreground"), key_words(
            rows, self._reading.layout
        )

    def _words_without(self) -> tuple[str, str]:
        reading = self._reading
        if not reading.known:
            return "The record is being read.", ""
        named = f"{reading.random.named} were named at random."
        signed = (reading.tally or {}).get("signed")
        if signed:
            return f"Nothing is asked for: signed by {signed['by']}. {named}", ""
        if reading.desk.waiting:
            return "One moment: the names are being written.", ""
        return f"Nothing is left to be drawn: {named}", ""

    def _result_words(self, tally: Mapping[str, Any]) -> Content:
        if not tally.get("corrected"):
            return result_lines(tally, self._reading.layout)
        small, layout = self.has_class("-compact"), self._reading.layout
        words = adjusted_words(tally, self._reading.only, self.size.width - 4, _WORDS_ROWS if small else None)
        shares = adjusted(tally) if small else None
        lines = result_lines(tally, layout) if shares is None else adjusted_lines(shares, layout)
        return Content("\n").join([lines, Content.styled(words, DIM)])
