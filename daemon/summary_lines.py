"""What a run counted, as lines for a person."""

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from smearwatch.daemon.columns import fold
from smearwatch.daemon.corrected_text import corrected_lines
from smearwatch.daemon.elsewhere_text import elsewhere_text
from smearwatch.daemon.in_part_text import in_part_text
from smearwatch.daemon.left_text import MOST_LEFT, left_text, mixed_text, not_read_text
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.classes import CLASSES
from smearwatch.daemon.share_text import (
    agreement_lines,
    description_text,
    flagged_text,
    rejected_text,
    review_lines,
    scale_text,
    share_lines,
    target_text,
)
from smearwatch.daemon.sign_text import sign_lines
from smearwatch.daemon.weights import PromotedWeightsDamaged, weights_in_use


def summary_lines(result: Mapping[str, Any], *, scales: Iterable[str] = (), stages: bool = False) -> list[str]:
    """Return a run's summary; each line fits a terminal.

    Parameters
    ----------
    result : mapping
        The summary as ``run --json`` prints it.
    scales : iterable of str
        The session's lines about scale.
    stages : bool
        Whether how long each stage took is shown: that is for developers.
    """
    frames, reasons = result["frames"], result["rejected_by_reason"]
    why = ", ".join(f"{n} {reason.replace('_', ' ')}" for reason, n in reasons.items())
    rejected = f" ({why})" if reasons else ""
    again = f"{result['seen_again']} seen again"
    again += f" ({result['judged_again']} of them judged in a better view)" if result["judged_again"] else ""
    lines = [
        "",
        *_folded(
            f"session {result['session']}: {result['cells']} {'cell' if result['cells'] == 1 else 'cells'} counted, "
            f"{result['cells_found']} found "
            f"({result['at_edge']} cut by the edge, {again}, {rejected_text(result)}), "
            f"{flagged_text(result)}"
        ),
        *(_folded(said) if (said := description_text(result)) is not None else []),
        *_folded(
            f"frames: {frames['seen']} seen = {frames['counted']} counted + {frames['rejected']} rejected{rejected} "
            f"+ {frames['pending']} pending"
        ),
        *(_folded(f"which were rejected, and why: smearwatch sessions show {result['session']}") if reasons else []),
        *(_folded(f"warning: {in_part}") if (in_part := in_part_text(result)) is not None else []),
        *(_folded(f"warning: {left}") if (left := left_text(result, MOST_LEFT)) is not None else []),
        *(_folded(f"warning: {kinds}") if (kinds := not_read_text(result)) is not None else []),
    ]
    if (twice := elsewhere_text(result.get("pictures_elsewhere"))) is not None:
        lines += _folded(f"warning: {twice}")
    for scale in (*scales, scale_text(result), mixed_text(result, MOST_LEFT)):
        lines += _folded(scale) if scale is not None else []
    if (target := target_text(result, alone=True)) is not None:
        lines += _folded(target)
    lines += share_lines(result)
    for line in [*review_lines(result), *(corrected_lines(result) if result.get("corrected") else [])]:
        lines += _folded(line)
    for line in agreement_lines(result):
        lines += _folded(line)
    if result["drifted"]["episodes"]:
        lines += _folded(_drift_line(result))
    if stages and result["stages_ms"]:
        times = (f"{name.replace('_', ' ')} {stage['median_ms']:.1f}" for name, stage in result["stages_ms"].items())
        lines += _folded(f"median ms by stage: {' · '.join(times)}")
    lines.append(RESEARCH_USE)
    for line in sign_lines(result):
        lines += _folded(line)
    return lines


def how_to_go_on(result: Mapping[str, Any], plan: RunPlan, after: RunPlan | None = None) -> str | None:
    """Return how to count what still waits, None where nothing does; ``after`` is the next specimen's plan."""
    waiting, left = result["frames"]["pending"], result.get("files_left", 0)
    if not waiting and not left:
        return None
    frames = "1 frame waits" if waiting == 1 else f"{waiting} frames wait"
    if plan.stop_at_target and result["target_reached"]:
        counted = "1 frame was" if waiting + left == 1 else f"{waiting + left} frames were"
        frames = f"the target was reached; {counted} not read, or not to the end"
    elif left:
        files = "1 file was" if left == 1 else f"{left} files were"
        frames = f"{f'{frames}, and ' if waiting else ''}{files} not read"
    if plan.watch_dir is not None and plan.session == result["session"]:
        command = f"smearwatch run --watch {shlex.quote(str(plan.watch_dir))} --session {plan.session}"
        # Another scale would make other cells of the same session; the rest may be given again or not.
        command += f" --um-per-px {plan.um_per_px:g}" if plan.um_per_px is not None else ""
        # Under another rule, with another search or other weights it would not be carried on unasked.
        if (rule := plan.settings.band_rule) != type(plan.settings).model_fields["band_rule"].default:
            command += f" --band-rule {shlex.quote(rule)}"
        if (search := plan.settings.search_stain) != type(plan.settings).model_fields["search_stain"].default:
            command += f" --search-stain {search}"
        if (weights := plan.settings.weights) is not None and weights != _usual_weights(plan):
            command += f" --weights {shlex.quote(str(weights))}"
        command += _targets(plan)
        command += " --stop-at-target" if plan.stop_at_target and not result["target_reached"] else ""
        then = "" if after is None else f" (once this run has ended; session {after.session} goes on after it)"
        return f"{frames}; to go on: {command}{then}"
    if plan.session == result["session"]:
        return f"{frames}; to go on, run it again with --session {plan.session}"
    return f"{frames} in session {result['session']}; to go on, give the same command again"


def _usual_weights(plan: RunPlan) -> Path | None:
    """Return the weights of a run that names none, None where that cannot be said."""
    try:
        return weights_in_use(plan.settings.model_copy(update={"weights": None}))
    except PromotedWeightsDamaged:
        return None


def _targets(plan: RunPlan) -> str:
    """Return the options of a run's targets; another start has those that it is given, and no others."""
    target = plan.settings.target
    words = [f"--target {target}"] if target != type(plan.settings).model_fields["target"].default else []
    words += [f"--target-class {name}={cells}" for name, cells in plan.target_classes.items()]
    within = plan.target_within
    if set(within) == set(CLASSES) and len(set(within.values())) == 1:
        words.append(f"--target-within {next(iter(within.values())):g}")
    else:
        words += [f"--target-within {name}={points:g}" for name, points in within.items()]
    return "".join(f" {word}" for word in words)


def _folded(text: str) -> list[str]:
    return fold(text, rest="  ")


def _drift_line(result: Mapping[str, Any]) -> str:
    """Explain that cells left the range of what the weights were trained on, and whether they still do."""
    drift, drifted = result["drift"], result["drifted"]
    text = f"drift: {drifted['cells']} cells judged outside the range of what the weights were trained on"
    return (
        f"{text}, the last ones not"
        if drift is None
        else f"{text}, since cell {drift['since_cell']}: {drift['says']} ({drift['mend']})"
    )
