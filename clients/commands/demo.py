"""``smearwatch demo``: a simulated slide, the whole pipeline on it, a client; ends by itself with the truth beside."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from smearwatch.clients.slide_truth import Held, hold, read_truth, rows
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.notices import RESEARCH_USE

app = typer.Typer()

_SESSION = "demo"
_STOP_S = 15.0


class DemoFailed(RuntimeError):
    """The demonstration did not come through."""

    hint = "run it again with --keep and look into the folder that it names"


@app.command()
def demo(
    cells: Annotated[int, typer.Option(min=1, help="End at so many counted cells.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another slide.")] = 1,
    rate: Annotated[float, typer.Option(min=0.1, max=50.0, help="Fields a second.")] = 2.0,
    keep: Annotated[bool, typer.Option("--keep", help="Leave session and frames where they are.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object at the end.")] = False,
) -> None:
    """Show the whole pipeline at work on a simulated slide.

    A simulated camera drops fields into a watched folder; hub, finder and worker count them; a client shows the count.

    Example: smearwatch demo --cells 200 --seed 7
    """
    folder = Path(tempfile.mkdtemp(prefix="smearwatch-demo-"))
    try:
        result = _play(folder, cells=cells, seed=seed, rate=rate, show=not as_json)
        held = hold(folder / "state" / "sessions" / _SESSION, read_truth(folder / "truth.jsonl"))
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        typer.echo(json.dumps({**result, "against_truth": _as_dict(held)}))
    else:
        _tell(result, held)
        if keep:
            typer.echo(f"kept in {folder}: look with SMEARWATCH_STATE_DIR={folder / 'state'} smearwatch sessions list")
    if not (result["balanced"] and result["complete"] and result["cells"] >= cells):
        raise DemoFailed(f"the ledger does not balance: {json.dumps(result['frames'])}, {result['cells']} cells")


def _play(folder: Path, *, cells: int, seed: int, rate: float, show: bool) -> dict[str, Any]:
    camera = folder / "camera"
    camera.mkdir()
    environment = {
        **os.environ,
        "SMEARWATCH_STATE_DIR": str(folder / "state"),
        "SMEARWATCH_RUNTIME_DIR": str(folder / "run"),
        "SMEARWATCH_LOG_LEVEL": os.environ.get("SMEARWATCH_LOG_LEVEL", "warning"),
    }
    load_settings()  # a broken settings file is said once, here, and not by every process
    if show:
        typer.echo(f"simulated slide {seed}: {rate:g} fields a second into {camera}, counting to {cells} cells\n")
    with ExitStack() as stack:
        counting = [*("run", "--watch", str(camera), "--session", _SESSION, "--target", str(cells))]
        run = _start(environment, *counting, "--stop-at-target", "--until-idle", "60", "--json", stdout=subprocess.PIPE)
        stack.enter_context(_ended(run))
        if show:
            stack.enter_context(_ended(_start(environment, "watch", "--plain")))
        slide = ["slide", "--out", str(camera), "--truth", str(folder / "truth.jsonl")]
        options = ["--seed", str(seed), "--rate", str(rate), "--json"]
        stack.enter_context(_ended(_start(environment, *slide, *options, stdout=subprocess.DEVNULL)))
        last = ""
        assert run.stdout is not None
        for line in run.stdout:
            last = line.decode()
        if run.wait() or not last:
            raise DemoFailed("the run ended before it had counted")
    result: dict[str, Any] = json.loads(last)
    return result


def _start(environment: dict[str, str], *arguments: str, stdout: int | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "smearwatch.daemon.cli", *arguments]
    return subprocess.Popen(command, env=environment, stdout=stdout, stdin=subprocess.DEVNULL)


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a process in bounded time when the block is left."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _as_dict(held: Held) -> dict[str, Any]:
    return {
        "truth": dict(held.truth),
        "matched": held.matched,
        "named_rightly": held.named_rightly,
        "left_at_edge": held.left_at_edge,
        "missed": held.missed,
        "invented": held.invented,
        "pairs": [{"true": true, "counted": counted, "n": n} for (true, counted), n in sorted(held.pairs.items())],
        "um_per_px_ratio_median": round(median(held.scale_ratio), 4) if held.scale_ratio else None,
    }


def _tell(result: dict[str, Any], held: Held) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Differential of {result['cells']} cells, beside the slide's truth", title_style="bold")
    for heading, justify in (("class", "left"), ("counted", "right"), ("%", "right"), ("95 % interval", "right")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    table.add_column("truth", justify="right", style="cyan")
    table.add_column("truth %", justify="right", style="cyan")
    total = max(1, held.truth.total())
    both = {"neutrophils": held.truth["band"] + held.truth["segmented"]}
    for name, true in [*((row[0], row[1]) for row in rows(held)), *both.items()]:
        share = result["percent"][name]
        count = result["neutrophils"] if name == "neutrophils" else result["counts"][name]
        if name == "neutrophils":
            table.add_section()
        limits = f"{share['low']:.1f}-{share['high']:.1f}"
        table.add_row(name, str(count), f"{share['value']:.1f}", limits, str(true), f"{100 * true / total:.1f}")
    console = Console()
    console.print()
    console.print(table)
    frames = result["frames"]
    console.print(
        f"{held.named_rightly} of {held.matched} cells named as the slide made them; {held.missed} missed, "
        f"{held.left_at_edge} left out at the edge, {held.invented} invented, {result['flagged']} flagged for a "
        f"person, {result['rejected']} rejected.\n"
        f"Frames: {frames['seen']} seen = {frames['counted']} counted + {frames['rejected']} rejected + "
        f"{frames['pending']} pending. Scale from red cells: {median(held.scale_ratio or [0.0]):.3f} of the truth.",
        highlight=False,
    )
    console.print(
        f"A simulated slide shows that the pipeline works; it says nothing about accuracy on blood.\n{RESEARCH_USE}",
        style="dim",
        highlight=False,
    )
