"""How a hand covered the slide: the map of a session, in figures."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from smearwatch.clients.quality.area import Covered, Outline, cover, route_um
from smearwatch.clients.quality.edge import edge_json
from smearwatch.clients.quality.slide_map import SlideMap
from smearwatch.daemon.record.classes import CLASSES, in_their_order

if TYPE_CHECKING:
    from smearwatch.clients.quality.area import Points


@dataclass(frozen=True, slots=True)
class EdgeAndMiddle:
    """The largest part of the map, divided into two halves of equal area.

    Attributes
    ----------
    part
        Of the map.
    outline, inner
        float64 [n, 2], um: the corners of the convex outline around its fields, and of what lies deeper than half of
        the covered area.
    report
        See `edge_json`; with ``depth_um``, at which both halves meet, and ``others``: by name how many there are on
        either side of the leukocytes that are not compared, as a neutrophil whose nucleus nobody divided.
    """

    part: int
    outline: "Points"
    inner: "Points"
    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Coverage:
    """A session's map and its figures, as ``sessions coverage --json`` prints them.

    ``halves`` is None where edge and middle cannot be told apart.
    """

    report: dict[str, Any]
    halves: EdgeAndMiddle | None


def coverage_of(session: str, slide: SlideMap) -> Coverage:
    """Work out what a session covers of its slide."""
    parts = slide.parts
    placed = [each for each in slide.fields if each.part in parts]
    at = {each.frame: place for place, each in enumerate(placed)}
    covered = {part: cover([(at[each.frame], each) for each in fields]) for part, fields in parts.items()}
    area, again = (sum(getattr(each, name) for each in covered.values()) for name in ("area_um2", "again_um2"))
    joined = [after.part == before.part for before, after in pairwise(placed)]
    halves = _halves(slide, covered) if covered else None
    report = {
        "session": session,
        "registered": slide.registered,
        "fields": {
            "searched": len(slide.fields),
            "placed": len(placed),
            "unplaced": [{"number": each.number, "name": each.name} for each in slide.unplaced],
        },
        "parts": [len(fields) for fields in parts.values()],
        "area_mm2": round(area / 1e6, 4),
        "revisited": round(again / area, 4) if area else None,
        "route_mm": round(route_um(placed) / 1e3, 3),
        "jumps": joined.count(False),
        "cells": {"placed": sum(cell.part in parts for cell in slide.cells), "all": len(slide.cells)},
        "edge": None if halves is None else halves.report,
    }
    return Coverage(report, halves)


def _halves(slide: SlideMap, covered: dict[int, Covered]) -> EdgeAndMiddle | None:
    """Divide the largest part; None where it is only about one field wide, so that all of it is edge."""
    import numpy as np

    part = max(covered, key=lambda each: covered[each].area_um2)
    fields = slide.parts[part]
    outline, spots = Outline(fields), covered[part].spots
    depths = outline.depth_um(spots)
    if depths.max() < min(each.side_um for each in fields):
        return None
    middle_from = float(np.median(depths))
    cells = [cell for cell in slide.cells if cell.part == part]
    inside = outline.depth_um(np.array([(cell.place.real, cell.place.imag) for cell in cells]).reshape(-1, 2))
    named = {at_edge: Counter[str]() for at_edge in (True, False)}
    for cell, depth in zip(cells, inside, strict=True):
        named[bool(depth < middle_from)][cell.name] += 1
    inner = outline.inner(middle_from, spots[depths.argmax()])
    compared = ({str(name): sides[name] for name in CLASSES} for sides in (named[True], named[False]))
    others = {
        name: {"edge": named[True][name], "middle": named[False][name]}
        for name in in_their_order((named[True] | named[False]).keys() - set(CLASSES))
    }
    report = {"depth_um": round(middle_from, 1), **edge_json(*compared), "others": others}
    return EdgeAndMiddle(part, outline.corners, inner, report)
