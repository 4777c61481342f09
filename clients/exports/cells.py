"""The cells as a table, a row for each leukocyte that was found, counted or not; and lists to be labelled."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from smearwatch.clients.exports.cell_columns import COLUMNS
from smearwatch.clients.exports.cell_rows import cell_rows
from smearwatch.clients.exports.columns import Column
from smearwatch.clients.exports.format import Export, Format, Written
from smearwatch.clients.exports.label_lists import BLIND, random_rows, worth_rows
from smearwatch.clients.exports.tables import TableOptions, tallies_aside, write_table
from smearwatch.daemon.record.worth import NO_SAMPLE

_Cells = Annotated[int, Field(ge=1)]


class CellOptions(TableOptions):
    """How the table is written, and of which cells."""

    random: _Cells | None = None
    worth_labelling: _Cells | None = None

    @model_validator(mode="after")
    def _one_list(self) -> "CellOptions":
        if self.random and self.worth_labelling:
            raise ValueError("choose one of --random and --worth-labelling")
        return self


def _write(export: Export, path: Path, options: CellOptions) -> Written:
    columns, rows = _table(export, options)
    with export.progress("cells", export.result.found) as advance:
        written = write_table(path, columns, _told(rows, advance), options)
    notes = (*tallies_aside(export.result), *((NO_SAMPLE,) if options.worth_labelling else ()))
    if options.random or options.worth_labelling:
        return Written(f"{written} cells to be labelled", notes)
    return Written(f"{written} cells found, {export.result.cells} of them counted", notes)


def _table(export: Export, options: CellOptions) -> tuple[tuple[Column, ...], Iterable[dict[str, Any]]]:
    if options.random:
        return BLIND, random_rows(export.ledger, options.random)
    if options.worth_labelling:
        return COLUMNS, worth_rows(export.ledger, options.worth_labelling)
    return COLUMNS, cell_rows(export.ledger)


def _told(rows: Iterable[dict[str, Any]], advance: Any) -> Iterator[dict[str, Any]]:
    for done, row in enumerate(rows, start=1):
        yield row
        advance(done)


FORMAT: Final = Format(
    "a row for each leukocyte found, with place, class and label",
    _write,
    CellOptions,
    CellOptions.makes,
)
