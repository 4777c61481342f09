"""A run from its plan to its summary: which roles it needs, and what the ledger holds in the end."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict
from typing import Any

import typer

from smearwatch.daemon.columns import write_line
from smearwatch.daemon.continuing import check_continues
from smearwatch.daemon.log import configure
from smearwatch.daemon.open_files import open_enough
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.child import FIRST_BEAT_S, Child, RoleSpec, unusable
from smearwatch.daemon.process.seat import Seat
from smearwatch.daemon.process.stop_signals import StopSignals
from smearwatch.daemon.process.supervisor import Outcome, Supervisor, stop_children
from smearwatch.daemon.process.telling import tell
from smearwatch.daemon.record.audit import AuditUnusable
from smearwatch.daemon.record.band_rule import BandRuleFold
from smearwatch.daemon.record.corrected import corrected_json
from smearwatch.daemon.record.deletions import note_forgotten
from smearwatch.daemon.record.draw import DrawFold
from smearwatch.daemon.record.elsewhere import pictures_elsewhere
from smearwatch.daemon.record.events import Closed
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.lock import SessionBusy
from smearwatch.daemon.record.mixed_frames import mixed_frames
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.scales import scale_lines
from smearwatch.daemon.record.schema import LEDGER_FILE, LedgerUnusable
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.record.sessions import SessionMissing, SessionNotDeleted, delete_session, session_folder
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.tally_json import tally_json
from smearwatch.daemon.sign_text import how_to_verify
from smearwatch.daemon.source_plugins import SourceUnusable, find_source
from smearwatch.daemon.specimens import plan_after, where_it_goes_on
from smearwatch.daemon.summary_lines import how_to_go_on, summary_lines
from smearwatch.daemon.weights import weights_in_use
from smearwatch.daemon.wire.endpoints import private_dir
from smearwatch.daemon.withheld import for_stream, withhold


class RunFailed(RuntimeError):
    """A run that could not be kept going."""

    hint = "see the lines above; what was counted is kept, and a run with --session and its name continues it"


def roles(plan: RunPlan) -> list[RoleSpec]:
    """Return the roles of a run in the order of starting: the hub first, the reader of its feed last."""
    hub = RoleSpec("hub", "smearwatch.daemon.hub.role:main", ends_the_run=True)
    lines = RoleSpec("lines", "smearwatch.clients.lines_role:main")
    workers = [
        RoleSpec(f"worker-{number}", "smearwatch.daemon.worker:main", stays=True, loads_first=True)
        for number in range(1, plan.settings.workers + 1)
    ]
    # What is only looked at does not end a count.
    page = (
        [RoleSpec("page", "smearwatch.clients.page_role:main", needed=False, stays=True)]
        if plan.settings.review
        else []
    )
    metrics = (
        [RoleSpec("metrics", "smearwatch.clients.metrics_role:main", needed=False, stays=True)]
        if plan.settings.metrics_port is not None
        else []
    )
    if plan.source is None:
        return [hub, lines, *page, *metrics]
    return [
        hub,
        *workers,
        RoleSpec("finder", "smearwatch.capture.finder.role:main", stays=True),
        RoleSpec("source", "smearwatch.daemon.source_plugins:main"),
        lines,
        *page,
        *metrics,
    ]


def check(plan: RunPlan) -> None:
    """Let the plan's source report what speaks against it before anything is begun, in a process of its own.

    So what cannot be (an option, a calibration, a camera that is not there) leaves no session behind, and a vendor's
    software that takes its process with it takes that one.

    Raises
    ------
    SourceUnusable
        When no installed package offers the plan's source, or it could not be checked.
    typer.Exit
        With status 2, when the source reported in its one line what is wrong.
    """
    if plan.source is None:
        return
    find_source(plan.source)
    child = Child(RoleSpec("check", "smearwatch.daemon.source_plugins:check"), plan)
    child.start()
    code = child.finish(FIRST_BEAT_S)
    if code is not None and unusable(code):
        raise typer.Exit(2)
    if code != 0:
        how = "gave no answer" if code is None else f"ended by signal {-code}" if code < 0 else f"exit code {code}"
        raise SourceUnusable(
            f"source {plan.source!r} could not be checked: {how}", "see the lines above, or use --debug"
        )


def carry_out(plan: RunPlan) -> Iterator[tuple[RunPlan, dict[str, Any]]]:
    """Run a plan to its end, and those of the specimens after it; yield each one and its summary as it ends.

    Raises
    ------
    NotContinued
        See `smearwatch.daemon.continuing.check_continues`.
    FolderDivided, PicturesCounted, EarlierMissing
        See `smearwatch.daemon.specimens.where_it_goes_on`.
    SourceUnusable
        See `check`.
    RunFailed
        See `supervise`.
    SessionSigned
        The session, or the one after it, is signed, so that it is not continued.
    """
    configure(plan.settings.log_level, role="supervisor", log_format=plan.settings.log_format)
    withhold(*plan.names)
    tell_of_few_files()
    plan = where_it_goes_on(plan)
    refuse_signed(plan)
    # Decided once, so that a worker that is restarted goes on with the same weights, whatever was promoted meanwhile.
    settings = plan.settings.model_copy(update={"weights": weights_in_use(plan.settings)})
    plan = plan.model_copy(update={"settings": settings})
    check_continues(plan)
    # These take long to load, and serve the next specimen, too.
    kept = [Child(spec, plan) for spec in roles(plan) if spec.stays]
    try:
        for child in kept:
            if child.spec.loads_first:
                child.start()
        check(plan)
    except BaseException:
        stop_children(kept)
        raise
    if sys.stderr.isatty() and plan.source is not None:  # or it would look hung
        tell("starting; loading the networks takes some seconds")
    with ExitStack() as stack:
        stop = stack.enter_context(StopSignals())
        stack.callback(stop_children, kept)
        while True:
            specs = [spec for spec in roles(plan) if not spec.stays]
            outcome = supervise(Supervisor(plan, specs, kept=kept, keeps=_next_begins, stop=stop), plan)
            if not begun(plan):
                raise typer.Exit(130)  # stopped before there was a session
            yield plan, summary(plan)
            after = plan_after(plan) if outcome.next_begins else None
            if after is None or stop.came:
                return
            plan = where_it_goes_on(after)  # it may have begun, and ended, before
            withhold(*plan.names)
            refuse_signed(plan)


def join(plan: RunPlan, kind: str, specs: list[RoleSpec]) -> None:
    """Run roles for the hub that is there, until a signal comes; they wait for it and go on with it.

    Raises
    ------
    RunFailed
        When a role could not be kept alive. One that reported itself what is wrong leads to exit status 1 alone.
    """
    configure(plan.settings.log_level, role="supervisor", log_format=plan.settings.log_format)
    withhold(*plan.names)
    tell_of_few_files()
    with Seat(private_dir(plan.settings.runtime_dir, passable=plan.settings.has_groups), kind) as seat:
        plan = plan.model_copy(update={"joins": True, "seat": f"-{seat.name}"})
        outcome = Supervisor(plan, specs, ready="waiting for the hub, or at work").run()
    if outcome.why:
        raise RunFailed(outcome.why)
    if not outcome.ok:
        raise typer.Exit(1)


def tell_of_few_files() -> None:
    """Raise the limit of open files for all roles, and say where it is low; raises `TooFewFiles`."""
    if few := open_enough():
        tell(few)


def _next_begins(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.next_begins


def supervise(supervisor: Supervisor, plan: RunPlan) -> Outcome:
    """Run to the end. A session that was made for a run that fails before its first frame is not left behind.

    Nor is one that was made for a replay that fails before its first cell.

    Raises
    ------
    RunFailed
        When a role could not be kept alive. One that reported itself what is wrong leads to exit status 1 alone.
    """
    is_new = not begun(plan)
    outcome = supervisor.run()
    if outcome.ok:
        return outcome
    if is_new:
        _forget_if_empty(plan)
    if outcome.why:
        raise RunFailed(outcome.why)
    raise typer.Exit(1)


def begun(plan: RunPlan) -> bool:
    """Return whether the plan's session is there."""
    return (session_folder(plan.settings.state_dir, plan.session) / LEDGER_FILE).is_file()


