"""The cell-location tests of all sessions by day: read, and drawn as an SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as Xml

from smearwatch.clients.quality.location_report import days_json, kept_json
from smearwatch.daemon.record.location import location_tests
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.sessions import find_session, session_names

_WIDE, _HIGH, _LEFT, _RIGHT, _TOP, _BELOW = 720, 230, 44, 16, 14, 34
_ALL_NAMED: Final = 9  # so many days have room for their dates; of more the first and the last are named


@dataclass(frozen=True, slots=True)
class Trend:
    """The tests of all sessions.

    Attributes
    ----------
    days
        See `days_json`.
    faults
        Sessions that cannot be read, each with ``session`` and ``fault``.
    withdrawn
        How many tests were withdrawn, and so are in no day.
    """

    days: list[dict[str, Any]]
    faults: list[dict[str, str]]
    withdrawn: int


def read_trend(state_dir: Path) -> Trend:
    """Read the tests of all sessions of a state folder."""
    tests, faults = [], []
    for name in session_names(state_dir):
        try:
            with LedgerReader.read(find_session(state_dir, name)) as ledger:
                tests += [(name, kept_json(test, withdrawn)) for test, withdrawn in location_tests(ledger)]
        except LedgerUnusable as error:
            faults.append({"session": name, "fault": f"{error} ({error.hint})"})
    return Trend(days_json(tests), faults, sum(test["withdrawn"] is not None for _, test in tests))


def trend_svg(days: Sequence[Mapping[str, Any]]) -> str:
    """Return the share of each day with its limits; a day that is lower than those before, or has a note, stands out.

    Days stand side by side, whatever lies between them. An empty text where there are none.
    """
    if not days:
        return ""
    svg = Xml.Element("svg", {"viewBox": f"0 0 {_WIDE} {_HIGH}", "role": "img", "class": "trend"})
    svg.set("aria-label", "leukocytes that the machine found, in percent of those that were marked, by day")
    least = min(day["percent"]["low"] for day in days)
    bottom = 10 * int(least // 10) if least < 100 else 90

    def x(at: int) -> float:
        return _LEFT + (at + 0.5) * (_WIDE - _LEFT - _RIGHT) / len(days)

    def y(percent: float) -> float:
        return _TOP + (100 - percent) / (100 - bottom) * (_HIGH - _TOP - _BELOW)

    for percent in (bottom, (bottom + 100) // 2, 100):
        _line(svg, "axis", _LEFT, y(percent), _WIDE - _RIGHT, y(percent))
        _text(svg, f"{percent} %", _LEFT - 6, y(percent) + 4, "end")
    for at, day in enumerate(days):
        share = day["percent"]
        group = Xml.SubElement(svg, "g", {"class": "lower" if day["lower"] else "day"})
        notes = "".join(f"; note: {note}" for note in day["notes"])
        text = f"{day['day']}: {day['found']} of {day['marked']}, {share['value']:.1f} %{notes}"
        Xml.SubElement(group, "title").text = text
        if day["notes"]:
            _line(group, "note", x(at), _TOP, x(at), _HIGH - _BELOW)
        _line(group, "limits", x(at), y(share["low"]), x(at), y(share["high"]))
        Xml.SubElement(group, "circle", {"cx": f"{x(at):.1f}", "cy": f"{y(share['value']):.1f}", "r": "5"})
        if len(days) <= _ALL_NAMED or at in (0, len(days) - 1):
            _text(svg, day["day"], x(at), _HIGH - _BELOW + 20, "middle")
    return Xml.tostring(svg, encoding="unicode")


def _line(into: Xml.Element, kind: str, x1: float, y1: float, x2: float, y2: float) -> None:
    ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    Xml.SubElement(into, "line", {"class": kind} | {name: f"{value:.1f}" for name, value in ends.items()})


def _text(into: Xml.Element, text: str, x: float, y: float, anchor: str) -> None:
    Xml.SubElement(into, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}).text = text
