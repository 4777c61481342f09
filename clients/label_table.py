"""A person's table of labels: a CSV file, as a spreadsheet or `smearwatch sessions export` writes it."""

import csv
import io
from pathlib import Path
from textwrap import shorten
from typing import Final, TypeAlias

from smearwatch.daemon.regular_file import check_regular, open_regular
from smearwatch.daemon.spreadsheet import as_it_was

_LARGEST_BYTES: Final = 64 * 2**20
_MOST_SAID: Final = 120  # letters of the columns of a file that is no such table

Row: TypeAlias = tuple[int, dict[str, str]]
"""Line number in the file, and values by lower-case column name."""


class TableUnusable(Exception):
    """A table of labels that cannot be read as one, or of which nothing was written."""

    def __init__(self, path: Path, what: str, hint: str) -> None:
        super().__init__(f"{path}: {what}")
        self.hint = hint


def read_table(path: Path) -> list[Row]:
    """Read a CSV file with a header: UTF-8, with or without a byte order mark, commas or semicolons.

    Returns
    -------
    list of Row
        Empty lines are left out.

    Raises
    ------
    TableUnusable
        It cannot be read, or a column is missing.
    """
    try:
        if check_regular(path, most_bytes=None).st_size > _LARGEST_BYTES:
            raise TableUnusable(path, "larger than 64 MiB", "divide it into smaller tables")
        with io.TextIOWrapper(open_regular(path), encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=";" if header.count(";") > header.count(",") else ",", strict=True)
            columns = [name.strip().lower() for name in next(reader, [])]
            _check_columns(path, columns)
            rows = []
            for values in reader:
                named = dict(zip(columns, (as_it_was(value.strip()) for value in values), strict=False))
                if any(named.values()):
                    rows.append((reader.line_num, named))
            return rows
    except OSError as error:
        raise TableUnusable(path, (error.strerror or str(error)).lower(), "name a CSV file") from error
    except (UnicodeDecodeError, csv.Error) as error:
        why = "it is no UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
        raise TableUnusable(path, f"no CSV file in UTF-8: {why}", "save it as CSV in UTF-8") from error


def _check_columns(path: Path, columns: list[str]) -> None:
    named = set(columns)
    located = "index" in named or {"x", "y"} <= named
    if len(named) < len(columns) or "label" not in named or not named & {"frame", "name"} or not located:
        what = f"its columns are {shorten(', '.join(columns), _MOST_SAID, placeholder=' ...') or 'none'}"
        raise TableUnusable(path, what, "begin it with the line frame,index,label or frame,x,y,label")
