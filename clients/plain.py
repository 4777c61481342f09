"""A view as lines for a person: each fits into 80 columns."""

from collections.abc import Iterator, Mapping
from typing import Any

from smearwatch.clients.view import View
from smearwatch.clients.wording import (
    MARK,
    ROWS,
    cells_of_target,
    count_of,
    drift_advice,
    fine_limits_text,
    flagged_text,
    mark_text,
    percent_text,
    scale_text,
    share_of,
    target_text,
)
from smearwatch.daemon.columns import fold
from smearwatch.daemon.corrected_text import corrected_lines
from smearwatch.daemon.elsewhere_text import elsewhere_text
from smearwatch.daemon.in_part_text import in_part_text
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.share_text import description_text, review_lines
from smearwatch.daemon.sign_text import sign_lines

_SHORT = ("band", "seg", "eos", "baso", "mono", "lymph", "neut")
"""`ROWS` as laboratories abbreviate them."""


_LEGEND = (
    "Classes in percent of the counted cells; neut is band and seg together. "
    "flag: counted, to be looked at by a person. rej: not counted. frames: finished/seen."
)


def remark(text: str) -> list[str]:
    """Return lines that are no row: each begins with ``#``."""
    return fold(text, first="# ", rest="# ")


def introduction(session: str | None, tally: Mapping[str, Any]) -> list[str]:
    """Return what is shown once of a session, above its first row."""
    said = description_text(tally)
    standing = [line for each in sign_lines(tally) for line in remark(each)]
    above = [*remark(f"session {session}"), *(remark(said) if said else [])]
    return [*above, *remark(RESEARCH_USE), *standing, *remark(_LEGEND)]


def row_headings() -> str:
    """Return the headings of `row`."""
    return f"{'time':<8}{'cells':>10}{''.join(f'{name:>6}' for name in _SHORT)}{'flag':>5}{'rej':>5}{'frames':>10}"


def row(view: View, at: str) -> str:
    """Return one aligned line: cells of the target, each class in percent, and how far the frames are.

    Parameters
    ----------
    view : View
        With its tally.
    at : str
        The time of day as ``12:34:56``.
    """
    tally = view.tally
    assert tally is not None
    marked = tally["mark"] is not None
    shares = "".join(f"{percent_text(share_of(tally, name), marked=marked):>6}" for name in ROWS)
    frames = tally["frames"]
    finished = f"{frames['counted'] + frames['rejected']}/{frames['seen']}"
    return f"{at}{cells_of_target(view):>10}{shares}{tally['flagged']:>5}{tally['rejected']:>5}{finished:>10}"


def drift_lines(tally: Mapping[str, Any]) -> list[str]:
    """Return what leaves the range of what the weights were trained on and the hint, or that nothing does any more."""
    advice = drift_advice(tally)
    return remark("drift is over: the last cells look like those trained on" if advice is None else f"drift {advice}")


def scale_lines(tally: Mapping[str, Any]) -> list[str]:
    """Return which scale the red cells contradict and the hint, or that they contradict none any more."""
    return remark(scale_text(tally) or "the red cells contradict the scale no more")


def mark_lines(tally: Mapping[str, Any]) -> list[str]:
    """Return why the percentages carry a mark from now on, or that they do no more."""
    return remark(mark_text(tally) or f"no {MARK} any more: what was doubtful is so no more")


def table(view: View, only: str | None = None) -> Iterator[str]:
    """Yield the differential with its 95 % intervals, and where each frame stands.

    Parameters
    ----------
    view : View
        With its tally.
    only : str, optional
        The one share that is to be known so near, where there is a random review; every one unless given.
    """
    tally = view.tally
    if tally is None:
        return
    yield ""
    yield f"{'':<12}{'cells':>7}{'percent':>9}{'95 % interval':>16}"
    why = mark_text(tally)
    for name in ROWS:
        share = share_of(tally, name)
        percent = percent_text(share, marked=why is not None)
        yield f"{name:<12}{count_of(tally, name):>7}{percent:>9}{fine_limits_text(share):>16}"
    if why is not None:
        yield from fold(why)
    if (in_part := in_part_text(tally)) is not None:
        yield from fold(f"warning: {in_part}", rest="  ")
    if (twice := elsewhere_text(tally.get("pictures_elsewhere"))) is not None:
        yield from fold(f"warning: {twice}", rest="  ")
    if (targets := target_text(tally)) is not None:
        yield from fold(targets, rest="  ")
    for line in [*review_lines(tally), *(corrected_lines(tally, only) if tally.get("corrected") else [])]:
        yield from fold(line, rest="  ")
    yield from fold(
        f"{cells_of_target(view)} cells, {flagged_text(tally)}, {tally['rejected']} rejected. "
        "Frames: {seen} seen = {counted} counted + {rejected} rejected + {pending} pending.".format_map(tally["frames"])
    )