def refuse_signed(plan: RunPlan) -> None:
    """Do not continue a session that a person has signed; raises `SessionSigned`."""
    if not begun(plan):
        return
    with LedgerReader.read(session_folder(plan.settings.state_dir, plan.session)) as ledger:
        signed = ledger.signature()
    if signed is not None:
        raise SessionSigned(plan.session, signed)


def _forget_if_empty(plan: RunPlan) -> None:
    state_dir, name = plan.settings.state_dir, plan.session
    # Whatever hinders it, an empty session does no harm.
    with suppress(LedgerUnusable, SessionMissing, SessionBusy, SessionNotDeleted, AuditUnusable):
        with LedgerReader.read(session_folder(state_dir, name)) as ledger:
            held = ledger.summary()
        # Of a replay the frames lie in the session that it replays; elsewhere they may be nowhere else.
        nothing = "a cell" if plan.source == "replay" and not held.cells_counted else "a frame"
        if not held.frames or nothing == "a cell":
            delete_session(state_dir, name, lambda folder, _: note_forgotten(folder, f"without {nothing}"))


def summary(plan: RunPlan) -> dict[str, Any]:
    """Fold the whole ledger once more, independently of the hub, and return what it holds."""
    fold, draws, last, closed = TallyFold(), DrawFold(), 0, None
    with Ledger.read(session_folder(plan.settings.state_dir, plan.session)) as ledger:
        bands = BandRuleFold(ledger.nucleus)
        for recorded in ledger.events():
            fold.apply(recorded.event)
            bands.apply(recorded.event)
            draws.apply(recorded)
            last = recorded.number
            closed = recorded.event if isinstance(recorded.event, Closed) else closed
        mixed = mixed_frames(ledger, fold.scale_contradicted)
    stages = {name: asdict(stage) for name, stage in closed.stages.items()} if closed else {}
    counters = dict(closed.counters) if closed else {}
    return {
        **tally_json(fold, plan.session, last),
        "band_rule_agreement": bands.json(),
        "corrected": corrected_json(draws),
        "balanced": fold.balanced,
        "scale_mixed_frames": [asdict(each) for each in mixed],
        "pictures_elsewhere": pictures_elsewhere(plan.settings.state_dir, plan.session),
        "stages_ms": stages,
        "counters": counters,
        "final": True,
    }


def print_summary(result: dict[str, Any], plan: RunPlan, *, as_json: bool) -> None:
    """Print the summary: one JSON object, or a few lines for a person and how to go on."""
    if as_json:
        typer.echo(for_stream(sys.stdout, json.dumps(result)))
        sys.stdout.flush()
        return
    with Ledger.read(session_folder(plan.settings.state_dir, result["session"])) as ledger:
        scales = list(scale_lines(ledger))
    for line in summary_lines(result, scales=scales, stages=plan.settings.log_level == "debug"):
        typer.echo(for_stream(sys.stdout, line))
    sys.stdout.flush()
    if (how := how_to_go_on(result, plan, plan_after(plan))) is not None:
        tell(how)
        if not result["target_reached"]:
            return
    for line in how_to_verify(result) if plan.source != "replay" else ():
        write_line(sys.stdout, for_stream(sys.stdout, line))
    sys.stdout.flush()
