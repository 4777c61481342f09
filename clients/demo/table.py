"""The demo's last word: the differential beside the slide's truth."""

from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from smearwatch.clients.slide_truth import Held, rows
from smearwatch.daemon.columns import COLUMNS
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.share_text import fine_limits_text, mark_text, percent_text


def write_table(result: dict[str, Any], held: Held) -> None:
    """Write the counts and what became of cells and frames to stdout, in `COLUMNS` at most.

    Parameters
    ----------
    result : dict
        The run's summary.
    held : Held
        What came of holding its session against the truth.
    """
    console = Console()
    console.width = COLUMNS  # where the window is narrower its lines break, but no figure is cut
    console.print()
    console.print(_table(result, held))
    if (why := mark_text(result)) is not None:
        console.print(why, highlight=False)
    frames = result["frames"]
    console.print(
        f"{held.named_rightly} of {held.matched} cells named as the slide made them; {held.missed} missed, "
        f"{held.invented} invented, {result['flagged']} flagged for a person, {result['rejected']} rejected.\n"
        f"At the edge: {result['at_edge']} found cells were cut by a field's edge (the screen's figure); "
        f"{held.left_at_edge} whole cells of the slide lay so near it that they were left out too.\n"
        f"Frames: {frames['seen']} seen = {frames['counted']} counted + {frames['rejected']} rejected + "
        f"{frames['pending']} pending (the count was full). "
        f"Scale from red cells: {median(held.scale_ratio or [0.0]):.3f} of the truth.",
        highlight=False,
    )
    console.print(
        f"A simulated slide shows that the pipeline works; it says nothing about accuracy on blood.\n{RESEARCH_USE}",
        style="dim",
        highlight=False,
    )


def _table(result: dict[str, Any], held: Held) -> Table:
    table = Table(title=f"Differential of {result['cells']} cells, beside the slide's truth", title_style="bold")
    for heading, justify in (("class", "left"), ("counted", "right"), ("%", "right"), ("95 % interval", "right")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    table.add_column("truth", justify="right", style="cyan")
    table.add_column("truth %", justify="right", style="cyan")
    total = max(1, held.truth.total())
    both = {"neutrophils": held.truth["band"] + held.truth["segmented"]}
    for name, true in [*((row[0], row[1]) for row in rows(held)), *both.items()]:
        share = result["percent"][name]
        percent = percent_text(share, marked=result["mark"] is not None)
        count = result["neutrophils"] if name == "neutrophils" else result["counts"][name]
        if name == "neutrophils":
            table.add_section()
        table.add_row(name, str(count), percent, fine_limits_text(share), str(true), f"{100 * true / total:.1f}")
    return table
