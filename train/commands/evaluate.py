"""`smearwatch evaluate`: how good weights are on somebody's labelled cells."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from smearwatch.daemon.config import load_settings
from smearwatch.daemon.weights import weights_in_use
from smearwatch.train.commands.asking import asked, wrong_usage

app = typer.Typer(add_completion=False)

_EPILOG = "Example: smearwatch evaluate --data cells --um-per-px 0.095 --out report"


@app.command(epilog=_EPILOG)
def evaluate(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Gets report.json, .md, .html and figures/.")],
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Single-cell pictures, one folder a class.")] = None,
    um_per_px: Annotated[str | None, typer.Option("--um-per-px", metavar="X", help="Their scale.")] = None,
    fields: Annotated[Path | None, typer.Option(metavar="DIR", help="Whole fields: frames/ and boxes/.")] = None,
    fields_um_per_px: Annotated[
        str | None, typer.Option("--fields-um-per-px", metavar="X", help="Their scale, for the boxes.")
    ] = None,
    session: Annotated[
        list[str] | None, typer.Option(metavar="NAME|DIR", help="A labelled session; may be given several times.")
    ] = None,
    part: Annotated[
        Literal["test", "all"], typer.Option(help="test leaves out what the weights were trained on or chosen by.")
    ] = "test",
    weights: Annotated[Path | None, typer.Option(metavar="DIR", help="Other weights than the daemon's.")] = None,
    force_scale: Annotated[bool, typer.Option("--force-scale", help="Believe the scale against the cells.")] = False,
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where drawn crops are kept; the user's cache by default.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="The report as one JSON object on stdout.")] = False,
) -> None:
    """Score weights on labelled cells: class folders, whole fields with boxes, recorded sessions, or all of them.

    The folders are named by class (band, segmented, eosinophil, basophil, monocyte, lymphocyte); `neutrophil` joins
    the first two, and erythroblast, immature_granulocyte, platelet and artefact are to be rejected. Whole fields are
    scored twice: cut at their boxes, and as the pipeline finds their cells. For Research Use Only. Not for use in
    diagnostic procedures.
    """
    if data is None and fields is None and not session:
        wrong_usage("nothing to score", "give --data, --fields or --session")
    settings = load_settings(weights=weights)
    cells = asked(
        ("--data", data, "--um-per-px", um_per_px),
        ("--fields", fields, "--fields-um-per-px", fields_um_per_px),
        session or [],
        settings.state_dir,
        force_scale=force_scale,
    )

    import platformdirs

    from smearwatch.train.evaluation.run import evaluate as run
    from smearwatch.train.progress import ProgressLine
    from smearwatch.train.recorded import to_stderr

    report = run(
        weights_in_use(settings),
        cells,
        out,
        choice=part,
        cache=cache or Path(platformdirs.user_cache_dir("smearwatch")) / "crops",
        device=device,
        progress=ProgressLine(),
        tell=to_stderr,
    )
    sys.stdout.write(json.dumps(report) + "\n" if as_json else _plain(report, out))


def _plain(report: dict[str, Any], out: Path) -> str:
    from smearwatch.train.shares import say

    lines = []
    for name, scores in report["sets"].items():
        of_six = f"six classes {say(scores['accuracy_share'])}, agreed labels {say(scores['agreed'])}; "
        lines.append(f"{name}: {of_six if scores['n'] else ''}band and segmented as one {say(scores['five_class'])}\n")
    return "".join([*lines, f"report in {out}\n"])
