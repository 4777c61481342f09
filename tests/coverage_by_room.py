"""How much of each room the tests ran: a short table from what ``pytest --cov`` has left in ``.coverage``.

Run by ``make coverage``. Only what ran within the tests' own processes is counted: roles, commands
and training that tests start as processes of their own are tested and do not show here. No threshold judges it.
"""

from pathlib import Path

from coverage import Coverage
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
ROOMS = ("daemon", "capture", "models", "train", "clients")


def lines_of(measured: Coverage, room: str) -> tuple[int, int]:
    """Return how many lines a room has that could run, and how many of them did; what was never loaded counts too."""
    lines = ran = 0
    for path in sorted((ROOT / room).rglob("*.py")):
        _, statements, _, missing, _ = measured.analysis2(str(path))
        lines += len(statements)
        ran += len(statements) - len(missing)
    return lines, ran


def main() -> None:
    """Print the table."""
    measured = Coverage(data_file=ROOT / ".coverage", config_file=ROOT / "pyproject.toml")
    measured.load()
    table = Table("room", title="lines run by the tests' own processes", title_justify="left")
    for name in ("lines", "run", "share"):
        table.add_column(name, justify="right")
    rows = [(room, *lines_of(measured, room)) for room in ROOMS]
    for name, lines, ran in [*rows, ("all", sum(row[1] for row in rows), sum(row[2] for row in rows))]:
        table.add_row(name, f"{lines:,}", f"{ran:,}", f"{ran / max(lines, 1):.1%}")
    Console(width=80).print(table)


if __name__ == "__main__":
    main()
