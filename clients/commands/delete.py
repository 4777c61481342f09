"""``smearwatch sessions delete`` and ``prune``: sessions that go for good, and the list of those that went."""

import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.clients.pruning import GB, Recorded, beyond, check_signed, recorded_sessions
from smearwatch.daemon.columns import size_text, write_line
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record import audit
from smearwatch.daemon.record.deletions import Why, add_deletion, deletion_json, deletion_of, deletions
from smearwatch.daemon.record.description import checked, whoever
from smearwatch.daemon.record.lock import holder
from smearwatch.daemon.record.sessions import delete_session, find_session
from smearwatch.daemon.sign_text import when_text

Yes = Annotated[bool, typer.Option("--yes", help="Delete without asking; this cannot be undone.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be deleted, and delete nothing.")]
By = Annotated[str | None, typer.Option("--by", metavar="WHO", help="Who deletes. [default: the user's name]")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]

_WHY = {"named": "named", "age": "older than is kept", "size": "more than is kept"}


class DeletionsDamaged(Exception):
    """A line of the list cannot be read."""

    hint = "restore the file from a copy"


def delete(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="The sessions.")] = None,
    older_than: Annotated[
        int | None,
        typer.Option(metavar="DAYS", min=1, help="All whose last entry is older; one that is counted stays."),
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    by: By = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Delete sessions with their frames and counts. This cannot be undone.

    Who deleted which record and when is kept (`smearwatch sessions list --deleted`).

    Example: smearwatch sessions delete monday-3 monday-4 --yes

    Example: smearwatch sessions delete --older-than 365 --dry-run
    """
    if bool(names) == (older_than is not None):
        raise typer.BadParameter("name the sessions, or give --older-than")
    state_dir = load_settings(config).state_dir
    for name in names or ():
        if (busy := holder(find_session(state_dir, name))) is not None:
            raise busy
    there = recorded_sessions(state_dir)
    if older_than is None:
        chosen = [each for name in dict.fromkeys(names or ()) for each in there if each.name == name]
    else:
        chosen = [
            each for each in there if each.is_older(older_than, time.time_ns()) and each.kept_for != "is being counted"
        ]
    _delete(state_dir, [(each, "named" if names else "age") for each in chosen], by, yes, dry_run, as_json)


def prune(
    keep_days: Annotated[
        int | None,
        typer.Option(metavar="DAYS", min=1, help="Delete what is older. [default: keep_days of the settings]"),
    ] = None,
    keep_gb: Annotated[
        float | None,
        typer.Option(metavar="GB", min=0.0001, help="Then the oldest, until all are no more. [default: keep_gb]"),
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    by: By = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Delete signed sessions that are older, or more, than is kept. This cannot be undone.

    Never one that is not signed or is being counted, or that such a session follows. What is kept stands in the
    settings (`keep_days`, `keep_gb`). Begin with --dry-run.

    Example: smearwatch sessions prune --keep-days 365 --dry-run
    """
    settings = load_settings(config, keep_days=keep_days, keep_gb=keep_gb)
    if settings.keep_days is None and settings.keep_gb is None:
        raise typer.BadParameter(
            "nothing says what is kept: give --keep-days or --keep-gb, or set keep_days or keep_gb"
        )
    there, now_ns = recorded_sessions(settings.state_dir), time.time_ns()
    keep_bytes = None if settings.keep_gb is None else settings.keep_gb * GB
    go = beyond(there, settings.keep_days, keep_bytes, now_ns)
    if not as_json:
        for line in _kept_lines(there, [each for each, _ in go], settings.keep_days, keep_bytes, now_ns):
            write_line(sys.stdout, line)
    _delete(settings.state_dir, go, by, yes, dry_run, as_json, signed_only=True)


def print_deleted(state_dir: Path, *, as_json: bool) -> None:
    """Print the sessions that were deleted, the first one first; raises `DeletionsDamaged`."""
    gone, damaged = deletions(state_dir)
    for each in gone:
        if as_json:
            typer.echo(json.dumps(deletion_json(each)))
            continue
        record = "could not be read" if each.chain is None else f"{each.events} entries to chain {each.chain[:16]}"
        record += f", signed by {each.signed_by}" if each.signed_by else ", not signed"
        went = f"deleted {when_text(each.deleted_at_ns)} by {each.by} ({_WHY[each.why]})"
        write_line(sys.stdout, f"{each.session}: {size_text(each.size_bytes)}, {went}: {record}")
    if not gone and not damaged and not as_json:
        write_line(sys.stdout, f"no session under {state_dir} was deleted")
    if damaged:
        raise DeletionsDamaged(f"line {damaged[0]} of the list of deleted sessions is damaged")


def _kept_lines(
    there: Sequence[Recorded], go: Sequence[Recorded], keep_days: int | None, keep_bytes: float | None, now_ns: int
) -> list[str]:
    """Say what would go but for what it is."""
    lines = [
        f"{each.name}: {size_text(each.size_bytes)} kept, for it {_as_clause(each.kept_for)}"
        for each in there
        if each.kept_for is not None and keep_days is not None and each.is_older(keep_days, now_ns)
    ]
    left = sum(each.size_bytes for each in there) - sum(each.size_bytes for each in go)
    if keep_bytes is not None and left > keep_bytes:
        lines.append(f"{size_text(left)} are left, more than is kept: none of these may go")
    return lines


def _as_clause(kept_for: str) -> str:
    return kept_for if not kept_for.startswith("session ") else f"is needed: {kept_for}"


def _delete(
    state_dir: Path,
    go: Sequence[tuple[Recorded, Why]],
    by: str | None,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    *,
    signed_only: bool = False,
) -> None:
    who = checked("operator", whoever() if by is None else by)
    if who is None:
        raise typer.BadParameter("name who deletes", param_hint="--by")
    if not go:
        if not as_json:
            write_line(sys.stdout, "nothing is to be deleted")
        return
    if dry_run:
        for each, why in go:
            _say(each, why, as_json)
        if not as_json:
            write_line(sys.stdout, f"{_in_all(go)} would be deleted")
        return
    if not yes:
        _ask(go, as_json)

    for each, why in go:
        freed = delete_session(state_dir, each.name, partial(_keep_trace, who, why, signed_only))
        if as_json:
            typer.echo(json.dumps({"session": each.name, "freed_bytes": freed, "signed_by": each.signed_by}))
        else:
            write_line(sys.stdout, f"{each.name}: {size_text(freed)} freed{_signed(each)}")


def _keep_trace(by: str, why: Why, signed_only: bool, folder: Path, size_bytes: int) -> None:
    """Write down which record goes, before it does."""
    if signed_only:
        check_signed(folder)
    state_dir = folder.parent.parent
    deletion = deletion_of(folder, by=by, why=why, deleted_at_ns=time.time_ns(), size_bytes=size_bytes)
    values = {key: each for key, each in deletion_json(deletion).items() if key not in ("session", "by")}
    audit.add(state_dir, "deleted", by=by, session=folder.name, values=values)
    add_deletion(state_dir, deletion)


def _say(each: Recorded, why: Why, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"session": each.name, "would_free_bytes": each.size_bytes, "why": why}))
        return
    signed = f"signed by {each.signed_by}" if each.signed_by else "not signed"
    write_line(
        sys.stdout,
        f"{each.name}: {size_text(each.size_bytes)}, last entry {when_text(each.last_at_ns)}, {signed} ({_WHY[why]})",
    )


def _signed(each: Recorded) -> str:
    return f", signed by {each.signed_by}" if each.signed_by else ""


def _ask(go: Sequence[tuple[Recorded, Why]], as_json: bool) -> None:
    names = go[0][0].name if len(go) == 1 else f"{len(go)} sessions"
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"deleting {names} cannot be undone; confirm it with --yes")
    for each, why in go:
        if not as_json:
            _say(each, why, as_json)
    if not typer.confirm(f"Delete {_in_all(go)}? This cannot be undone.", err=as_json):
        typer.echo("not deleted", err=True)
        raise typer.Exit(1)


def _in_all(go: Sequence[tuple[Recorded, Why]]) -> str:
    size = size_text(sum(each.size_bytes for each, _ in go))
    unsigned = sum(each.signed_by is None for each, _ in go)
    if len(go) == 1:
        return f"the session {go[0][0].name} ({size}{_signed(go[0][0]) or ', not signed'})"
    return f"{len(go)} sessions, {size} in all{f', {unsigned} of them not signed' if unsigned else ''}"
