"""A strict reader of ASTM E1394 (LIS02-A2) records, after the standard; it knows nothing of what writes them."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

_LEVELS: Final = {"H": 0, "P": 1, "O": 2, "R": 3, "L": 0}
_FIELDS: Final = {"H": 14, "P": 35, "O": 31, "R": 14, "C": 5, "L": 3}
_TIMES: Final = {"H": (14,), "P": (), "O": (7, 8, 9, 15, 23), "R": (10, 12, 13), "C": (), "L": ()}
_ONE_OF: Final = {
    ("H", 12): "PTDQ",
    ("O", 12): "CANPLXQ",
    ("O", 26): "OCPFXIYZQ",
    ("R", 9): "CPFXISMRNQVW",
    ("C", 3): "PLI",
    ("C", 5): "GTPNI",
    ("L", 3): "NTREQIF",
}
_NEEDED: Final = {("H", 2), ("H", 12), ("H", 14), ("O", 5), ("R", 3), ("R", 4), ("R", 9), ("C", 4), ("L", 3)}
_ESCAPES: Final = {"F": "|", "S": "^", "R": "\\", "E": "&"}


@dataclass
class Record:
    """A record: its letter, its fields as the standard numbers them, the comments on it, and what it holds."""

    name: str
    fields: list[str]
    comments: list[str] = field(default_factory=list)
    holds: list["Record"] = field(default_factory=list)

    def raw(self, number: int) -> str:
        return self.fields[number - 1] if number <= len(self.fields) else ""

    def repeats(self, number: int) -> list[list[str]]:
        """Return a field as repeats of components, unescaped."""
        return [[_unescaped(part) for part in each.split("^")] for each in self.raw(number).split("\\")]

    def text(self, number: int) -> str:
        ((only,),) = self.repeats(number)
        return only


def read_astm(message: bytes) -> Record:
    """Read one message; anything that the standard does not allow is an AssertionError."""
    text = message.decode("utf-8")
    assert text.endswith("\r")
    header, *others = [_record(line) for line in text[:-1].split("\r")]
    assert header.name == "H"
    assert others[-1].name == "L"
    above, last, comments = [header], header, 0
    for record in others:
        if record.name == "C":
            comments += 1
            assert record.raw(2) == str(comments), record
            last.comments.append(record.text(4))
            continue
        level = _LEVELS[record.name]
        assert record.name != "H", "a second header"
        assert record.name != "L" or record is others[-1], "records after the end"
        above = above[: max(level, 1)]
        assert len(above) == max(level, 1), f"{record.name} without the record above it"
        holder = above[-1]
        same = [each for each in holder.holds if each.name == record.name]
        assert record.raw(2) == str(len(same) + 1), record
        holder.holds.append(record)
        above.append(record)
        last, comments = record, 0
    return header


def _record(line: str) -> Record:
    assert line.isprintable(), line
    record = Record(line[:1], [line[:1], "\\^&", *line[6:].split("|")] if line[:1] == "H" else line.split("|"))
    assert record.name in _FIELDS, line
    assert len(record.fields) <= _FIELDS[record.name], line
    assert record.name != "H" or line.startswith("H|\\^&|"), line
    for number in range(3 if record.name == "H" else 2, len(record.fields) + 1):
        record.repeats(number)  # each escape is one of the standard's
    for number in _TIMES[record.name]:
        if record.raw(number):
            assert _is_time(record.raw(number)), record
    for (name, number), allowed in _ONE_OF.items():
        if name == record.name and record.raw(number):
            assert record.raw(number) in allowed, (record, number)
    assert [number for name, number in _NEEDED if name == record.name and not record.raw(number)] == [], record
    if record.name in "OR":  # the universal test identifier: its fourth part is the maker's code
        parts = record.repeats({"O": 5, "R": 3}[record.name])[0]
        assert len(parts) == 4, record
        assert parts[3], record
    return record


def _is_time(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y%m%d%H%M%S").astimezone()
    except ValueError:
        return False
    return len(text) == 14


def _unescaped(text: str) -> str:
    assert re.fullmatch(r"[^&|\\^]*(&[FSRE]&[^&|\\^]*)*", text), text
    return re.sub(r"&([FSRE])&", lambda found: _ESCAPES[found[1]], text)
