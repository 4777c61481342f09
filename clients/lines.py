"""The differential as lines: aligned ones to be read, JSON ones to be parsed. At most one a second."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from smearwatch.clients.view import Ended, View
from smearwatch.clients.wording import (
    ROWS,
    cells_of_target,
    count_of,
    drift_text,
    limits_text,
    percent_text,
    share_of,
    state_word,
)
from smearwatch.daemon.notices import PRELIMINARY, RESEARCH_USE

EVERY_S = 1.0
PATIENCE_S = 5.0
"""How long to wait for the daemon before saying so."""

_POLL_S = 0.2
_HEADER_EVERY = 30
_CELL = 19

Write = Callable[[str], None]


class Source(Protocol):
    """What lines are made from: a `smearwatch.clients.feed.Feed`."""

    @property
    def ended(self) -> Ended:
        """Whether the session was closed, and how."""

    @property
    def address(self) -> str:
        """Where the daemon is looked for."""

    def poll(self, timeout_s: float) -> bool:
        """Wait for something new at most so long."""

    def settle(self) -> None:
        """Bring the view to the end of the ledger on disk."""

    def view(self) -> View:
        """Return what is known now."""


class Lines:
    """Turns views into lines; one that says the same as the last is not written again.

    Parameters
    ----------
    write : callable
        Takes a line without its end.
    as_json : bool
        One JSON object a line instead of an aligned line.
    """

    def __init__(self, write: Write, *, as_json: bool) -> None:
        self._write = write
        self._as_json = as_json
        self._told: object = None
        self._session: str | None = None
        self._rows = 0
        self._drift: tuple[int, str] | None = None

    def show(self, view: View) -> bool:
        """Write a view's line where it says something new; gives whether it did."""
        news = (view.session, view.epoch, view.event, view.connection, view.ended)
        if view.tally is None or news == self._told:
            return False
        self._told = news
        if self._as_json:
            self._write(json.dumps(json_view(view), separators=(", ", ": ")))
            return True
        for line in self._heading(view):
            self._write(line)
        self._write(plain_line(view, time.strftime("%H:%M:%S")))
        self._rows += 1
        self._tell_drift(view.tally)
        return True

    def _tell_drift(self, tally: Mapping[str, Any]) -> None:
        """Say once that the cells leave the range of what the weights were trained on, and that they are back in it."""
        drift = tally["drift"]
        which = None if drift is None else (drift["since_cell"], drift["what"])
        if which == self._drift:
            return
        self._drift = which
        said = "drift is over: the last cells look like those trained on"
        self._write(f"# {said}" if drift is None else f"# drift {drift_text(tally)} ({drift['mend']})")

    def _heading(self, view: View) -> Iterator[str]:
        if view.session != self._session:
            self._session, self._rows, self._drift = view.session, 0, None
            yield f"# session {view.session}: count, percent, 95 % interval in percent"
            yield f"# {RESEARCH_USE} {PRELIMINARY}"
        if self._rows % _HEADER_EVERY == 0:
            yield plain_header()


def follow(
    feed: Source,
    write: Write,
    stop: Callable[[], bool],
    *,
    as_json: bool,
    warn: Write | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> View:
    """Write lines until the session is finished or somebody says stop; gives the last view.

    Parameters
    ----------
    feed : Source
        An open feed.
    write : callable
        Takes a line without its end.
    stop : callable
        Asked a few times a second whether to end.
    as_json : bool
        One JSON object a line instead of an aligned line.
    warn : callable, optional
        Takes the one line that says that there is no daemon yet.
    clock : callable
        Monotonic seconds.
    """
    lines = Lines(write, as_json=as_json)
    next_s = began_s = clock()
    waiting = warn
    while not stop() and feed.ended != "finished":
        feed.poll(_POLL_S)
        now_s = clock()
        if now_s < next_s:
            continue
        view = feed.view()
        if lines.show(view):
            next_s = now_s + EVERY_S
        if waiting is not None and view.connection == "connecting" and now_s - began_s >= PATIENCE_S:
            waiting(f"waiting for the daemon at {feed.address}")
            waiting = None
    feed.settle()
    view = feed.view()
    lines.show(view)
    return view


def present(feed: Source, *, within_s: float = 2.0, clock: Callable[[], float] = time.monotonic) -> View | None:
    """Return the daemon's present state, or None when nobody answers in time."""
    until_s = clock() + within_s
    while clock() < until_s:
        feed.poll(_POLL_S)
        view = feed.view()
        if view.tally is not None and view.workers is not None:
            return view
    view = feed.view()
    return view if view.tally is not None else None


def json_view(view: View) -> dict[str, Any]:
    """Return what a JSON line holds: the tally, and how it came here."""
    return {
        **(view.tally or {}),
        "connection": view.connection,
        "ended": view.ended,
        "latency_ms": view.latency_ms,
        "finders": view.finders,
        "workers": view.workers,
        "waiting_files": view.waiting_files,
        "counters": dict(view.counters),
        "client_counters": dict(view.client_counters),
    }


def plain_header() -> str:
    """Return the headings of `plain_line`."""
    rows = "".join(f"{row:>{_CELL}}" for row in ROWS)
    return f"{'time':<8} {'state':<8} {'cells':>9}{rows} {'flagged':>7} {'rejected':>8}  frames"


def plain_line(view: View, at: str) -> str:
    """Return one aligned line: cells of the target, each class, and where the frames stand."""
    tally = view.tally
    assert tally is not None
    rows = "".join(_share(tally, row) for row in ROWS)
    frames = "{seen} = {counted} counted + {rejected} rejected + {pending} pending".format_map(tally["frames"])
    return (
        f"{at} {state_word(view):<8} {cells_of_target(view):>9}{rows} {tally['flagged']:>7} {tally['rejected']:>8}"
        f"  {frames}"
    )


def _share(tally: Any, row: str) -> str:
    share = share_of(tally, row)
    return f"{count_of(tally, row):>6}{percent_text(share):>6}{limits_text(share):>{_CELL - 12}}"
