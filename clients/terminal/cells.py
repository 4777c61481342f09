"""The screen of cells: one is chosen out of a list, seen large, and named by a key."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.content import Content

from smearwatch.clients.reviewing.cells import GROUPS, TO_SEE, Cell, in_group
from smearwatch.clients.reviewing.desk import Change
from smearwatch.clients.terminal.cell_words import fact_lines, list_lines, name_line, result_lines
from smearwatch.clients.terminal.differential import DIM
from smearwatch.clients.terminal.reading import Reading
from smearwatch.clients.terminal.reading_screen import ALL_KEYS, BACK, FACTS_COLUMNS, UNDO, ReadingScreen
from smearwatch.daemon.record.events import LabelName
from smearwatch.daemon.record.views import CellKey

_NONE_LEFT: Final = "No flagged or rejected cell is left to be seen. Tab: other cells. Esc: back to the count."
_LAST_ONE: Final = "That was the last one here. u takes it back, Tab goes to other cells, Esc back to the count."
_HOW_TO_SIGN: Final = "To sign the result: g"


class CellsScreen(ReadingScreen):
    """The cells of a session. Keys speak of the cell that is chosen when they are typed, wherever it stands by then.

    Parameters
    ----------
    reading : Reading
        The session and its reader.
    group : str
        Which cells are gone through first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ALL_KEYS,
        Binding("enter", "agree", "Machine is right", key_display="Enter"),
        UNDO,
        Binding("n,N", "next_to_see", show=False),
        Binding("tab", "group(1)", "Other cells", key_display="Tab"),
        Binding("g,G", "app.sign", "Sign", key_display="g"),
        BACK,
        Binding("shift+tab", "group(-1)", show=False),
        Binding("up,left", "move(-1)", show=False),
        Binding("down,right", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("home", "move(-1000000)", show=False),
        Binding("end", "move(1000000)", show=False),
    ]

    def __init__(self, reading: Reading, group: str = TO_SEE) -> None:
        super().__init__(reading)
        self._group = group
        self._chosen: CellKey | None = None
        self._began = False
        self._sorted: tuple[tuple[int, str], list[Cell]] = ((-1, ""), [])

    def refresh_cells(self) -> None:
        """Draw the cells anew, as the desk has them by now."""
        cells = self._listed()
        if not self._began and cells:
            self._began = True
            self._chosen = cells[0].key
        self._draw()

    # Moving

    def action_move(self, step: int) -> None:
        """Choose another cell of the list."""
        cells = self._listed()
        if not cells:
            self.say(self._nothing())
            return
        at = self._place(cells)
        # A list whose last cell was named has none chosen: it goes on at its end or its beginning.
        to = (0 if step > 0 else len(cells) - 1) if at is None else min(max(at + step, 0), len(cells) - 1)
        self._choose(cells[to].key)

    def action_group(self, step: int) -> None:
        """Go through other cells."""
        names = list(GROUPS)
        self._group = names[(names.index(self._group) + step) % len(names)]
        self._chosen = None
        cells = self._listed()
        self._choose(cells[0].key if cells else None)

    def action_next_to_see(self) -> None:
        """Choose the next cell that a person should look at and nobody has named."""
        cells = in_group(self._reading.desk.cells(), TO_SEE)
        at = self._place(cells) if self._group == TO_SEE else None
        self._group = TO_SEE
        if not cells:
            self._choose(None)
            self.say(self._nothing())
            return
        self._choose(cells[0 if at is None else (at + 1) % len(cells)].key)

    # Labelling

    def action_agree(self) -> None:
        """Give the label that the machine gave."""
        self._label(None)

    def _label(self, label: LabelName | None) -> None:
        if self._is_closed():
            return
        if self._chosen is None:
            self.say("Choose a cell first: arrows, n, or Tab for other cells.", wrong=True)
            return
        if not self._is_named():
            return
        desk, cells = self._reading.desk, self._listed()
        cell = desk.cell(self._chosen)
        if label == "withdrawn" and cell.label is None:
            self.say(f"Cell {cell.number} has no label.")
            return
        if (given := label or cell.as_machine) is None:
            self.say(f"The machine could not judge cell {cell.number}: name it by what you see.", wrong=True)
            return
        at = self._place(cells)
        after = None if at is None else next(iter(cells[at + 1 :]), None)
        change = desk.label(cell.key, given, self._reading.by)
        self._reading.write(change)
        if after is None and self._group == TO_SEE:
            after = next(iter(in_group(desk.cells(), TO_SEE)), None)  # those that were passed over
        self._choose(None if after is None else after.key)
        self.say(self._sentence(change))

    def _came_back(self, change: Change) -> None:
        self._choose(change.key)

    # Drawing

    def _listed(self) -> list[Cell]:
        """Return the cells of the group, and the chosen one with them, which stays while it is looked at."""
        desk = self._reading.desk
        if self._sorted[0] != (desk.version, self._group):
            self._sorted = ((desk.version, self._group), in_group(desk.cells(), self._group))
        cells = [*self._sorted[1]]
        if self._chosen is not None and all(cell.key != self._chosen for cell in cells):
            cells.insert(0, desk.cell(self._chosen))
        return cells

    def _place(self, cells: list[Cell]) -> int | None:
        return next((at for at, cell in enumerate(cells) if cell.key == self._chosen), None)

    def _choose(self, key: CellKey | None) -> None:
        self._chosen = key
        self._said = ("", DIM)
        self._draw()

    def _nothing(self) -> str:
        if not self._reading.known:
            return "The record is being read."
        return _NONE_LEFT if self._group == TO_SEE else "There are no such cells. Tab: other cells."

    def _chosen_cell(self) -> Cell | None:
        return None if self._chosen is None else self._reading.desk.cell(self._chosen)

    def _list_words(self, columns: int, rows: int) -> Content:
        cells = self._listed()
        at = self._place(cells)
        place = f"{at + 1} of {len(cells)}" if at is not None else str(len(cells))
        head = Content.assemble((self._group, "bold $primary"), (f"\n{place}", DIM))
        return Content("\n").join([head, *list_lines(cells, at, columns, rows)])

    def _cell_words(self, cell: Cell, known: Mapping[str, Any], rows: int) -> tuple[Content, Content]:
        return name_line(cell), fact_lines(known, FACTS_COLUMNS - 1, rows)

    def _words_without(self) -> tuple[str, str]:
        """Return what there is to do, and after the last cell that is to be seen, how the result is signed."""
        tally = self._reading.tally
        ready = tally is not None and not tally.get("signed") and tally["complete"] and self._group == TO_SEE
        return _LAST_ONE if self._listed() else self._nothing(), _HOW_TO_SIGN if ready else ""

    def _result_words(self, tally: Mapping[str, Any]) -> Content:
        return result_lines(tally, self._reading.layout)
