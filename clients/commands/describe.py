"""``smearwatch sessions describe``: what people say of a session as a whole, changed with trace."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.clients.describing import describe_anew
from smearwatch.clients.record_here import session_here
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record.description import checked, whoever
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.share_text import description_text


def describe(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The session.")],
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="What the session is called.")] = None,
    specimen: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="Number of the specimen or order; never a patient's name."),
    ] = None,
    operator: Annotated[str | None, typer.Option(metavar="NAME", help="Who counts.")] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="Anything else, in one line.")] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="WHO", help="Who changes it. [default: the user's name]")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say, or correct, what a session is of: title, specimen, operator, note. Also while it is counted.

    What is not given stays; an empty text takes it away. What was said before stays in the record, with who changed
    it and when. The session's name does not change: all its figures hang on it.

    Example: smearwatch sessions describe monday-3 --specimen H26-0412 --by "A. Reader"
    """
    given = {"title": title, "specimen": specimen, "operator": operator, "note": note}
    changes = {key: checked(key, text) for key, text in given.items() if text is not None}
    if not changes:
        raise typer.BadParameter("say something: --title, --specimen, --operator or --note")
    who = checked("operator", whoever() if by is None else by)
    if who is None:
        raise typer.BadParameter("name who changes it", param_hint="--by")
    settings = load_settings(config)
    folder = session_here(settings, name)
    describe_anew(folder, settings.runtime_dir, changes, who)
    with LedgerReader.read(folder) as reader:
        stands = reader.description()
    said = {} if stands is None else stands.said
    if as_json:
        typer.echo(json.dumps({"session": name, **said, "by": stands.by if stands else None}))
        return
    write_line(sys.stdout, f"{name}: {description_text(said) or 'nothing is said of it any more'}")
