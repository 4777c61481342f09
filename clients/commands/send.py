"""``smearwatch sessions send``: messages into the folder of the laboratory's system, each once."""

import json
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.clients.sending import Sent, send, send_owed, why_not
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.message_setting import Messages
from smearwatch.daemon.one_line import say
from smearwatch.daemon.record.sessions import find_session


class NoFolderSet(LookupError):
    """Nobody has said where messages go."""

    hint = 'name a folder with --to, or set one in the settings file: [messages] with folder = "/path/to/messages"'

    def __init__(self) -> None:
        super().__init__("there is no folder for messages")


def send_messages(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The session. [default: all that wait]")] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="This folder instead of the one in the settings.")
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Send it once more, under the same name: it was lost, or goes to another folder."),
    ] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Send the message of a signed session to the laboratory's system, once.

    With `[messages]` in the settings a session's message is sent when it is signed. What could not be sent then is
    sent at the next signature, or by this without a NAME. An amended session has none until it is signed again.

    Example: smearwatch sessions send monday-3 --to /path/to/messages
    """
    if name is None and again:
        raise typer.BadParameter("--again is of one session: name it")
    settings = load_settings(config)
    messages = settings.messages
    if to is not None:
        folder = to.expanduser().absolute()
        messages = Messages(folder=folder) if messages is None else messages.model_copy(update={"folder": folder})
    if messages is None:
        raise NoFolderSet
    if name is not None:
        sent = send(find_session(settings.state_dir, name), settings.state_dir, messages, again=again)
        _print(name, sent, as_json=as_json)
        elsewhere = [each for each in sent if to is not None and each.folder != messages.folder]
        for each in elsewhere:
            say(f"{name}: {each.name} was sent before, and not into {messages.folder} (--again sends it there, too)")
        if elsewhere:
            raise typer.Exit(1)
        return
    failed = found = 0
    for session, result in send_owed(settings.state_dir, messages):
        found += 1
        if isinstance(result, Exception):
            failed += 1
            say(f"{session}: {why_not(result)}")
        else:
            _print(session, result, as_json=as_json)
    if not found and not as_json:
        typer.echo("no message waits to be sent")
    if failed:
        raise typer.Exit(1)


def _print(session: str, sent: tuple[Sent, ...], *, as_json: bool) -> None:
    for each in sent:
        if as_json:
            typer.echo(json.dumps({"session": session, "file": str(each.folder / each.name), "now": each.now}))
        else:
            word = "was put" if each.now else "was put before"
            typer.echo(f"{session}: {each.name} {word} into {each.folder}")
