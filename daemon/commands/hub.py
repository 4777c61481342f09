"""``smearwatch hub``: keep a session's record, for whoever brings pictures and judges cells."""

import typer

from smearwatch.daemon.commands import options
from smearwatch.daemon.commands.planning import planned
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.running import carry_out, print_summary

app = typer.Typer(add_completion=False)


@app.command()
def hub(
    session: options.Session = None,
    carry_on: options.CarryOn = False,
    count_again: options.CountAgain = False,
    specimen: options.Specimen = None,
    operator: options.Operator = None,
    note: options.Note = None,
    by: options.By = None,
    um_per_px: options.UmPerPx = None,
    scale_from: options.ScaleFrom = None,
    until_idle: options.UntilIdle = None,
    search_stain: options.SearchStain = None,
    band_rule: options.BandRule = None,
    target: options.Target = None,
    target_class: options.TargetClass = None,
    target_within: options.TargetWithin = None,
    stop_at_target: options.StopAtTarget = False,
    weights: options.Weights = None,
    review: options.Review = None,
    listen: options.Listen = None,
    config: options.Config = None,
    set_: options.Set = None,
    as_json: options.AsJson = False,
) -> None:
    """Keep the record of a count whose parts are commands of their own: this, `capture` and `worker`.

    They start in any order and wait for each other. What decides a result is said here, and holds for all of them.
    Stop with Ctrl-C; run it again with the same session to continue.

    Example: smearwatch hub --session tuesday --target 200
    """
    plan = planned(
        (None, {}),
        load_settings(
            config,
            typed=set_ or (),
            um_per_px=um_per_px,
            scale_from=scale_from,
            search_stain=search_stain,
            band_rule=band_rule,
            target=target,
            weights=weights,
            review=review,
            listen=listen,
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
    for each, result in carry_out(plan):
        print_summary(result, each, as_json=as_json)
