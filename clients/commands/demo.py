"""``smearwatch demo``: a simulated slide, the whole pipeline on it, a client; ends by itself with the truth beside."""

import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from smearwatch.clients.demo.processes import SESSION, TRUTH_FILE, DemoFailed, DemoProcesses
from smearwatch.clients.slide_truth import Held, hold, read_truth
from smearwatch.clients.stdout import close_stdout, has_terminal, to_stdout
from smearwatch.daemon.columns import fold

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    cells: Annotated[int, typer.Option(min=1, help="End at so many counted cells.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another slide.")] = 1,
    rate: Annotated[float, typer.Option(min=0.1, max=50.0, help="Fields a second.")] = 2.0,
    keep: Annotated[bool, typer.Option("--keep", help="Leave session and frames where they are.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Lines instead of the live screen.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object at the end.")] = False,
) -> None:
    """Show the whole pipeline at work on a simulated slide.

    A simulated camera drops fields into a watched folder, their leukocytes are found and judged, and a live screen
    shows the count: as lines where there is no terminal. It ends by itself, with the slide's truth beside the count.

    Example: smearwatch demo --cells 200 --seed 7
    """
    folder = Path(tempfile.mkdtemp(prefix="smearwatch-demo-"))
    try:
        with DemoProcesses(folder, cells=cells, seed=seed, rate=rate) as processes:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, lambda *_: processes.stop())
            if not as_json:
                _show(processes, _caption(cells, seed, rate), screen=not plain and has_terminal())
            result = processes.result()
        held = hold(folder / "state" / "sessions" / SESSION, read_truth(folder / TRUTH_FILE))
    except BrokenPipeError:
        close_stdout()
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        if not keep:
            sys.stderr.write("demo ended; nothing was kept\n")
        raise
    finally:
        if keep:
            sys.stderr.write(
                f"kept in {folder}\nlook with SMEARWATCH_STATE_DIR={folder}/state smearwatch sessions list\n"
            )
        else:
            shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        typer.echo(json.dumps({**result, "against_truth": _as_dict(held)}))
    else:
        from smearwatch.clients.demo.table import write_table

        write_table(result, held)
    if not (result["balanced"] and result["cells"] == cells):
        raise DemoFailed(f"the ledger does not balance: {json.dumps(result['frames'])}, {result['cells']} cells")


def _caption(cells: int, seed: int, rate: float) -> str:
    fields = "1 field" if rate == 1.0 else f"{rate:g} fields"
    ends = f"ends at {cells} {'cell' if cells == 1 else 'cells'} or Ctrl-C"
    return f"simulated slide {seed}, {fields} a second; {ends}"


def _show(processes: DemoProcesses, caption: str, *, screen: bool) -> None:
    """Show the count until the demo is over: on a screen, and as lines where there is none or it was closed."""
    write = to_stdout()
    for line in fold(f"{caption[0].upper()}{caption[1:]}."):
        write(line)
    if screen:
        # Loaded only now: lines need none of it.
        from smearwatch.clients.terminal.demo import show_demo

        show_demo(processes.settings, SESSION, caption, lambda: processes.over)
        if processes.over:
            return
        write("The screen is closed; the demo goes on.")
    else:
        write("Starting the count; the networks take some seconds to load.")
    write("")
    from smearwatch.clients.feed import Feed
    from smearwatch.clients.lines import follow

    settings = processes.settings
    with Feed(settings.runtime_dir, settings.state_dir, session=SESSION, recent=0) as feed:
        follow(feed, write, lambda: processes.over, as_json=False)


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
