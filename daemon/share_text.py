"""A class's share and its limits in words: one form in every summary, list and screen."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

DASH: Final = "\N{EN DASH}"
"""Stands where there is no value, and between the two ends of a range."""

MARK: Final = "?"
"""Stands behind each percentage that may be wrong, and before the words that say why."""


def percent_text(share: Mapping[str, float | None], *, marked: bool = False) -> str:
    """Return a share with one decimal, or a dash while there is none; five characters at most, marked or not."""
    value = share["value"]
    if value is None:
        return DASH
    text = f"{value:.1f}"
    return f"{text.removesuffix('.0') if len(text) > 4 else text}{MARK}" if marked else text


def mark_text(tally: Mapping[str, Any]) -> str | None:
    """Return why a tally's percentages may be wrong, behind the mark that they carry; None where they carry none."""
    return None if tally["mark"] is None else f"{MARK} {tally['mark']}"


def scale_text(tally: Mapping[str, Any]) -> str | None:
    """Return which scale the red cells contradict, and what to do about it; None while they contradict none."""
    scale = tally.get("scale_contradicted")
    return None if scale is None else f"scale contradicted: {scale['says']} ({scale['mend']})"


def fine_limits_text(share: Mapping[str, float | None]) -> str:
    """Return a 95 % interval with one decimal."""
    low, high = share["low"], share["high"]
    if low is None or high is None:
        return DASH
    return f"{low:.1f} {DASH} {high:4.1f}"


def share_line(name: str, count: int, share: Mapping[str, float | None], *, marked: bool = False) -> str:
    """Return a class's row in a summary: its cells, its share, and the share's limits."""
    percent = percent_text(share, marked=marked)
    unit = " " if share["value"] is None else "%"
    return f"  {name:<12}{count:>6}{percent:>8} {unit}   95 % interval {fine_limits_text(share):>12}"


def share_lines(tally: Mapping[str, Any]) -> list[str]:
    """Return the rows of all classes and of the neutrophils, and why they may be wrong where they are marked."""
    shares = {**tally["counts"], "neutrophils": tally["neutrophils"]}
    why = mark_text(tally)
    rows = [share_line(name, n, tally["percent"][name], marked=why is not None) for name, n in shares.items()]
    return rows if why is None else [*rows, why]


def review_lines(tally: Mapping[str, Any]) -> list[str]:
    """Return the result as reviewed, with a heading of its own, below the counted one; none where nobody labelled."""
    reviewed = tally.get("reviewed")
    if reviewed is None:
        return []
    labelled, changed = reviewed["labelled"], reviewed["changed"]
    open_ = [f"{reviewed[what]} {what}" for what in ("flagged", "rejected") if reviewed[what]]
    left = f"; not labelled yet: {', '.join(open_)}" if open_ else ""
    cells = "leukocyte" if reviewed["cells"] == 1 else "leukocytes"
    named = f"{labelled} {'cell' if labelled == 1 else 'cells'} labelled, {changed} of them renamed"
    return [f"as reviewed, {reviewed['cells']} {cells} ({named}{left}):", *named_lines(reviewed)]


def named_lines(reviewed: Mapping[str, Any]) -> list[str]:
    """Return the rows of a result that persons have named: classes, other nucleated cells, what was set aside."""
    shares = {**reviewed["counts"], "neutrophils": reviewed["neutrophils"]}
    marked = reviewed["mark"] is not None
    lines = [share_line(label_text(name), n, reviewed["percent"][name], marked=marked) for name, n in shares.items()]
    if reviewed["neutrophils_undivided"]:
        lines.append(f"  {reviewed['neutrophils_undivided']} of the neutrophils: band or segmented not told")
    for name, n in reviewed["others"].items():
        lines.append(f"  {label_text(name)}: {n}, {reviewed['others_per_100'][name] or 0:.1f} for each 100 leukocytes")
    if reviewed["set_aside"]:
        aside = (f"{n} {label_text(name)}" for name, n in reviewed["set_aside"].items())
        lines.append(f"  set aside: {', '.join(aside)}")
    return lines


def result_lines(tally: Mapping[str, Any]) -> list[str]:
    """Return the one result that a person signs: as reviewed, or as counted where nobody has labelled a cell."""
    if reviewed := review_lines(tally):
        return reviewed
    return [f"as counted, {tally['cells']} cells (nobody has labelled one):", *share_lines(tally)]


