"""``smearwatch sessions``: recorded sessions, listed, shown, checked, labelled, signed, exported, imported, deleted."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.clients.commands.analyser import analyser
from smearwatch.clients.commands.delete import delete, print_deleted, prune
from smearwatch.clients.commands.describe import describe
from smearwatch.clients.commands.export import FormatsInHelp, export
from smearwatch.clients.commands.import_session import import_archive
from smearwatch.clients.commands.label import label
from smearwatch.clients.commands.quality import coverage, location
from smearwatch.clients.commands.readers import readers
from smearwatch.clients.commands.send import send_messages
from smearwatch.clients.commands.sign import amend_session, sign_session
from smearwatch.clients.commands.verify import verify_sessions
from smearwatch.clients.describing import describe_one, list_described
from smearwatch.clients.session_lines import fault_lines, list_lines, show_lines
from smearwatch.clients.standing import corrected_of, counts_beside, read_standing
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record.beside_json import beside_json, pooled_json
from smearwatch.daemon.record.corrected import NAMES, WITHIN
from smearwatch.daemon.record.earlier import followed_in, follows
from smearwatch.daemon.record.elsewhere import pictures_elsewhere
from smearwatch.daemon.record.events import Closed
from smearwatch.daemon.record.extra_classes import extra_classes_of
from smearwatch.daemon.record.imported import imported_json, read_imported
from smearwatch.daemon.record.mixed_frames import mixed_frames
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.rejected import rejected_frames
from smearwatch.daemon.record.scales import scale_lines
from smearwatch.daemon.record.sessions import find_session, session_names
from smearwatch.daemon.record.tally_json import tally_json

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="List, show, verify, label, sign, send, export, import and delete recorded sessions.",
    epilog="Example: smearwatch sessions show tuesday",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The session.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]


class NothingToPool(LookupError):
    """Nobody has tallied cells for the session."""

    def __init__(self, name: str) -> None:
        super().__init__(f"session {name} has no tally, so there is nothing to pool")
        self.hint = f"tally cells with: smearwatch tally --session {name} --by WHO"


@app.command("list")
def list_sessions(
    find: Annotated[
        str | None,
        typer.Option("--find", metavar="TEXT", help="Only those with this in name, title, specimen, operator or note."),
    ] = None,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="Those that were deleted instead: by whom, when, which record.")
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List the recorded sessions by name.

    Example: smearwatch sessions list --find H26-0412
    """
    state_dir = load_settings(config).state_dir
    if deleted:
        if find is not None:
            raise typer.BadParameter("choose one of --find and --deleted")
        print_deleted(state_dir, as_json=as_json)
        return
    described = list_described(state_dir, find)
    if not described and not as_json:
        none = f"no sessions under {state_dir} yet: `smearwatch run --watch DIR` records one"
        if find is not None and session_names(state_dir):
            none = f"no session has {find!r} in its name, title, specimen, operator or note"
        write_line(sys.stdout, none)
        return
    if as_json:
        for each in described:
            typer.echo(json.dumps(each))
        return
    for line in list_lines(described, folded=sys.stdout.isatty()):
        typer.echo(line)
    for line in fault_lines(described):
        write_line(sys.stdout, line)


@app.command()
def show(
    name: Name,
    within: Annotated[
        float,
        typer.Option(
            metavar="POINTS", min=0.1, max=50, help="How well shares are to be known: ± so many percent points."
        ),
    ] = WITHIN,
    only: Annotated[
        str | None,
        typer.Option("--class", metavar="NAME", help="Only this class is to be known so well. [default: all]"),
    ] = None,
    all_rejected: Annotated[
        bool, typer.Option("--all", help="Name all pictures that were rejected, and not the first 12 alone.")
    ] = False,
    pooled: Annotated[
        bool, typer.Option("--pooled", help="Add the result and all tallies up, which must be of other cells.")
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what a session counted, with 95 % limits, and which pictures were rejected.

    Tallies made at the eyepiece and analysers' figures stand beside it. After a random review
    (`smearwatch review`) the adjusted shares follow: their limits hold sampling and the
    machine's errors together. What would bring them within --within is said.

    Example: smearwatch sessions show monday-3 --within 2 --class monocyte
    """
    if only is not None and only not in NAMES:
        raise typer.BadParameter(f"{only!r} is none of {', '.join(NAMES)}", param_hint="--class")
    state_dir = load_settings(config).state_dir
    folder = find_session(state_dir, name)
    with LedgerReader.read(folder) as ledger, ledger.at_one_moment():
        stands = read_standing(ledger)
        corrected, beside = corrected_of(ledger, stands.tally, within), counts_beside(ledger)
        openings, closed = ledger.openings(), next(reversed(ledger.of_kind(Closed)), None)
        scales = [] if as_json else list(scale_lines(ledger, stands.scales))
        before, after = follows(ledger), followed_in(ledger)
        rejected = rejected_frames(ledger)
        mixed = mixed_frames(ledger, stands.tally.scale_contradicted)
    tally = stands.tally
    shown = describe_one(state_dir, name) | tally_json(tally, name, stands.number)
    shown |= {"balanced": tally.balanced, "rejected_frames": [asdict(each) for each in rejected]}
    shown["scale_mixed_frames"] = [asdict(each) for each in mixed]
    if openings:
        opened = openings[-1]
        shown |= {"band_rule": opened.band_rule, "field_um": opened.field_um, "version": opened.version}
    shown["imported"] = imported_json(read_imported(folder))
    shown["pictures_elsewhere"] = pictures_elsewhere(state_dir, name)
    shown |= {"follows": before, "followed_by": None if after is None else after.next_session}
    shown["band_rule_agreement"] = stands.bands.json()
    shown["extra_classes"] = [asdict(each) for each in extra_classes_of(each.extra_classes for each in openings)]
    shown["corrected"] = corrected
    shown |= beside_json(beside)
    if pooled:
        if not beside.tallies:
            raise NothingToPool(name)
        mark = shown["mark"] if shown["reviewed"] is None else shown["reviewed"]["mark"]
        shown["pooled"] = pooled_json(tally.result, beside, mark)
    shown["stages_ms"] = {stage: asdict(times) for stage, times in closed.stages.items()} if closed else {}
    shown["counters"] = dict(closed.counters) if closed else {}
    if as_json:
        typer.echo(json.dumps(shown))
        return
    for line in show_lines(shown, scales, only, all_rejected=all_rejected):
        write_line(sys.stdout, line)


app.command("verify")(verify_sessions)
app.command()(label)
app.command()(describe)
app.command("sign")(sign_session)
app.command("amend")(amend_session)
app.command()(readers)
app.command()(analyser)
app.command()(location)
app.command()(coverage)
app.command(cls=FormatsInHelp)(export)
app.command("send")(send_messages)
app.command("import")(import_archive)
app.command()(delete)
app.command()(prune)
