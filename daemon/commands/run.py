"""``smearwatch run``: hub, capture and worker under one supervisor."""

import time
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.daemon.config import load_settings
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.sessions import check_name
from smearwatch.daemon.running import carry_out, tell
from smearwatch.daemon.watch_dir import check_watch_dir

app = typer.Typer()


@app.command()
def run(
    watch: Annotated[Path, typer.Option("--watch", metavar="DIR", help="Folder that the camera writes into.")],
    session: Annotated[str | None, typer.Option(help="Name of the session; an existing one is carried on.")] = None,
    um_per_px: Annotated[str | None, typer.Option("--um-per-px", metavar="X|auto", help="Scale of the frames.")] = None,
    scale_from: Annotated[
        str | None,
        typer.Option("--scale-from", help="Believe micrometer, metadata, configured or red_cells alone; else auto."),
    ] = None,
    calibration: Annotated[str | None, typer.Option(metavar="NAME", help="A stored calibration.")] = None,
    until_idle: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="SECONDS", help="End when no frame came for so long and nothing is pending."),
    ] = None,
    target: Annotated[int | None, typer.Option(min=1, help="How many cells the count aims at.")] = None,
    subfolders: Annotated[
        bool, typer.Option("--subfolders", help="Each subfolder of DIR is a session; --session goes before its name.")
    ] = False,
    stop_at_target: Annotated[bool, typer.Option("--stop-at-target", help="End once the target is reached.")] = False,
    weights: Annotated[Path | None, typer.Option(metavar="DIR", help="Other weights than the daemon's.")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML) instead of the usual one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
) -> None:
    """Count the leukocytes in the frames that arrive in a folder.

    Frames already there are counted too. Stop with Ctrl-C; starting again with the same session carries on.

    Example: smearwatch run --watch /srv/camera --session tuesday --target 200
    """
    settings = load_settings(
        config, um_per_px=um_per_px, scale_from=scale_from, calibration=calibration, target=target, weights=weights
    )
    plan = RunPlan(
        settings=settings,
        session=check_name(session or time.strftime("%Y-%m-%dT%H-%M-%S")),
        source="folder",
        watch_dir=check_watch_dir(watch),
        until_idle_s=until_idle,
        stop_at_target=stop_at_target,
        as_json=as_json,
    )
    if subfolders:
        # Loaded only now: a single session needs none of it.
        from smearwatch.daemon.foreman import carry_out_subfolders

        for result in carry_out_subfolders(plan, session):
            tell(result, as_json=as_json)
        return
    tell(carry_out(plan), as_json=as_json)
