"""``smearwatch run``: count the leukocytes in frames as they arrive."""

from typing import Annotated

import typer

from smearwatch.daemon.commands import options
from smearwatch.daemon.commands.planning import planned
from smearwatch.daemon.commands.source_choice import choose, print_sources
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.running import carry_out, print_summary

app = typer.Typer(add_completion=False)


@app.command()
def run(
    watch: options.Watch = None,
    camera: options.Camera = None,
    source: options.Source = None,
    source_option: options.SourceOption = None,
    list_sources: options.ListSources = False,
    session: options.Session = None,
    carry_on: options.CarryOn = False,
    count_again: options.CountAgain = False,
    specimen: options.Specimen = None,
    operator: options.Operator = None,
    note: options.Note = None,
    by: options.By = None,
    um_per_px: options.UmPerPx = None,
    scale_from: options.ScaleFrom = None,
    calibration: options.Calibration = None,
    until_idle: options.UntilIdle = None,
    search_stain: options.SearchStain = None,
    band_rule: options.BandRule = None,
    target: options.Target = None,
    target_class: options.TargetClass = None,
    target_within: options.TargetWithin = None,
    stop_at_target: options.StopAtTarget = False,
    subfolders: Annotated[
        bool,
        typer.Option("--subfolders", help="Each subfolder of DIR becomes a session; --session is its prefix."),
    ] = False,
    weights: options.Weights = None,
    review: options.Review = None,
    config: options.Config = None,
    set_: options.Set = None,
    as_json: options.AsJson = False,
) -> None:
    """Count the leukocytes in frames as they arrive in a folder or from a camera.

    Frames already in the folder are counted too, but not into two sessions. Stop with Ctrl-C; run it again
    with the same session to continue.

    Example: smearwatch run --watch /srv/camera --session tuesday --target 200
    """
    if list_sources:
        print_sources(as_json=as_json)
        return
    if subfolders and specimen is not None:
        raise typer.BadParameter("each subfolder is a specimen of its own", param_hint="--specimen")
    plan = planned(
        choose(watch, camera, source, source_option or []),
        load_settings(
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
        ),
        session=session,
        carry_on=carry_on,
        count_again=count_again,
        said={"specimen": specimen, "operator": operator, "note": note},
        by=by,
        until_idle=until_idle,
        target_class=target_class,
        target_within=target_within,
        stop_at_target=stop_at_target,
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
