"""Starting the terminal: where its views come from, and what is shown when they cannot come."""

import time
from collections.abc import Callable

from smearwatch.clients.terminal.app import Bring, WatchApp
from smearwatch.clients.terminal.pictures import MOST
from smearwatch.clients.view import View
from smearwatch.daemon.config import Settings

NOBODY_COUNTS = "No count is running. Start one with: smearwatch run --watch DIR"

_POLL_S = 0.2
_BETWEEN_VIEWS_S = 0.1


def watch_in_terminal(settings: Settings, session: str | None, *, live: bool) -> None:
    """Show the daemon's session, or a recorded one, until the person quits.

    Parameters
    ----------
    settings : Settings
        Where the daemon and its sessions are.
    session : str, optional
        Follow only this session.
    live : bool
        Whether the session is being counted; otherwise it is read from disk.

    Raises
    ------
    EndpointUnusable, LedgerUnusable
        After the terminal was given back.
    """
    bring = recorded(settings, session) if session is not None and not live else followed(settings, session)
    error = WatchApp(bring, waiting="waiting for a count", hint=NOBODY_COUNTS).run()
    if error is not None:
        raise error


def followed(settings: Settings, session: str | None, over: Callable[[], bool] = lambda: False) -> Bring:
    """Return what brings views of the daemon's session as they change, ten a second at most, until it is over."""

    def bring(show: Callable[[View], None], stopped: Callable[[], bool]) -> None:
        # The sockets are loaded here, in the thread, so that the first screen does not wait for them.
        from smearwatch.clients.feed import Feed

        next_s, news = 0.0, False
        with Feed(settings.runtime_dir, settings.state_dir, session=session, pictures=True, recent=MOST) as feed:
            while not (stopped() or over()):
                news |= feed.poll(_BETWEEN_VIEWS_S if news else _POLL_S)
                if news and time.monotonic() >= next_s:
                    show(feed.view())
                    next_s, news = time.monotonic() + _BETWEEN_VIEWS_S, False

    return bring


def recorded(settings: Settings, session: str) -> Bring:
    """Return what brings the one view of a recorded session."""

    def bring(show: Callable[[View], None], _stopped: Callable[[], bool]) -> None:
        from smearwatch.clients.recorded import recorded_view

        show(recorded_view(settings.state_dir, session, pictures=True, recent=MOST))

    return bring
