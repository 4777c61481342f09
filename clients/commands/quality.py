"""``smearwatch sessions location`` and ``coverage``: does the machine find the leukocytes, and where was the hand."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.clients.commands.typed import name_of_person, sentence
from smearwatch.clients.quality.coverage import coverage_of
from smearwatch.clients.quality.coverage_lines import coverage_lines
from smearwatch.clients.quality.location_lines import NONE_LEFT, day_lines, kept_lines
from smearwatch.clients.quality.location_report import AIM, LEVEL, kept_json
from smearwatch.clients.quality.slide_map import read_slide_map
from smearwatch.clients.quality.trend import read_trend
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.record.keeping import withdraw_location_test
from smearwatch.daemon.record.location import location_tests
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import find_session

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class NoLocationTest(LookupError):
    """Nobody has made a cell-location test."""

    def __init__(self, name: str | None) -> None:
        super().__init__(f"session {name} has no location test" if name else "no session has a location test")
        self.hint = f"make one on the page of: smearwatch review {name or 'SESSION'} --by WHO (location test)"


def location(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The session. [default: all sessions, by day]")
    ] = None,
    withdraw: Annotated[
        int | None, typer.Option("--withdraw", metavar="N", min=1, help="Withdraw test N, which stays in the record.")
    ] = None,
    by: Annotated[str, typer.Option("--by", metavar="WHO", help="The person who withdraws it.")] = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it is withdrawn.")] = "",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the cell-location tests: of the leukocytes that a person marked, how many the machine had found.

    Tests are made on the review page (`smearwatch review`, location test): daily, and after the stain was changed, of
    200 leukocytes. Without a session all of them are shown by day, and a day that is lower than the days before it
    beyond chance (Fisher's exact test, p below 0.01) is named.

    Example: smearwatch sessions location monday-3
    """
    state_dir = load_settings(config).state_dir
    if withdraw is None:
        if by or reason:
            raise typer.BadParameter("give these with --withdraw", param_hint="--by, --reason")
        if name is None:
            _show_days(state_dir, as_json=as_json)
        else:
            _show_tests(find_session(state_dir, name), as_json=as_json)
        return
    if name is None:
        raise typer.BadParameter("name the session of that test", param_hint="NAME")
    folder = find_session(state_dir, name)
    who, why = name_of_person(by), sentence(reason, "say why", "--reason")
    gone = withdraw_location_test(folder, withdraw, by=who, reason=why)
    if as_json:
        typer.echo(json.dumps({"session": name, "withdrawn": gone.ordinal, "by": gone.by, "reason": gone.reason}))
    else:
        write_line(sys.stdout, f"{name}: location test {gone.ordinal} is withdrawn, and stays in the record")


def coverage(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The session.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show how the hand covered the slide: area, route, what was come back to, fields that are unplaced.

    Leukocytes at the edge of the covered area are compared with those in its middle: the outer and the inner half by
    distance to the outline. The review page draws the map (`smearwatch review`, slide map).

    Example: smearwatch sessions coverage monday-3
    """
    folder = find_session(load_settings(config).state_dir, name)
    with LedgerReader.read(folder) as ledger:
        report = coverage_of(name, read_slide_map(ledger)).report
    if as_json:
        typer.echo(json.dumps(report))
        return
    for line in (*coverage_lines(report), RESEARCH_USE):
        write_line(sys.stdout, line)


def _show_tests(folder: Path, *, as_json: bool) -> None:
    with LedgerReader.read(folder) as ledger:
        tests = [kept_json(test, withdrawn) for test, withdrawn in location_tests(ledger)]
    if as_json:
        typer.echo(json.dumps({"session": folder.name, "aim": AIM, "tests": tests}))
        return
    if not tests:
        raise NoLocationTest(folder.name)
    for line in (*kept_lines(folder.name, tests), RESEARCH_USE):
        write_line(sys.stdout, line)


def _show_days(state_dir: Path, *, as_json: bool) -> None:
    trend = read_trend(state_dir)
    if as_json:
        typer.echo(json.dumps({"aim": AIM, "level": LEVEL, "days": trend.days, "faults": trend.faults}))
        return
    if not (trend.days or trend.faults or trend.withdrawn):
        raise NoLocationTest(None)
    lines = [
        *(day_lines(trend.days) if trend.days else (NONE_LEFT,) if trend.withdrawn else ()),
        *(f"{each['session']} is unreadable: {each['fault']}" for each in trend.faults),
    ]
    for line in (*lines, RESEARCH_USE):
        write_line(sys.stdout, line)
