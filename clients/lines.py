"""The differential as lines: aligned ones to be read, JSON ones to be parsed. At most one a second."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from smearwatch.clients.idling import Idling
from smearwatch.clients.plain import drift_lines, introduction, mark_lines, remark, row, row_headings, scale_lines
from smearwatch.clients.view import Ended, View
from smearwatch.clients.wording import loading_text, phase_text, state_text, target_text
from smearwatch.daemon.elsewhere_text import elsewhere_text
from smearwatch.daemon.in_part_text import in_part_text

EVERY_S = 1.0
PATIENCE_S = 5.0
"""How long to wait for the daemon before saying so."""

NOBODY_COUNTS = "no count is running; waiting for one (start it with: smearwatch run --watch DIR)"

NOBODY_ANSWERS = "no count answers at {}; waiting for it (see whether that computer is on, and its hub runs)"

_POLL_S = 0.2
_HEADER_EVERY = 30

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
        self._shown: object = None
        self._session: str | None = None
        self._rows, self._figures = 0, ""
        self._state, self._interrupted = "", False
        self._drift: tuple[int, str] | None = None
        self._scale: tuple[object, ...] | None = None
        self._mark: str | None = None
        self._twice: set[str] = set()
        self._in_part = False
        self._reached: frozenset[str] = frozenset()

    def show(self, view: View) -> bool:
        """Write a view's line where it says something new; returns whether it did."""
        if view.tally is None:
            return False
        news: tuple[object, ...] = (view.session, view.epoch, view.event, view.connection, view.ended)
        news = (*news, view.paused, view.trouble)
        if self._as_json:
            line = json.dumps(json_view(view), separators=(", ", ": "))
            return self._tell((*news, view.tally.get("corrected")), [line])
        phase = phase_text(view)
        # Before the first cell the rows would all be empty: what is being done says more.
        news = (view.session, phase, view.paused, view.trouble) if phase else (*news, loading_text(view))
        return self._tell(news, self._lines(view, view.tally, phase))

    def _tell(self, news: object, lines: Iterable[str]) -> bool:
        if news == self._shown:
            return False
        self._shown = news
        for line in lines:
            self._write(line)
        return True

    def _lines(self, view: View, tally: Mapping[str, Any], phase: str | None) -> Iterator[str]:
        if view.session != self._session:
            self._session, self._rows, self._figures, self._drift = view.session, 0, "", None
            self._state, self._interrupted = "", False
            self._mark, self._scale, self._twice = None, None, set()
            self._reached = frozenset()
            yield from introduction(view.session, tally)
        yield from self._elsewhere_news(tally)
        if phase is None:
            yield from self._row_news(view, tally)
            yield from self._drift_news(tally)
            yield from self._scale_news(tally)
            yield from self._in_part_news(tally)
            yield from self._mark_news(tally)
            yield from self._target_news(tally)
        state = state_text(view)
        # That cells are counted is seen, unless it was interrupted.
        if state != self._state and (state != "counting" or self._interrupted):
            yield from remark(state)
        # That the networks are loaded is known a moment after the first cells that they have named.
        goes_on = state == "counting" or (state == self._state and state == loading_text(view))
        self._interrupted = phase is None and (self._interrupted or not goes_on) and state != "counting"
        self._state = state

    def _row_news(self, view: View, tally: Mapping[str, Any]) -> Iterator[str]:
        """Yield the row, under headings from time to time, where it says anything else than the last one."""
        figures = row(view, "")
        if figures == self._figures:
            return
        self._figures = figures
        if self._rows % _HEADER_EVERY == 0:
            if (targets := target_text(tally)) is not None and not tally["target_reached"]:
                yield from remark(targets)
            yield row_headings()
        self._rows += 1
        yield row(view, time.strftime("%H:%M:%S"))

    def _drift_news(self, tally: Mapping[str, Any]) -> Iterator[str]:
        """Report once that the cells leave the range of what the weights were trained on, and that they are back."""
        drift = tally["drift"]
        which = None if drift is None else (drift["since_cell"], drift["what"])
        if which != self._drift:
            self._drift = which
            yield from drift_lines(tally)

    def _scale_news(self, tally: Mapping[str, Any]) -> Iterator[str]:
        """Report once that the red cells contradict a scale, and that they do no more."""
        scale = tally.get("scale_contradicted")
        in_doubt = [] if scale is None else scale.get("in_doubt", [])
        # Where the magnification seems to change, numbers move with each picture.
        about = None if scale is None else "first_frame" in scale or scale["um_per_px"]
        which = None if scale is None else (about, scale["source"], len(in_doubt))
        if which != self._scale:
            self._scale = which
            yield from scale_lines(tally)

    def _target_news(self, tally: Mapping[str, Any]) -> Iterator[str]:
        """Report each time that more of the targets are reached than before."""
        reached = frozenset(f"{each['kind']} {each['of']}" for each in tally["targets"] if each["reached"])
        if reached - self._reached:
            yield from remark(f"*** {target_text(tally)} ***" if tally["target_reached"] else target_text(tally) or "")
        self._reached = reached

    def _in_part_news(self, tally: Mapping[str, Any]) -> Iterator[str]:
        """Report once that of a picture a part is not searched; the summary says of how many."""
        text = in_part_text(tally)
        if text is not None and not self._in_part:
            yield from remark(f"warning: {text}")
        self._in_part = text is not None

    def _elsewhere_news(self, tally: Mapping[str, Any]) -> Iterator[str]:
        """Report that other sessions have the same pictures, once for each; the summary says how many there were."""
        found = tally.get("pictures_elsewhere") or {}
        if found.keys() - self._twice:
            self._twice |= found.keys()
            yield from remark(f"warning: {elsewhere_text(found)}")

    def _mark_news(self, tally: Mapping[str, Any]) -> Iterator[str]:
        """Report once why the percentages carry a mark, and that they do no more."""
        if tally["mark"] != self._mark:
            self._mark = tally["mark"]
            yield from mark_lines(tally)


def follow(
    feed: Source,
    write: Write,
    stop: Callable[[], bool],
    *,
    as_json: bool,
    warn: Write | None = None,
    elsewhere: bool = False,
    idling: Idling | None = None,
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
        Takes the one line that says that no count is running yet.
    elsewhere : bool
        Whether the count is one of another computer, which nobody starts from here.
    idling : Idling, optional
        Says when everything is counted; never between JSON lines.
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
        unpulsed = view.connection == "live" and view.workers is None  # who is there is known in a moment
        if (as_json or not unpulsed) and lines.show(view):
            next_s = now_s + EVERY_S
        if waiting is not None and view.connection == "connecting" and now_s - began_s >= PATIENCE_S:
            waiting(NOBODY_ANSWERS.format(feed.address) if elsewhere else NOBODY_COUNTS)
            waiting = None
        if idling is not None and not as_json:
            for line in idling.lines(view):
                write(line)
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
        "paused": view.paused,
        "trouble": view.trouble or None,
        "counters": dict(view.counters),
        "client_counters": dict(view.client_counters),
    }
