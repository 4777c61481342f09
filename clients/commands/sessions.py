"""``smearwatch sessions``: recorded sessions, listed, shown, checked, labelled, signed, exported, deleted."""

import json
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from smearwatch.clients.commands.analyser import analyser
from smearwatch.clients.commands.describe import describe
from smearwatch.clients.commands.label import label
from smearwatch.clients.commands.quality import coverage, location
from smearwatch.clients.commands.readers import readers
from smearwatch.clients.commands.sign import amend_session, sign_session
from smearwatch.clients.describing import describe_one, list_described
from smearwatch.clients.exporting import cell_rows, write_csv, write_json
from smearwatch.clients.label_lists import random_rows, worth_rows
from smearwatch.clients.session_lines import fault_lines, list_lines, show_lines, size_text
from smearwatch.daemon.atomic_write import atomically
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.record.band_rule import BandRuleFold
from smearwatch.daemon.record.beside import BesideFold
from smearwatch.daemon.record.beside_json import beside_json, pooled_json
from smearwatch.daemon.record.corrected import NAMES, WITHIN, corrected_json
from smearwatch.daemon.record.draw import DrawFold
from smearwatch.daemon.record.earlier import followed_in, follows
from smearwatch.daemon.record.events import Closed, Opened
from smearwatch.daemon.record.extra_classes import extra_classes_of
from smearwatch.daemon.record.keeping import other_counts
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.scales import scale_lines
from smearwatch.daemon.record.sessions import delete_session, find_session, session_names
from smearwatch.daemon.record.signing import standing
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.tally_json import tally_json
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.record.worth import NO_SAMPLE
from smearwatch.daemon.sign_text import sign_lines

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="List, show, verify, label, sign, export and delete recorded sessions.",
    epilog="Example: smearwatch sessions show tuesday",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The session.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]


class ExportFailed(OSError):
    """The exported file could not be written."""

    hint = "give --out a file in an existing folder that you may write in"


class ExportRefused(FileExistsError):
    """The file to export into exists: it may hold labels that a person typed."""

    hint = "name another file; --overwrite replaces this one, with any labels typed into it"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists already and was left as it is")


class SessionDamaged(Exception):
    """A recorded session is not as it was recorded."""

    hint = "restore it from a copy; do not rely on its counts"

    def __init__(self, name: str, faults: int) -> None:
        super().__init__(f"session {name} is damaged: {faults} {'fault' if faults == 1 else 'faults'}")


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
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List the recorded sessions by name.

    Example: smearwatch sessions list --find H26-0412
    """
    state_dir = load_settings(config).state_dir
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
    pooled: Annotated[
        bool, typer.Option("--pooled", help="Add the result and all tallies up, which must be of other cells.")
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what a session counted, with 95 % limits, and where each of its frames stands.

    Tallies made at the eyepiece and analysers' figures stand beside it. After a random review
    (`smearwatch review`) the corrected shares follow: their limits hold sampling and the
    machine's errors together. What would bring them within --within is said.

    Example: smearwatch sessions show monday-3 --within 2 --class monocyte
    """
    if only is not None and only not in NAMES:
        raise typer.BadParameter(f"{only!r} is none of {', '.join(NAMES)}", param_hint="--class")
    state_dir = load_settings(config).state_dir
    folder = find_session(state_dir, name)
    fold, bands, draws, beside = TallyFold(), BandRuleFold(), DrawFold(), BesideFold()
    last, opened, closed = 0, None, None
    with LedgerReader.read(folder) as ledger:
        for recorded in ledger.events():
            fold.apply(recorded.event)
            bands.apply(recorded.event)
            draws.apply(recorded)
            beside.apply(recorded.event)
            last = recorded.number
            opened = recorded.event if isinstance(recorded.event, Opened) else opened
            closed = recorded.event if isinstance(recorded.event, Closed) else closed
        scales = [] if as_json else list(scale_lines(ledger))
        before, after = follows(ledger), followed_in(ledger)
        extra = extra_classes_of(each.extra_classes for each in ledger.openings())
    shown = describe_one(state_dir, name) | tally_json(fold, name, last) | {"balanced": fold.balanced}
    if opened:
        shown |= {"band_rule": opened.band_rule, "field_um": opened.field_um, "version": opened.version}
    shown |= {"follows": before, "followed_by": None if after is None else after.next_session}
    shown["band_rule_agreement"] = bands.json()
    shown["extra_classes"] = [asdict(each) for each in extra]
    shown["corrected"] = corrected_json(draws, within)
    shown |= beside_json(beside)
    if pooled:
        if not beside.tallies:
            raise NothingToPool(name)
        mark = shown["mark"] if shown["reviewed"] is None else shown["reviewed"]["mark"]
        shown["pooled"] = pooled_json(fold.result, beside, mark)
    shown["stages_ms"] = {stage: asdict(times) for stage, times in closed.stages.items()} if closed else {}
    shown["counters"] = dict(closed.counters) if closed else {}
    if as_json:
        typer.echo(json.dumps(shown))
        return
    for line in show_lines(shown, scales, only):
        write_line(sys.stdout, line)


