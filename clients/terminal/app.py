"""The terminal client: one screen, drawn from views that a thread brings. The first screen waits for nothing."""

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Resize
from textual.filter import LineFilter
from textual.widgets import Footer, Static
from textual.worker import get_current_worker

from smearwatch.clients.terminal.colours import NearestColours
from smearwatch.clients.terminal.covering import NO_SESSION, CoveringApp
from smearwatch.clients.terminal.differential import DIM, Differential
from smearwatch.clients.terminal.figures import Panel, cell_rows, frame_rows, program_rows
from smearwatch.clients.terminal.graphics import Pictures
from smearwatch.clients.terminal.messages import Failed, SourceEnded, ViewCame
from smearwatch.clients.terminal.pictures import RecentStrip, in_words
from smearwatch.clients.terminal.readers import Readers
from smearwatch.clients.terminal.status import (
    CorrectedLine,
    DriftLine,
    MarkLine,
    Notice,
    ScaleLine,
    StatusLine,
    TargetLine,
)
from smearwatch.clients.terminal.theme import DARK, LIGHT, initial_theme
from smearwatch.clients.view import View

Bring = Callable[[Callable[[View], None], Callable[[], bool]], None]
"""Brings views until it is to stop: called in a thread with where to put them and whether to stop."""

_ROOMY_COLUMNS, _ROOMY_ROWS, _ROOMY_ROWS_CORRECTED = 100, 34, 44
_LEAST_COLUMNS, _LEAST_ROWS = 76, 23
_TOO_SMALL = "Make the window larger (at least 80x24)."
_NO_ROOM = (
    f"No room for pictures of the last cells: make the window larger (at least {_ROOMY_COLUMNS}x{_ROOMY_ROWS}), "
    "or look at one cell with the arrows."
)
_BY_LETTER = frozenset({"quit", "day", "cells", "random", "sign", "pictures", "dark", "explain"})
_HINT_AFTER_S, _REMARK_S = 2.0, 5.0


def being_read(session: str) -> str:
    """Return what is said until a session that was asked for is there."""
    return f"Session {session} is being read."


