"""``smearwatch review``: the review page of a session, or beside a count, in a browser."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.clients.commands.typed import name_of_person
from smearwatch.clients.record_here import RecordElsewhere, session_here
from smearwatch.daemon.config import Settings, load_settings
from smearwatch.daemon.log import configure
from smearwatch.daemon.one_line import say
from smearwatch.daemon.open_files import open_enough
from smearwatch.daemon.reaching import is_elsewhere
from smearwatch.daemon.record.corrected import WITHIN
from smearwatch.daemon.record.events import Reading

app = typer.Typer(add_completion=False)


class NoSession(LookupError):
    """There is no session to review."""

    hint = "count one first with `smearwatch run --watch DIR`, or name one that `smearwatch sessions list` shows"

    def __init__(self, state_dir: Path) -> None:
        super().__init__(f"no sessions under {state_dir} yet")


@app.command()
def review(
    session: Annotated[str | None, typer.Argument(help="The session. [default: the one that was last written]")] = None,
    port: Annotated[
        int | None, typer.Option(metavar="N", min=0, max=65535, help="Port to listen on; 0 for any free. [default: 0]")
    ] = None,
    by: Annotated[str, typer.Option("--by", metavar="WHO", help="The reader, whose name the labels carry.")] = "",
    within: Annotated[
        float, typer.Option(metavar="POINTS", min=0.1, max=50, help="How near shares are to be known, to either side.")
    ] = WITHIN,
    second: Annotated[
        bool, typer.Option("--second", help="Read the cells a second time, without seeing the first reader's labels.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Show the session that is counted, and go on to the next when it begins.")
    ] = False,
    link: Annotated[
        bool, typer.Option("--link", help="Print a new link for the page that runs with --follow, and exit.")
    ] = False,
    listen: Annotated[
        str | None,
        typer.Option(metavar="HOST[:PORT]", help="Let other computers in, by TLS and accounts. [default port: 8443]"),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate for --listen (PEM).", dir_okay=False)
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its key, which nobody else may read (PEM).", dir_okay=False)
    ] = None,
    hub: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Say how the cells of another computer's count are named.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
    ] = None,
) -> None:
    """See the cells of a session, correct their names, read the reviewed result and sign it, in a browser.

    The page is for this computer alone: it listens on 127.0.0.1 and lets in who has the link that is printed, which
    can be used once. From another computer: ssh -L 8000:127.0.0.1:8000 THIS-COMPUTER, with --port 8000. With --listen
    other computers reach it themselves: by TLS, and with an account (`smearwatch account add`).

    In its random review cells are named without the machine's word; from these the page learns how often
    the machine errs, gives percentages adjusted for that, and asks for more until they are known to --within.

    It works while the session is counted, too. Labels are written at once, as `smearwatch sessions label` writes them.
    End it with Ctrl+C.

    With --second another person reads the same cells blindly. `smearwatch sessions readers` compares both.

    Example: smearwatch review monday-3 --by "A. Reader"
    """
    if follow and session is not None:
        raise typer.BadParameter("it shows whichever session is counted; name none", param_hint="--follow")
    if listen is not None and port is not None:
        raise typer.BadParameter("write it behind the host: --listen HOST:PORT", param_hint="--port")
    settings = load_settings(config, hub=hub, review_tls_cert=tls_cert, review_tls_key=tls_key)
    if hub is not None and is_elsewhere(settings):
        raise RecordElsewhere(settings, session)
    # Loaded only now: the command line starts without it.
    from smearwatch.clients.web.app import ReadAs
    from smearwatch.clients.web.links import kept_link, shown
    from smearwatch.clients.web.listening import Place
    from smearwatch.clients.web.serving import Served, serve

    if link:
        typer.echo(kept_link(settings.runtime_dir))
        return
    if follow and listen is None and port is None:
        listen = settings.review_listen
    place = None if listen is None else Place(listen, settings.review_tls_cert, settings.review_tls_key)
    if place is not None and by:
        raise typer.BadParameter("labels carry the name of whoever logs in", param_hint="--by")
    reading: Reading | None = "second" if second else None
    read_as = ReadAs(name_of_person(by) if by.strip() else "", reading, within)
    folder = None if follow else session_here(settings, session or _latest(settings))
    port = port if port is not None else settings.review_port if follow else 0

    def tell(address: str, how: str) -> None:
        what = "second reading" if second else "review"
        of, printed = ("each session", shown(address)) if folder is None else (folder.name, address)
        say(f"{what} of {of}: {printed} ({how}; Ctrl+C ends)")
        if not (no_browser or place):
            webbrowser.open(address)

    configure(settings.log_level, role="review", log_format=settings.log_format)
    if few := open_enough():
        say(few)
    serve(Served(settings, folder, read_as, port, place, config), tell)


def _latest(settings: Settings) -> str:
    from smearwatch.clients.web.following import latest_first

    names = latest_first(settings.state_dir)
    if not names and is_elsewhere(settings):
        raise RecordElsewhere(settings)
    if not names:
        raise NoSession(settings.state_dir)
    return names[0]
