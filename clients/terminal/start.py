"""Starting the terminal: where its views come from, and what is shown when they cannot come."""

import time
from collections.abc import Callable

from rich.console import Console

from smearwatch.clients.record_here import how_from_elsewhere
from smearwatch.clients.terminal.app import Bring, WatchApp, being_read
from smearwatch.clients.terminal.graphics import choose_pictures, prepare
from smearwatch.clients.terminal.pictures import MOST
from smearwatch.clients.terminal.readers import Readers
from smearwatch.clients.terminal.window import end_with_the_window
from smearwatch.clients.view import View
from smearwatch.daemon.config import Settings
from smearwatch.daemon.one_line import say
from smearwatch.daemon.reaching import hub_at, is_elsewhere
from smearwatch.daemon.record.corrected import WITHIN

NOBODY_COUNTS = (
    "No count is running. Start one by the key s, or with: smearwatch run --watch DIR. "
    "A recorded session is shown by its name: smearwatch watch NAME (names: smearwatch sessions list)"
)

NOBODY_ANSWERS = (
    "No count answers at {}. See whether that computer is on, and its hub runs: it is shown as soon as it does."
)

_POLL_S = 0.2
_BETWEEN_VIEWS_S = 0.1


def watch_in_terminal(
    settings: Settings, session: str | None, *, live: bool, pictures: str, readers: Readers | None
) -> None:
    """Show the daemon's session, or a recorded one, until the person quits; its cells can be chosen and named.

    Parameters
    ----------
    settings : Settings
        Where the daemon and its sessions are.
    session : str, optional
        Follow only this session.
    live : bool
        Whether the session is being counted; otherwise it is read from disk.
    pictures : str
        ``auto``, or a kind of pictures.
    readers : Readers, optional
        How sessions are read here; None where the daemon's are on another computer: then they are only watched.

    Raises
    ------
    EndpointUnusable, LedgerUnusable, LabelsUnwritten
        After the terminal was given back.
    GraphicsMissing
        Before it was taken.
    """
    kind = choose_pictures(pictures, few=Console().color_system in (None, "standard"))
    prepare(kind)

    within = WITHIN if readers is None else readers.within

    def bring_of(name: str, live: bool) -> Bring:
        return (followed if live else recorded)(settings, name, within=within)

    bring = bring_of(session, live) if session is not None else followed(settings, None, within=within)
    app = WatchApp(
        bring,
        waiting="waiting for a count" if session is None else "reading",
        hint=_hint(settings, session),
        readers=readers,
        record_at=f"C{how_from_elsewhere(settings)[1:]}." if is_elsewhere(settings) else "",
        pictures=kind,
        bring_of=bring_of,
    )
    end_with_the_window()
    error = app.run()
    if app.unwritten:
        say(f"{app.unwritten} {'label is' if app.unwritten == 1 else 'labels are'} being written")
    app.close_reading()
    if error is not None:
        raise error


def _hint(settings: Settings, session: str | None) -> str:
    """Return what is said while there is nothing to show."""
    if is_elsewhere(settings):
        return NOBODY_ANSWERS.format(settings.hub)
    return NOBODY_COUNTS if session is None else being_read(session)


def followed(
    settings: Settings, session: str | None, over: Callable[[], bool] = lambda: False, *, within: float = WITHIN
) -> Bring:
    """Return what brings views of the daemon's session as they change, ten a second at most, until it is over."""

    def bring(show: Callable[[View], None], stopped: Callable[[], bool]) -> None:
        # The sockets are loaded here, in the thread, so that the first screen does not wait for them.
        from smearwatch.clients.feed import Feed

        next_s, news = 0.0, False
        state_dir = None if is_elsewhere(settings) else settings.state_dir
        with Feed(
            hub_at(settings, "watch"), state_dir, session=session, pictures=True, recent=MOST, within=within
        ) as feed:
            while not (stopped() or over()):
                news |= feed.poll(_BETWEEN_VIEWS_S if news else _POLL_S)
                if news and time.monotonic() >= next_s:
                    show(feed.view())
                    next_s, news = time.monotonic() + _BETWEEN_VIEWS_S, False

    return bring


def recorded(settings: Settings, session: str, *, within: float = WITHIN) -> Bring:
    """Return what brings the view of a recorded session, and again where somebody labels its cells."""

    def bring(show: Callable[[View], None], stopped: Callable[[], bool]) -> None:
        from smearwatch.clients.recorded import RecordedSession

        record = RecordedSession(settings.state_dir, session, pictures=True, recent=MOST, within=within)
        while not stopped():
            if record.read():
                show(record.view())
            time.sleep(_POLL_S)

    return bring
