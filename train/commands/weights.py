"""`smearwatch weights`: what other weights would have changed in this laboratory's own sessions."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.daemon.commands.archive_options import (
    Archive,
    EngineOption,
    ProcessesOption,
    RayAddressOption,
    ResultsOption,
    do_archive,
    refuse_without_archive,
    results_folder,
)
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.own_output import refuse_other, write_result
from smearwatch.daemon.weights import weights_in_use
from smearwatch.train.commands.shared_options import DeviceOption, ProgressOption

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def weights() -> None:
    """Compare weights on the sessions that this laboratory has recorded.

    Example: smearwatch weights changes --new adapted
    """


@app.command()
def changes(
    sessions: Annotated[list[str] | None, typer.Argument(help="Recorded sessions. [default: the signed ones]")] = None,
    new: Annotated[Path | None, typer.Option("--new", metavar="DIR", help="The new weights.")] = None,
    old: Annotated[
        Path | None, typer.Option("--old", metavar="DIR", help="The weights before. [default: those in use]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the report there too, as JSON.", dir_okay=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Let --out write over a file.")] = False,
    device: DeviceOption = "auto",
    progress: ProgressOption = "text",
    archive: Archive = None,
    results: ResultsOption = None,
    engine: EngineOption = "local",
    processes: ProcessesOption = 1,
    ray_address: RayAddressOption = "auto",
    config: Annotated[Path | None, typer.Option(help="Another settings file (TOML).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The report as one JSON object on stdout.")] = False,
) -> None:
    """Judge the cells of recorded sessions under two weights: what changes, and which reports would read otherwise.

    Each cell is judged as a replay with these weights would judge it. Where a person has labelled a cell, that is the
    truth, and both weights are compared on it (exact McNemar test, intervals for paired cells), all together and by
    class. Cells that one of the weights was trained on, and those beside them, are counted apart: they are no check.
    All other cells are compared machine against machine.

    For each session the report is made anew, with the labels in it. It would have read otherwise where a percentage
    lies beyond the limits that it gave before, where the mark beside the percentages comes or goes, or where the share
    of flagged cells changes by more than chance. Nothing is written into the sessions.

    --archive takes the signed sessions of a folder instead, and judges them in processes of this computer or on a Ray
    cluster (--engine ray). Interrupted, the same command goes on.

    Example: smearwatch weights changes --new adapted
    """
    from smearwatch.train.commands.dataset_options import wrong_usage

    if new is None:
        wrong_usage("no new weights", "give --new DIR")
    if out is not None:
        refuse_other(out, force=force)
    settings = load_settings(config, weights=old)

    from smearwatch.train.changes.report import change_lines
    from smearwatch.train.changes.run import ChangesRequest, find_changes, signed_sessions
    from smearwatch.train.data.sessions import session_path, to_stderr
    from smearwatch.train.progress import progress_for

    failed = False
    if archive is not None:
        from smearwatch.train.changes.of_archive import find_archived_changes

        folder = results_folder(results, {"a session's name": sessions})
        places = (archive, folder, weights_in_use(settings).absolute(), new.absolute())
        change, failed = find_archived_changes(
            *places, device, lambda request: do_archive(request, engine, processes, ray_address), to_stderr
        )
    else:
        refuse_without_archive(results, engine)
        named = tuple(session_path(each, settings.state_dir) for each in sessions or [])
        folders = named or signed_sessions(settings.state_dir)
        request = ChangesRequest(weights_in_use(settings), new, folders, device)
        change = find_changes(request, progress_for(progress), to_stderr)
    if as_json:
        sys.stdout.write(json.dumps(change.to_json()) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in change_lines(change)))
    sys.stdout.flush()
    if out is not None:
        write_result(out, json.dumps(change.to_json(), indent=1).encode() + b"\n", force=force)
    if failed:
        raise typer.Exit(1)
