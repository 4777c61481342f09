"""How pictures are drawn: by the terminal's own graphics, else two pixels a character, or not at all."""

import base64
import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Container
from textual.dom import NoScreen
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from smearwatch.clients.terminal.terminal_says import graphics_of_terminal

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich_pixels import Pixels

Kind = Literal["kitty", "sixel", "iterm", "blocks", "none"]

_BY_LIBRARY: Final = ("kitty", "sixel")
_HOW: Final = {
    "kitty": "Pictures come by Kitty's graphics.",
    "sixel": "Pictures come as Sixel graphics.",
    "iterm": "Pictures come by iTerm2's graphics.",
    "blocks": "Pictures are drawn as coloured blocks.",
    "none": "There are no pictures, as --pictures none says.",
}
_FEW_COLOURS: Final = (
    "No pictures: this terminal shows too few colours. Use one with 256 or more (TERM=xterm-256color)."
)
_INSTALL: Final = "pip install 'smearwatch[pictures]'"
_LARGEST_THUMBNAIL_PX: Final = 512


class GraphicsMissing(ImportError):
    """Graphics were asked for whose package is not installed."""

    hint = f"{_INSTALL}, or choose --pictures blocks"

    def __init__(self, kind: str) -> None:
        super().__init__(f"--pictures {kind} needs the package textual-image")


@dataclass(frozen=True, slots=True)
class Pictures:
    """Which kind of pictures there are, and in a sentence or two why."""

    kind: Kind = "blocks"
    why: str = _HOW["blocks"]


def choose_pictures(
    asked: str, environ: Mapping[str, str] = os.environ, *, ask: "Callable[[], str] | None" = None, few: bool = False
) -> Pictures:
    """Choose how pictures are drawn. To be called before the screen is there, since the terminal may be asked.

    Parameters
    ----------
    asked
        ``auto``, or a kind.
    environ
        What the terminal says of itself.
    ask
        Asks the terminal itself, and returns a kind; `graphics_of_terminal` unless told otherwise.
    few
        Whether it shows fewer than 256 colours.

    Raises
    ------
    GraphicsMissing
        Kitty or Sixel was asked for, and the package that draws them is not there.
    """
    there = find_spec("textual_image") is not None
    if asked != "auto":
        if asked in _BY_LIBRARY and not there:
            raise GraphicsMissing(asked)
        return Pictures(cast("Kind", asked), _HOW[asked])
    kind, why = _found_out(environ, ask or graphics_of_terminal, there=there)
    if kind == "blocks" and few:
        return Pictures("none", _FEW_COLOURS)
    return Pictures(kind, f"{_HOW[kind]} {why}".strip())


def _found_out(environ: Mapping[str, str], ask: Callable[[], str], *, there: bool) -> tuple[Kind, str]:
    """Return the best kind, and in a sentence why it is no better one."""
    if environ.get("TMUX") or environ.get("STY"):
        why = "Within tmux or screen only blocks are sure; outside of it there may be sharper ones"
        return "blocks", f"{why} (or try --pictures sixel)."
    if environ.get("LC_TERMINAL") == "iTerm2" or environ.get("TERM_PROGRAM") in ("iTerm.app", "WezTerm"):
        return "iterm", ""
    if not there:
        return "blocks", f"For sharper ones in Kitty and Sixel terminals: {_INSTALL}."
    kind = cast("Kind", ask())
    return kind, "This terminal says that it has no graphics of its own." if kind == "blocks" else ""


def prepare(pictures: Pictures, environ: Any = os.environ) -> None:
    """Load what draws the pictures, while the terminal can still be asked for the size of its characters."""
    if pictures.kind in _BY_LIBRARY:
        import textual_image.widget  # noqa: F401
    if pictures.kind in ("kitty", "iterm"):  # they have all colours, and Kitty's pictures are named by colours
        environ.setdefault("COLORTERM", "truecolor")


def decoded(jpeg: bytes, largest_px: int | None = None) -> "Image | None":
    """Return a JPEG picture; None for what is none, or is larger than expected."""
    from PIL import Image  # loaded with the first picture, not before the first screen

    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
            if largest_px is not None and max(image.size) > largest_px:
                return None
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError):
        return None


