"""`smearwatch slide`: write a simulated slide into a folder, as a camera's software would."""

import json
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smearwatch.daemon.alone import made

if TYPE_CHECKING:
    from smearwatch.capture.slide.slide import Slide
    from smearwatch.capture.slide.truth import Field
    from smearwatch.capture.slide.writer import FieldWriter, Pace, TruthFile

app = typer.Typer(add_completion=False)

_EPILOG = (
    "Example: smearwatch slide --out watched --truth truth.jsonl --cells 100 --rate 4\n\n"
    "Example: smearwatch slide --out watched --truth truth.jsonl --fields 300 --route freehand --hard"
)


@app.command(epilog=_EPILOG)
def slide(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for the pictures; it is made if it does not exist.")
    ],
    truth: Annotated[
        Path | None,
        typer.Option("--truth", metavar="FILE", help="File for the true cells (JSON lines), in another folder."),
    ] = None,
    fields: Annotated[int | None, typer.Option("--fields", help="Stop after this many fields.")] = None,
    cells: Annotated[
        int | None, typer.Option("--cells", help="Stop after this many whole leukocytes, each counted once.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed draws the same slide, byte for byte.")] = 1,
    start: Annotated[int, typer.Option("--start", help="Number of the first field.")] = 0,
    rate: Annotated[float, typer.Option("--rate", help="Fields per second; 0 for as fast as possible.")] = 4.0,
    um_per_px: Annotated[float, typer.Option("--um-per-px", help="Scale of the pictures, 0.022 to 0.13.")] = 0.09,
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Width and height in pixels.")] = "1440x900",
    picture_format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="jpeg, png, tiff or bmp.")] = "jpeg",
    quality: Annotated[int, typer.Option("--quality", help="JPEG quality.")] = 92,
    mix: Annotated[
        str | None, typer.Option("--mix", metavar="MIX", help="Differential, such as segmented=60,lymphocyte=40.")
    ] = None,
    hard: Annotated[
        bool,
        typer.Option(
            "--hard", help="A difficult slide: dirt, uneven stain, some fields blurred; options below override."
        ),
    ] = False,
    variation: Annotated[
        float | None,
        typer.Option("--variation", help="How much stain and light vary, 0 to 1.5. [default: 0.5; hard: 1]"),
    ] = None,
    blurred: Annotated[
        float | None,
        typer.Option("--blurred", help="Share of fields clearly out of focus, 0 to 1. [default: 0; hard: 0.02]"),
    ] = None,
    moved: Annotated[
        float | None,
        typer.Option("--moved", help="Share of fields blurred by movement, 0 to 1. [default: 0; hard: 0.03]"),
    ] = None,
    focus: Annotated[
        float | None,
        typer.Option("--focus", help="Slight defocus of every field, in um, 0 to 1. [default: 0; hard: 0.08]"),
    ] = None,
    stain_drift: Annotated[
        float | None,
        typer.Option(
            "--stain-drift", help="How much the stain differs over the slide, 0 to 1. [default: 0; hard: 0.6]"
        ),
    ] = None,
    route: Annotated[
        str,
        typer.Option(
            "--route", metavar="ROUTE", help="meander: fields side by side; freehand: as a hand moves the stage."
        ),
    ] = "meander",
    overlap: Annotated[
        float | None,
        typer.Option("--overlap", help="Freehand: neighbouring fields overlap by up to this share. [default: 0.6]"),
    ] = None,
    angle: Annotated[
        float | None,
        typer.Option("--angle", help="Freehand: fields are turned by up to this many degrees. [default: 10]"),
    ] = None,
    scale_drift: Annotated[
        float | None,
        typer.Option("--scale-drift", help="Freehand: the scale drifts by up to this share. [default: 0.05]"),
    ] = None,
    revisits: Annotated[
        float | None,
        typer.Option("--revisits", help="Freehand: share of fields that show an earlier field again. [default: 0.08]"),
    ] = None,
    pairs: Annotated[
        float | None,
        typer.Option("--pairs", help="Share of leukocytes that touch another one. [default: 0; hard: 0.12]"),
    ] = None,
    smudges: Annotated[
        float | None, typer.Option("--smudges", help="Smudged nuclei per mm2. [default: 0; hard: 26]")
    ] = None,
    erythroblasts: Annotated[
        float | None, typer.Option("--erythroblasts", help="Nucleated red cells per mm2. [default: 0; hard: 18]")
    ] = None,
    clumps: Annotated[
        float | None, typer.Option("--clumps", help="Platelet clumps per mm2. [default: 0; hard: 30]")
    ] = None,
    giants: Annotated[
        float | None, typer.Option("--giants", help="Giant platelets per mm2. [default: 0; hard: 50]")
    ] = None,
    precipitate: Annotated[
        float | None, typer.Option("--precipitate", help="Spots of stain precipitate per mm2. [default: 0; hard: 90]")
    ] = None,
    by_rename: Annotated[
        bool, typer.Option("--rename", help="Write each file under a temporary name, then rename it.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Write over pictures and a truth that are there already, and among other pictures."
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, one object per field and a summary at the end.")
    ] = False,
) -> None:
    """Draw a simulated blood smear, field by field, and write the pictures as a camera's software would."""
    from smearwatch.capture.slide.errors import SlideError
    from smearwatch.capture.slide.request import requested_slide
    from smearwatch.capture.slide.writer import FieldWriter, Pace, TruthFile, refuse_other_pictures

    request = {
        "variation": variation,
        "blurred": blurred,
        "moved": moved,
        "focus": focus,
        "stain_drift": stain_drift,
        "overlap": overlap,
        "angle": angle,
        "scale_drift": scale_drift,
        "revisits": revisits,
        "pairs": pairs,
        "smudges": smudges,
        "erythroblasts": erythroblasts,
        "clumps": clumps,
        "giants": giants,
        "precipitate": precipitate,
    }
    try:
        _within("--fields", 1 if fields is None else fields, 1, 10**9)
        _within("--cells", 1 if cells is None else cells, 1, 10**9)
        _within("--start", start, 0, 10**9)
        _within("--rate", rate, 0, 1000)
        _within("--quality", quality, 1, 100)
        smear = requested_slide(
            seed, um_per_px=um_per_px, size=size, mix=mix, route=route, is_hard=hard, request=request
        )
        writer = FieldWriter(out, _format(picture_format), quality, by_rename, force)
        pace = Pace(rate)
    except SlideError as error:
        _complain(f"smearwatch: {error} ({error.hint})")
        raise typer.Exit(2) from None
    truth_lines = TruthFile(truth, out, force=force)
    if not force:
        refuse_other_pictures(out)
    with _folder(out):
        summary = _run(smear, writer, pace, truth_lines, start=start, fields=fields, cells=cells, as_json=as_json)
    if as_json:
        sys.stdout.write(json.dumps(summary) + "\n")
    else:
        counts = "  ".join(f"{name} {count}" for name, count in summary["counts"].items())
        sys.stdout.write(f"{summary['fields']} fields, {summary['cells']} whole cells: {counts}\n")


