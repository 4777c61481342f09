"""A share as a bar with its 95 % interval drawn on it, one character high."""

from textual.content import Content

_BAR, _HALF, _LINE, _TRACK = "━", "╸", "─", "·"
_UPPER_ENDS = {True: "┥", False: "┤"}
# The lower end, at the left edge of the scale or with the bar coming from the left.
_LOWER_ENDS_AT_ZERO = {True: "┝", False: "├"}
_LOWER_ENDS = {True: "┿", False: "┽"}

FILLED = "$primary"
INTERVAL = "$secondary"
TRACK = "$foreground 18%"


def share_bar(value: float | None, low: float, high: float, width: int, *, filled: str = FILLED) -> Content:
    """Draw a share.

    Parameters
    ----------
    value : float or None
        The share in percent; None draws the empty track.
    low, high : float
        The limits of its interval in percent.
    width : int
        Characters for 0 to 100 %.
    filled : str
        The bar's colour.

    Returns
    -------
    Content
        A heavy line up to the share, a light one from there to the upper limit; upright strokes end the interval,
        the lower one on the heavy line.
    """
    if value is None or width < 4:
        return Content.styled(_TRACK * max(0, width), TRACK)
    first, last = _cell(low, width), _cell(high, width)
    end = min(last + (value >= 100), round(value / 100 * width))
    parts = []
    for cell in range(last + 1):
        on_bar = cell < end
        sign = _BAR if on_bar else _LINE
        if cell == last:
            sign = _UPPER_ENDS[on_bar]
        elif cell == first:
            sign = (_LOWER_ENDS if cell else _LOWER_ENDS_AT_ZERO)[on_bar]
        parts.append((sign, filled if on_bar else INTERVAL))
    parts.append((_TRACK * (width - last - 1), TRACK))
    return Content.assemble(*((text, style) for text, style in parts if text))


def progress_bar(done: float, width: int, *, filled: str = FILLED) -> Content:
    """Draw how much is done, 0 to 1, in halves of a character."""
    halves = round(max(0.0, min(1.0, done)) * width * 2)
    text = _BAR * (halves // 2) + _HALF * (halves % 2)
    return Content.assemble((text, filled), (_LINE * (width - len(text)), "$foreground 22%"))


def axis(width: int) -> str:
    """Return the scale from 0 to 100 % that stands over bars of a width."""
    marks = (0, 50, 100) if width < 30 else (0, 25, 50, 75, 100)
    line = [" "] * width
    for mark in marks:
        text = str(mark)
        at = min(width - len(text), max(0, _cell(mark, width) - len(text) // 2))
        line[at : at + len(text)] = text
    return "".join(line)


def _cell(percent: float, width: int) -> int:
    return min(width - 1, int(percent / 100 * width))
