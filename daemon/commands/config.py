"""``smearwatch config check``: what the settings are and whether they hold."""

import json
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.daemon.config import load_settings, names_in_environment, settings_files

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
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check the settings as every command reads them, and print them.

    Example: smearwatch config check --config lab.toml
    """
    settings = load_settings(config).model_dump(mode="json")
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
