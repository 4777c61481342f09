"""``smearwatch sessions export``: a session's result in a format that other programs read."""

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.markup import escape
from typer.core import TyperCommand

from smearwatch.clients.exports.format import find_format, format_lines, read_options
from smearwatch.clients.exports.writing import export_session
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.record.sessions import find_session

DEFAULT: Final = "cells"


class FormatsInHelp(TyperCommand):
    """The command with its formats in its help: those that are installed, ours and others, a line each."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help; the formats are loaded for that alone."""
        for param in self.params:
            if param.name == "format_name":
                lines = escape("\n\n".join(format_lines()))
                param.help = f"{param.help}\n\n{lines}"  # type: ignore[attr-defined]
        super().format_help(ctx, formatter)


def export(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The session.")],
    format_name: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help=f"What to write; {DEFAULT} where nothing is said.")
    ] = DEFAULT,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write this file or folder; a text goes to standard output without it.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--force", "--overwrite", help="Replace what is there.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write a table as CSV (the default).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write a table as JSON, one object per line.")] = False,
    as_parquet: Annotated[bool, typer.Option("--parquet", help="Write a table as Parquet, for pandas and R.")] = False,
    as_pdf: Annotated[bool, typer.Option("--pdf", help="Write the report as PDF instead of HTML.")] = False,
    separator: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="comma or semicolon between columns; numbers have a comma with semicolons."),
    ] = None,
    bom: Annotated[bool, typer.Option("--bom", help="Begin CSV with a byte order mark, for Excel.")] = False,
    flagged: Annotated[
        bool, typer.Option("--flagged", help="Pictures of the cells alone that the machine flagged.")
    ] = False,
    random: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="The next N cells of the random review, without the machine's names."),
    ] = None,
    worth_labelling: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="The N cells whose labels would teach new weights most.")
    ] = None,
    deidentify: Annotated[
        bool, typer.Option("--deidentify", help="An archive without what names people, specimens and files.")
    ] = False,
    option: Annotated[
        list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="An option of the format, any number.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
    ] = None,
) -> None:
    """Write a session's result for other programs: tables, pictures, reports.

    Every format has the same counts, those of `smearwatch sessions show`. What is there already
    is left as it is without --force: labels may have been typed into it.

    Two tables are for labelling: --random for learning how often the machine errs,
    --worth-labelling for training. Cells of the second say nothing of how often it errs.

    Example: smearwatch sessions export monday-3 --format differential --out monday-3.csv

    Example: smearwatch sessions export monday-3 --format report --pdf --out monday-3.pdf

    Example: smearwatch sessions export monday-3 --format cells --separator semicolon --bom --out cells.csv
    """
    named = {"csv": as_csv, "json": as_json, "parquet": as_parquet, "pdf": as_pdf}
    kinds = [kind for kind, wanted in named.items() if wanted]
    if len(kinds) > 1:
        raise typer.BadParameter(f"choose one of {' and '.join(f'--{kind}' for kind in kinds)}")
    if random and worth_labelling:
        raise typer.BadParameter("choose one of --random and --worth-labelling")
    typed = {
        "kind": kinds[0] if kinds else None,
        "separator": separator,
        "bom": "true" if bom else None,
        "flagged": "true" if flagged else None,
        "deidentify": "true" if deidentify else None,
        "random": random,
        "worth_labelling": worth_labelling,
    }
    given = _options({key: str(value) for key, value in typed.items() if value is not None}, option or [])
    found = find_format(format_name)
    options = read_options(format_name, found, given)
    settings = load_settings(config)
    folder = find_session(settings.state_dir, name)
    written, result = export_session(folder, settings.state_dir, out, format_name, found, options, overwrite=overwrite)
    notes = list(written.notes)
    if result.running:
        notes.append(f"{name} is being counted: this is how it stood at entry {result.event}.")
    if out is not None:
        notes = [" ".join((f"{out}: {written.what}.", *notes, RESEARCH_USE, "; ".join(result.standing)))]
    for note in notes:
        write_line(sys.stderr, note)


def _options(typed: dict[str, str], given: list[str]) -> dict[str, str]:
    options = dict(typed)
    for text in given:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise typer.BadParameter(f"{text!r} is not of the form key=value", param_hint="--option")
        if key in options:
            raise typer.BadParameter(f"{key} is given twice", param_hint="--option")
        options[key] = value
    return options
