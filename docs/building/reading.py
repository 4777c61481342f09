"""Draw the pictures of ``docs/reading-the-screen.md``: a drawn slide, counted, and what became of its cells and fields.

Run it from the repository's root: ``.venv/bin/python -m docs.building.reading``. It takes a minute, and prints the
summary and the session that the page shows.
"""

import io
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from docs.building.pages import DOCS, desk_after, type_lines
from smearwatch.daemon.record.events import Rejected, Seen
from smearwatch.daemon.record.reading import LedgerReader

BEFORE = (
    "slide --out frames --truth truth.jsonl --fields 24 --route freehand --angle 4 --seed 5 --rate 0 --hard "
    "--blurred 0.12 --moved 0.08",
    "run --watch frames --session tuesday --um-per-px 0.09 --until-idle 5",
    "sessions export tuesday --json --out cells.jsonl",
)
AFTER = ("sessions show tuesday",)

CONFIRMED, FLAGGED, REJECTED, EDGE, AGAIN = "#1b8a3a", "#c77700", "#b3261e", "#5f6368", "#3457d5"
WORDS = {
    "confirmed": (CONFIRMED, "counted"),
    "corrected": (CONFIRMED, "counted"),
    "flagged": (FLAGGED, "counted, flagged"),
    "rejected": (REJECTED, "rejected"),
    "at_edge": (EDGE, "cut by the edge"),
    "seen_again": (AGAIN, "seen again"),
}
CAPTION_PX, GAP_PX = 24, 8
TILE = (360, 260)
Row = dict[str, Any]
Tile = tuple[Image.Image, str]


def fate(row: Row) -> str:
    """Return the key of `WORDS` that says what became of a view of a cell."""
    return str(row["verdict"] if row["state"] == "counted" else row["state"])


def box_of(row: Row) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a cell, in pixels."""
    x, y, width, height = (row[key] for key in ("x_px", "y_px", "width_px", "height_px"))
    return x, y, x + width, y + height


def marked(field: Image.Image, rows: Iterable[Row]) -> Image.Image:
    """Return a field with a box around each cell and what became of it."""
    drawn = field.convert("RGB")
    pen = ImageDraw.Draw(drawn)
    font = ImageFont.load_default(26)
    for row in rows:
        colour, said = WORDS[fate(row)]
        left, top, right, bottom = box_of(row)
        pen.rectangle((left, top, right, bottom), outline=colour, width=5)
        wide = pen.textlength(said, font=font)
        at = (max(4, min(left, drawn.width - wide - 4)), top - 34 if top > 40 else bottom + 6)
        pen.rectangle((at[0] - 3, at[1] - 2, at[0] + wide + 3, at[1] + 30), fill="white")
        pen.text(at, said, fill=colour, font=font)
    return drawn


def around(
    field: Image.Image, row: Row | None, size: tuple[int, int] = TILE, side_px: int | None = None
) -> Image.Image:
    """Return a part of a field, of a cell or of its middle."""
    left, top, right, bottom = (0, 0, field.width, field.height) if row is None else box_of(row)
    width, height = (side_px, side_px) if side_px else (size[0] * 2, size[1] * 2)
    x = max(0, min((left + right - width) // 2, field.width - width))
    y = max(0, min((top + bottom - height) // 2, field.height - height))
    return field.convert("RGB").crop((x, y, x + width, y + height)).resize(size, Image.Resampling.LANCZOS)


def side_by_side(tiles: list[Tile]) -> Image.Image:
    """Return pictures beside each other, each with its words below."""
    width = sum(tile.width for tile, _ in tiles) + GAP_PX * (len(tiles) - 1)
    sheet = Image.new("RGB", (width, max(tile.height for tile, _ in tiles) + CAPTION_PX), "white")
    pen, font, x = ImageDraw.Draw(sheet), ImageFont.load_default(15), 0
    for tile, said in tiles:
        sheet.paste(tile, (x, 0))
        pen.text((x + 2, tile.height + 3), said, fill="#202124", font=font)
        x += tile.width + GAP_PX
    return sheet


def keep(picture: Image.Image, name: str) -> None:
    """Write a picture; colours of boxes and letters are kept sharp."""
    picture.save(DOCS / f"reading-{name}.jpg", quality=82, subsampling=0, optimize=True)


def told_by_the_slide(truth: Path, rows: list[Row]) -> dict[str, int]:
    """Return what the counted cells were drawn as: leukocytes, leukocytes a second time, each kind of litter."""
    drawn = {field["file"]: field for field in map(json.loads, truth.read_text().splitlines()) if "file" in field}
    found: dict[str, int] = defaultdict(int)
    names = set()
    for row in (row for row in rows if row["counted"]):
        left, top, right, bottom = box_of(row)
        field = drawn[row["name"]]
        for each in (*field["cells"], *field["others"]):
            x, y = each["centre"]
            if left <= x <= right and top <= y <= bottom:
                kind = "twice" if each["name"] in names else each.get("kind", "leukocyte")
                found[f"{kind}, flagged" if row["verdict"] == "flagged" else kind] += 1
                names.add(each["name"])
                break
        else:
            found["nothing"] += 1
    return dict(found)


def main() -> None:
    """Count the slide, choose by what became of its cells, and draw."""
    with desk_after(BEFORE) as (desk, given):
        rows = [json.loads(line) for line in (desk / "cells.jsonl").read_text().splitlines()]
        by_frame: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            by_frame[row["frame"]].append(row)
        with LedgerReader.read(Path(given["SMEARWATCH_STATE_DIR"]) / "sessions" / "tuesday") as ledger:
            events = [entry.event for entry in ledger.events()]
            seen = {event.frame: Image.open(io.BytesIO(ledger.frames.read(event.frame)))
                    for event in events if isinstance(event, Seen)}  # fmt: skip
        refused = {event.reason: event.frame for event in events if isinstance(event, Rejected)}

        most = max(by_frame, key=lambda frame: (len({fate(row) for row in by_frame[frame]}), len(by_frame[frame])))
        keep(marked(seen[most], by_frame[most]).resize((720, 450), Image.Resampling.LANCZOS), "field")

        first = {(row["frame"], row["index"]): row for row in rows}
        again = next(row for row in rows if row["state"] == "seen_again")
        before = first[again["counted_frame"], again["counted_index"]]
        pair = [
            (before, "an earlier field: the cell is counted here"),
            (again, "a later field: the same cell, seen again"),
        ]
        keep(side_by_side([(around(marked(seen[row["frame"]], [row]), row), said) for row, said in pair]), "again")

        of_kind: dict[str, Row] = {}
        for row in rows:
            of_kind.setdefault(fate(row), row)
        told = [(of_kind[kind], WORDS[kind][1]) for kind in ("confirmed", "flagged", "rejected")]
        keep(side_by_side([(around(seen[row["frame"]], row, (236, 236), 367), said) for row, said in told]), "cells")

        fields = [(around(seen[most], None), "searched")]
        fields += [
            (around(seen[frame], None), f"rejected: {reason.replace('_', ' ')}") for reason, frame in refused.items()
        ]
        keep(side_by_side(fields), "fields")
        type_lines(AFTER, desk, given)
        print("counted, by what was drawn:", told_by_the_slide(desk / "truth.jsonl", rows))


if __name__ == "__main__":
    main()
