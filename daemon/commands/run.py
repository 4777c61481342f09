"""``smearwatch run``: count the leukocytes in frames as they arrive."""

import time
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.daemon.commands.config import SetOption
from smearwatch.daemon.commands.source_choice import choose, print_sources
from smearwatch.daemon.commands.target_choice import choose_classes, choose_within
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.description import checked, whoever
from smearwatch.daemon.record.sessions import check_name
from smearwatch.daemon.running import carry_out, print_summary

app = typer.Typer(add_completion=False)


@app.command()
def run(
    watch: Annotated[
        Path | None, typer.Option("--watch", metavar="DIR", help="Folder that the camera writes into.")
    ] = None,
    camera: Annotated[
        str | None, typer.Option("--camera", metavar="INDEX|URL|PATH", help="Camera, network stream or video file.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="Another installed source of frames.")
    ] = None,
    source_option: Annotated[
        list[str] | None,
        typer.Option("--source-option", metavar="KEY=VALUE", help="An option for the source; may be repeated."),
    ] = None,
    list_sources: Annotated[
        bool, typer.Option("--list-sources", help="List the installed sources of frames and exit.")
    ] = False,
    session: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Name of the session; an existing session is continued. [default: date and time]"
        ),
    ] = None,
    carry_on: Annotated[
        bool,
        typer.Option(
            "--continue",
            help="Carry on a session that was begun on another folder or camera, or under another rule or weights.",
        ),
    ] = False,
    count_again: Annotated[
        bool,
        typer.Option("--count-again", help="Begin a session on a folder with pictures that another one has counted."),
    ] = False,
    specimen: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="Number of the specimen or order; never a patient's name."),
    ] = None,
    operator: Annotated[str | None, typer.Option(metavar="NAME", help="Who counts.")] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="Anything to be kept with the session.")] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="WHO", help="Who says so. [default: the operator, or this user]")
    ] = None,
    um_per_px: Annotated[
        str | None, typer.Option("--um-per-px", metavar="X|auto", help="Scale of the frames in micrometres per pixel.")
    ] = None,
    scale_from: Annotated[
        str | None,
        typer.Option(
            "--scale-from",
            metavar="SOURCE",
            help="Take the scale only from: micrometer, metadata, configured or red_cells.",
        ),
    ] = None,
    calibration: Annotated[str | None, typer.Option(metavar="NAME", help="Use this stored calibration.")] = None,
    until_idle: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="SECONDS", help="Stop when nothing has come for this long and all is counted."),
    ] = None,
    search_stain: Annotated[
        str | None,
        typer.Option(
            metavar="STAIN",
            help="as_photographed, or red_cells: search pale fields as if they were stained as usual. "
            "[default: as_photographed]",
        ),
    ] = None,
    band_rule: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help="Rule between band and segmented that is shown beside the verdicts, without changing them: "
            "filament, one-third, japan-2013 or none. [default: filament]",
        ),
    ] = None,
    target: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Wanted number of cells. [default: 100]")
    ] = None,
    target_class: Annotated[
        list[str] | None,
        typer.Option(metavar="CLASS=N", help="Wanted number of cells of a class, or neutrophils; may be repeated."),
    ] = None,
    target_within: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[CLASS=]POINTS",
            help="Wanted certainty: 95 % limits within plus and minus so many percent points, for each class or one.",
        ),
    ] = None,
    stop_at_target: Annotated[
        bool, typer.Option("--stop-at-target", help="Stop at the cell with which every target is reached.")
    ] = False,
    subfolders: Annotated[
        bool,
        typer.Option("--subfolders", help="Each subfolder of DIR becomes a session; --session is its prefix."),
    ] = False,
    weights: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Use these weights instead of the current ones.")
    ] = None,
    review: Annotated[
        bool | None,
        typer.Option(
            "--review/--no-review",
            help="Show the review page beside the count, for this session and the next. [default: no]",
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML) instead of the usual one.")] = None,
    set_: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Count the leukocytes in frames as they arrive in a folder or from a camera.

    Frames already in the folder are counted too, but not into two sessions. Stop with Ctrl-C; run it again
    with the same session to continue.

    Example: smearwatch run --watch /srv/camera --session tuesday --target 200
    """
    if list_sources:
        print_sources(as_json=as_json)
        return
    said = _said(specimen=specimen, operator=operator, note=note)
    if subfolders and specimen is not None:
        raise typer.BadParameter("each subfolder is a specimen of its own", param_hint="--specimen")
    name, options = choose(watch, camera, source, source_option or [])
    settings = load_settings(
        config,
        typed=set_ or (),
        um_per_px=um_per_px,
        scale_from=scale_from,
        calibration=calibration,
        search_stain=search_stain,
        band_rule=band_rule,
        target=target,
        weights=weights,
        review=review,
    )
    plan = RunPlan(
        settings=settings,
        session=check_name(time.strftime("%Y-%m-%dT%H-%M-%S") if session is None else session),
        source=name,
        source_options=options,
        until_idle_s=until_idle,
        stop_at_target=stop_at_target,
        target_classes=choose_classes(target_class or []),
        target_within=choose_within(target_within or []),
        carry_on=carry_on,
        count_again=count_again,
        said=said,
        said_by=checked("operator", by or "") or said.get("operator") or whoever(),
        as_json=as_json,
    )
    if subfolders:
        # Loaded only now: a single session needs none of it.
        from smearwatch.daemon.subfolders.scheduler import carry_out_subfolders

        for result in carry_out_subfolders(plan, session):
            print_summary(result, plan, as_json=as_json)
        return
    for each, result in carry_out(plan):
        print_summary(result, each, as_json=as_json)


def _said(**given: str | None) -> dict[str, str]:
    """Return what is said of the session; raises `DescriptionUnusable`."""
    said = {name: checked(name, text) for name, text in given.items() if text is not None}
    return {name: text for name, text in said.items() if text is not None}
