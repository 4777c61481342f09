"""What a benchmark says: a table for a person, JSON for a machine; never a verdict."""

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

OUT = Path("bench-out")


@dataclass
class Report:
    """One benchmark's rows."""

    name: str
    what: str
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, **row: Any) -> None:
        """Add a row; every row has the same columns."""
        self.rows.append(row)

    def finish(self) -> None:
        """Print the table and write the JSON."""
        print(f"\n{self.name}: {self.what}")
        columns = list(self.rows[0])
        cells = [columns, *[[_text(row[column]) for column in columns] for row in self.rows]]
        widths = [max(len(row[at]) for row in cells) for at in range(len(columns))]
        for row in cells:
            print("  " + "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)))
        OUT.mkdir(exist_ok=True)
        document = {"name": self.name, "what": self.what, "machine": platform.machine(), "rows": self.rows}
        (OUT / f"{self.name}.json").write_text(json.dumps(document, indent=1) + "\n")


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Return n, minimum, median and 95th percentile."""
    tail = quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
    return {"n": len(values), "min": min(values), "median": median(values), "p95": tail}


def _text(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
