"""What the screens of cells share: the chosen cell's picture, names by keys, what is said, the results below it."""

from abc import abstractmethod
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

from smearwatch.clients.reviewing.cells import Cell
from smearwatch.clients.reviewing.desk import Change
from smearwatch.clients.terminal.cutting import FIELDS, Wanted
from smearwatch.clients.terminal.differential import DIM
from smearwatch.clients.terminal.graphics import make_picture
from smearwatch.clients.terminal.keys import further_keys, key_lines
from smearwatch.clients.terminal.naming import NameScreen
from smearwatch.clients.terminal.reading import Reading
from smearwatch.clients.terminal.status import Notice
from smearwatch.daemon.record.events import LabelName
from smearwatch.daemon.share_text import label_text

if TYPE_CHECKING:
    from PIL.Image import Image

FACTS_COLUMNS: Final = 27
ALL_KEYS: Final = Binding("question_mark", "app.explain", "All keys", key_display="?")
UNDO: Final = Binding("u,U,ctrl+z", "undo", "Undo", key_display="u")
BACK: Final = Binding("escape", "back", "Back", key_display="Esc")
"""Shown in the footer, in the order in which each screen names its keys."""

_LEAST_COLUMNS, _LEAST_ROWS = 76, 23
_ROOMY_COLUMNS, _ROOMY_ROWS = 100, 30
_LEAST_PICTURE_ROWS: Final = 4
_BLANK_S: Final = 0.1
_FIELD_WORDS: Final = {"near": "22 µm across", "crop": "33 µm across", "far": "66 µm across", "frame": "whole frame"}


class ReadingScreen(Screen[None]):
    """One cell of a session, large, and named by keys. Which one, and what is said of it, a screen of its own decides.

    Parameters
    ----------
    reading : Reading
        The session and its reader.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,Y,ctrl+y", "redo", show=False),
        Binding("z,Z", "field", show=False),
        Binding("f,F", "frame", show=False),
        Binding("p,P", "about_pictures", show=False),
    ]

    def __init__(self, reading: Reading) -> None:
        super().__init__()
        self._reading = reading
        self._field = FIELDS[0]
        self._said = ("", DIM)
        self._drawn: Wanted | None = None
        self._room = (Size(), Size())

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

    # What a screen of its own says

    @abstractmethod
    def refresh_cells(self) -> None:
        """Draw the cells anew, as the desk has them by now."""

    @abstractmethod
    def _chosen_cell(self) -> Cell | None:
        """Return the cell that is shown."""

    @abstractmethod
    def _list_words(self, columns: int, rows: int) -> Content:
        """Return what stands beside the cell, in so much room."""

    @abstractmethod
    def _cell_words(self, cell: Cell, known: Mapping[str, Any], rows: int) -> tuple[Content, Content]:
        """Return the words above the cell's picture, and in so many rows those beside it."""

    @abstractmethod
    def _words_without(self) -> tuple[str, str]:
        """Return the same where there is no cell."""

    @abstractmethod
    def _result_words(self, tally: Mapping[str, Any]) -> Content:
        """Return what stands below."""

    @abstractmethod
    def _label(self, label: LabelName | None) -> None:
        """Give a label, or the machine's."""

    @abstractmethod
    def _came_back(self, change: Change) -> None:
        """Go on after a label was taken back or given again."""

    # What comes from elsewhere

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

    # Keys

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
        """Go back to where one came from."""
        self.dismiss()

    def on_key(self, event: Key) -> None:
        """Give the label whose key it is."""
        label = self._reading.layout.terminal.get((event.character or "").lower())
        if label is not None:
            event.stop()
            event.prevent_default()
            self._label(label)

    def action_undo(self) -> None:
        """Take the last label back."""
        if not self._is_closed():
            self._again(*self._reading.desk.undo(self._reading.by), "undone")

    def action_redo(self) -> None:
        """Give the label again that was taken back last."""
        if not self._is_closed():
            self._again(*self._reading.desk.redo(self._reading.by), "given again")

    def _is_closed(self) -> bool:
        """Return whether the result is signed; then it takes no label, and says so."""
        closed = self._closed_words()
        if closed:
            self.say(closed, wrong=True)
        return bool(closed)

    def _closed_words(self) -> str:
        """Return why nothing can be labelled here, nothing while it can."""
        signed = (self._reading.tally or {}).get("signed")
        return f"Signed by {signed['by']}: it takes no label. g opens it again, with a reason." if signed else ""

    def _is_named(self) -> bool:
        """Return whether the reader has a name; else it is asked for."""
        if not self._reading.by:
            self.app.push_screen(NameScreen(), self._take_name)
        return bool(self._reading.by)

    def _take_name(self, by: str | None) -> None:
        if by:
            self._reading.by = by
            self.say(f"Labels are given as {by} now. Press the key of the label again.")
        else:
            self.say("Nothing is labelled without a name.", wrong=True)

    def _again(self, change: Change | None, why: str, how: str) -> None:
        if change is None:
            self.say(f"{why[0].upper()}{why[1:]}.", wrong=True)
            return
        self._reading.write(change)
        self._came_back(change)
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

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        tally = self._reading.tally
        self.query_one(Notice).show(tally)
        self._draw_head()
        listed = self.query_one("#cell-list", Static)
        columns, rows = listed.content_size
        listed.update(self._list_words(max(12, columns), max(1, rows - 2)))
        self._draw_cell(self._chosen_cell())
        self.query_one("#cells-results", Static).update("" if tally is None else self._result_words(tally))
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
        text = text or self._closed_words()  # before a key is pressed for nothing
        self.query_one("#cells-said", Static).update(Content.styled(text, style))

    def _draw_cell(self, cell: Cell | None) -> None:
        name, facts = self.query_one("#cell-name", Static), self.query_one("#cell-facts", Static)
        shown = self.query_one("#cell-shown")
        known: Mapping[str, Any] | None = None if cell is None else self._reading.record.gallery.cell(cell.key)
        shown.display = known is not None
        if cell is None or known is None:
            self._drawn = None
            self._picture.show(None)
            above, beside = self._words_without()
            name.update(Content.styled(above, DIM))
            facts.update(beside)
            return
        room = self.query_one("#cell").content_size
        rows = room.height - 2
        above_it, beside_it = self._cell_words(cell, known, rows)
        name.update(above_it)
        if rows > 0:
            high = min(rows - 1, (room.width - FACTS_COLUMNS - 2) // 2)
            high = high if high >= _LEAST_PICTURE_ROWS and self._reading.pictures.kind != "none" else 0
            shown.display = high > 0
            shown.styles.width = 2 * high + 2
            self._picture.styles.width, self._picture.styles.height = 2 * high, high
            facts.update(beside_it)
        frame, _, index = known["picture"].rpartition("/")
        wanted = Wanted((frame, int(index)), self._field)
        if wanted != self._drawn and self.is_current:
            self._drawn = wanted
            # The picture before it is another cell's, and must not stand beside this one's name.
            self._picture.show(None)
            self._reading.cutter.want(wanted)
