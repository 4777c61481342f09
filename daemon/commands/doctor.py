"""``smearwatch doctor``: whether this machine and this installation can count, and how to mend what cannot."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from smearwatch.daemon.columns import fold
from smearwatch.daemon.config import Settings, load_settings
from smearwatch.daemon.doctor.check import Check
from smearwatch.daemon.doctor.machine import of_machine
from smearwatch.daemon.doctor.networks import of_networks
from smearwatch.daemon.doctor.places import of_places, sessions

app = typer.Typer(add_completion=False)

_SIGNS: Final = {"ok": "✓", "warning": "!", "failed": "✕"}
_WIDTH: Final = 14


@app.command()
def doctor(
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check whether this machine can count: versions, processor, graphics card, networks, disk, rights, clock, sockets.

    Nothing is changed. The exit status is 1 where a check has failed.

    Example: smearwatch doctor
    """
    checks = []
    for check in _checks(load_settings(config)):
        checks.append(check)
        if not as_json:
            for line in _lines(check):
                typer.echo(line)
    failed = sum(check.state == "failed" for check in checks)
    if as_json:
        typer.echo(json.dumps({"ok": not failed, "checks": [asdict(check) for check in checks]}))
    else:
        warnings = sum(check.state == "warning" for check in checks)
        typer.echo(_verdict(failed, warnings))
    if failed:
        raise typer.Exit(1)


def _checks(settings: Settings) -> Iterator[Check]:
    recorded, latest_ns = sessions(settings.state_dir)
    yield from of_machine(latest_ns)
    yield from of_networks(settings)
    yield from of_places(settings, recorded)


def _lines(check: Check) -> Iterator[str]:
    rest = " " * (_WIDTH + 2)
    yield from fold(check.says, first=f"{_SIGNS[check.state]} {check.name:<{_WIDTH}}", rest=rest)
    if check.mend:
        yield from fold(check.mend, first=f"{rest}→ ", rest=f"{rest}  ")


def _verdict(failed: int, warnings: int) -> str:
    if failed:
        return f"{failed} {'check has' if failed == 1 else 'checks have'} failed: mend that first."
    if warnings:
        return f"It can count; {warnings} {'warning' if warnings == 1 else 'warnings'}."
    return "All is well."
