"""``smearwatch worker``: judge cells for a hub."""

from typing import Annotated

import typer

from smearwatch.daemon.commands import options
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.child import RoleSpec
from smearwatch.daemon.running import join

app = typer.Typer(add_completion=False)


@app.command()
def worker(
    device: Annotated[
        str | None,
        typer.Option(metavar="DEVICE", help="auto, cpu, cuda, or one of several cards: cuda:1. [default: auto]"),
    ] = None,
    engine: options.Engine = None,
    weights: options.Weights = None,
    hub: options.Hub = None,
    config: options.Config = None,
    set_: options.Set = None,
) -> None:
    """Judge cells for the hub that is there, with the weights that it counts with.

    It waits for the hub, and goes on with it from session to session. Several may work for one hub. Stop with Ctrl-C.

    Example: smearwatch worker --device cpu
    """
    settings = load_settings(config, typed=set_ or (), device=device, engine=engine, weights=weights, hub=hub)
    plan = RunPlan(settings=settings, session="", told=frozenset(settings.model_fields_set))
    join(plan, "worker", [RoleSpec("worker", "smearwatch.daemon.worker:join")])
