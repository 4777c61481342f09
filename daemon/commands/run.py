"""``smearwatch run``: hub, capture and worker under one supervisor."""

import time
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.daemon.commands.source_choice import choose, tell_sources
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.sessions import check_name
from smearwatch.daemon.running import carry_out, tell

app = typer.Typer()


@app.command()
def run(
    watch: Annotated[
        Path | None, typer.Option("--watch", metavar="DIR", help="Folder that the camera writes into.")
    ] = None,
    camera: Annotated[
        str | None, typer.Option("--camera", metavar="INDEX|URL|PATH", help="Camera, network stream or video file.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="Any source of frames that is installed.")
    ] = None,
    source_option: Annotated[
        list[str] | None, typer.Option("--source-option", metavar="KEY=VALUE", help="For the source; may be repeated.")
    ] = None,
    list_sources: Annotated[
        bool, typer.Option("--list-sources", help="Say which sources are installed, and end.")
    ] = False,
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
    search_stain: Annotated[
        str | None,
        typer.Option(
            metavar="as_photographed|red_cells", help="red_cells: pale fields are searched as if stained as usual."
        ),
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
    """Count the leukocytes in the frames that arrive in a folder, or that a camera sees.

    Frames already in the folder are counted too. Stop with Ctrl-C; starting again with the same session carries on.

    Example: smearwatch run --watch /srv/camera --session tuesday --target 200
    """
    if list_sources:
        tell_sources(as_json=as_json)
        return
    name, options = choose(watch, camera, source, source_option or [])
    settings = load_settings(
        config,
        um_per_px=um_per_px,
        scale_from=scale_from,
        calibration=calibration,
        search_stain=search_stain,
        target=target,
        weights=weights,
    )
    plan = RunPlan(
        settings=settings,
        session=check_name(time.strftime("%Y-%m-%dT%H-%M-%S") if session is None else session),
        source=name,
        source_options=options,
        until_idle_s=until_idle,
        stop_at_target=stop_at_target,
        as_json=as_json,
    )
    if subfolders:
        # Loaded only now: a single session needs none of it.
        from smearwatch.daemon.subfolders.scheduler import carry_out_subfolders

        for result in carry_out_subfolders(plan, session):
            tell(result, as_json=as_json)
        return
    tell(carry_out(plan), as_json=as_json)
