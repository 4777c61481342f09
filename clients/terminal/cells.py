"""The screen of cells: one is chosen, seen large, and named by a key."""

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Key
from textual.geometry import Size
from textual.screen import Screen
from textual.widgets import Footer, Static

from smearwatch.clients.reviewing.cells import GROUPS, TO_SEE, Cell, in_group
from smearwatch.clients.reviewing.desk import Change
from smearwatch.clients.terminal.cell_words import fact_lines, list_lines, name_line, result_lines
from smearwatch.clients.terminal.cutting import FIELDS, Wanted
from smearwatch.clients.terminal.differential import DIM
from smearwatch.clients.terminal.graphics import make_picture
from smearwatch.clients.terminal.keys import further_keys, key_lines
from smearwatch.clients.terminal.naming import NameScreen
from smearwatch.clients.terminal.reading import Reading
from smearwatch.clients.terminal.status import Notice
from smearwatch.daemon.record.events import LabelName
from smearwatch.daemon.record.views import CellKey
from smearwatch.daemon.share_text import label_text
from smearwatch.daemon.sign_text import sign_command

if TYPE_CHECKING:
    from PIL.Image import Image

_LEAST_COLUMNS, _LEAST_ROWS = 76, 23
_FACTS_COLUMNS = 27
_ROOMY_COLUMNS, _ROOMY_ROWS = 100, 30
_LEAST_PICTURE_ROWS: Final = 4
_BLANK_S: Final = 0.1
_FIELD_WORDS: Final = {"near": "22 µm across", "crop": "33 µm across", "far": "66 µm across", "frame": "whole frame"}
_NONE_LEFT: Final = "No flagged or rejected cell is left to be seen. Tab: other cells. Esc: back to the count."
_LAST_ONE: Final = "That was the last one here. u takes it back, Tab goes to other cells, Esc back to the count."


