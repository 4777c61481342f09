"""The last counted cells as small pictures in the terminal, or in words."""

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from smearwatch.clients.terminal.differential import DIM
from smearwatch.clients.terminal.graphics import Kind, Picture, make_picture, thumbnail
from smearwatch.clients.view import RecentCell, View
from smearwatch.daemon.share_text import verdict_text

MOST = 12
_LOWEST, _HIGHEST = 5, 16
_AT_LEAST = 4  # rather more cells than larger ones
_CAPTIONS = 2
_WIDEST_CAPTION = len("verifiers agree")
_BETWEEN = 2
_BLANK_S = 0.1
_VERDICT_COLOUR = {
    "confirmed": "$success",
    "corrected": "$secondary",
    "flagged": "$warning",
    "rejected": "$error",
}


class RecentStrip(Horizontal):
    """As many of the last cells as there is room for, the newest at the left."""

    _cells: tuple[RecentCell, ...] = ()

    def __init__(self, kind: Kind, *, id: str) -> None:  # as Textual calls it
        super().__init__(id=id)
        self._kind = kind
        self._covered = False

    def compose(self) -> ComposeResult:
        """Make the cards once; those without room are hidden."""
        for _ in range(MOST):
            yield Card(self._kind)

    def show(self, view: View) -> None:
        """Draw the view's cells."""
        self._cells = view.recent
        self._draw()

    def cover(self) -> None:
        """Take the pictures away before another screen lies over them, for a terminal's graphics do not go alone."""
        self._covered = True
        for card in self.query(Card):
            card.clear()

    def uncover(self) -> None:
        """Draw the pictures again, once that screen is wiped out."""
        self._covered = False
        self.set_timer(_BLANK_S, self._draw)

    def on_resize(self) -> None:
        """Fit the pictures to the new size."""
        self._draw()

    def _draw(self) -> None:
        if self._covered:
            return
        width = self.content_size.width + _BETWEEN
        rows = min(_HIGHEST, self.content_size.height - _CAPTIONS, (width // _AT_LEAST - _BETWEEN) // 2)
        fit = width // _card_width(rows) if rows >= _LOWEST else 0
        for index, card in enumerate(self.query(Card)):
            shown = index < fit
            card.display = shown
            if shown:
                card.show(self._cells[index] if index < len(self._cells) else None, rows)


class Card(Horizontal):
    """One cell: picture, class, verdict and probability."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self._kind = kind
        self._drawn: tuple[RecentCell | None, int] | None = None

    def compose(self) -> ComposeResult:
        """Make the picture and the caption."""
        yield make_picture(self._kind)
        yield Static(classes="caption")

    def clear(self) -> None:
        """Draw nothing."""
        self._drawn = None
        self.query_one(Picture).show(None)

    def show(self, cell: RecentCell | None, rows: int) -> None:
        """Draw a cell in so many rows, if it is not drawn already."""
        if self._drawn == (cell, rows):
            return
        self._drawn = (cell, rows)
        self.styles.width = _card_width(rows)
        picture, caption = self.query_one(Picture), self.query_one(".caption", Static)
        picture.styles.height, picture.styles.width = rows, 2 * rows
        picture.show(thumbnail(cell.thumbnail) if cell is not None and cell.thumbnail else None)
        caption.update(caption_of(cell) if cell is not None else "")


def _card_width(rows: int) -> int:
    return max(2 * rows, _WIDEST_CAPTION) + _BETWEEN


def caption_of(cell: RecentCell) -> Content:
    """Return a cell's class and its probability, and its verdict below."""
    return Content.assemble(
        (cell.cls, "bold $foreground"),
        (f" {cell.probability:.2f}\n", DIM),
        (verdict_text(cell.verdict), _VERDICT_COLOUR.get(cell.verdict, DIM)),
    )


def in_words(view: View, width: int) -> Content:
    """Return the last cells as one line, where there is no room for pictures; how many have none is said."""
    parts: list[tuple[str, str]] = [(f"{'last':<9}", DIM)]
    used = 9
    for index, cell in enumerate(view.recent):
        verdict = "" if cell.verdict == "confirmed" else f" {verdict_text(cell.verdict)}"
        text = f"{cell.cls} {cell.probability:.2f}"
        more = len(view.recent) - index
        used += len(text) + len(verdict) + 3 * bool(index)
        if used + (len(_more(more - 1)) if more > 1 else 0) > width:
            parts.append((_more(more), DIM))
            break
        parts += [("   " if index else "", DIM), (text, "$foreground 75%"), (verdict, _VERDICT_COLOUR[cell.verdict])]
    return Content.assemble(*parts)


def _more(number: int) -> str:
    return f"   +{number} ← →"
