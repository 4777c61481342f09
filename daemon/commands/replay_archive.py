"""All sessions of an archive counted again: the request, and what is printed of its results."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import typer

from smearwatch.daemon.columns import write_line
from smearwatch.daemon.commands.archive_options import ArchiveWronglyTyped, do_archive, print_failures
from smearwatch.daemon.config import Settings
from smearwatch.daemon.replaying import ARCHIVED_TASK
from smearwatch.daemon.tasks.over_archive import Outcome, Request
from smearwatch.daemon.weights import manifest_mark, weights_in_use

_SHOWN: Final = 20
# What decides a result, and is not the session's own.
_DECIDE: Final = (
    "um_per_px", "scale_from", "field_um", "target", "band_rule", "max_frame_bytes", "max_frame_pixels",
)  # fmt: skip


def replay_archive(
    archive: Path,
    results: Path,
    settings: Settings,
    networks: str | None,
    place: Literal["local", "ray"],
    processes: int,
    ray_address: str,
    *,
    compare_verdicts: bool,
    as_json: bool,
) -> None:
    """Replay every session of an archive, print how it went, and end with status 1 where one has no result.

    With ``compare_verdicts`` also where one differs from its record.
    """
    if networks == "auto":
        raise ArchiveWronglyTyped("--engine auto: each computer would choose its own", "name one, or none")
    weights = weights_in_use(settings).absolute()
    decides = {
        # Different processors and cards round otherwise: what is not said is the one that every computer has.
        "device": "cpu" if settings.device == "auto" else settings.device,
        **{name: each for name, each in settings.model_dump(mode="json").items() if name in _DECIDE},
    }
    request = Request(
        archive,
        results,
        ARCHIVED_TASK,
        {"settings": decides, "engine": networks, "weights_manifest": manifest_mark(weights)},
        {"weights": str(weights)},
    )
    outcome = do_archive(request, place, processes, ray_address)
    summary = _summary(outcome)
    if as_json:
        sys.stdout.write(json.dumps(summary) + "\n")
    else:
        for line in _lines(summary, results):
            write_line(sys.stdout, line)
    sys.stdout.flush()
    print_failures(outcome)
    if outcome.failed or (compare_verdicts and summary["differing"]):
        raise typer.Exit(1)


def _summary(outcome: Outcome) -> dict[str, Any]:
    cells = flagged = rejected = 0
    differing: dict[str, int] = {}
    for name in outcome.done:
        result = outcome.results.read(name)
        tally, comparison = result["tally"], result["comparison"]
        cells, flagged = cells + tally["cells"], flagged + tally["flagged"]
        rejected += tally["rejected"]
        if not comparison["identical"]:
            differing[name] = sum(comparison[key] for key in ("differing", "only_before", "only_after"))
    return {
        "sessions": len(outcome.done) + len(outcome.failed),
        "done": len(outcome.done),
        "done_before": len(outcome.earlier),
        "failed": outcome.failed,
        "cells": cells,
        "flagged": flagged,
        "rejected": rejected,
        "identical": len(outcome.done) - len(differing),
        "differing": differing,
    }


def _lines(summary: dict[str, Any], results: Path) -> Iterator[str]:
    rows = [
        ("sessions with a result", summary["done"], f"{summary['done_before']} of them from before"),
        ("sessions without one", len(summary["failed"]), ""),
        ("cells counted", summary["cells"], f"{summary['flagged']} flagged; {summary['rejected']} others rejected"),
        ("sessions as recorded", summary["identical"], "byte for byte"),
        ("sessions that differ", len(summary["differing"]), ""),
    ]
    for what, count, more in rows:
        yield f"{what:<24}{count:>9}  {more}".rstrip()
    worst = sorted(summary["differing"].items(), key=lambda each: (-each[1], each[0]))
    for name, outcomes in worst[:_SHOWN]:
        yield f"  {name}: {outcomes} {'outcome differs' if outcomes == 1 else 'outcomes differ'}"
    if len(worst) > _SHOWN:
        yield f"  and {len(worst) - _SHOWN} more"
    yield f"results in {results}"
