"""The last counted cells as small pictures in the terminal: two pixels a character, upper and lower half block."""

import io
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from smearwatch.clients.terminal.differential import DIM
from smearwatch.clients.view import RecentCell, View

if TYPE_CHECKING:
    from rich_pixels import Pixels

MOST = 12
_LOWEST, _HIGHEST = 5, 16
_AT_LEAST = 4  # rather more cells than larger ones
_CAPTIONS = 2
_BETWEEN = 2
_VERDICT_COLOUR = {
    "confirmed": "$success",
    "corrected": "$secondary",
    "flagged": "$warning",
    "rejected": "$error",
}

_LARGEST_THUMBNAIL_PX = 512


class RecentStrip(Horizontal):
    """As many of the last cells as there is room for, the newest at the left."""

    _cells: tuple[RecentCell, ...] = ()

    def compose(self) -> ComposeResult:
        """Make the cards once; those without room are hidden."""
        for _ in range(MOST):
            yield Card()

    def show(self, view: View) -> None:
        """Draw the view's cells."""
        self._cells = view.recent
        self._draw()

    def on_resize(self) -> None:
        """Fit the pictures to the new size."""
        self._draw()

    def _draw(self) -> None:
        width = self.content_size.width + _BETWEEN
        rows = min(_HIGHEST, self.content_size.height - _CAPTIONS, (width // _AT_LEAST - _BETWEEN) // 2)
        fit = width // (2 * rows + _BETWEEN) if rows >= _LOWEST else 0
        for index, card in enumerate(self.query(Card)):
            shown = index < fit
            card.display = shown
            if shown:
                card.show(self._cells[index] if index < len(self._cells) else None, rows)


class Card(Horizontal):
    """One cell: picture, class, verdict and probability."""

    def __init__(self) -> None:
        super().__init__()
        self._drawn: tuple[RecentCell | None, int] | None = None

    def compose(self) -> ComposeResult:
        """Make the picture and the caption."""
        yield Static(classes="picture")
        yield Static(classes="caption")

    def show(self, cell: RecentCell | None, rows: int) -> None:
        """Draw a cell in so many rows, if it is not drawn already."""
        if self._drawn == (cell, rows):
            return
        self._drawn = (cell, rows)
        self.styles.width = 2 * rows + _BETWEEN
        picture, caption = self.query_one(".picture", Static), self.query_one(".caption", Static)
        picture.styles.height, picture.styles.width = rows, 2 * rows
        pixels = half_blocks(cell.thumbnail, rows) if cell is not None and cell.thumbnail else None
        picture.update(pixels if pixels is not None else "")
        caption.update(caption_of(cell) if cell is not None else "")


def caption_of(cell: RecentCell) -> Content:
    """Return a cell's class, and its verdict and probability below."""
    return Content.assemble(
        (cell.cls, "bold $foreground"),
        "\n",
        (cell.verdict, _VERDICT_COLOUR.get(cell.verdict, DIM)),
        (f" {cell.probability:.2f}", DIM),
    )


def in_words(view: View, width: int) -> Content:
    """Return the last cells as one line, where there is no room for pictures."""
    parts: list[tuple[str, str]] = [(f"{'last':<9}", DIM)]
    used = 9
    for index, cell in enumerate(view.recent):
        verdict = "" if cell.verdict == "confirmed" else f" {cell.verdict}"
        text = f"{cell.cls} {cell.probability:.2f}"
        used += len(text) + len(verdict) + 3 * bool(index)
        if used > width:
            break
        parts += [("   " if index else "", DIM), (text, "$foreground 75%"), (verdict, _VERDICT_COLOUR[cell.verdict])]
    return Content.assemble(*parts)


def half_blocks(jpeg: bytes, rows: int) -> "Pixels | None":
    """Return a thumbnail as half blocks, ``rows`` high and twice as wide; None for what is no picture."""
    # Loaded with the first picture, not before the first screen.
    from PIL import Image
    from rich_pixels import Pixels

    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
            if max(image.size) > _LARGEST_THUMBNAIL_PX:
                return None
            small = image.convert("RGB").resize((2 * rows, 2 * rows), Image.Resampling.LANCZOS)
    except (OSError, ValueError, SyntaxError):
        return None
    pixels: Pixels = Pixels.from_image(small)
    return pixels
