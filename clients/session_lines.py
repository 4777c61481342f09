"""Recorded sessions as lines for a person: a list with headings, and one session in full."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from smearwatch.clients.beside_lines import beside_lines
from smearwatch.clients.wording import drift_advice, drifted_text
from smearwatch.daemon.columns import fold, size_text
from smearwatch.daemon.corrected_text import corrected_lines
from smearwatch.daemon.elsewhere_text import elsewhere_text
from smearwatch.daemon.in_part_text import in_part_text
from smearwatch.daemon.left_text import MOST_LEFT, left_text, mixed_text, not_read_text
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.share_text import (
    agreement_lines,
    description_text,
    flagged_text,
    label_text,
    rejected_text,
    review_lines,
    scale_text,
    share_lines,
    target_text,
)
from smearwatch.daemon.sign_text import how_to_verify, sign_lines, when_text

_WIDEST_NAME: Final = 22
"""A longer name stands on a line of its own, whole, so that it can be copied; its figures follow below it."""

_MOST_REJECTED: Final = 12
_MEASURED: Final = {
    "underexposed": "the brightest of it is {} of 255",
    "overexposed": "share of it that is saturated: {}",
    "empty": "hardly anything is in it: {}",
    "not_a_smear": "strength of its stain: {}",
    "out_of_focus": "sharpness {}",
    "moving": "sharpness of one direction by that of the other: {}",
}
"""What the number of a picture's rejection is."""
"""Of the rejected pictures so many are named."""

_MARKS: Final = {
    "*": "running: it is being counted now",
    "\N{CHECK MARK}": "signed by a person",
    "~": "amended since it was signed: to be signed again",
    "<": "taken in from a file",
}


def list_lines(sessions: Sequence[Mapping[str, Any]], *, folded: bool) -> Iterator[str]:
    """Yield a heading and one row for each session.

    Parameters
    ----------
    sessions : sequence of mapping
        As `smearwatch.clients.commands.sessions` describes them.
    folded : bool
        Whether every row is to fit a terminal: then a long name has a line of its own, and so has what is said of it.
    """
    longest = max((len(_marked(described)) for described in sessions), default=0)
    width = max(len("session"), min(longest, _WIDEST_NAME) if folded else longest)
    yield f"{'session':<{width}}{'size':>10}  {'begun':<16}{'frames':>8}{'waiting':>8}{'judged':>7}{'labels':>7}"
    for described in sessions:
        name = _marked(described)
        if len(name) > width:
            yield name
            name = ""
        said = description_text(described)
        beside = f"  {said}" if said and not folded else ""
        yield f"{name:<{width}}{size_text(described['size_bytes']):>10}  {_figures(described)}{beside}"
        if said and folded:
            yield from fold(said, first="  ", rest="  ")
    for mark, means in _MARKS.items():
        if any(mark in _marks(described) for described in sessions):
            yield f"{mark} {means}"


def _marks(described: Mapping[str, Any]) -> str:
    holds = (described["running"], described.get("signed_by"), described.get("amended"), described.get("imported"))
    return "".join(mark for mark, is_so in zip(_MARKS, holds, strict=True) if is_so)


def _marked(described: Mapping[str, Any]) -> str:
    return f"{described['session']} {_marks(described)}".rstrip()


def _figures(described: Mapping[str, Any]) -> str:
    if described["fault"]:
        return "cannot be read"
    numbers = (("frames_seen", 8), ("frames_pending", 8), ("cells_judged", 7), ("cells_labelled", 7))
    begun = when_text(described["began_at_ns"])[:16]
    return f"{begun:<16}{''.join(f'{described[key]:>{wide}}' for key, wide in numbers)}"


def no_digest_text(thumbnails: int) -> str:
    """Return what is said of small pictures that no entry vouches for; nothing where there are none."""
    if not thumbnails:
        return ""
    are = "small picture has" if thumbnails == 1 else "small pictures have"
    return f"{thumbnails} {are} no digest, for an earlier version recorded them: whether they were changed is not known"


