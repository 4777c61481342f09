"""``smearwatch control``: stop, pause and resume the count that runs on this computer, and the next specimen."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.clients.commands.typed import HubOption
from smearwatch.clients.controlling import Action, begin_next, control
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.reaching import here, hub_at
from smearwatch.daemon.record.description import checked, whoever
from smearwatch.daemon.record.sessions import check_name
from smearwatch.daemon.wire.endpoints import Endpoints

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Stop, pause or resume the count that runs on this computer, or begin the next specimen.",
    epilog="Example: smearwatch control pause",
)

Session = Annotated[
    str | None, typer.Argument(metavar="NAME", help="Only if this session is being counted. [default: whichever is]")
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def stop(session: Session = None, hub: HubOption = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """End the count in good order, as Ctrl-C does where it runs.

    What is in hand is finished; what waits stays in the session, which the same
    `smearwatch run` carries on. A service stays stopped until it is started again.

    Example: smearwatch control stop
    """
    _ask("stop", session, hub, config, as_json=as_json)


@app.command()
def pause(session: Session = None, hub: HubOption = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Read no new pictures until `smearwatch control resume`.

    What was read already is counted to its end. Pictures in a watched folder
    wait there; what a camera sees meanwhile is not taken.

    Example: smearwatch control pause
    """
    _ask("pause", session, hub, config, as_json=as_json)


@app.command()
def resume(session: Session = None, hub: HubOption = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Read pictures again after `smearwatch control pause`.

    Example: smearwatch control resume
    """
    _ask("resume", session, hub, config, as_json=as_json)


@app.command("next")
def next_specimen(
    specimen: Annotated[
        str,
        typer.Option("--specimen", metavar="NUMBER", help="Number of the specimen or order; never a patient's name."),
    ],
    session: Session = None,
    operator: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who counts. [default: as for the specimen before]")
    ] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="Anything to be kept with the session.")] = None,
    target: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Wanted number of cells. [default: as many as now]")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The new session's name. [default: date and time]")
    ] = None,
    hub: HubOption = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Begin the next specimen on the same folder or camera, in a session of its own.

    What has come by now is counted to the session that runs, and what comes
    later to the new one; nothing to both. So type it before the new slide is
    under the microscope.

    Example: smearwatch control next --specimen H26-0413
    """
    given = {"specimen": specimen, "operator": operator, "note": note}
    said = {key: text for key, given_text in given.items() if given_text and (text := checked(key, given_text))}
    if "specimen" not in said:
        raise typer.BadParameter("give the number of the specimen or order", param_hint="--specimen")
    text = begin_next(
        _hub(hub, config),
        said,
        by=said.get("operator") or whoever(),
        session=session,
        next_session=None if name is None else check_name(name),
        target=target,
    )
    _report("next", text, as_json=as_json)


def _ask(action: Action, session: str | None, hub: str | None, config: Path | None, *, as_json: bool) -> None:
    _report(action, control(_hub(hub, config), action, session), as_json=as_json)


def _hub(hub: str | None, config: Path | None) -> Endpoints:
    return hub_at(here(load_settings(config, hub=hub)), "control")


def _report(action: str, text: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"action": action, "answer": text}))
        return
    write_line(sys.stdout, text)
