"""``smearwatch replay``: count the frames of a recorded session again, into a session of its own."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.daemon.columns import write_line
from smearwatch.daemon.commands.archive_options import (
    Archive,
    EnginesOption,
    ProcessesOption,
    RayAddressOption,
    ResultsOption,
    refuse_without_archive,
    results_folder,
    split_engines,
)
from smearwatch.daemon.commands.replay_archive import replay_archive
from smearwatch.daemon.compare_sessions import compare, print_comparison
from smearwatch.daemon.config import Settings, load_settings
from smearwatch.daemon.record.deletions import note_forgotten
from smearwatch.daemon.record.sessions import check_name, delete_session, find_session
from smearwatch.daemon.replaying import recorded_settings, replay_plan
from smearwatch.daemon.running import carry_out, print_summary
from smearwatch.daemon.wire.endpoints import private_dir

app = typer.Typer(add_completion=False)


class SpeedUnusable(ValueError):
    """A replay speed that is no number above zero."""

    wrongly_typed = True
    hint = "give a number above 0, or max"


class IntoUnusable(ValueError):
    """A replay into the session that it replays."""

    wrongly_typed = True
    hint = "give --into another name"


class SessionWronglyNamed(ValueError):
    """Neither a session nor an archive."""

    wrongly_typed = True
    hint = "name a recorded session, or give --archive and a folder of them"


@app.command()
def replay(
    session: Annotated[str | None, typer.Argument(help="The recorded session.")] = None,
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
    archive: Archive = None,
    results: ResultsOption = None,
    engine: EnginesOption = None,
    processes: ProcessesOption = 1,
    ray_address: RayAddressOption = "auto",
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML) instead of the usual one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Count the frames of a recorded session again, into a new session.

    Each frame keeps the scale that was used then, and the networks run as they
    did. With the same weights on the same machine the verdicts are the same. A
    session that ended at its target is counted up to the same cell. With
    --compare the new session is kept only if it differs, or if --into or --keep
    is given.

    --archive does so with every session of a folder, in processes of this
    computer or on a Ray cluster (--engine ray): a file of results for each,
    with all verdicts and what differs from the record. Interrupted, the same
    command goes on; a session that cannot be counted is named, and the others
    go on. No session is kept or changed.

    Example: smearwatch replay tuesday --compare
    """
    networks, place = split_engines(engine)
    settings = load_settings(config, weights=weights, engine=networks)
    if archive is not None:
        not_with = {"a session's name": session, "--into": into, "--keep": keep, "--speed": speed != "max"}
        folder = results_folder(results, not_with)
        replay_archive(
            archive,
            folder,
            settings,
            networks,
            place,
            processes,
            ray_address,
            compare_verdicts=compare_verdicts,
            as_json=as_json,
        )
        return
    refuse_without_archive(results, place)
    if session is None:
        raise SessionWronglyNamed("nothing to replay")
    folder = find_session(settings.state_dir, session)
    taken = recorded_settings(folder)
    settings = load_settings(config, weights=weights, **(taken | {"engine": networks or taken["engine"]}))
    if into == session:
        raise IntoUnusable(f"--into {into!r} is the recorded session itself")
    new = check_name(into or f"{session[:40]}-replay-{time.strftime('%Y%m%dT%H%M%S')}")
    plan = replay_plan(settings, session, new, speed=_speed(speed), as_json=as_json)
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
