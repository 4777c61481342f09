"""A tally by keys: the screen of a differential counter for cells that are seen in the eyepiece."""

from collections.abc import Callable
from typing import ClassVar, Final, Literal, TypeAlias

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Key, Resize
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from smearwatch.clients.tallying.draft import Draft, cells_text
from smearwatch.clients.terminal.differential import DIM
from smearwatch.clients.terminal.tally_table import TallyTable, short_text, tally_keys
from smearwatch.clients.terminal.theme import DARK, LIGHT, initial_theme
from smearwatch.clients.unfinished import DraftUnusable
from smearwatch.daemon.key_layout import KeyLayout
from smearwatch.daemon.notices import RESEARCH_USE

Ending: TypeAlias = Literal["keep", "discard", "later"]
"""What becomes of a tally: kept, thrown away, or left unfinished."""

_BELLS, _BETWEEN_BELLS_S = 3, 0.25
_SMALL: Final = (66, 23)


class EndScreen(ModalScreen[Ending | None]):
    """Asks what becomes of the tally; None goes on tallying."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,Y", "dismiss('keep')", "Yes"),
        Binding("n,N", "dismiss('discard')", "No"),
        Binding("l,L", "dismiss('later')", "Later"),
        Binding("escape,backspace", "dismiss(None)", "Back"),
    ]

    def __init__(self, question: str, *, kept: bool) -> None:
        super().__init__()
        self._question = question
        self._kept = kept

    def compose(self) -> ComposeResult:
        """Make the question."""
        no = "n  no: throw it away" if self._kept else ""
        yes = "y  yes" if self._kept else "y  yes: the result is printed, and nothing is kept"
        with Vertical(id="ending"):
            yield Static(Content(self._question))
            lines = (yes, no, "l  later: it stays unfinished, and goes on where it was", "Esc  back to the tally")
            yield Static(Content("\n".join(f"  {line}" for line in lines if line)))


class TallyApp(App[Ending]):
    """The screen. Ends with what becomes of the tally.

    Parameters
    ----------
    draft : Draft
        The tally, each key of which is safe at once.
    session : str, optional
        Where it will be kept; without one it is only shown.
    layout : KeyLayout
        The keys.
    quiet : bool
        Whether the bell is silent but at the target.
    """

    CSS_PATH = "tally.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q,Q", "end", "End", key_display="q"),
        Binding("ctrl+c", "leave", show=False, priority=True),
        Binding("backspace", "undo", "Undo the last", key_display="Backspace"),
        Binding("d,D", "dark", "Dark/light", key_display="d"),
        Binding("down", "more(1)", show=False),
        Binding("up", "more(-1)", show=False),
    ]

    def __init__(self, draft: Draft, *, session: str | None, layout: KeyLayout, quiet: bool = False) -> None:
        super().__init__()
        self._draft = draft
        self._session = session
        self._quiet = quiet
        self._layout = layout
        self._keys = tally_keys(layout)
        self._said = f"continued: {cells_text(draft.found)} of the unfinished tally" if draft.found else ""

    def compose(self) -> ComposeResult:
        """Make the screen's parts."""
        where = "nothing is kept (no --session)" if self._session is None else f"for session {self._session}"
        by = f", by {self._draft.by}" if self._draft.by else ""
        yield Static(Content.assemble(("tally", "bold $primary"), f"  {where}{by}"), id="head")
        yield Static(id="said")
        yield TallyTable(self._layout, id="table")
        yield Static("Make the window larger (at least 66x23). Keys count all the same.", id="too-small")
        yield Static(RESEARCH_USE, id="notice")
        yield Footer()

    def on_mount(self) -> None:
        """Draw what is there already."""
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = initial_theme()
        self._draw()

    def on_resize(self, event: Resize) -> None:
        """Say so where there is no room for all of it."""
        self.set_class(event.size.width < _SMALL[0] or event.size.height < _SMALL[1], "-small")

    def on_key(self, event: Key) -> None:
        """Count a cell, where the key is one of a cell and no question is open."""
        name = self._keys.get((event.character or "").lower())
        if name is None or len(self.screen_stack) > 1:
            return
        before = self._cells
        if not self._done(lambda: self._draft.add(name)):
            return
        self._said = f"{short_text(name, self._layout)} (Backspace takes it back)"
        if before < self._draft.target == self._cells:
            self._said = f"{self._cells} leukocytes: the target is reached. q ends, further keys count on."
            self._ring(_BELLS)
        elif not self._quiet:
            self.bell()
        self._draw()

    def action_undo(self) -> None:
        """Take the last cell back."""
        taken = self._draft.cells.last
        if taken is None:
            self._said = "nothing is left to be undone"
        elif self._done(self._draft.undo):
            self._said = f"taken back: {short_text(taken, self._layout)}"
        self._draw()

    def action_end(self) -> None:
        """Ask what becomes of the tally; an empty one ends at once."""
        if not self._draft.cells.number:
            self.exit("discard")
            return
        cells = f"{cells_text(self._draft.cells.number)}, {self._cells} of them leukocytes"
        kept = self._session is not None
        question = f"Keep this tally in session {self._session}? {cells}." if kept else f"End this tally? {cells}."
        self.push_screen(EndScreen(question, kept=kept), self._end)

    def action_leave(self) -> None:
        """End at once; what was typed stays unfinished."""
        self.exit("later")

    def action_dark(self) -> None:
        """Change between dark and light."""
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name

    def action_more(self, lines: int) -> None:
        """Show lines of the table that have no room."""
        self.screen_stack[0].query_one(TallyTable).move(lines)

    @property
    def _cells(self) -> int:
        return int(self._draft.cells.json()["cells"])

    def _end(self, ending: Ending | None) -> None:
        if ending is not None and (ending != "discard" or self._session is not None):
            self.exit(ending)

    def _done(self, do: Callable[[], object]) -> bool:
        """Do what writes to the disk; a key that the disk did not take counts nothing, and that is said."""
        try:
            do()
        except DraftUnusable as error:
            self._said = f"NOT COUNTED: {error} ({error.hint})"
            self._ring(_BELLS)
            self._draw()
            return False
        return True

    def _ring(self, times: int) -> None:
        self.bell()
        if times > 1:
            self.set_timer(_BETWEEN_BELLS_S, lambda: self._ring(times - 1))

    def _draw(self) -> None:
        below = self.screen_stack[0]
        below.query_one(TallyTable).show(self._draft.cells, self._draft.target)
        below.query_one("#said", Static).update(Content.styled(self._said, DIM))
