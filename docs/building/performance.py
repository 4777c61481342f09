"""Write ``docs/performance.md`` from the figures in ``docs/performance/``, which `make performance` writes.

Its text is ``docs/building/performance.jinja``; the tables are made here. Figures of other benchmarks that lie there
become tables of their own at the end. Run it from the repository's root:
``.venv/bin/python -m docs.building.performance``.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from docs.building.reliability import NONE, table

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "performance.md"
FIGURES = ROOT / "docs" / "performance"
FLOOR_OF_FIELDS = "cv2.imdecode of the file"

Json = dict[str, Any]


def read() -> dict[str, Json]:
    """Return the figures by the names of their files."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FIGURES.glob("*.json"))}


def number(value: float) -> str:
    """Return a number with three digits, and no exponent."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 0.01 else f"{value:.4f}".rstrip("0")


def spread(quartiles: Sequence[float] | None) -> str:
    """Return a median with the two other quartiles."""
    if quartiles is None:
        return NONE
    first, middle, third = (number(each) for each in quartiles)
    return middle if first == third else f"**{middle}** ({first} to {third})"


def aim(row: Json) -> str:
    """Return what a figure is to be, and whether it is."""
    if row["aim"] is None:
        return NONE
    of = " of processor time" if row["aim"]["of"] == "cpu_ratio" else ""
    return f"{row['aim']['kind']} {row['aim']['value']:g}{of}: {'reached' if row['reached'] else '**not reached**'}"


def rows(part: Json, *, without: str = "", only: str = "") -> list[Json]:
    """Return the rows of a part, without those beside one floor, or those whose text begins or ends in a way."""
    kept = [row for row in part["rows"] if not without or row["beside"] != without]
    return [row for row in kept if not only or only in row["what"]]


def compared(which: Iterable[Json]) -> str:
    """Return the table of figures beside a floor or a peer."""
    lines = []
    for row in which:
        unit = f" {row['unit']}" if row["unit"] else ""
        beside = f"{row['beside']}: {number(row['theirs'][1])}{unit}" if row["theirs"] is not None else NONE
        cpu = NONE if row["cpu_ratio"] is None else number(row["cpu_ratio"][1])
        lines.append(
            [row["what"], number(row["ours"][1]) + unit, beside, spread(row["ratio"]), cpu, row["n"], aim(row)]
        )
    return table(["what", "smearwatch", "beside it", "ratio", "of processor time", "n", "aim"], lines)


def stages(fields: Json) -> str:
    """Return the table of a field's stages, each by the time of decoding the same file, a column for each set."""
    cells: dict[str, dict[str, str]] = {}
    sets: dict[str, None] = {}
    for row in rows(fields):
        if row["beside"] == FLOOR_OF_FIELDS:
            name, _, stage = row["what"].partition(": ")
            sets[name] = None
            cells.setdefault(stage, {})[name] = spread(row["ratio"])
    floors = ["decoding itself, ms", *(number(_floor(fields, name)) for name in sets)]
    lines = ([stage, *(of.get(name, NONE) for name in sets)] for stage, of in cells.items())
    return table(["", *sets], [*lines, floors])


def _floor(fields: Json, name: str) -> float:
    row = next(row for row in fields["rows"] if row["what"].startswith(name) and row["beside"] == FLOOR_OF_FIELDS)
    return float(row["theirs"][1])


def made(part: Json) -> str:
    """Return by which command, when and how long it was measured, and beside how much else."""
    before, after = part["machine"]["load"]
    return f"`{part['command']}` ({part['made']}, {part['seconds']} s, load {before:g} to {after:g})"


def aims(parts: Iterable[Json]) -> Iterator[Json]:
    """Return all rows that have an aim."""
    return (row for part in parts for row in part["rows"] if row["aim"] is not None)


def reached(parts: Sequence[Json]) -> str:
    """Return how many aims are reached, of how many."""
    all_of = list(aims(parts))
    return f"{sum(row['reached'] for row in all_of)} of {len(all_of)}"


def any_rows(document: Json) -> str:
    """Return a table of rows whose columns are whatever they are."""
    listed = document["rows"]
    if all("ours" in row and "aim" in row for row in listed):
        return compared(listed)
    columns = list(dict.fromkeys(column for row in listed for column in row))
    return table(columns, ([_text(row.get(column, NONE)) for column in columns] for row in listed))


def _text(value: Any) -> str:
    if isinstance(value, list) and len(value) == 3 and all(isinstance(each, int | float) for each in value):
        return spread(value)
    return number(value) if isinstance(value, float) else str(value)


def page(figures: dict[str, Json]) -> str:
    """Return the page."""
    from tests.bench.performance.__main__ import PARTS

    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701  # Markdown
    parts = {name: figures[name] for name in PARTS}
    others = {name: each for name, each in figures.items() if name not in PARTS}
    tools = (made, compared, stages, rows, reached, any_rows)
    return environment.get_template("performance.jinja").render(
        **parts,
        **{tool.__name__: tool for tool in tools},
        parts=list(parts.values()),
        others=[{"name": name, **each} for name, each in others.items() if "rows" in each],
        without_rows=[name for name, each in others.items() if "rows" not in each],
        floor_of_fields=FLOOR_OF_FIELDS,
    )


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(read()), encoding="utf-8")
    print(f"written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
