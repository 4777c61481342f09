"""``smearwatch account``: who may use a review page that other computers reach."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.clients.commands.typed import name_of_person
from smearwatch.clients.web.accounts import Accounts, Role
from smearwatch.clients.web.passwords import SHORTEST
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.one_line import say

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Say who may use the review page from other computers.",
    epilog='Example: smearwatch account add "A. Reader" --role reader',
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name that this person's labels and signatures carry.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin, one line.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]


@app.command()
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="A reader labels, signs and controls; a viewer only looks.")],
    password_stdin: FromStdin = False,
    config: ConfigFile = None,
) -> None:
    """Make an account, and ask for its password.

    Example: smearwatch account add "A. Reader" --role reader
    """
    accounts = _accounts(config)
    accounts.add(name_of_person(name, "NAME"), role, _password(from_stdin=password_stdin))
    say(f"account {name!r} added, as a {role}")


@app.command()
def password(name: Name, password_stdin: FromStdin = False, config: ConfigFile = None) -> None:
    """Set another password, which logs this person out everywhere.

    Example: smearwatch account password "A. Reader"
    """
    accounts = _accounts(config)
    accounts.refuse_unknown(name)
    accounts.set_password(name, _password(from_stdin=password_stdin))
    say(f"password of {name!r} changed")


@app.command()
def remove(name: Name, config: ConfigFile = None) -> None:
    """Remove an account, which logs this person out everywhere. What they labelled stays.

    Example: smearwatch account remove "A. Reader"
    """
    _accounts(config).remove(name)
    say(f"account {name!r} removed")


@app.command(name="list")
def list_accounts(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the accounts.

    Example: smearwatch account list
    """
    accounts = _accounts(config)
    for account in accounts:
        line = json.dumps({"name": account.name, "role": account.role})
        write_line(sys.stdout, line if as_json else f"{account.role}  {account.name}")
    if not as_json and not any(accounts):
        say(f"no accounts in {accounts.path}")


def _accounts(config: Path | None) -> Accounts:
    return Accounts(load_settings(config).state_dir)


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    text = f"password ({SHORTEST} letters or more)"
    typed: str = typer.prompt(text, hide_input=True, confirmation_prompt="once more", err=True)
    return typed
