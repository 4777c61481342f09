"""The map of a slide as an SVG: the fields where they lie, the route in order of time, each leukocyte by its class."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeAlias
from xml.etree import ElementTree as Xml

from smearwatch.clients.quality.coverage import EdgeAndMiddle
from smearwatch.clients.quality.slide_map import PlacedField, SlideMap
from smearwatch.daemon.record.classes import CLASSES, UNDIVIDED, in_their_order
from smearwatch.daemon.share_text import label_text

# Okabe and Ito's, which those can tell apart who see colours otherwise; each class has its own form besides.
_NAMED: Final = (*CLASSES, UNDIVIDED)
COLOURS: Final[Mapping[str, str]] = dict(
    zip(_NAMED, ("#e69f00", "#0072b2", "#d55e00", "#6a3d9a", "#009e73", "#cc79a7", "#56b4e9"), strict=True)
)
_FORMS: Final[Mapping[str, tuple[int, int]]] = dict(
    zip(_NAMED, ((3, 90), (0, 0), (4, 45), (5, 90), (4, 0), (6, 0), (3, 270)), strict=True)
)
"""Corners and turn in degrees; without corners a disc."""

_OWN: Final = (("#f0e442", (5, 270)), ("#999999", (3, 0)), ("#8c510a", (3, 180)), ("#000000", (4, 45)))
"""Colours and forms for a laboratory's own classes, by name in turn."""

_Look: TypeAlias = tuple[str, tuple[int, int]]

_EARLY, _LATE = (60, 90, 200), (250, 150, 30)
_WIDTH_UM_AT_LEAST: Final = 400.0
_ROOM: Final = 0.03
_CELL: Final = 0.006
_LINE: Final = 0.002
_ROUND_BARS: Final = (1000, 500, 200, 100, 50, 20)


def map_svg(slide: SlideMap, halves: EdgeAndMiddle | None) -> str:
    """Return the map, its parts beside each other; an empty text where no two fields overlap."""
    parts = slide.parts
    if not parts:
        return ""
    shifts, size = _laid_out(list(parts.values()))
    unit = max(size.real, size.imag)
    box = f"0 0 {size.real:.0f} {size.imag + unit * 2 * _ROOM:.0f}"
    svg = Xml.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "viewBox": box, "role": "img", "class": "map"})
    svg.set("aria-label", "the fields, the route and the leukocytes on the slide")
    svg.set("stroke-width", f"{unit * _LINE:.2f}")  # where no style says otherwise
    at = dict(zip(parts, shifts, strict=True))
    _draw_fields(svg, slide, at)
    if halves is not None:
        shift = at[halves.part]
        for corners, kind in ((halves.outline, "outline"), (halves.inner, "inner")):
            _polygon(svg, [complex(x, y) + shift for x, y in corners], {"class": kind})
    _draw_route(svg, slide, at, unit)
    looks = _looks(slide)
    for cell in slide.cells:
        if cell.part in at:
            _draw_cell(svg, cell.name, looks[cell.name], cell.place + at[cell.part], unit * _CELL)
    _draw_bar(svg, size, unit)
    return Xml.tostring(svg, encoding="unicode")


def legend(slide: SlideMap) -> dict[str, str]:
    """Return an SVG of the form and colour of each class, and of whatever else leukocytes on the map are called."""
    forms = {}
    for name, look in _looks(slide).items():
        svg = Xml.Element("svg", {"viewBox": "0 0 16 16", "class": "form", "aria-hidden": "true"})
        _draw_cell(svg, name, look, 8 + 8j, 6.5)
        forms[name] = Xml.tostring(svg, encoding="unicode")
    return forms


def _looks(slide: SlideMap) -> dict[str, _Look]:
    parts = slide.parts
    there = {cell.name for cell in slide.cells if cell.part in parts}
    named = [name for name in _NAMED if name in CLASSES or name in there]
    own = in_their_order(there - set(_NAMED))
    looks = {name: (COLOURS[name], _FORMS[name]) for name in named}
    return looks | {name: _OWN[at % len(_OWN)] for at, name in enumerate(own)}


