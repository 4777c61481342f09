"""``smearwatch control``: stop, pause and resume the count that runs on this computer."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.clients.controlling import Action, control
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import load_settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Stop, pause or resume the count that runs on this computer.",
    epilog="Example: smearwatch control pause",
)

Session = Annotated[str | None, typer.Argument(help="Only if this session is being counted. [default: whichever is]")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def stop(session: Session = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """End the count in good order, as Ctrl-C does where it runs.

    What is in hand is finished; what waits stays in the session, which the same
    `smearwatch run` carries on. A service stays stopped until it is started again.

    Example: smearwatch control stop
    """
    _ask("stop", session, config, as_json=as_json)


@app.command()
def pause(session: Session = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Read no new pictures until `smearwatch control resume`.

    What was read already is counted to its end. Pictures in a watched folder
    wait there; what a camera sees meanwhile is not taken.

    Example: smearwatch control pause
    """
    _ask("pause", session, config, as_json=as_json)


@app.command()
def resume(session: Session = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Read pictures again after `smearwatch control pause`.

    Example: smearwatch control resume
    """
    _ask("resume", session, config, as_json=as_json)


def _ask(action: Action, session: str | None, config: Path | None, *, as_json: bool) -> None:
    text = control(load_settings(config).runtime_dir, action, session)
    if as_json:
        typer.echo(json.dumps({"action": action, "answer": text}))
        return
    write_line(sys.stdout, text)