_LABELS: Final = {
    "neutrophil": "neutrophil, band or segmented not told",
    "erythroblast": "nucleated red cell",
    "other": "something else",
    "cannot_say": "can't say",
    "withdrawn": "no label",
}


_VERDICTS: Final = {"confirmed": "verifiers agree", "corrected": "verifiers' name"}


NOT_JUDGED: Final = "not judged"
"""What stands in the place of a class where nobody could judge a cell."""


def verdict_text(verdict: str) -> str:
    """Return a verdict as people read it: no word in it that could mean that a person has confirmed or corrected."""
    return _VERDICTS.get(verdict, verdict)


def label_text(label: str) -> str:
    """Return a label as a person says it; one of a laboratory's own without where it counts."""
    return _LABELS.get(label, label.rpartition(":")[2].replace("_", " "))


def target_text(tally: Mapping[str, Any], *, alone: bool = False) -> str | None:
    """Return how far a session is with its targets, or that they are reached; None where there are none.

    Parameters
    ----------
    alone
        Whether a single one that is not reached is said, too; screens that show how far it is need not.
    """
    targets = tally.get("targets") or []
    reached = tally.get("target_reached", False)
    if not reached and len(targets) < (1 if alone else 2):
        return None
    what, named = "target" if len(targets) == 1 else "targets", _targets_text(targets)
    if not reached:
        return f"{what}: {named}"
    result = tally.get("result_targets") or targets
    if not all(each["reached"] for each in result):
        return f"{what} reached as counted: {named}; as reviewed: {_targets_text(result)}"
    return f"{what} reached: {named}"


def _targets_text(targets: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join([_target_text(each) for each in targets if each["kind"] != "within"] + _within_texts(targets))


def description_text(tally: Mapping[str, Any]) -> str | None:
    """Return what people say of a session as a whole; None where they say nothing."""
    said = [f"{name} {tally[name]}" for name in ("title", "specimen", "operator", "note") if tally.get(name)]
    return ", ".join(said) or None


def _within_texts(targets: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return how certain shares are, and are to be; classes that are to be alike are said together."""
    alike: dict[float, list[Mapping[str, Any]]] = {}
    for each in targets:
        if each["kind"] == "within":
            alike.setdefault(each["wanted"], []).append(each)
    return [
        f"{each[0]['of'] if len(each) == 1 else f'{len(each)} classes'} \N{PLUS-MINUS SIGN}"
        f"{max(one['have'] for one in each):.1f} (wanted \N{PLUS-MINUS SIGN}{wanted:g})"
        for wanted, each in alike.items()
    ]


def _target_text(target: Mapping[str, Any]) -> str:
    return f"{target['have']} of {target['wanted']} {target['of']}"


def flagged_text(tally: Mapping[str, Any]) -> str:
    """Return how many cells are flagged, and how many of these for how they look."""
    unfamiliar = tally["unfamiliar"]
    return f"{tally['flagged']} flagged" + (
        f", {unfamiliar} look{'s' if unfamiliar == 1 else ''} unfamiliar" if unfamiliar else ""
    )


def rejected_text(tally: Mapping[str, Any]) -> str:
    """Return how many cells are rejected, and how many of these because they could not be judged."""
    poisoned = tally.get("poisoned")
    return f"{tally['rejected']} rejected" + (f" ({poisoned} could not be judged: look at it)" if poisoned else "")


def agreement_lines(shown: Mapping[str, Any]) -> list[str]:
    """Return in one line how many neutrophils the session's band rule disagrees with; none where it says nothing."""
    agreement = shown.get("band_rule_agreement")
    judged = agreement["neutrophils"] - agreement["not_judged"] if agreement else 0
    if not agreement or not judged:
        return []
    measured = "" if judged == agreement["neutrophils"] else " that were measured"
    neutrophils = f"{judged} {'neutrophil' if judged == 1 else 'neutrophils'}{measured}"
    unclear = f" ({agreement['unclear']} unclear)" if agreement["unclear"] else ""
    says = f"the band rule ({agreement['rule']}) disagrees with {agreement['disagree']} of {neutrophils}{unclear}"
    return [f"{says}; no verdict was changed"]