def thumbnail(jpeg: bytes) -> "Image | None":
    """Return a small picture of the record."""
    return decoded(jpeg, _LARGEST_THUMBNAIL_PX)


def blocks(image: "Image", columns: int, rows: int) -> "Pixels":
    """Return a picture as half blocks, as large as fits into so many characters."""
    from PIL import Image
    from rich_pixels import Pixels

    scale = min(columns / image.width, 2 * rows / image.height)
    width = max(1, round(image.width * scale))
    height = max(2, round(image.height * scale / 2) * 2)  # of a lone upper half, the lower one would be black
    pixels: Pixels = Pixels.from_image(image.resize((width, height), Image.Resampling.LANCZOS))
    return pixels


class Picture(Widget):
    """Where a picture stands; its size is that of its style. Made by `make_picture`."""

    def show(self, image: "Image | None") -> None:
        """Draw a picture, or nothing."""
        raise NotImplementedError


def make_picture(kind: Kind) -> Picture:
    """Return a place for pictures of a kind."""
    if kind in _BY_LIBRARY:
        return _Library(kind)
    return _Iterm() if kind == "iterm" else _Blocks()


class _Blocks(Picture):
    """Two pixels a character, in every terminal that has colours."""

    DEFAULT_CSS = "_Blocks Static { width: 100%; height: 100%; }"
    _image: "Image | None" = None

    def compose(self) -> ComposeResult:
        yield Static()

    def show(self, image: "Image | None") -> None:
        self._image = image
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        columns, rows = self.content_size
        for place in self.query(Static):
            place.update("" if self._image is None or not columns or not rows else blocks(self._image, columns, rows))


class _Library(Picture):
    """Kitty's graphics, or Sixel: drawn by textual-image."""

    DEFAULT_CSS = "_Library Container { width: auto; height: auto; }"

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind
        self._image: Image | None = None

    def compose(self) -> ComposeResult:
        yield Container()

    def show(self, image: "Image | None") -> None:
        if image is not self._image:
            self._image = image
            self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        from textual_image.widget import SixelImage, TGPImage, get_cell_size  # type: ignore[attr-defined]

        columns, rows = self.content_size
        if not columns or not rows:
            return
        for place in self.query(Container):
            place.remove_children()
            if self._image is None:
                continue
            wide, high = get_cell_size()
            scale = min(columns * wide / self._image.width, rows * high / self._image.height)
            drawn = (SixelImage if self._kind == "sixel" else TGPImage)(self._image)
            drawn.styles.width = max(1, round(self._image.width * scale / wide))
            drawn.styles.height = max(1, round(self._image.height * scale / high))
            place.mount(drawn)


class _Iterm(Picture):
    """The inline images of iTerm2, which WezTerm has, too: one sequence, put where the picture's corner is."""

    def __init__(self) -> None:
        super().__init__()
        self._sequence = ""
        self._image: Image | None = None

    def show(self, image: "Image | None") -> None:
        self._image = image
        self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return empty lines, and with the last one the picture over all of them."""
        blank = [Strip.blank(crop.width, self.rich_style) for _ in range(crop.height)]
        try:
            place = self.screen.find_widget(self)
            if self._image is None or not self.screen.is_active or place.visible_region != place.region:
                return blank
        except (NoScreen, LookupError):
            return blank
        if crop.size != self.size:
            return blank
        data = io.BytesIO()
        self._image.save(data, "PNG")
        columns, rows = self.content_size
        said = f"inline=1;width={columns};height={rows};preserveAspectRatio=1;doNotMoveCursor=1"
        picture = f"\x1b]1337;File={said}:{base64.b64encode(data.getvalue()).decode()}\x07"
        x, y = place.region.offset
        parts = [
            *blank[-1],
            Segment(f"\x1b[{y + 1};{x + 1}H{picture}", Style()),
            Segment(f"\x1b[{place.region.bottom};{place.region.right + 1}H", Style()),
        ]
        return [*blank[:-1], Strip(parts, crop.width)]
