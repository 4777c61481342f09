"""``smearwatch config check``: what the settings are and whether they hold."""

import grp
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.daemon.commands import options
from smearwatch.daemon.config import Settings, SettingsUnusable, load_settings, names_in_environment, settings_files
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

    What is wrong is named with its file, line and hint, all of it. Keys' files and groups that are set and not there
    are named, too, and are no error: they may be another computer's. A setting has one name: `lease_s` in the file is
    SMEARWATCH_LEASE_S in the environment, and --set lease_s=20 on the command line.

    Example: smearwatch config check --config lab.toml
    """
    try:
        loaded = load_settings(config, typed=set_ or ())
    except SettingsUnusable as error:
        for each in (error, *error.others):
            say(one_line(each) or str(each))
        raise typer.Exit(2 if error.wrongly_typed else 1) from None
    for line in _missing(loaded):
        say(line)
    settings = loaded.model_dump(mode="json")
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


def _missing(settings: Settings) -> Iterator[str]:
    """Yield what the settings name and this computer does not have."""
    for name in ("key", "review_tls_cert", "review_tls_key"):
        path = getattr(settings, name)
        if path is not None and not os.path.exists(path):
            yield f"warning: {name} = {path}: it is not there, or this user may not see it"
    for name in ("watch_group", "control_group"):
        group = getattr(settings, name)
        try:
            _ = group is not None and grp.getgrnam(group)
        except KeyError:
            yield f"warning: {name} = {group}: there is no such group on this computer (groupadd {group})"
