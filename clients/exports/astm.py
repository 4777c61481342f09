"""A laboratory message as records of ASTM E1394 (LIS02-A2), which older laboratory systems read."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from smearwatch.clients.exports.format import Export, Format, Written
from smearwatch.clients.exports.laboratory import (
    PANEL,
    MessageOptions,
    Stand,
    absolute,
    begun_at,
    code_of,
    identity_of,
    issued_at,
    notes_of,
    numbers_of,
    percent,
    persons,
    share_note,
    stand_of,
)
from smearwatch.clients.exports.result import SessionResult

_STATUS: Final[Mapping[Stand, str]] = {"preliminary": "P", "final": "F", "corrected": "C"}
_ESCAPED: Final = str.maketrans({"&": "&E&", "|": "&F&", "^": "&S&", "\\": "&R&"})


def records_of(result: SessionResult, options: MessageOptions) -> Iterator[str]:
    """Yield the records of a session: header, patient (empty), order, results and comments, end.

    Raises
    ------
    NothingCounted, NumberMissing
        See `smearwatch.clients.exports.laboratory.numbers_of`.
    """
    numbers = numbers_of(result, options)
    status, begun, issued = _STATUS[stand_of(result)], _time(begun_at(result)), _time(issued_at(result))
    by = "\\".join(_text(name) for name in persons(result))
    identity = identity_of(result, "astm", *(str(value) for _, value in options))
    sender = f"smearwatch^{_text(result.version)}"
    yield _record("H", {2: "\\^&", 3: identity, 5: sender, 12: "P", 13: "LIS2-A2", 14: issued})
    yield _record("P", {2: "1"})
    specimen, order = _text(numbers.specimen), _text(numbers.order)
    yield _record("O", {2: "1", 3: specimen, 5: f"^^^{PANEL}", 19: order, 23: issued, 26: status})
    yield from _comments(notes_of(result, options))
    for number, (code, value, unit, note) in enumerate(_results(result, options), 1):
        fields = {2: str(number), 3: f"^^^{code}", 4: value, 5: unit, 9: status, 11: by, 12: begun, 13: issued}
        yield _record("R", fields | {14: "smearwatch"})
        yield from _comments([note] if note else [])
    yield _record("L", {2: "1", 3: "N"})


def _results(result: SessionResult, options: MessageOptions) -> Iterator[tuple[str, str, str, str]]:
    """Yield of each result its code (LOINC, else the name), its value, its unit and a comment."""
    blood = options.blood(result)
    yield "leukocytes_counted", str(result.denominator), "{cells}", ""
    for row in result.rows:
        code, note = code_of(row), share_note(row, result)
        if row.kind == "per_100":
            if row.per_100 is not None:
                yield _text(row.name), f"{row.per_100:.2f}", "/100{WBCs}", note
        elif row.share is not None:
            yield code.share or _text(row.name), percent(row.share), "%", note
            if blood is not None and code.absolute is not None:
                yield code.absolute, absolute(row.share, blood), "10*9/L", ""


def _comments(lines: list[str]) -> Iterator[str]:
    broken = [line for text in lines for line in text.splitlines() if line.strip()]
    for number, line in enumerate(broken, 1):
        yield _record("C", {2: str(number), 3: "I", 4: _text(line), 5: "G"})


def _record(name: str, fields: Mapping[int, str]) -> str:
    """Return a record; its name is the first of its fields, as the standard numbers them."""
    return "|".join([name, *(fields.get(at, "") for at in range(2, max(fields) + 1))])


def _text(text: str | None) -> str:
    """Return a text with nothing in it that would be read as a delimiter, or as the end of a record."""
    if text is None:
        return ""
    return "".join(letter if letter.isprintable() else " " for letter in text).translate(_ESCAPED)


def _time(at: datetime) -> str:
    """Return a moment without its offset, for which the standard has no room: local time."""
    return f"{at:%Y%m%d%H%M%S}"


def _write(export: Export, path: Path, options: MessageOptions) -> Written:
    records = [*records_of(export.result, options)]
    path.write_bytes("".join(f"{record}\r" for record in records).encode())
    results = sum(record.startswith("R|") for record in records)
    return Written(f"a {stand_of(export.result)} message of {results} results")


FORMAT: Final = Format("a message in records of ASTM E1394 (LIS02-A2)", _write, MessageOptions)