class CellsScreen(Screen[None]):
    """The cells of a session. Keys speak of the cell that is chosen when they are typed, wherever it stands by then.

    Parameters
    ----------
    reading : Reading
        The session and its reader.
    group : str
        Which cells are gone through first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "app.explain", "All keys", key_display="?"),
        Binding("enter", "agree", "Machine is right", key_display="Enter"),
        Binding("u,U,ctrl+z", "undo", "Undo", key_display="u"),
        Binding("y,Y,ctrl+y", "redo", "Redo", key_display="y", show=False),
        Binding("n,N", "next_to_see", "Next", key_display="n"),
        Binding("tab", "group(1)", "Other cells", key_display="Tab"),
        Binding("shift+tab", "group(-1)", show=False),
        Binding("z,Z", "field", show=False),
        Binding("f,F", "frame", show=False),
        Binding("p,P", "about_pictures", show=False),
        Binding("up,left", "move(-1)", show=False),
        Binding("down,right", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("home", "move(-1000000)", show=False),
        Binding("end", "move(1000000)", show=False),
        Binding("escape", "back", "Back", key_display="Esc"),
    ]

    def __init__(self, reading: Reading, group: str = TO_SEE) -> None:
        super().__init__()
        self._reading = reading
        self._group = group
        self._chosen: CellKey | None = None
        self._began = False
        self._field = FIELDS[0]
        self._said = ("", DIM)
        self._drawn: Wanted | None = None
        self._room = (Size(), Size())
        self._sorted: tuple[tuple[int, str], list[Cell]] = ((-1, ""), [])

    def compose(self) -> ComposeResult:
        """Make the screen's parts."""
        yield Static(id="cells-head")
        yield Static(id="cells-said")
        with Horizontal(id="cells-body"):
            yield Static(id="cell-list")
            with Vertical(id="cell"):
                yield Static(id="cell-name")
                with Horizontal():
                    with Vertical(id="cell-shown"):
                        yield make_picture(self._reading.pictures.kind)
                        yield Static(id="cell-field")
                    yield Static(id="cell-facts")
        yield Static(id="cell-keys")
        yield Static(id="cells-results")
        yield Static("Make the window larger (at least 80x24). Esc: back to the count.", id="cells-small")
        yield Notice(id="notice")
        yield Footer()

    def on_mount(self) -> None:
        """Draw what is known already."""
        self.refresh_cells()

    def on_resize(self) -> None:
        """Fit everything to the window."""
        columns, rows = self.app.size
        self.set_class(columns < _LEAST_COLUMNS or rows < _LEAST_ROWS, "-small")
        self.set_class(columns < _ROOMY_COLUMNS or rows < _ROOMY_ROWS, "-compact")
        self.query_one(Notice).fit(columns, rows)
        layout = self._reading.layout
        keys = key_lines(further_keys(layout), columns - 6, layout)
        self.query_one("#cell-keys", Static).update(Content.styled(keys, DIM))
        self.call_after_refresh(self._draw)

    def on_screen_suspend(self) -> None:
        """Take the picture away before another screen lies over it, for a terminal's graphics do not go alone."""
        self._drawn = None
        self._picture.show(None)

    def on_screen_resume(self) -> None:
        """Draw the picture again, once that screen is wiped out."""
        self.set_timer(_BLANK_S, self._draw)

    # What comes from elsewhere

    def refresh_cells(self) -> None:
        """Draw the cells anew, as the desk has them by now."""
        cells = self._listed()
        if not self._began and cells:
            self._began = True
            self._chosen = cells[0].key
        self._draw()

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Say in one line what happened."""
        self._said = (text, "bold $error" if wrong else "$foreground")
        self._draw()

    def show_picture(self, wanted: Wanted, image: "Image | None") -> None:
        """Draw the picture of the chosen cell; one of a cell that is no longer chosen comes too late."""
        if wanted != self._drawn:
            return
        self._picture.show(image)
        words = _FIELD_WORDS[self._field] if image is not None else "no picture of it can be shown here"
        self.query_one("#cell-field", Static).update(Content.styled(words, DIM))

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

    def action_field(self) -> None:
        """Show more or less around the cell."""
        squares = FIELDS[:-1]
        self._field = squares[(squares.index(self._field) + 1) % len(squares)] if self._field in squares else squares[0]
        self._draw()

    def action_frame(self) -> None:
        """Show the whole frame, or the cell again."""
        self._field = FIELDS[0] if self._field == FIELDS[-1] else FIELDS[-1]
        self._draw()

    def action_about_pictures(self) -> None:
        """Say what pictures there are, and how there are others."""
        self.say(self._reading.pictures.why)

    def action_back(self) -> None:
        """Go back to the count."""
        self.dismiss()

    # Labelling

    def on_key(self, event: Key) -> None:
        """Give the label whose key it is."""
        label = self._reading.layout.terminal.get((event.character or "").lower())
        if label is not None:
            event.stop()
            event.prevent_default()
            self._label(label)

    def action_agree(self) -> None:
        """Give the label that the machine gave."""
        self._label(None)

    def action_undo(self) -> None:
        """Take the last label back."""
        if not self._is_closed():
            self._again(*self._reading.desk.undo(self._reading.by), "undone")

    def action_redo(self) -> None:
        """Give the label again that was taken back last."""
        if not self._is_closed():
            self._again(*self._reading.desk.redo(self._reading.by), "given again")

    def _label(self, label: LabelName | None) -> None:
        if self._is_closed():
            return
        if self._chosen is None:
            self.say("Choose a cell first: arrows, n, or Tab for other cells.", wrong=True)
            return
        if not self._reading.by:
            self.app.push_screen(NameScreen(), self._named)
            return
        desk, cells = self._reading.desk, self._listed()
        cell = desk.cell(self._chosen)
        if label == "withdrawn" and cell.label is None:
            self.say(f"Cell {cell.number} has no label.")
            return
        at = self._place(cells)
        after = None if at is None else next(iter(cells[at + 1 :]), None)
        change = desk.label(cell.key, label or cell.as_machine, self._reading.by)
        self._reading.record.write(change)
        if after is None and self._group == TO_SEE:
            after = next(iter(in_group(desk.cells(), TO_SEE)), None)  # those that were passed over
        self._choose(None if after is None else after.key)
        self.say(self._sentence(change))

    def _is_closed(self) -> bool:
        """Return whether the result is signed; then it takes no label, and says so."""
        signed = (self._reading.tally or {}).get("signed")
        if signed:
            session = shlex.quote(self._reading.name)
            how = f'smearwatch sessions amend {session} --by WHO --reason "..."'
            self.say(f"Signed by {signed['by']}: it takes no label. To open it again: {how}", wrong=True)
        return bool(signed)

    def _named(self, by: str | None) -> None:
        if by:
            self._reading.by = by
            self.say(f"Labels are given as {by} now. Press the key of the label again.")
        else:
            self.say("Nothing is labelled without a name.", wrong=True)

    def _again(self, change: Change | None, why: str, how: str) -> None:
        if change is None:
            self.say(f"{why[0].upper()}{why[1:]}.", wrong=True)
            return
        self._reading.record.write(change)
        self._choose(change.key)
        self.say(f"{how[0].upper()}{how[1:]}: {self._sentence(change)}")

    def _sentence(self, change: Change) -> str:
        cell = self._reading.desk.cell(change.key)
        named = (
            f"cell {cell.number} is {label_text(change.label)}" if cell.label else f"cell {cell.number} has no label"
        )
        return f"{named}, says {change.by}."

    # Drawing

    @property
    def _picture(self) -> Any:
        return self.query_one("#cell-shown").children[0]

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

    def _how_to_sign(self) -> str:
        """Return what comes after the last cell that is to be seen; nothing elsewhere."""
        tally = self._reading.tally
        if tally is None or tally.get("signed") or not tally["complete"] or self._group != TO_SEE:
            return ""
        return f"To sign the result: q, then\n{sign_command(self._reading.name)}"

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        self.query_one(Notice).show(self._reading.tally)
        self._draw_head()
        cells = self._listed()
        at = self._place(cells)
        listed = self.query_one("#cell-list", Static)
        columns, rows = listed.content_size
        place = f"{at + 1} of {len(cells)}" if at is not None else str(len(cells))
        head = Content.assemble((self._group, "bold $primary"), (f"\n{place}", DIM))
        listed.update(Content("\n").join([head, *list_lines(cells, at, max(12, columns), max(1, rows - 2))]))
        self._draw_cell(None if at is None else cells[at], cells)
        tally = self._reading.tally
        self.query_one("#cells-results", Static).update(
            "" if tally is None else result_lines(tally, self._reading.layout)
        )
        self._room = self._room_now()
        self.call_after_refresh(self._draw_where_room_changed)

    def _draw_where_room_changed(self) -> None:
        """Draw again where lines above or below have taken room, or given it back."""
        if self.is_mounted and self._room != self._room_now():
            self._draw()

    def _room_now(self) -> tuple[Size, Size]:
        return self.query_one("#cell-list").content_size, self.query_one("#cell").content_size

    def _draw_head(self) -> None:
        reading = self._reading
        by = f"reader: {reading.by}" if reading.by else "reader: not named yet"
        unwritten = f"{reading.desk.waiting} being written, " if reading.desk.waiting else ""
        head = self.query_one("#cells-head", Static)
        name = f"  {reading.name}"
        room = head.content_size.width - len("smearwatch") - len(name) - len(unwritten) - len(by)
        head.update(
            Content.assemble(
                ("smearwatch", "bold $primary"), (name, "bold $foreground"), " " * max(2, room),
                (unwritten, "$warning"), (by, DIM),
            )
        )  # fmt: skip
        text, style = (reading.unread, "bold $error") if reading.unread else self._said
        self.query_one("#cells-said", Static).update(Content.styled(text, style))

    def _draw_cell(self, cell: Cell | None, cells: list[Cell]) -> None:
        name, facts = self.query_one("#cell-name", Static), self.query_one("#cell-facts", Static)
        shown = self.query_one("#cell-shown")
        known: Mapping[str, Any] | None = None if cell is None else self._reading.record.gallery.cell(cell.key)
        shown.display = known is not None
        if cell is None or known is None:
            self._drawn = None
            self._picture.show(None)
            name.update(Content.styled(_LAST_ONE if cells else self._nothing(), DIM))
            facts.update(self._how_to_sign())
            return
        name.update(name_line(cell))
        room = self.query_one("#cell").content_size
        rows = room.height - 2
        if rows > 0:
            high = min(rows - 1, (room.width - _FACTS_COLUMNS - 2) // 2)
            high = high if high >= _LEAST_PICTURE_ROWS and self._reading.pictures.kind != "none" else 0
            shown.display = high > 0
            shown.styles.width = 2 * high + 2
            self._picture.styles.width, self._picture.styles.height = 2 * high, high
            facts.update(fact_lines(known, _FACTS_COLUMNS - 1, rows))
        frame, _, index = known["picture"].rpartition("/")
        wanted = Wanted((frame, int(index)), self._field)
        if wanted != self._drawn and self.is_current:
            self._drawn = wanted
            # The picture before it is another cell's, and must not stand beside this one's name.
            self._picture.show(None)
            self._reading.cutter.want(wanted)
