"""A run from its plan to its summary: which roles it needs, and what the ledger says in the end."""

import json
import sys
from dataclasses import asdict
from typing import Any

import typer

from smearwatch.daemon.child import RoleSpec
from smearwatch.daemon.known_sources import find_source
from smearwatch.daemon.log import configure
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.events import Closed
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.record.tally import TallyFold, tally_json
from smearwatch.daemon.supervisor import Outcome, Supervisor
from smearwatch.daemon.weights import weights_in_use


class RunFailed(RuntimeError):
    """A run that could not be kept going."""

    mend = "see the lines above; what was counted is in the session, and running it again carries on"


def roles(plan: RunPlan) -> list[RoleSpec]:
    """Give the roles of a run in the order of starting: the hub first, the reader of its feed last."""
    workers = [
        RoleSpec(f"worker-{number}", "smearwatch.daemon.worker:main") for number in range(1, plan.settings.workers + 1)
    ]
    return [
        RoleSpec("hub", "smearwatch.daemon.hub.role:main", ends_the_run=True),
        *workers,
        RoleSpec("finder", "smearwatch.capture.finder_role:main"),
        RoleSpec("source", "smearwatch.daemon.source_role:main"),
        RoleSpec("lines", "smearwatch.clients.lines_role:main"),
    ]


def carry_out(plan: RunPlan) -> dict[str, Any]:
    """Run a plan to its end and give its summary.

    Raises
    ------
    SourceUnusable
        When no installed package offers the plan's source.
    RunFailed
        When a role could not be kept alive. One that said itself what is wrong leads to exit status 1 alone.
    """
    configure(plan.settings.log_level, role="supervisor")
    find_source(plan.source)  # said here, before anything is started, and not by a child
    # Decided once, so that a worker that is restarted goes on with the same weights, whatever was promoted meanwhile.
    settings = plan.settings.model_copy(update={"weights": weights_in_use(plan.settings)})
    plan = plan.model_copy(update={"settings": settings})
    outcome: Outcome = Supervisor(plan, roles(plan)).run()
    if not outcome.ok:
        if outcome.why:
            raise RunFailed(outcome.why)
        raise typer.Exit(1)
    return summary(plan)


def summary(plan: RunPlan) -> dict[str, Any]:
    """Fold the whole ledger once more, independently of the hub, and say what it holds."""
    fold, last, closed = TallyFold(), 0, None
    with Ledger.read(session_folder(plan.settings.state_dir, plan.session)) as ledger:
        for recorded in ledger.events():
            fold.apply(recorded.event)
            last = recorded.number
            closed = recorded.event if isinstance(recorded.event, Closed) else closed
    stages = {name: asdict(stage) for name, stage in closed.stages.items()} if closed else {}
    counters = dict(closed.counters) if closed else {}
    return {
        **tally_json(fold, plan.session, last),
        "balanced": fold.balanced,
        "stages_ms": stages,
        "counters": counters,
        "final": True,
    }


def tell(result: dict[str, Any], *, as_json: bool) -> None:
    """Print the summary: one JSON object, or a few lines for a person."""
    if as_json:
        typer.echo(json.dumps(result))
        sys.stdout.flush()
        return
    for line in _lines(result):
        typer.echo(line)


def _lines(result: dict[str, Any]) -> list[str]:
    frames, reasons = result["frames"], result["rejected_by_reason"]
    rejected = f" ({', '.join(f'{n} {reason}' for reason, n in reasons.items())})" if reasons else ""
    again = f"{result['seen_again']} seen again"
    again += f" ({result['judged_again']} of them judged in a better view)" if result["judged_again"] else ""
    lines = [
        "",
        f"session {result['session']}: {result['cells']} cells counted, {result['cells_found']} found "
        f"({result['at_edge']} cut by the edge, {again}, {result['rejected']} rejected), "
        f"{result['flagged']} flagged",
        f"frames: {frames['seen']} seen = {frames['counted']} counted + {frames['rejected']} rejected{rejected} "
        f"+ {frames['pending']} pending",
    ]
    shares = {**result["counts"], "neutrophils": result["neutrophils"]}
    for name, count in shares.items():
        share = result["percent"][name]
        value = "-" if share["value"] is None else f"{share['value']:.1f}"
        lines.append(f"  {name:<12}{count:>6}{value:>8} %   95 % interval {share['low']:.1f} to {share['high']:.1f}")
    if result["drifted"]["episodes"]:
        lines.append(_drift_line(result))
    if result["stages_ms"]:
        stages = (f"{name} {stage['median_ms']:.1f}" for name, stage in result["stages_ms"].items())
        lines.append(f"median ms by stage: {' · '.join(stages)}")
    lines.append("For Research Use Only. Not for use in diagnostic procedures. Preliminary until verified by a person.")
    return lines


def _drift_line(result: dict[str, Any]) -> str:
    """Say that cells left the range of what the weights were trained on, and whether they still do."""
    drift, drifted = result["drift"], result["drifted"]
    told = f"drift: {drifted['cells']} cells judged outside the range of what the weights were trained on"
    return (
        f"{told}, the last ones not"
        if drift is None
        else f"{told}, since cell {drift['since_cell']}: {drift['says']} ({drift['mend']})"
    )
