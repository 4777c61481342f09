"""Colours for terminals of 256: each one's nearest as the eye sees it. Nuclei stay violet, and glass stays glass.

Rich rounds each channel by itself and takes a grey where there is little colour; pale violet then becomes blue, and an
even ground a mixture of greys and pinks. Here the nearest of the 6x6x6 cube and the 24 greys is taken in OKLab, where
equal distances look equal; the hue, above all between red and green, weighs more than the lightness, for it is by hue
that a stain is read, and a dark blue nucleus must not turn green. Nothing is dithered.
"""

from functools import lru_cache
from typing import Final

from rich.color import Color as RichColour
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

Rgb = tuple[int, int, int]

_LEVELS: Final = (0, 95, 135, 175, 215, 255)
_FIRST: Final = 16
"""The 16 colours before it are whatever the terminal's owner has made of them."""

PALETTE: Final[tuple[Rgb, ...]] = (
    *((red, green, blue) for red in _LEVELS for green in _LEVELS for blue in _LEVELS),
    *((8 + 10 * step,) * 3 for step in range(24)),
)
"""The colours from number 16 on: the cube, then the greys."""


def _linear(channel: int) -> float:
    value = channel / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def oklab(colour: Rgb) -> tuple[float, float, float]:
    """Return a colour in OKLab (Ottosson 2020): lightness, green to red, blue to yellow."""
    red, green, blue = (_linear(channel) for channel in colour)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


_GREEN_TO_RED, _BLUE_TO_YELLOW = 4.0, 2.0
_IN_OKLAB: Final = tuple(oklab(colour) for colour in PALETTE)


@lru_cache(maxsize=65536)
def nearest(colour: Rgb) -> int:
    """Return the number of the nearest of the 240 colours that are the same in every terminal."""
    light, red, yellow = oklab(colour)
    away = [
        (light - other[0]) ** 2 + _GREEN_TO_RED * (red - other[1]) ** 2 + _BLUE_TO_YELLOW * (yellow - other[2]) ** 2
        for other in _IN_OKLAB
    ]
    return _FIRST + away.index(min(away))


class NearestColours(LineFilter):
    """Gives every colour on the screen by its number."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # as Textual calls it
        """Return the segments in colours of 256."""
        return [
            Segment(text, style if style is None else _numbered(style), control) for text, style, control in segments
        ]


@lru_cache(maxsize=8192)
def _numbered(style: Style) -> Style:
    return style + Style.from_color(_colour(style.color), _colour(style.bgcolor))


def _colour(colour: RichColour | None) -> RichColour | None:
    if colour is None or colour.triplet is None:
        return colour
    return RichColour.from_ansi(nearest((colour.triplet.red, colour.triplet.green, colour.triplet.blue)))