@app.command("verify")
def verify_session(name: Name, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check that nothing of the record was altered.

    Each recorded event and each stored frame is compared with what was written when it was recorded. What
    differs is reported, and the exit status is then 1.

    This says nothing about whether the cells were named rightly. A review of the results by a person is another thing:
    `smearwatch review`.

    Example: smearwatch sessions verify monday-3
    """
    folder = find_session(load_settings(config).state_dir, name)
    faults = 0
    with LedgerReader.read(folder) as ledger, _progress("events", ledger.last_number) as advance:
        summary = ledger.summary()
        for fault in verify(ledger, progress=advance):
            faults += 1
            if as_json:
                typer.echo(json.dumps({"session": name, **asdict(fault)}))
            else:
                write_line(sys.stdout, f"{name}: {fault.what}")
    if as_json:
        found = {
            "session": name,
            "events": summary.events,
            "frames": summary.frames,
            "faults": faults,
            "ok": not faults,
        }
        typer.echo(json.dumps(found))
    elif not faults:
        held = f"{_several(summary.frames, 'frame')} and {_several(summary.events, 'entry', 'entries')}"
        write_line(sys.stdout, f"{name}: nothing was changed: {held} are as they were recorded")
    if faults:
        raise SessionDamaged(name, faults)


@app.command()
def export(
    name: Name,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write a table with one row per cell (the default).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object per line, one per cell.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Write to this file, not to standard output.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
    random: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="The next N cells of the random review, without the machine's names."),
    ] = None,
    worth_labelling: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="The N cells whose labels would teach new weights most.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Write a table of every leukocyte that was found: where it lies, its class, and how certain that is.

    Two other tables are for labelling: --random for learning how often the machine errs,
    --worth-labelling for training. Cells of the second say nothing of how often it errs.

    Example: smearwatch sessions export monday-3 --csv --out monday-3.csv
    """
    if as_csv and as_json:
        raise typer.BadParameter("choose one of --csv and --json")
    if random and worth_labelling:
        raise typer.BadParameter("choose one of --random and --worth-labelling")
    folder = find_session(load_settings(config).state_dir, name)
    if out is not None and out.is_file() and not overwrite:
        raise ExportRefused(out)
    write = write_json if as_json else write_csv
    # Whoever reads the standard output may go away in the middle: the rows end before the ledger does.
    with LedgerReader.read(folder) as ledger, closing(_rows(ledger, random, worth_labelling)) as rows:
        if out is None:
            write(rows, sys.stdout)
        else:
            written = _write_file(out, lambda file: write(rows, file))
        tallies = len(other_counts(ledger).tallies)
    if out is not None:
        left_out = f" Not in it: {_several(tallies, 'tally', 'tallies')} (see `smearwatch sessions show`)."
        aside = left_out if tallies else ""
        standing_now = "; ".join(line.strip() for line in sign_lines(tally_json(standing(folder).fold, name, 0)))
        write_line(sys.stderr, f"{out}: {written} cells.{aside} {RESEARCH_USE} {standing_now}")
    if worth_labelling:
        write_line(sys.stderr, NO_SAMPLE)


@app.command()
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking; this cannot be undone.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Delete a session with its frames and counts. This cannot be undone.

    Example: smearwatch sessions delete monday-3 --yes
    """
    state_dir = load_settings(config).state_dir
    find_session(state_dir, name)
    if not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter(f"deleting {name} cannot be undone; confirm it with --yes")
        if not typer.confirm(f"Delete the session {name}? This cannot be undone.", err=as_json):
            typer.echo("not deleted", err=True)
            raise typer.Exit(1)
    freed = delete_session(state_dir, name)
    typer.echo(json.dumps({"session": name, "freed_bytes": freed}) if as_json else f"{name}: {size_text(freed)} freed")


def _rows(ledger: LedgerReader, random: int | None, worth: int | None) -> Generator[dict[str, Any], None, None]:
    if random:
        return random_rows(ledger, random)
    return worth_rows(ledger, worth) if worth else cell_rows(ledger)


def _several(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or f'{one}s'}"


@contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[int], None] | None]:
    if not sys.stderr.isatty():
        yield None
        return
    step = max(1, total // 100)

    def advance(done: int) -> None:
        if done % step == 0 or done == total:
            sys.stderr.write(f"\r{done}/{total} {what}")

    yield advance
    sys.stderr.write("\r\033[K")


def _write_file(path: Path, write: Callable[[TextIO], int]) -> int:
    """Write a file whole or not at all."""
    try:
        with atomically(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
            return write(file)
    except OSError as error:
        raise ExportFailed(f"{path}: {error.strerror or error}") from error


app.command()(label)
app.command()(describe)
app.command("sign")(sign_session)
app.command("amend")(amend_session)
app.command()(readers)
app.command()(analyser)
app.command()(location)
app.command()(coverage)
