"""``smearwatch sessions readers``: two readers of the same cells, side by side."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.clients.reader_lines import reader_lines
from smearwatch.clients.reader_report import reader_report
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.readings import ReadingsFold
from smearwatch.daemon.record.sessions import find_session


class ReadOnce(LookupError):
    """Nobody has read the session a second time."""

    def __init__(self, name: str) -> None:
        super().__init__(f"session {name} was not read a second time")
        self.hint = f"another person reads it blindly with: smearwatch review {name} --by WHO --second"


def readers(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The session.")],
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare two readers of a session: agreement, kappa, the machine against each, the differential of both.

    The first reader labels the cells with `smearwatch review`, the second one with `smearwatch review --second`,
    without seeing the first one's labels. Where they disagree is listed once both have named every cell.

    Example: smearwatch sessions readers monday-3
    """
    folder, fold = find_session(load_settings(config).state_dir, name), ReadingsFold()
    with LedgerReader.read(folder) as ledger:
        for recorded in ledger.events():
            fold.apply(recorded.event)
    report = reader_report(fold, name)
    if not report["second"]["by"]:
        raise ReadOnce(name)
    if as_json:
        typer.echo(json.dumps(report))
        return
    for line in (*reader_lines(report), "", RESEARCH_USE):
        write_line(sys.stdout, line)
