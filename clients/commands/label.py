"""``smearwatch sessions label``: a person's labels into a recorded session."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.clients.commands.typed import name_of_person
from smearwatch.clients.label_sending import send_labels
from smearwatch.clients.label_table import Row, TableUnusable, read_table
from smearwatch.clients.labelling import Checked, check
from smearwatch.clients.record_here import session_here
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.one_line import say
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.lock import SessionBusy
from smearwatch.daemon.record.reading import LedgerReader


def label(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The session.")],
    table: Annotated[
        Path,
        typer.Option("--from", metavar="CSV", help="Columns frame (file name or SHA-256), index or x and y, label."),
    ],
    by: Annotated[str, typer.Option("--by", metavar="WHO", help="The person who gave these labels.")],
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Add a person's labels to a session, recorded or being counted: all of a table or nothing.

    Use a table from `smearwatch sessions export` and fill in its column "label";
    rows without a label are skipped. A cell may be labelled again: all its labels
    are kept, and the last one is valid. The count does not change; `smearwatch sessions show`
    has the reviewed result beside it. A signed session takes no labels until it is amended.

    A table from `smearwatch sessions export --random` has "yes" in its column "drawn": its cells
    are named without the machine's word, and show how often the machine errs. Leave that column
    empty in any other table.

    Labels: the classes of the differential; neutrophil if band or segmented was not decided;
    blast, immature_granulocyte, reactive_lymphocyte, plasma_cell, erythroblast (other nucleated cells);
    smudge, artefact, platelet, not_one_cell, other; cannot_say; the extra classes of the session.

    Example: smearwatch sessions label monday-3 --from monday-3.csv --by "A. Reader"
    """
    who = name_of_person(by)
    settings = load_settings(config)
    folder = session_here(settings, name)
    rows = read_table(table)
    try:
        with Ledger.open(folder) as ledger:
            checked = _checked(table, rows, ledger, who)
            ledger.append(checked.labels)
    except SessionBusy:  # it is being counted: whoever counts it writes
        with LedgerReader.read(folder) as reader, reader.at_one_moment():
            checked = _checked(table, rows, reader, who)
        send_labels(settings.runtime_dir, name, checked.labels, by=who)
    _report(name, checked, as_json=as_json)


def _checked(table: Path, rows: Sequence[Row], ledger: LedgerReader, who: str) -> Checked:
    checked = check(rows, ledger, by=who, labelled_at_ns=time.time_ns())
    for bad in checked.bad:
        say(f"{table} line {bad.line}: {bad.what} ({bad.hint})")
    if checked.bad:
        what = f"{len(checked.bad)} of {len(rows)} rows cannot be used, so none was written"
        raise TableUnusable(table, what, "correct those lines and run it again")
    return checked


def _report(name: str, checked: Checked, *, as_json: bool) -> None:
    again = sum(labelled.ordinal > 1 for labelled in checked.labels)
    counts = {"labelled": len(checked.labels), "relabelled": again}
    counts |= {"unchanged": checked.unchanged, "without_label": checked.empty}
    if as_json:
        typer.echo(json.dumps({"session": name, **counts}))
        return
    text = f"{len(checked.labels)} {'cell' if len(checked.labels) == 1 else 'cells'} labelled"
    text += f" ({again} of them again)" if again else ""
    text += f", {checked.unchanged} had this label already" if checked.unchanged else ""
    text += f", {checked.empty} rows without a label skipped" if checked.empty else ""
    write_line(sys.stdout, f"{name}: {text}")
