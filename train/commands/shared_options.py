"""Options that several commands share, each written once."""

from pathlib import Path
from typing import Annotated, Literal

import platformdirs
import typer

DataOption = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Single-cell pictures, one folder a class.")
]
ScaleOption = Annotated[
    str | None, typer.Option("--um-per-px", metavar="X", help="Their scale in micrometres per pixel.")
]
FieldsOption = Annotated[Path | None, typer.Option("--fields", metavar="DIR", help="Whole fields: frames/ and boxes/.")]
FieldsScaleOption = Annotated[
    str | None,
    typer.Option("--fields-um-per-px", metavar="X", help="Their scale in micrometres per pixel, for the boxes."),
]
SessionOption = Annotated[
    list[str] | None,
    typer.Option("--session", metavar="NAME|DIR", help="A labelled session; may be given several times."),
]
ForceScaleOption = Annotated[
    bool, typer.Option("--force-scale", help="Use the scales given, even if the cells measure too large or small.")
]
CacheOption = Annotated[
    Path,
    typer.Option(
        "--cache", metavar="DIR", help="Where prepared crops are kept.", show_default="the user's cache folder"
    ),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Write over results that smearwatch did not write, or that were changed since.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="The report as one JSON object on stdout.")]
StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="DIR",
        help="Where an interrupted run is continued from. [default: beside --out, with .state after its name]",
    ),
]
LabOption = Annotated[
    list[str] | None,
    typer.Option(
        "--lab",
        metavar="NAME=DIR",
        help="Folder of a laboratory that the settings file names; may be given several times.",
    ),
]
SeedOption = Annotated[int | None, typer.Option("--seed", metavar="N", help="Random seed. [default: 1]")]
ProgressOption = Annotated[
    Literal["text", "json"],
    typer.Option("--progress", help="How progress is told on stderr: for a person, or one JSON object a line."),
]
DeviceOption = Annotated[
    Literal["auto", "cpu", "cuda"], typer.Option("--device", help="auto uses CUDA where there is a GPU.")
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="What runs the networks: auto, eager, fused, bf16, openvino, onnx or graph. [default: auto]",
    ),
]

CROPS = Path(platformdirs.user_cache_dir("smearwatch")) / "crops"
"""Where prepared crops are kept by default."""
