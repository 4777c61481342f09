"""Options of the commands that do a task for each session of an archive, and what they have in common."""

import sys
import time
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.one_line import say
from smearwatch.daemon.tasks.local import LocalEngine, TaskEngine
from smearwatch.daemon.tasks.over_archive import Outcome, Request, Told, do_each

_TOLD_EVERY_S: Final = 20.0
_SHOWN: Final = 20

Archive = Annotated[
    Path | None,
    typer.Option(
        "--archive", metavar="DIR", help="All sessions in this folder: archived files, or folders of sessions."
    ),
]
ResultsOption = Annotated[
    Path | None,
    typer.Option("--results", metavar="DIR", help="With --archive: where a file for each session is written."),
]
EngineOption = Annotated[
    Literal["local", "ray"],
    typer.Option("--engine", help="With --archive: processes of this computer, or a Ray cluster."),
]
EnginesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="How the networks run: eager, fused, bf16, openvino, onnx, graph or auto. [default: as the verdicts were "
        "given] With --archive also where: local, or ray for a Ray cluster. [default: local] May be given twice.",
    ),
]
ProcessesOption = Annotated[
    int, typer.Option("--processes", metavar="N", min=1, max=256, help="Sessions at once, with --engine local.")
]
RayAddressOption = Annotated[
    str, typer.Option("--ray-address", metavar="HOST:PORT", help="The cluster's head; auto: on this computer.")
]


class ArchiveWronglyTyped(Hinted):
    """Options of which one needs or excludes another."""

    wrongly_typed = True


def split_engines(engines: list[str] | None) -> tuple[str | None, Literal["local", "ray"]]:
    """Return how the networks are to run, None for nothing typed, and where the sessions of an archive are counted.

    Raises
    ------
    ArchiveWronglyTyped
        Two of a kind were typed.
    """
    places = [each for each in engines or () if each in ("local", "ray")]
    networks = [each for each in engines or () if each not in ("local", "ray")]
    for kind in (places, networks):
        if len(kind) > 1:
            raise ArchiveWronglyTyped(f"--engine {kind[0]} and --engine {kind[1]}", "leave one of them out")
    return (networks[0] if networks else None), ("ray" if places == ["ray"] else "local")


def results_folder(results: Path | None, given: dict[str, Any]) -> Path:
    """Return the folder for the results, where nothing was typed that does not go with an archive.

    Parameters
    ----------
    results
        As it was typed.
    given
        What excludes ``--archive``, by how it is typed.

    Raises
    ------
    ArchiveWronglyTyped
        Naming the option.
    """
    if excluded := next((name for name, value in given.items() if value), None):
        raise ArchiveWronglyTyped(f"{excluded} does not go with --archive", "leave one of them out")
    if results is None:
        raise ArchiveWronglyTyped("--archive without --results", "name the folder that takes the results")
    return results


def refuse_without_archive(results: Path | None, engine: str) -> None:
    """Refuse what goes with an archive alone; raises `ArchiveWronglyTyped`."""
    for name, given in (("--results", results is not None), ("--engine ray", engine == "ray")):
        if given:
            raise ArchiveWronglyTyped(f"{name} without --archive", "name the folder of sessions, too")


def do_archive(request: Request, engine: Literal["local", "ray"], processes: int, ray_address: str) -> Outcome:
    """Do a request and tell on stderr how it goes; see `do_each`."""
    chosen: TaskEngine
    if engine == "ray":
        from smearwatch.daemon.tasks.on_ray import RayEngine

        chosen = RayEngine(ray_address)
    else:
        chosen = LocalEngine(processes)
    try:
        return do_each(request, chosen, _teller())
    except KeyboardInterrupt:
        say(f"stopped; what is done is in {request.results}, and the same command goes on from there")
        raise


def print_failures(outcome: Outcome) -> None:
    """Say on stderr which sessions have no result."""
    for name, why in list(outcome.failed.items())[:_SHOWN]:
        say(f"{name}: {why}")
    if (more := len(outcome.failed) - _SHOWN) > 0:
        say(f"and {more} more, in {outcome.results.folder / 'manifest.json'}")


def _teller() -> Told:
    began_s = last_s = time.monotonic()
    begun: int | None = None

    def told(name: str, done: int, total: int, failed: str | None) -> None:
        nonlocal last_s, begun
        begun = done - 1 if begun is None else begun
        now_s = time.monotonic()
        if done < total and now_s - last_s < _TOLD_EVERY_S:
            return
        last_s = now_s
        left_s = (now_s - began_s) / (done - begun) * (total - done)
        sys.stderr.write(f"{done} of {total} sessions, {left_s / 60:.0f} min left\n")
        sys.stderr.flush()

    return told
