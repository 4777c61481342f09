"""The options of `smearwatch run`, which the commands of its single roles have too."""

from pathlib import Path
from typing import Annotated

import typer

Watch = Annotated[Path | None, typer.Option("--watch", metavar="DIR", help="Folder that the camera writes into.")]

Camera = Annotated[
    str | None, typer.Option("--camera", metavar="INDEX|URL|PATH", help="Camera, network stream or video file.")
]

Source = Annotated[str | None, typer.Option("--source", metavar="NAME", help="Another installed source of frames.")]

SourceOption = Annotated[
    list[str] | None,
    typer.Option("--source-option", metavar="KEY=VALUE", help="An option for the source; may be repeated."),
]

ListSources = Annotated[bool, typer.Option("--list-sources", help="List the installed sources of frames and exit.")]

Session = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Name of the session; an existing session is continued. [default: date and time]"
    ),
]

CarryOn = Annotated[
    bool,
    typer.Option(
        "--continue",
        help="Carry on a session that was begun on another folder or camera, or under another rule or weights.",
    ),
]

CountAgain = Annotated[
    bool,
    typer.Option("--count-again", help="Begin a session on a folder with pictures that another one has counted."),
]

Specimen = Annotated[
    str | None,
    typer.Option(metavar="NUMBER", help="Number of the specimen or order; never a patient's name."),
]

Operator = Annotated[str | None, typer.Option(metavar="NAME", help="Who counts.")]

Note = Annotated[str | None, typer.Option(metavar="TEXT", help="Anything to be kept with the session.")]

By = Annotated[
    str | None, typer.Option("--by", metavar="WHO", help="Who says so. [default: the operator, or this user]")
]

UmPerPx = Annotated[
    str | None, typer.Option("--um-per-px", metavar="X|auto", help="Scale of the frames in micrometres per pixel.")
]

ScaleFrom = Annotated[
    str | None,
    typer.Option(
        "--scale-from",
        metavar="SOURCE",
        help="Take the scale only from: micrometer, metadata, configured or red_cells.",
    ),
]

Calibration = Annotated[str | None, typer.Option(metavar="NAME", help="Use this stored calibration.")]

Engine = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="What runs the networks: auto, eager, fused, bf16, openvino, onnx or graph. [default: auto]",
    ),
]

UntilIdle = Annotated[
    float | None,
    typer.Option(min=0.1, metavar="SECONDS", help="Stop when nothing has come for this long and all is counted."),
]

SearchStain = Annotated[
    str | None,
    typer.Option(
        metavar="STAIN",
        help="as_photographed, or red_cells: search pale fields as if they were stained as usual. "
        "[default: as_photographed]",
    ),
]

BandRule = Annotated[
    str | None,
    typer.Option(
        metavar="RULE",
        help="Rule between band and segmented that is shown beside the verdicts, without changing them: "
        "filament, one-third, japan-2013 or none. [default: filament]",
    ),
]

Target = Annotated[int | None, typer.Option(min=1, metavar="N", help="Wanted number of cells. [default: 100]")]

TargetClass = Annotated[
    list[str] | None,
    typer.Option(metavar="CLASS=N", help="Wanted number of cells of a class, or neutrophils; may be repeated."),
]

TargetWithin = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[CLASS=]POINTS",
        help="Wanted certainty: 95 % limits within plus and minus so many percent points, for each class or one.",
    ),
]

StopAtTarget = Annotated[
    bool, typer.Option("--stop-at-target", help="Stop at the cell with which every target is reached.")
]

Weights = Annotated[Path | None, typer.Option(metavar="DIR", help="Use these weights instead of the current ones.")]

Review = Annotated[
    bool | None,
    typer.Option(
        "--review/--no-review",
        help="Show the review page beside the count, for this session and the next. [default: no]",
    ),
]

Hub = Annotated[
    str | None,
    typer.Option(
        "--hub", metavar="ADDRESS", help="The hub of another computer, tcp://HOST:PORT. [default: this computer's]"
    ),
]

Listen = Annotated[
    str | None,
    typer.Option(
        "--listen",
        metavar="ADDRESS",
        help="Let other computers in whose keys are allowed, at tcp://ADDRESS:PORT. [default: none]",
    ),
]

Config = Annotated[Path | None, typer.Option(help="Settings file (TOML) instead of the usual one.")]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any other setting, as in the file; may be repeated."),
]
