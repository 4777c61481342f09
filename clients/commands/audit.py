"""``smearwatch audit``: who changed or took out what, and whether that list is whole."""

import json
import re
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.clients.anchored import read_lines
from smearwatch.clients.audit_lines import entry_line
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record.anchors import audit_flaws
from smearwatch.daemon.record.audit import AUDIT_FILE, Trail, read_trail

app = typer.Typer(
    add_completion=False,
    help="Show who changed, signed, exported or deleted what, and check that list.",
    epilog="Example: smearwatch audit list --since 7d",
)

Since = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help="Only what was done since then: 2026-11-30, 2026-11-30T14:00, 7d, 12h or 30m."),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]

_UNITS_S = {"d": 86_400, "h": 3600, "m": 60}


class AuditDamaged(Exception):
    """The audit journal is not as it was written."""

    hint = "restore it from a copy; what it says between is nothing to rely on"


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    """Show who changed or took out what: what ``list`` does, which need not be typed."""
    if context.invoked_subcommand is None:
        list_entries()


@app.command("list")
def list_entries(
    since: Since = None,
    session: Annotated[str | None, typer.Option(metavar="NAME", help="Only what is about this session.")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List what was done, the first one first: who, when, what it was and what it is.

    Labels, signatures and what is said of a session stand in the session itself (`smearwatch sessions show`).

    Example: smearwatch audit list --since 7d --session monday-3
    """
    begin_ns = 0 if since is None else _begin_ns(since)
    state_dir, trail = _trail(config)
    found = [each for each in trail.entries if each.at_ns >= begin_ns and (session is None or each.session == session)]
    for entry in found:
        if as_json:
            typer.echo(json.dumps(entry.as_json()))
        else:
            write_line(sys.stdout, entry_line(entry))
    if not found and not as_json:
        write_line(sys.stdout, f"nothing of that kind in {state_dir / AUDIT_FILE}")
    if trail.faults:
        raise AuditDamaged(f"{state_dir / AUDIT_FILE}: {trail.faults[0]}")


@app.command()
def verify(
    anchors: Annotated[
        Path | None,
        typer.Option(
            "--anchors", metavar="FILE", help="Compare with this log, too (journalctl -t smearwatch); - for stdin."
        ),
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Check that no entry was altered, left out or put in between, and with a log that none was cut off at the end.

    Example: smearwatch audit verify --anchors journal.txt
    """
    state_dir, trail = _trail(config)
    logged = None if anchors is None else [each for each in read_lines(anchors) if each.audit]
    faults = [*trail.faults, *audit_flaws(trail, logged or ())]
    if as_json:
        number, chain = trail.head
        about = {"entries": len(trail.entries), "last": number, "chain": chain, "unfinished": trail.unfinished}
        log = None if logged is None else len(logged)
        typer.echo(json.dumps({**about, "anchors_in_log": log, "faults": faults, "ok": not faults}))
    else:
        for fault in faults:
            write_line(sys.stdout, fault)
        for line in trail.unfinished:
            write_line(sys.stdout, f"line {line} was cut off while it was written: nothing was done then")
        if not faults:
            entries = "1 entry" if len(trail.entries) == 1 else f"{len(trail.entries)} entries"
            write_line(sys.stdout, f"nothing was changed: {entries}, the last one is {trail.head[0]}")
        if logged == []:
            write_line(sys.stdout, f"no line of {anchors} is about this journal")
    if faults:
        more = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise AuditDamaged(f"{state_dir / AUDIT_FILE} is damaged: {more}")


def _trail(config: Path | None) -> tuple[Path, Trail]:
    state_dir = load_settings(config).state_dir
    return state_dir, read_trail(state_dir)


def _begin_ns(since: str) -> int:
    if (span := re.fullmatch(r"(\d{1,6})([dhm])", since)) is not None:
        return time.time_ns() - int(span[1]) * _UNITS_S[span[2]] * 10**9
    try:
        return int(datetime.fromisoformat(since).timestamp() * 1e9)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            "write it as 2026-11-30, 2026-11-30T14:00, 7d, 12h or 30m", param_hint="--since"
        ) from None