def _run(
    smear: "Slide",
    writer: "FieldWriter",
    pace: "Pace",
    truth: "TruthFile",
    *,
    start: int,
    fields: int | None,
    cells: int | None,
    as_json: bool,
) -> dict[str, Any]:
    """Write fields until there are enough or somebody ends it; return the truth's summary."""
    from smearwatch.capture.slide.stain import CELL_CLASSES
    from smearwatch.capture.slide.writer import truth_line

    counts: Counter[str] = Counter()
    known: set[str] = set()
    edge = sightings = written = 0
    with _ended_by_signals() as ended, truth:
        for field in smear.fields(start):
            if ended.wait(pace.next_wait_s()):
                break
            line = truth_line(field, writer.path_of(field.index).name)
            # The truth first: whoever sees the picture finds its truth already there.
            writer.write(field, ended.wait, partial(truth.write, line))
            written += 1
            edge += sum(cell.at_edge for cell in field.cells)
            whole = {cell.name: cell.cls for cell in field.cells if not cell.at_edge}
            sightings += len(whole)
            # A cell that several fields show is one cell.
            counts.update(cls for name, cls in whole.items() if name not in known)
            known.update(whole)
            _report(field, line, counts, as_json=as_json)
            if written == fields or (cells is not None and counts.total() >= cells):
                break
    return {
        "fields": written,
        "cells": counts.total(),
        "sightings": sightings,
        "at_edge": edge,
        "counts": {name: counts[name] for name in CELL_CLASSES},
    }


def _report(field: "Field", line: str, counts: Counter[str], *, as_json: bool) -> None:
    """Report that a field is written: a line of JSON, or progress where a person is watching."""
    if as_json:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    elif sys.stderr.isatty():
        sys.stderr.write(f"\rfield {field.index}, {counts.total()} whole cells ")
        sys.stderr.flush()


@contextmanager
def _ended_by_signals() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set; the handlers are put back afterwards."""
    ended = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield ended
        return
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _folder(out: Path) -> Iterator[None]:
    """Make the folder; where nothing came into it, it is removed again."""
    from smearwatch.capture.slide.errors import SlideError

    with ExitStack() as stack:
        try:
            stack.enter_context(made(out))
        except OSError as error:
            raise SlideError(f"cannot make the folder {out}: {error.strerror}", hint="choose another folder") from None
        yield


def _format(text: str) -> Any:
    from smearwatch.capture.slide.errors import SlideError
    from smearwatch.capture.slide.writer import SUFFIXES

    if text not in SUFFIXES:
        raise SlideError(f"cannot write the format {text!r}", hint=f"use --format {', '.join(SUFFIXES)}")
    return text


def _within(option: str, value: float, low: float, high: float) -> None:
    from smearwatch.capture.slide.errors import SlideError

    # Written so that a value that is not a number is refused, too.
    if not low <= value <= high:
        raise SlideError(f"{option} cannot be {value}", hint=f"use {low:g} to {high:g}")


def _complain(line: str) -> None:
    sys.stderr.write(line + "\n")
