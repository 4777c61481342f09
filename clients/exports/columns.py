"""A column of an exported table: what it holds, in which unit, what it means. The data dictionary has all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Holds: TypeAlias = Literal["text", "integer", "number", "yes/no", "time"]
"""What stands in a column. Yes and no are True and False, a time is ISO 8601 with its offset from UTC."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column; what is not known is empty in CSV, null in JSON and Parquet."""

    name: str
    holds: Holds
    meaning: str
    unit: str = ""


def dictionary_lines(columns: Sequence[Column]) -> Iterator[str]:
    """Yield a table in Markdown with a row for each column, as the data dictionary has it."""
    yield "| column | holds | unit | meaning |"
    yield "|---|---|---|---|"
    for column in columns:
        yield f"| `{column.name}` | {column.holds} | {column.unit} | {column.meaning} |"
