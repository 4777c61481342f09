"""``smearwatch sessions import``: a session that came as one file."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.clients.progress import progress
from smearwatch.clients.session_lines import no_digest_text
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record.description import checked, whoever
from smearwatch.daemon.record.imported import imported_json
from smearwatch.daemon.record.importing import import_session
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.record.verifying import thumbnails_without_digest


def import_archive(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `sessions export --format archive` wrote.")],
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="What to call it here. [default: its own name]")
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="WHO", help="Who imports it. [default: the user's name]")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Take in a session that was exported as one file, whole or not at all.

    Every member of the file, every entry of the record, every frame and every cell's small picture is checked before
    the session is there. An existing session is never touched. `smearwatch sessions show` says where it came from.

    Example: smearwatch sessions import monday-3.smearwatch --as monday-3-of-ward-2
    """
    who = checked("operator", whoever() if by is None else by)
    if who is None:
        raise typer.BadParameter("name who imports it", param_hint="--by")
    state_dir = load_settings(config).state_dir
    name, imported = import_session(state_dir, file, name, who, progress)
    with LedgerReader.read(session_folder(state_dir, name)) as ledger:
        unchecked = thumbnails_without_digest(ledger)
    if as_json:
        said = {"session": name, "imported": imported_json(imported), "thumbnails_without_digest": unchecked}
        typer.echo(json.dumps(said))
        return
    entries = f"{imported.events} {'entry' if imported.events == 1 else 'entries'}"
    frames = "and every frame are" if imported.frames == "all" else "are"
    without = "" if imported.frames == "all" else "; its frames are not in the file"
    write_line(sys.stdout, f"{name}: imported; {entries} {frames} as they were archived{without}")
    if line := no_digest_text(unchecked):
        write_line(sys.stdout, f"{name}: {line}")
