"""``smearwatch review``: the review page of a session, in a browser on this computer."""

import socket
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.clients.commands.typed import name_of_person
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.one_line import say
from smearwatch.daemon.record.corrected import WITHIN
from smearwatch.daemon.record.events import Reading
from smearwatch.daemon.record.schema import LEDGER_FILE
from smearwatch.daemon.record.sessions import find_session, session_names

app = typer.Typer(add_completion=False)


class NoSession(LookupError):
    """There is no session to review."""

    hint = "count one first with `smearwatch run --watch DIR`, or name one that `smearwatch sessions list` shows"

    def __init__(self, state_dir: Path) -> None:
        super().__init__(f"no sessions under {state_dir} yet")


class PortTaken(OSError):
    """The page cannot listen where it was asked to."""

    hint = "give another number with --port, or 0 for any free one"

    def __init__(self, port: int, why: str) -> None:
        super().__init__(f"port {port}: {why}")


@app.command()
def review(
    session: Annotated[str | None, typer.Argument(help="The session. [default: the one that was last written]")] = None,
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="Port to listen on; 0 for any free.")] = 0,
    by: Annotated[str, typer.Option("--by", metavar="WHO", help="The reader, whose name the labels carry.")] = "",
    within: Annotated[
        float, typer.Option(metavar="POINTS", min=0.1, max=50, help="How near shares are to be known, to either side.")
    ] = WITHIN,
    second: Annotated[
        bool, typer.Option("--second", help="Read the cells a second time, without seeing the first reader's labels.")
    ] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
    ] = None,
) -> None:
    """See the cells of a session, correct their names, read the reviewed result and sign it, in a browser.

    The page is for this computer alone: it listens on 127.0.0.1 and lets in who has the link that is printed, which
    can be used once. From another computer: ssh -L 8000:127.0.0.1:8000 THIS-COMPUTER, with --port 8000.

    In its random review cells are named without the machine's word; from these the page learns how often
    the machine errs, gives percentages corrected by it, and asks for more until they are known to --within.

    It works while the session is counted, too. Labels are written at once, as `smearwatch sessions label` writes them.
    End it with Ctrl+C.

    With --second another person reads the same cells blindly. `smearwatch sessions readers` compares both.

    Example: smearwatch review monday-3 --by "A. Reader"
    """
    settings = load_settings(config)
    folder = find_session(settings.state_dir, session or _latest(settings.state_dir))
    # Loaded only now: the command line starts without it.
    import uvicorn

    from smearwatch.clients.web.access import Access
    from smearwatch.clients.web.app import ReviewPage
    from smearwatch.clients.web.weights import BetterWeights

    listening = _listen(port)
    address = f"127.0.0.1:{listening.getsockname()[1]}"
    access = Access(listening.getsockname()[1])
    reading: Reading | None = "second" if second else None
    weights = None if second else BetterWeights(settings, config)
    reader = name_of_person(by) if by.strip() else ""
    page = ReviewPage(folder, settings.runtime_dir, access, reader, reading, within, weights)
    config_of_server = uvicorn.Config(
        page.app(),
        log_level="warning",
        access_log=False,
        server_header=False,
        # A browser opens a handful of connections; whoever holds more of them waits, and none holds up the end.
        limit_concurrency=64,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config_of_server)
    link = f"http://{address}/?token={access.token}"
    say(
        f"{'second reading' if second else 'review'} of {folder.name}: {link} (this link can be used once; Ctrl+C ends)"
    )
    if not no_browser:
        webbrowser.open(link)
    try:
        server.run(sockets=[listening])
    finally:
        if weights is not None:
            weights.close()


def _latest(state_dir: Path) -> str:
    names = session_names(state_dir)
    if not names:
        raise NoSession(state_dir)

    def written_ns(name: str) -> int:
        """Return when anything was last written: what is new may stand beside the ledger's file for a while."""
        files = find_session(state_dir, name).glob(f"{LEDGER_FILE}*")
        return max(file.stat().st_mtime_ns for file in files)

    return max(names, key=written_ns)


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen()  # the link works from the moment at which it is printed
    except OSError as error:
        listening.close()
        raise PortTaken(port, (error.strerror or str(error)).lower()) from error
    return listening
