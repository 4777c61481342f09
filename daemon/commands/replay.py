"""``smearwatch replay``: count the frames of a recorded session again, into a session of its own."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from smearwatch.daemon.columns import write_line
from smearwatch.daemon.compare_sessions import compare, print_comparison
from smearwatch.daemon.config import Settings, load_settings
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.deletions import note_forgotten
from smearwatch.daemon.record.events import Counted, Opened
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import check_name, delete_session, find_session
from smearwatch.daemon.running import carry_out, print_summary
from smearwatch.daemon.wire.endpoints import private_dir

app = typer.Typer(add_completion=False)

# What was done before there was a setting for it.
_AS_BEFORE = {"search_stain": "as_photographed", "judged_view": "first"}


class SpeedUnusable(ValueError):
    """A replay speed that is no number above zero."""

    wrongly_typed = True
    hint = "give a number above 0, or max"


class IntoUnusable(ValueError):
    """A replay into the session that it replays."""

    wrongly_typed = True
    hint = "give --into another name"


@app.command()
def replay(
    session: Annotated[str, typer.Argument(help="The recorded session.")],
    weights: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Use these weights instead of the current ones.")
    ] = None,
    compare_verdicts: Annotated[
        bool, typer.Option("--compare", help="Compare the verdicts cell by cell; exit 1 if any differ.")
    ] = False,
    speed: Annotated[str, typer.Option(metavar="X|max", help="Pace: 1 as recorded, max without waiting.")] = "max",
    into: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the new session.")] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the new session of --compare, even if all verdicts are the same.")
    ] = False,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="auto, eager, fused, bf16 or graph. [default: the one that gave the verdicts]"
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML) instead of the usual one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Count the frames of a recorded session again, into a new session.

    Each frame keeps the scale that was used then, and the networks run as they
    did. With the same weights on the same machine the verdicts are the same. A
    session that ended at its target is counted up to the same cell. With
    --compare the new session is kept only if it differs, or if --into or --keep
    is given.

    Example: smearwatch replay tuesday --compare
    """
    settings = load_settings(config, weights=weights)
    folder = find_session(settings.state_dir, session)
    ended = _ended_at_target(folder)
    target: dict[str, Any] = {} if ended is None else {"target": ended.target}
    recorded = _recorded(folder)
    settings = load_settings(config, weights=weights, **(recorded | {"engine": engine or recorded["engine"]}), **target)
    if into == session:
        raise IntoUnusable(f"--into {into!r} is the recorded session itself")
    plan = RunPlan(
        settings=settings,
        session=check_name(into or f"{session[:40]}-replay-{time.strftime('%Y%m%dT%H%M%S')}"),
        source="replay",
        source_options={"session": session, "speed": _speed(speed)},
        stop_at_target=ended is not None,
        target_classes=dict(ended.targets.classes) if ended is not None and ended.targets else {},
        target_within=dict(ended.targets.within) if ended is not None and ended.targets else {},
        as_json=as_json,
    )
    with _beside(settings) as beside:
        ((_, result),) = carry_out(plan.model_copy(update={"settings": beside}))
    if not compare_verdicts:
        print_summary(result, plan, as_json=as_json)
        return
    comparison = compare(plan.settings.state_dir, session, plan.session)
    kept = keep or into is not None or not comparison["identical"]
    print_summary({**result, "comparison": comparison, "kept": kept}, plan, as_json=as_json)
    if not kept:
        delete_session(
            plan.settings.state_dir,
            plan.session,
            lambda folder, _: note_forgotten(folder, "a replay with the same result"),
        )
    if not as_json:
        print_comparison(comparison)
        stands = "is kept: `smearwatch sessions delete` removes it" if kept else "is the same, so it is not kept"
        write_line(sys.stdout, f"session {plan.session} {stands}")
    if not comparison["identical"]:
        raise typer.Exit(1)


def _recorded(folder: Path) -> dict[str, Any]:
    """Return the settings that decide which cells are found and are in no frame, as the session had them last.

    And the engine of its last verdict: another one's numbers may differ in their last digits.
    """
    kept: dict[str, Any] = {}
    engine = "eager"
    with LedgerReader.read(folder) as ledger:
        for recorded in ledger.events():
            if isinstance(recorded.event, Opened):
                kept = {name: recorded.event.settings.get(name, before) for name, before in _AS_BEFORE.items()}
            elif isinstance(recorded.event, Counted) and not recorded.event.poisoned:
                engine = recorded.event.engine or "eager"
    return kept | {"engine": engine}


def _ended_at_target(folder: Path) -> Opened | None:
    """Return how the run began that counted the last cell, where it was to end at its target: so is a replay."""
    opened = counted_by = None
    with LedgerReader.read(folder) as ledger:
        for recorded in ledger.events():
            if isinstance(recorded.event, Opened):
                opened = recorded.event
            elif isinstance(recorded.event, Counted):
                counted_by = opened
    return counted_by if counted_by is not None and counted_by.settings.get("stop_at_target") else None


@contextmanager
def _beside(settings: Settings) -> Iterator[Settings]:
    """Yield the replay sockets of its own, so that a daemon on this host goes on undisturbed; none are left behind."""
    runtime_dir = private_dir(settings.runtime_dir, passable=settings.has_groups) / f"replay-{os.getpid()}"
    try:
        yield settings.model_copy(update={"runtime_dir": runtime_dir})
    finally:
        shutil.rmtree(runtime_dir, ignore_errors=True)


def _speed(text: str) -> str:
    try:
        speed = 1.0 if text == "max" else float(text)
    except ValueError:
        speed = 0.0
    if not 0.0 < speed < float("inf"):
        raise SpeedUnusable(f"--speed {text!r} is no usable speed")
    return text
