"""A contact sheet: the cells of each class side by side, as one HTML file or as PNG pictures."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from smearwatch.clients.exports.cell_pictures import (
    REJECTED,
    PicturedCell,
    pictured_cells,
    pictures,
    without_picture,
)
from smearwatch.clients.exports.format import Export, Format, Options, Written
from smearwatch.clients.exports.picture_data import picture_data
from smearwatch.clients.exports.result import Row, SessionResult
from smearwatch.daemon.record.classes import in_their_order
from smearwatch.daemon.share_text import label_text, verdict_text

if TYPE_CHECKING:
    from PIL import Image

_SIDE_UM: Final = 22.0  # a cell and a little around it
_SIDE_PX: Final = 176
_GAP_PX: Final = 10
_TEXT_PX: Final = 14
_ACROSS: Final = 8
_A_PAGE: Final = 120


class SheetOptions(Options):
    """What the sheet is made as, and whether it is of the flagged cells alone."""

    kind: Literal["html", "png"] = "html"
    flagged: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """The cells of one name, and what the result says of it."""

    name: str
    heading: str
    says: str
    cells: list[PicturedCell]


def groups_of(result: SessionResult, cells: list[PicturedCell], *, flagged: bool) -> list[Group]:
    """Return the cells by what they are called, in the order of the classes, the rejected ones last."""
    named = {cell.name for cell in cells}
    known = [name for row in result.rows if (name := _own(row)) in named]
    order = [*known, *in_their_order(named - {*known, REJECTED}), *({REJECTED} & named)]
    return [_group(result, name, [cell for cell in cells if cell.name == name], flagged=flagged) for name in order]


def _own(row: Row) -> str:
    """Return what the cells of a row are called one by one."""
    return row.label if row.kind == "undivided" else row.name


def _group(result: SessionResult, name: str, cells: list[PicturedCell], *, flagged: bool) -> Group:
    row = next((row for row in result.rows if _own(row) == name), None)
    n = len(cells)
    says = f"{n} flagged" if flagged else f"{n} {'cell' if n == 1 else 'cells'}"
    if row is not None and row.kind == "per_100":
        says += f"; {row.per_100 or 0:.1f} for each 100 leukocytes"
    elif row is None:
        says += "; not among the leukocytes"
    else:
        says += f"; {_share_text(row, result)}"
    return Group(name, label_text(name), says, cells)


def _share_text(row: Row, result: SessionResult) -> str:
    share = row.share
    if share is None or share.value is None:
        return "no share"
    limits = f"95 % interval {share.low:.1f} to {share.high:.1f} %"
    return f"{row.cells} of {result.denominator} leukocytes, {share.value:.1f} % ({limits})"


def about_lines(result: SessionResult) -> list[str]:
    """Return what stands over the sheet: of whom, how it stands, what is to be known of it."""
    said = [f"{what} {text}" for what in ("specimen", "title", "operator") if (text := getattr(result, what))]
    began = "" if result.began_at is None else f"begun {result.began_at:%Y-%m-%d %H:%M %z}; "
    stands = "as reviewed" if result.stands == "reviewed" else "as counted (nobody has labelled a cell)"
    return [
        *([", ".join(said)] if said else []),
        f"{began}{result.denominator} leukocytes {stands}",
        f"neutrophils, band and segmented together: {_share_text(result.row('neutrophils'), result)}",
        *([result.mark] if result.mark else []),
        *result.standing,
        result.research_use,
    ]


def _caption(cell: PicturedCell) -> str:
    row = cell.row
    named = f"{label_text(row['label'])}, {row['labelled_by']}" if row["label"] else verdict_text(row["verdict"])
    return f"{row['number']} {named}"


def _write(export: Export, path: Path, options: SheetOptions) -> Written:
    cells = pictured_cells(export, flagged=options.flagged)
    groups = groups_of(export.result, cells, flagged=options.flagged)
    write = _write_png if options.kind == "png" else _write_html
    missing = write(export, path, groups, cells)
    return Written(f"{len(cells)} cells of {len(groups)} names", without_picture(missing))


def _write_html(export: Export, path: Path, groups: list[Group], cells: list[PicturedCell]) -> int:
    from jinja2 import Environment, PackageLoader, select_autoescape

    pages = Environment(
        loader=PackageLoader("smearwatch.clients", "exports"), autoescape=select_autoescape(default=True)
    )
    shown = {
        cell.row["number"]: None if picture is None else picture_data(picture)
        for cell, picture in pictures(export, cells, _SIDE_UM, _SIDE_PX)
    }
    told = [
        {
            "heading": group.heading,
            "says": group.says,
            "cells": [_told(cell, shown[cell.row["number"]]) for cell in group.cells],
        }
        for group in groups
    ]
    page = pages.get_template("sheet.html.jinja").render(
        result=export.result, about=about_lines(export.result), groups=told, side_px=_SIDE_PX
    )
    path.write_text(page, encoding="utf-8")
    return sum(picture is None for picture in shown.values())


def _told(cell: PicturedCell, picture: str | None) -> dict[str, Any]:
    return {
        "number": cell.row["number"],
        "caption": _caption(cell),
        "flagged": cell.row["verdict"] == "flagged" and not cell.row["label"],
        "picture": picture,
    }


def _write_png(export: Export, path: Path, groups: list[Group], cells: list[PicturedCell]) -> int:
    path.mkdir()
    shown = {cell.row["number"]: picture for cell, picture in pictures(export, cells, _SIDE_UM, _SIDE_PX)}
    for group in groups:
        for at, part in enumerate(_pages(group.cells), start=1):
            more = f"-{at}" if at > 1 else ""
            _drawn(export.result, group, part, shown).save(path / f"{group.name}{more}.png", "PNG")
    return sum(picture is None for picture in shown.values())


def _pages(cells: list[PicturedCell]) -> Iterator[list[PicturedCell]]:
    for start in range(0, len(cells), _A_PAGE):
        yield cells[start : start + _A_PAGE]


def _drawn(
    result: SessionResult, group: Group, cells: list[PicturedCell], shown: "dict[int, Image.Image | None]"
) -> "Image.Image":
    from PIL import Image, ImageDraw, ImageFont

    heading = [f"{result.session}: {group.heading}, {group.says}", *about_lines(result)]
    line_px, step_px = _TEXT_PX + 6, _SIDE_PX + _GAP_PX
    top = _GAP_PX + line_px * len(heading)
    rows = -(-len(cells) // _ACROSS)
    size = (_GAP_PX + _ACROSS * step_px, top + rows * (step_px + line_px) + _GAP_PX)
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_TEXT_PX)
    for at, line in enumerate(heading):
        draw.text((_GAP_PX, _GAP_PX + at * line_px), line, "black", font)
    for at, cell in enumerate(cells):
        x, y = _GAP_PX + at % _ACROSS * step_px, top + _GAP_PX + at // _ACROSS * (step_px + line_px)
        picture = shown[cell.row["number"]]
        if picture is None:
            draw.rectangle((x, y, x + _SIDE_PX, y + _SIDE_PX), "#dddddd")
            draw.text((x + _GAP_PX, y + _SIDE_PX // 2), "no picture", "black", font)
        else:
            sheet.paste(picture, (x, y))
        draw.text((x, y + _SIDE_PX + 2), _fitted(_caption(cell), draw, font), "black", font)
    return sheet


def _fitted(text: str, draw: Any, font: Any) -> str:
    """Return a text as far as it fits under a picture."""
    while text and draw.textlength(text, font) > _SIDE_PX:
        text = text[:-1]
    return text


FORMAT: Final = Format(
    "the cells of each class side by side, in one HTML file",
    _write,
    SheetOptions,
    lambda options: "folder" if options.kind == "png" else "text",
)
