"""Rows as a table: CSV for spreadsheets, JSON lines, Parquet."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import model_validator

from smearwatch.clients.exports.columns import Column
from smearwatch.clients.exports.format import Makes
from smearwatch.clients.exports.result import SessionResult
from smearwatch.daemon.plugin_options import Options
from smearwatch.daemon.spreadsheet import neutralised

Row = Mapping[str, Any]

_SEPARATORS: Final = {"comma": ",", "semicolon": ";"}
_AT_ONCE: Final = 1000


class ParquetMissing(Exception):
    """What writes Parquet is not installed."""

    hint = "install it with: pip install 'smearwatch[parquet]'"

    def __init__(self) -> None:
        super().__init__("Parquet cannot be written: pyarrow is not installed")


class TableOptions(Options):
    """How a table is written. A semicolon between the columns comes with a comma in numbers."""

    kind: Literal["csv", "json", "parquet"] = "csv"
    separator: Literal["comma", "semicolon"] = "comma"
    bom: bool = False

    @model_validator(mode="after")
    def _of_csv_alone(self) -> "TableOptions":
        if self.kind != "csv" and (self.separator != "comma" or self.bom):
            raise ValueError("separator and bom are of CSV alone")
        return self

    def makes(self) -> Makes:
        """Return what is written."""
        return "bytes" if self.kind == "parquet" else "text"


def write_table(path: Path, columns: Sequence[Column], rows: Iterable[Row], options: TableOptions) -> int:
    """Write rows that have these columns, and no other, to a new file; returns how many there were.

    Raises
    ------
    ParquetMissing
        Parquet is wanted, and pyarrow is not installed.
    """
    if options.kind == "parquet":
        return _write_parquet(path, columns, rows)
    encoding = "utf-8-sig" if options.bom else "utf-8"
    with path.open("w", encoding=encoding, newline="") as file:
        if options.kind == "json":
            return _counted(rows, lambda row: file.write(json.dumps(row, default=_plain) + "\n"))
        comma = options.separator == "semicolon"
        writer = csv.writer(file, delimiter=_SEPARATORS[options.separator])
        writer.writerow([column.name for column in columns])
        return _counted(rows, lambda row: writer.writerow([_cell(row[each.name], comma=comma) for each in columns]))


def tallies_aside(result: SessionResult) -> tuple[str, ...]:
    """Return in a sentence how many tallies by hand are in no row; nothing where there are none."""
    n = len(result.tallies)
    return (f"Not in it: {n} {'tally' if n == 1 else 'tallies'} (see `smearwatch sessions show`).",) if n else ()


def _counted(rows: Iterable[Row], write: Any) -> int:
    written = 0
    for row in rows:
        write(row)
        written += 1
    return written


def _plain(value: Any) -> str:
    """Return a time as text; `json` asks for nothing else."""
    assert isinstance(value, datetime)
    return value.isoformat(timespec="milliseconds")


def _cell(value: Any, *, comma: bool) -> Any:
    if isinstance(value, str):
        return neutralised(value)
    if isinstance(value, datetime):
        return _plain(value)
    return str(value).replace(".", ",") if comma and isinstance(value, float) else value


def _write_parquet(path: Path, columns: Sequence[Column], rows: Iterable[Row]) -> int:
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise ParquetMissing from error
    types = {
        "text": arrow.string(),
        "integer": arrow.int64(),
        "number": arrow.float64(),
        "yes/no": arrow.bool_(),
        "time": arrow.timestamp("us", tz="UTC"),
    }
    schema = arrow.schema([(column.name, types[column.holds]) for column in columns])
    written = 0
    with parquet.ParquetWriter(path, schema) as writer:
        for batch in _batches(rows):
            writer.write_table(arrow.Table.from_pylist(batch, schema=schema))
            written += len(batch)
    return written


def _batches(rows: Iterable[Row]) -> Iterator[list[dict[str, Any]]]:
    left = iter(rows)
    while batch := [dict(row) for row in islice(left, _AT_ONCE)]:
        yield batch
