"""``smearwatch config check``: what the settings are and whether they hold."""

import json
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.daemon.commands import options
from smearwatch.daemon.config import SettingsUnusable, load_settings, names_in_environment, settings_files
from smearwatch.daemon.one_line import one_line, say

app = typer.Typer(
    add_completion=False,
    help="Check and show the settings.",
    epilog="Example: smearwatch config check",
)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
]


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    """Check and show the settings: what ``check`` does, which need not be typed."""
    if context.invoked_subcommand is None:
        check()


@app.command()
def check(
    config: ConfigOption = None,
    set_: options.Set = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check the settings as every command reads them, and print them.

    What is wrong is named with its file, line and hint, all of it. A setting has one name: `lease_s` in the file is
    SMEARWATCH_LEASE_S in the environment, and --set lease_s=20 on the command line.

    Example: smearwatch config check --config lab.toml
    """
    try:
        settings = load_settings(config, typed=set_ or ()).model_dump(mode="json")
    except SettingsUnusable as error:
        for each in (error, *error.others):
            say(one_line(each) or str(each))
        raise typer.Exit(2 if error.wrongly_typed else 1) from None
    if as_json:
        typer.echo(json.dumps(settings))
        return
    files, _ = settings_files(config)
    read = [path for path in files if path.is_file()]
    for path in read:
        typer.echo(f"# {path}")
    if not read:
        typer.echo(f"# no settings file: none at {files[-1]}")
    if variables := names_in_environment():
        typer.echo(f"# environment: {', '.join(variables)}")
    for key, value in settings.items():
        typer.echo(f"{key} = {json.dumps(value)}")