def fault_lines(sessions: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield for each session that cannot be read what is wrong with it, in one line."""
    for described in sessions:
        if described["fault"]:
            yield f"{described['session']} is unreadable: {described['fault']}"


def show_lines(
    shown: Mapping[str, Any], scales: Iterable[str], only: str | None = None, *, all_rejected: bool = False
) -> list[str]:
    """Return a session in full: when, by which rule and scale, its frames and cells, its differential.

    Parameters
    ----------
    shown : mapping
        What ``sessions show --json`` prints.
    scales : iterable of str
        Its lines about scale.
    only : str, optional
        The one share of which it is said what would bring it nearer.
    all_rejected : bool
        Whether all pictures that were rejected are named, and not the first ones alone.
    """
    frames, reasons = shown["frames"], shown["rejected_by_reason"]
    named = ", ".join(f"{n} {reason.replace('_', ' ')}" for reason, n in reasons.items())
    why = f" ({named})" if reasons else ""
    lines = [
        f"{shown['session']}: {when_text(shown['began_at_ns'])} to {when_text(shown['last_at_ns'])}, "
        f"{size_text(shown['size_bytes'])}{', running' if shown['running'] else ''}",
        *_description(shown),
        *([f"on the same folder or camera after session {before}"] if (before := shown.get("follows")) else []),
        *([f"warning: {twice}"] if (twice := elsewhere_text(shown.get("pictures_elsewhere"))) else []),
        *_imported(shown.get("imported")),
        *([f"ended where session {after} begins"] if (after := shown.get("followed_by")) else []),
        _band_rule(shown.get("band_rule", "not recorded")),
        *agreement_lines(shown),
        *_extra_classes(shown),
        *scales,
        *([contradicted] if (contradicted := scale_text(shown)) is not None else []),
        *([f"  {mixed}"] if (mixed := mixed_text(shown, None if all_rejected else MOST_LEFT)) is not None else []),
        *(f"  in doubt: {name}" for name in (shown.get("scale_contradicted") or {}).get("in_doubt", ())),
        f"frames: {frames['seen']} seen = {frames['counted']} counted + {frames['rejected']} rejected{why} "
        f"+ {frames['pending']} pending",
        *_rejected(shown.get("rejected_frames", ()), None if all_rejected else _MOST_REJECTED),
        *([f"warning: {in_part}"] if (in_part := in_part_text(shown)) is not None else []),
        *([f"warning: {left}"] if (left := left_text(shown, None if all_rejected else MOST_LEFT)) is not None else []),
        *([f"warning: {kinds}"] if (kinds := not_read_text(shown)) is not None else []),
        f"cells: {shown['cells_found']} found = {shown['cells']} counted ({flagged_text(shown)}) + "
        f"{rejected_text(shown)} + {shown['at_edge']} cut by the edge + {shown['seen_again']} seen again + "
        f"{shown['cells_pending']} pending",
        f"frames that overlapped no earlier one when they were searched: {shown['frames_unplaced']}",
        f"cells judged again on a better view: {shown['judged_again']}",
        f"labelled by a person: {shown['cells_labelled']} {'cell' if shown['cells_labelled'] == 1 else 'cells'}",
        f"drift: {drift_advice(shown) or drifted_text(shown) or 'none'}",
        *([target] if (target := target_text(shown, alone=True)) is not None else []),
        f"as counted, {shown['cells']} {'cell' if shown['cells'] == 1 else 'cells'}, rejected ones excluded:",
    ]
    results = [*share_lines(shown), *review_lines(shown), *corrected_lines(shown, only), *beside_lines(shown)]
    next_lines = [] if shown["running"] else how_to_verify(shown)
    return [*lines, *results, RESEARCH_USE, *sign_lines(shown), *next_lines]


def _description(shown: Mapping[str, Any]) -> list[str]:
    said = description_text(shown)
    if not shown.get("described"):
        return []
    changed = f" (changed, last by {shown['described_by']})" if shown["described"] > 1 else ""
    return [f"{said or 'nothing is said of it any more'}{changed}"]


def _imported(came: Mapping[str, Any] | None) -> list[str]:
    if came is None:
        return []
    frames = "" if came["frames"] == "all" else ", without its frames"
    names = ", with tokens in the place of names" if came["deidentified"] else ""
    entries = f"{came['events']} {'entry' if came['events'] == 1 else 'entries'}"
    when = when_text(came["imported_at_ns"])
    what = f"{entries} of session {came['session']}{frames}{names}"
    return [f"imported from {came['archive']} by {came['by']} on {when}: {what}"]


def _rejected(frames: Sequence[Mapping[str, Any]], most: int | None) -> Iterator[str]:
    """Yield the pictures that were rejected, the first of many."""
    for each in frames[:most]:
        yield f"  rejected: {each['name']}: {each['reason'].replace('_', ' ')} ({_why_rejected(each)})"
    if most is not None and (more := len(frames) - most) > 0:
        yield f"  and {more} more (all of them: --all)"


def _why_rejected(each: Mapping[str, Any]) -> str:
    """Return what was measured and what it is, or the record's own words where it has more than a number."""
    words, at, number = str(each["detail"]).rpartition(" at ")
    measure = _MEASURED.get(each["reason"])
    if not at or measure is None or words.replace(" ", "_") != each["reason"]:
        return str(each["detail"])
    return measure.format(number)


def _band_rule(rule: str) -> str:
    return rule if "rule" in rule.partition(":")[0] else f"band rule: {rule}"


def _extra_classes(shown: Mapping[str, Any]) -> list[str]:
    where = {"leukocyte": "among the leukocytes", "per_100": "for each 100 leukocytes"}
    named = [f"{label_text(each['name'])} ({where[each['counts']]})" for each in shown.get("extra_classes", ())]
    return [f"extra classes: {', '.join(named)}"] if named else []
