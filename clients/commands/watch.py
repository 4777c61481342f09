"""``smearwatch watch``: the live differential in this terminal, or as lines."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from smearwatch.clients.commands.typed import HubOption, name_of_person
from smearwatch.clients.stdout import close_stdout, has_terminal, to_stdout
from smearwatch.clients.view import View
from smearwatch.daemon.config import Settings, load_settings
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.one_line import say
from smearwatch.daemon.reaching import here, hub_at, is_elsewhere
from smearwatch.daemon.record.corrected import NAMES, WITHIN
from smearwatch.daemon.record.lock import holder
from smearwatch.daemon.record.sessions import find_session

app = typer.Typer(add_completion=False)


class NoDaemon(ConnectionError):
    """Nobody answers at the daemon's socket."""

    hint = "start one with `smearwatch run --watch DIR`, or name a recorded session"

    def __init__(self, address: str | None) -> None:
        super().__init__("no count is running" if address is None else f"no count answers at {address}")
        if address is not None:
            self.hint = "see whether that computer is on, and its hub runs"


class NotInGroup(Hinted):
    """The count that runs here is for a group, and this account is not in it."""


PicturesKind = Literal["auto", "kitty", "sixel", "iterm", "blocks", "none"]
SessionArgument = Annotated[
    str | None, typer.Argument(help="Follow only this session; one that is not being counted is shown as recorded.")
]
PlainOption = Annotated[bool, typer.Option("--plain", help="Print plain lines instead of the screen.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]
OnceOption = Annotated[bool, typer.Option("--once", help="Print the current state once and exit.")]
PicturesOption = Annotated[
    PicturesKind,
    typer.Option(
        "--pictures",
        metavar="KIND",
        help="How pictures are drawn: auto (as well as this terminal can), kitty, sixel, iterm, blocks, none.",
    ),
]
ByOption = Annotated[str, typer.Option("--by", metavar="WHO", help="The reader, whose name the labels carry.")]
WithinOption = Annotated[
    float,
    typer.Option(metavar="POINTS", min=0.1, max=50, help="How well shares are to be known: ± so many percent points."),
]
ClassOption = Annotated[
    str | None, typer.Option("--class", metavar="NAME", help="Only this class is to be known so well. [default: all]")
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
]


@app.command()
def watch(
    session: SessionArgument = None,
    plain: PlainOption = False,
    as_json: JsonOption = False,
    once: OnceOption = False,
    pictures: PicturesOption = "auto",
    by: ByOption = "",
    within: WithinOption = WITHIN,
    only: ClassOption = None,
    hub: HubOption = None,
    config: ConfigOption = None,
) -> None:
    """Show the differential while it is counted, and each cell to be named. It can be started at any time.

    In the terminal, n goes to the next cell that a person should look at, and the arrows to the last ones; keys
    name them, ? shows which. v is the random review: cells that nobody chose, named without the
    machine's word. From these follow the adjusted shares, and how many more to name until
    they are known to --within. g signs the result, or opens a signed one again.

    Example: smearwatch watch --json | jq .counts
    """
    if plain and as_json:
        raise typer.BadParameter("choose --plain or --json, not both")
    if only is not None and only not in NAMES:
        raise typer.BadParameter(f"{only!r} is none of {', '.join(NAMES)}", param_hint="--class")
    settings = here(load_settings(config, hub=hub))
    elsewhere = is_elsewhere(settings)
    live = session is None or elsewhere or holder(find_session(settings.state_dir, session)) is not None
    if not (plain or as_json or once) and has_terminal():
        # Loaded only now: lines need none of it.
        from smearwatch.clients.terminal.readers import Readers
        from smearwatch.clients.terminal.start import watch_in_terminal

        who = name_of_person(by) if by.strip() else ""
        readers = None if elsewhere else Readers(settings, who, within, only, config)
        watch_in_terminal(settings, session, live=live, pictures=pictures, readers=readers)
        return
    try:
        view = _lines(settings, session, live=live, once=once, as_json=as_json, within=within)
        if not as_json:
            _table(view, only)
    except BrokenPipeError:
        close_stdout()


def _lines(settings: Settings, session: str | None, *, live: bool, once: bool, as_json: bool, within: float) -> View:
    """Write lines as long as there are any to come; returns the last view."""
    from smearwatch.clients.lines import Lines
    from smearwatch.clients.recorded import recorded_view

    write = to_stdout()
    if session is not None and not live:
        view = recorded_view(settings.state_dir, session, recent=0, within=within)
        Lines(write, as_json=as_json).show(view)
        return view
    return _followed(settings, session, write, once=once, as_json=as_json, within=within)


def _table(view: View, only: str | None) -> None:
    from smearwatch.clients.plain import table

    write = to_stdout()
    for line in table(view, only):
        write(line)


def _followed(
    settings: Settings, session: str | None, write: Callable[[str], None], *, once: bool, as_json: bool, within: float
) -> View:
    """Write the daemon's lines until it has finished or somebody stops; returns the last view."""
    from smearwatch.clients.feed import Feed
    from smearwatch.clients.lines import Lines, follow, present
    from smearwatch.clients.recorded import recorded_view

    state_dir = None if is_elsewhere(settings) else settings.state_dir
    with Feed(hub_at(settings, "watch"), state_dir, session=session, recent=0, within=within) as feed:
        if (group := feed.why_not) is not None:
            raise NotInGroup(group, "ask an administrator to add it, then log in anew")
        if once:
            view = present(feed)
            if view is None and (session is None or state_dir is None):
                raise NoDaemon(feed.address if state_dir is None else None)
            view = view or recorded_view(settings.state_dir, str(session), recent=0, within=within)
            Lines(write, as_json=as_json).show(view)
            return view
        stopped: list[int] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: stopped.append(number))
        return follow(feed, write, lambda: bool(stopped), as_json=as_json, warn=say, elsewhere=state_dir is None)
