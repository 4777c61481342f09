"""``smearwatch capture``: bring pictures to a hub, and find the cells in them."""

import typer

from smearwatch.daemon.commands import options
from smearwatch.daemon.commands.source_choice import choose, print_sources
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.child import RoleSpec
from smearwatch.daemon.running import join

app = typer.Typer(add_completion=False)


@app.command()
def capture(
    watch: options.Watch = None,
    camera: options.Camera = None,
    source: options.Source = None,
    source_option: options.SourceOption = None,
    list_sources: options.ListSources = False,
    calibration: options.Calibration = None,
    hub: options.Hub = None,
    config: options.Config = None,
    set_: options.Set = None,
) -> None:
    """Bring frames from a folder or camera to the hub that is there, and find the cells in them.

    It waits for the hub, and goes on with it from session to session; the session and what decides its result are said
    there. Stop with Ctrl-C.

    Example: smearwatch capture --watch /srv/camera
    """
    if list_sources:
        print_sources(as_json=False)
        return
    name, given = choose(watch, camera, source, source_option or [])
    settings = load_settings(config, typed=set_ or (), calibration=calibration, hub=hub)
    plan = RunPlan(
        settings=settings, session="", source=name, source_options=given, told=frozenset(settings.model_fields_set)
    )
    specs = [
        RoleSpec("source", "smearwatch.daemon.joining:source"),
        RoleSpec("finder", "smearwatch.capture.finder.role:main"),
    ]
    join(plan, "capture", specs)
