"""``smearwatch sessions analyser``: an analyser's differential beside a session's own."""

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from smearwatch.clients.analyser.lines import analyser_lines
from smearwatch.clients.analyser.report import compare
from smearwatch.clients.commands.typed import name_of_person
from smearwatch.daemon.columns import write_line
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.notices import RESEARCH_USE
from smearwatch.daemon.record.beside import PARTS, Analysed, flaw_of_parts, flaw_of_shares
from smearwatch.daemon.record.keeping import keep_printout, other_counts
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.record.sessions import find_session
from smearwatch.daemon.record.signing import standing
from smearwatch.daemon.record.tally_json import tally_json

_Value = TypeVar("_Value", str, int)
_PRINTED: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,4})?")
_PERCENT, _COUNTS = "--percent", "--counts"
_LONGEST: Final = 7


class NotKept(Exception):
    """A signed session takes no analyser's figures; they are compared all the same."""

    def __init__(self, signed: SessionSigned, name: str) -> None:
        super().__init__(f"compared, and not kept: {signed}")
        amend = f'smearwatch sessions amend {name} --by WHO --reason "..."'
        self.hint = f"to keep the figures beside it, reopen it first, then sign it anew: {amend}"


class NothingKept(LookupError):
    """No analyser's differential was given, and none is kept with the session."""

    def __init__(self, name: str) -> None:
        super().__init__(f"session {name} has no analyser's differential")
        self.hint = "type it: --percent neutrophils=62.0,lymphocytes=28.1,monocytes=6.9,eosinophils=2.4,basophils=0.6"


def analyser(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The session.")],
    percent: Annotated[
        str | None,
        typer.Option(
            _PERCENT, metavar="PART=PERCENT,...", help="The analyser's percentages, with the decimals that it printed."
        ),
    ] = None,
    counts: Annotated[
        str | None,
        typer.Option(_COUNTS, metavar="PART=CELLS,...", help="Or how many cells of each part the analyser counted."),
    ] = None,
    of: Annotated[
        int | None,
        typer.Option("--of", metavar="N", help="How many cells the analyser counted in all.", min=1, max=9_999_999),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the analyser's figures with the session.")] = False,
    by: Annotated[str, typer.Option("--by", metavar="WHO", help="The person who keeps them.")] = "",
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file (TOML) instead of the usual one.", dir_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare a session's differential with an analyser's of the same blood.

    For each part an exact test says whether sampling explains the difference, and if it does, about how many more
    cells would settle it. The reviewed result is taken, and the counted one where nobody has labelled a cell.

    Parts: neutrophils, or band and segmented; eosinophil, basophil, monocyte, lymphocyte; others for whatever is
    none of these. How many cells an analyser counts is often not known: then its percentages are taken as without
    error. Without figures those are compared that were kept last. A signed session is compared, too; to keep
    figures with it, amend it first.

    Example: smearwatch sessions analyser monday-3 --percent neutrophils=62.0,lymphocytes=28.1,monocytes=6.9
    """
    folder = find_session(load_settings(config).state_dir, name)
    typed = _typed(percent, counts, of)
    if keep and typed is None:
        raise typer.BadParameter("type what is to be kept, with --percent or --counts", param_hint="--keep")
    if typed is None:
        with LedgerReader.read(folder) as ledger:
            kept = other_counts(ledger).printouts
        if not kept:
            raise NothingKept(name)
        printed = kept[-1]
    else:
        shares, cells = typed
        printed = Analysed(name_of_person(by) if keep else "-", time.time_ns(), 1, shares, cells, of)
    now = standing(folder)
    report = compare(tally_json(now.fold, name, now.number), printed)
    refused: SessionSigned | None = None
    if keep:
        try:
            kept_as = keep_printout(folder, by=printed.by, percent=printed.percent, counts=printed.counts, cells=of)
            report["analyser"]["ordinal"] = kept_as.ordinal
        except SessionSigned as signed:
            refused = signed
    if typed is not None and (refused or not keep):
        report["analyser"] |= {"by": None, "analysed_at_ns": None, "ordinal": None}
    if as_json:
        typer.echo(json.dumps(report))
    else:
        for line in analyser_lines(report):
            write_line(sys.stdout, line)
        if keep and refused is None:
            write_line(sys.stdout, f"kept with session {name}, as printout {report['analyser']['ordinal']}")
        write_line(sys.stdout, RESEARCH_USE)
    if refused is not None:
        raise NotKept(refused, name) from refused


def _typed(
    percent: str | None, counts: str | None, of: int | None
) -> tuple[dict[str, str] | None, dict[str, int] | None] | None:
    """Return the figures that were typed, None where there are none; raises `typer.BadParameter`."""
    if percent is None and counts is None:
        if of is not None:
            raise typer.BadParameter("the parts are missing: --percent or --counts", param_hint="--of")
        return None
    if percent is not None and counts is not None:
        raise typer.BadParameter("give one of --percent and --counts", param_hint=_PERCENT)
    shares = None if percent is None else _parts(percent, _PERCENT, _as_percent)
    cells = None if counts is None else _parts(counts, _COUNTS, _as_cells)
    flaw = flaw_of_parts(shares, cells, of) or (None if shares is None or of is None else flaw_of_shares(shares, of))
    if flaw is not None:
        raise typer.BadParameter(flaw, param_hint=_COUNTS if shares is None else _PERCENT)
    return shares, cells


def _parts(typed: str, option: str, value_of: Callable[[str, str], _Value]) -> dict[str, _Value]:
    parts: dict[str, _Value] = {}
    for each in typed.split(","):
        word, equals, value = (text.strip() for text in each.partition("="))
        part = next((part for part in PARTS if part.rstrip("s") == word.lower().rstrip("s")), None)
        if not equals or part is None:
            what = f"{each.strip()!r} is no PART=NUMBER; the parts are {', '.join(PARTS)}"
            raise typer.BadParameter(what, param_hint=option)
        if part in parts:
            raise typer.BadParameter(f"{part} is given twice", param_hint=option)
        parts[part] = value_of(value.removesuffix("%").strip(), option)
    return parts


def _as_percent(value: str, option: str) -> str:
    if _PRINTED.fullmatch(value) is None or float(value) > 100:
        raise typer.BadParameter(f"{value!r} is no percentage such as 62.1", param_hint=option)
    return value


def _as_cells(value: str, option: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) <= _LONGEST):
        what = f"{value!r} is no number of cells; concentrations such as 4.2 are to be given as percentages"
        raise typer.BadParameter(what, param_hint=option)
    return int(value)
