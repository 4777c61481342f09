"""`smearwatch leave-out`: how good networks are on a laboratory that their training never met, each in turn."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from smearwatch.daemon.alone import alone
from smearwatch.daemon.own_results import own_results
from smearwatch.train.commands.dataset_options import named_folders, wrong_usage
from smearwatch.train.commands.shared_options import (
    CROPS,
    CacheOption,
    ForceOption,
    ForceScaleOption,
    JsonOption,
    LabOption,
    StateOption,
)

if TYPE_CHECKING:
    from smearwatch.train.leave_out.report import LeaveOutReport
    from smearwatch.train.leave_out.run import Request
    from smearwatch.train.leave_out.variants_run import VariantsReport
    from smearwatch.train.progress import ProgressLine

app = typer.Typer(add_completion=False)

_OF_ONE = ("*/weights/tensorboard/*", "*/weights/*", "*/cells.csv", "thresholds.json", "report.*")
# Of variants each has a folder of its own.
_RESULTS = (*(f"*/{name}" for name in _OF_ONE), *_OF_ONE, "variants.*")
_SUPERSEDED = ("*/weights/tensorboard/*", "*/*/weights/tensorboard/*")
_EPILOG = "Example: smearwatch leave-out --config laboratories.toml --lab pbc=data/pbc --lab chula=data/chula"


@app.command("leave-out", epilog=_EPILOG)
def leave_out(
    config: Annotated[Path, typer.Option(metavar="TOML", help="Settings file that names the laboratories.")],
    lab: LabOption = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where report, weights and answers go.")] = Path("leave-out"),
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Leave out this one alone; may be given several times.")
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=DIR", help="Do not train: measure these weights, which never met NAME, and no others."
        ),
    ] = None,
    at_most: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Measure at most N cells of each label. [default: all]")
    ] = None,
    variants: Annotated[
        bool,
        typer.Option(
            "--variants",
            help="Instead train small networks with one part of the recipe changed each time, and compare them.",
        ),
    ] = False,
    variant_epochs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Epochs of each variant. [default: 6]")
    ] = None,
    force_scale: ForceScaleOption = False,
    device: Annotated[
        Literal["auto", "cpu", "cuda"] | None, typer.Option(help="auto uses CUDA where there is a GPU.")
    ] = None,
    force: ForceOption = False,
    state: StateOption = None,
    cache: CacheOption = CROPS,
    as_json: JsonOption = False,
) -> None:
    """Train without each laboratory in turn, and measure on all of it, which is how a new microscope would fare.

    Laboratories whose cells have no classes are trained on each time and never left out. The cells are measured twice:
    cut where they are labelled, and as the pipeline finds them. If a run is interrupted, the same command continues it.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as in `train`
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    folders, ready = named_folders("--lab", lab), named_folders("--weights", weights)
    if variant_epochs is not None and not variants:
        wrong_usage("--variant-epochs without --variants", "give --variants too, or leave it out")

    from smearwatch.train.leave_out.run import Request
    from smearwatch.train.leave_out.run import leave_out as run
    from smearwatch.train.progress import ProgressLine
    from smearwatch.train.training.config import read_config

    settings = read_config(config, {"data.force_scale": force_scale or None, "device": device}, folders)
    kept = state or out.with_name(out.name + ".state")
    progress = ProgressLine()
    try:
        with own_results(out, _RESULTS, force=force, superseded=_SUPERSEDED) as results, alone(kept):
            request = Request(
                config=settings,
                out=results.folder,
                state=kept,
                cache=cache,
                only=only or (),
                ready=ready,
                at_most=at_most,
                device=settings.device,
                publish=results.publish,
            )
            report = _compare(request, variant_epochs, progress) if variants else run(request, progress)
    finally:
        progress.close()
    sys.stdout.write(json.dumps(report.to_json()) + "\n" if as_json else _plain(report, out))


def _compare(request: "Request", epochs: int | None, progress: "ProgressLine") -> "VariantsReport":
    from smearwatch.train.data.samples import DataUnusable
    from smearwatch.train.leave_out.variants import list_variants
    from smearwatch.train.leave_out.variants_run import compare_variants

    if request.ready:
        raise DataUnusable(Path("--weights"), "variants are trained", "leave out --weights or --variants")
    return compare_variants(list_variants(request.config, epochs), request, progress)


def _plain(report: "LeaveOutReport | VariantsReport", out: Path) -> str:
    from smearwatch.train.leave_out.variants_run import VariantsReport

    if isinstance(report, VariantsReport):
        return f"table of {len(report.variants)} variants in {out / 'variants.md'}\n"
    lines = []
    for name, each in report.laboratories.items():
        for way, scores in each.ways.items():
            lines.append(f"{name}, {way}: right {scores.right_five.text()}; rejected {scores.rejected.text()}\n")
    return "".join([*lines, f"report in {out}\n"])