def _laid_out(parts: Sequence[Sequence[PlacedField]]) -> tuple[list[complex], complex]:
    """Return by how much each part is shifted, so that all stand in rows, and how large the whole is."""
    boxes = [_box(fields) for fields in parts]
    gap = max(high.real - low.real for low, high in boxes) * _ROOM + 20
    width = max([_WIDTH_UM_AT_LEAST, 1.5 * math.sqrt(sum((h - w).real * (h - w).imag for w, h in boxes))])
    width = max([width, *((high - low).real for low, high in boxes)])
    shifts, x, y, tallest, widest = [], gap, gap, 0.0, 0.0
    for low, high in boxes:
        size = high - low
        if x > gap and x + size.real > width + gap:
            x, y, tallest = gap, y + tallest + gap, 0.0
        shifts.append(complex(x, y) - low)
        x, tallest = x + size.real + gap, max(tallest, size.imag)
        widest = max(widest, x)
    return shifts, complex(widest, y + tallest + gap)


def _box(fields: Iterable[PlacedField]) -> tuple[complex, complex]:
    corners = [corner for field in fields for corner in field.corners]
    xs, ys = [z.real for z in corners], [z.imag for z in corners]
    return complex(min(xs), min(ys)), complex(max(xs), max(ys))


def _draw_fields(svg: Xml.Element, slide: SlideMap, at: dict[int, complex]) -> None:
    placed = [each for each in slide.fields if each.part in at]
    for place, each in enumerate(placed):
        shape = _polygon(svg, [corner + at[each.part] for corner in each.corners], {"class": "field", "fill": "none"})
        shape.set("stroke", _colour(place, len(placed)))
        Xml.SubElement(shape, "title").text = f"field {each.number}: {each.name}"


def _draw_route(svg: Xml.Element, slide: SlideMap, at: dict[int, complex], unit: float) -> None:
    placed = [each for each in slide.fields if each.part in at]
    for place, (before, after) in enumerate(pairwise(placed)):
        if before.part == after.part:
            start, end = (each.middle + at[each.part] for each in (before, after))
            line = {"class": "route", "stroke": _colour(place, len(placed))}
            ends = {"x1": start.real, "y1": start.imag, "x2": end.real, "y2": end.imag}
            Xml.SubElement(svg, "line", line | {name: f"{value:.1f}" for name, value in ends.items()})
    for each in (placed[0], placed[-1]):
        middle = each.middle + at[each.part]
        where = {"x": f"{middle.real:.1f}", "y": f"{middle.imag:.1f}", "font-size": f"{unit * 0.022:.1f}"}
        Xml.SubElement(svg, "text", where | {"class": "end"}).text = "first" if each is placed[0] else "last"


def _draw_cell(svg: Xml.Element, name: str, look: _Look, at: complex, radius: float) -> None:
    colour, (corners, turn) = look
    if corners:
        around = (turn + 360 * corner / corners for corner in range(corners))
        points = [at + 1.2 * radius * complex(math.cos(math.radians(a)), -math.sin(math.radians(a))) for a in around]
        shape = _polygon(svg, points, {"class": "dot"})
    else:
        place = {"cx": f"{at.real:.1f}", "cy": f"{at.imag:.1f}", "r": f"{radius:.1f}"}
        shape = Xml.SubElement(svg, "circle", place | {"class": "dot"})
    shape.set("fill", colour)
    Xml.SubElement(shape, "title").text = label_text(name)


def _draw_bar(svg: Xml.Element, size: complex, unit: float) -> None:
    long = next((bar for bar in _ROUND_BARS if bar < size.real / 4), _ROUND_BARS[-1])
    y = size.imag + unit * _ROOM
    ends = {"x1": f"{unit * _ROOM:.1f}", "x2": f"{unit * _ROOM + long:.1f}", "y1": f"{y:.1f}", "y2": f"{y:.1f}"}
    Xml.SubElement(svg, "line", ends | {"class": "bar", "stroke": "#000"})
    place = {
        "x": f"{unit * _ROOM + long * 1.1:.1f}",
        "y": f"{y + unit * 0.007:.1f}",
        "font-size": f"{unit * 0.022:.1f}",
    }
    Xml.SubElement(svg, "text", place | {"class": "scale"}).text = f"{long} \N{MICRO SIGN}m"


def _polygon(svg: Xml.Element, corners: Iterable[complex], given: dict[str, str]) -> Xml.Element:
    points = " ".join(f"{z.real:.1f},{z.imag:.1f}" for z in corners)
    return Xml.SubElement(svg, "polygon", given | {"points": points})


def _colour(place: int, of: int) -> str:
    """Return the colour of a moment: from blue at the beginning to orange at the end."""
    share = place / max(of - 1, 1)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(_EARLY, _LATE, strict=True))