class WatchApp(CoveringApp):
    """The screen. Ends with the exception that ended its source, if one did.

    Parameters
    ----------
    bring : callable
        Where views come from.
    waiting : str
        What is waited for while nothing is known, to be shown.
    hint : str
        What to do when nothing is known after some seconds; nothing where it is empty.
    caption : str
        A line below the first one; nothing where it is empty.
    stays : bool
        Whether the last view stays when no more will come, until the person quits.
    readers : Readers, optional
        How sessions are read here; without it cells cannot be chosen.
    pictures : Pictures, optional
        How pictures are drawn; as blocks without it.
    bring_of : callable, optional
        Where views of a session come from, by its name and whether it is being counted.
    """

    CSS_PATH = "watch.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit", priority=True),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
        Binding("n", "cells('to be seen first')", "To see"),
        Binding("left,right,up,down", "cells('all, newest first')", "Cells", key_display="← →"),
        Binding("v,V", "random", "Random", key_display="v"),
        Binding("g,G", "sign", "Sign", key_display="g"),
        Binding("p", "pictures", "Pictures"),
        Binding("d", "dark", "Dark/light", show=False),
        Binding("question_mark", "explain", "Help", key_display="?"),
    ]

    def __init__(
        self,
        bring: Bring,
        *,
        waiting: str,
        hint: str = "",
        caption: str = "",
        stays: bool = True,
        readers: Readers | None = None,
        record_at: str = "",
        pictures: Pictures | None = None,
        bring_of: Callable[[str, bool], Bring] | None = None,
    ) -> None:
        super().__init__()
        self._bring_of = bring_of
        self._readers = readers
        self._record_at = record_at
        self._kind = pictures or Pictures()
        self._filters_256: list[LineFilter] = [NearestColours()] if self.console.color_system == "256" else []
        self._bring = bring
        self._waiting = waiting
        self._hint = hint
        self._caption = caption
        self._stays = stays
        self._view = View()
        self._came_s = self._began_s = time.monotonic()
        self._remark, self._remark_until_s = "", 0.0
        self._pictures = self._kind.kind != "none"
        self._closed = False

    @property
    def shown(self) -> View:
        """What is known, and shown."""
        return self._view

    def compose(self) -> ComposeResult:
        """Make the screen's parts."""
        yield StatusLine(self._waiting)
        with Vertical(id="body"):  # what must always be said stays below it
            if self._caption:
                yield Static(Content.styled(self._caption, DIM), id="caption")
            yield Static(id="hint")
            yield Static(_TOO_SMALL, id="too-small")
            yield DriftLine()
            yield ScaleLine()
            yield MarkLine()
            yield TargetLine()
            with Vertical(id="differential-panel") as panel:
                panel.border_title = "differential"
                yield Differential(id="differential")
            yield CorrectedLine(self._readers.only if self._readers else None)
            with Horizontal(id="figures"):
                yield Panel("frames")
                yield Panel("cells")
                yield Panel("program")
            with Vertical(id="recent-panel") as panel:
                panel.border_title = "last cells"
                yield RecentStrip(self._kind.kind, id="recent")
            yield Static(id="recent-words")
            yield Static(id="space")
        yield Notice(id="notice")
        yield Footer()

    def on_mount(self) -> None:
        """Draw what is known, which is nothing, and send for the rest."""
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = initial_theme()
        self._fit(self.size.width, self.size.height)
        self._draw()
        self.set_interval(1.0, self._tick)
        self.call_after_refresh(self._fetch)

    def exit(self, result: BaseException | None = None, return_code: int = 0, message: Any = None) -> None:
        """End the app; nothing is drawn any more."""
        self._closed = True
        super().exit(result, return_code, message)

    def on_unmount(self) -> None:
        """Let the thread end that fetches: one that begins only now is cancelled by nobody."""
        self._closed = True

    def on_resize(self, event: Resize) -> None:
        """Choose between panels and lines."""
        self._fit(event.size.width, event.size.height)

    def on_view_came(self, message: ViewCame) -> None:
        """Draw a new view."""
        self._view, self._came_s = message.view, time.monotonic()
        if self._view.session and self._remark in (self._hint, NO_SESSION):
            self._remark = ""  # what it waited for is there
        self._draw()

    def on_failed(self, message: Failed) -> None:
        """Leave the terminal; the error is shown where there is room for it."""
        self.exit(message.error, return_code=1)

    def on_source_ended(self) -> None:
        """Close the screen that is only there for what came."""
        if not self._stays:
            self.exit()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return what changes the colours at last: nothing where the terminal has all of them."""
        return [*super().get_line_filters(), *self._filters_256]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether a key does something here: what is typed into a field may have every letter in it."""
        if action in _BY_LETTER and getattr(self.screen, "takes_letters", False):
            return False
        if action == "day":
            return self._readers is not None and len(self.screen_stack) == 1
        return action not in ("cells", "random", "sign") or self._readers is not None or bool(self._record_at)

    def action_interrupt(self) -> None:
        """End, as `q` does, and wherever one is."""
        self.exit()

    def action_pictures(self) -> None:
        """Show or hide the pictures, and say which they are; where there can be none, why."""
        if self._kind.kind == "none":
            self._say(self._kind.why)
            return
        if not self._roomy(self.size.width, self.size.height):
            self._say(_NO_ROOM)
            return
        self._pictures = not self._pictures
        self._say(self._kind.why if self._pictures else "Pictures are off; p shows them again.")
        self._fit(self.size.width, self.size.height)

    def _say(self, text: str) -> None:
        self._remark, self._remark_until_s = text, time.monotonic() + _REMARK_S
        self._draw_hint()

    def action_dark(self) -> None:
        """Change between dark and light."""
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name

    def show_session(self, name: str, *, live: bool) -> None:
        """Look at another session from now on."""
        if self._bring_of is None:
            return
        self._bring = self._bring_of(name, live)
        self._hint = being_read(name)
        self._view, self._began_s = View(), time.monotonic()
        self._draw()
        self._fetch()

    @work(thread=True, exclusive=True, group="fetch")
    def _fetch(self) -> None:
        worker, bring = get_current_worker(), self._bring

        def show(view: View) -> None:
            if not worker.is_cancelled:
                self.post_message(ViewCame(view))

        try:
            bring(show, lambda: worker.is_cancelled or self._closed)
        except Exception as error:  # noqa: BLE001  # shown by the caller, after the terminal is left
            self.post_message(Failed(error))
        else:
            if not worker.is_cancelled:
                self.post_message(SourceEnded())

    @property
    def _gone(self) -> bool:
        """Whether the screen is being taken down: a view may come that late."""
        return self._closed or not self.screen_stack

    @staticmethod
    def _roomy(columns: int, rows: int) -> bool:
        return columns >= _ROOMY_COLUMNS and rows >= _ROOMY_ROWS

    def _fit(self, columns: int, rows: int) -> None:
        roomy = self._roomy(columns, rows)
        self.set_class(columns < _LEAST_COLUMNS or rows < _LEAST_ROWS, "-small")
        self.set_class(not roomy, "-compact")
        room_for_pictures = roomy and (rows >= _ROOMY_ROWS_CORRECTED or not self.has_class("-corrected"))
        self.set_class(not (room_for_pictures and self._pictures), "-words")
        # A help page may lie over it.
        for notice in self.screen_stack[0].query(Notice):
            notice.fit(columns, rows)
        for panel in self.query(Panel):
            panel.set_compact(not roomy)
        self._draw_words()

    def _draw(self) -> None:
        if self._gone:
            return
        view = self._view
        screen = self.screen_stack[0]
        screen.query_one(StatusLine).show(view)
        warned = view.tally is not None and (view.tally["drift"] or view.tally.get("scale_contradicted"))
        self.set_class(bool(warned), "-warned")
        is_corrected = view.tally is not None and bool(view.tally.get("corrected"))
        if is_corrected != self.has_class("-corrected"):
            self.set_class(is_corrected, "-corrected")
            self._fit(self.size.width, self.size.height)
        screen.query_one(DriftLine).show(view)
        screen.query_one(ScaleLine).show(view)
        screen.query_one(MarkLine).show(view)
        screen.query_one(TargetLine).show(view)
        screen.query_one(Notice).show(view.tally)
        screen.query_one(Differential).show(view)
        screen.query_one(CorrectedLine).show(view.tally, *self.size)
        screen.query_one("#frames", Panel).show(frame_rows(view))
        screen.query_one("#cells", Panel).show(cell_rows(view))
        screen.query_one("#program", Panel).show(program_rows(view))
        screen.query_one(RecentStrip).show(view)
        self._draw_words()
        self._draw_hint()

    def _draw_hint(self) -> None:
        """Draw the remark to a key that does nothing here, or what to do while nothing is known."""
        if self._gone:
            return
        now_s = time.monotonic()
        waits = self._view.connection == "connecting" and now_s - self._began_s >= _HINT_AFTER_S
        text = self._remark if now_s < self._remark_until_s else self._hint if waits else ""
        for hint in self.screen_stack[0].query("#hint").results(Static):  # none while the screen is taken down
            hint.display = bool(text)
            hint.update(Content.styled(text, "$warning"))

    def _draw_words(self) -> None:
        if self._gone:
            return
        words = self.screen_stack[0].query_one("#recent-words", Static)
        words.update(in_words(self._view, words.content_size.width or self.size.width - 4))

    def _tick(self) -> None:
        """Let the seconds of silence go on while nothing comes."""
        silent_s = self._view.silent_s + time.monotonic() - self._came_s
        if self._gone:
            return
        for line in self.screen_stack[0].query(StatusLine):
            line.show(self._view, silent_s=silent_s)
        self._draw_hint()
