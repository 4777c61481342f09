"""`smearwatch evaluate`: how good weights are on somebody's labelled cells."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from smearwatch.daemon.config import load_settings
from smearwatch.daemon.own_results import own_results
from smearwatch.daemon.weights import weights_in_use
from smearwatch.train.commands.dataset_options import parse_dataset_spec, wrong_usage
from smearwatch.train.commands.shared_options import (
    CROPS,
    CacheOption,
    DataOption,
    DeviceOption,
    FieldsOption,
    FieldsScaleOption,
    ForceOption,
    ForceScaleOption,
    JsonOption,
    ScaleOption,
    SessionOption,
)

if TYPE_CHECKING:
    from smearwatch.train.evaluation.results import Report

app = typer.Typer(add_completion=False)

_RESULTS = ("figures/*.png", "report.html", "report.md", "report.json")
_EPILOG = "Example: smearwatch evaluate --data cells --um-per-px 0.095 --out report"


@app.command(epilog=_EPILOG)
def evaluate(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where report.json, .md, .html and figures/ go.")],
    data: DataOption = None,
    um_per_px: ScaleOption = None,
    fields: FieldsOption = None,
    fields_um_per_px: FieldsScaleOption = None,
    session: SessionOption = None,
    part: Annotated[
        Literal["test", "all"], typer.Option(help="test leaves out cells that the weights have seen in training.")
    ] = "test",
    weights: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Weights to score. [default: those in use]")
    ] = None,
    force_scale: ForceScaleOption = False,
    force: ForceOption = False,
    cache: CacheOption = CROPS,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Measure how well weights name labelled cells: class folders, whole fields with boxes, sessions, or all of them.

    The folders are named by class (band, segmented, eosinophil, basophil, monocyte, lymphocyte); `neutrophil` joins
    the first two, and erythroblast, immature_granulocyte, platelet and artefact are to be rejected. Whole fields are
    scored twice: cut at their boxes, and as the pipeline finds their cells.
    """
    if data is None and fields is None and not session:
        wrong_usage("nothing to score", "give --data, --fields or --session")
    settings = load_settings(weights=weights)
    cells = parse_dataset_spec(
        ("--data", data, "--um-per-px", um_per_px),
        ("--fields", fields, "--fields-um-per-px", fields_um_per_px),
        session or [],
        settings.state_dir,
        force_scale=force_scale,
    )

    from smearwatch.train.data.sessions import to_stderr
    from smearwatch.train.evaluation.run import evaluate as run
    from smearwatch.train.progress import ProgressLine

    with own_results(out, _RESULTS, force=force) as results:
        report = run(
            weights_in_use(settings),
            cells,
            results.folder,
            choice=part,
            cache=cache,
            device=device,
            progress=ProgressLine(),
            report_line=to_stderr,
        )
    sys.stdout.write(json.dumps(report.to_json()) + "\n" if as_json else _plain(report, out))


def _plain(report: "Report", out: Path) -> str:
    lines = []
    for name, each in report.sets.items():
        scores = each.scores
        of_six = f"six classes {scores.accuracy_share.text()}, agreed labels {scores.agreed.text()}; "
        lines.append(f"{name}: {of_six if scores.n else ''}band and segmented as one {scores.five_class.text()}\n")
    return "".join([*lines, f"report in {out}\n"])
