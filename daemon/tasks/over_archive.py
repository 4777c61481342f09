"""A task for each session of an archive: what stands is left, what fails is named, and the others go on."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.own_output import ChangedMeanwhile
from smearwatch.daemon.record.archive import ArchiveUnusable
from smearwatch.daemon.record.events import canonical_json
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.tasks.listing import list_sessions, record_of
from smearwatch.daemon.tasks.local import Job, TaskEngine
from smearwatch.daemon.tasks.program import program
from smearwatch.daemon.tasks.results import Results

Told = Callable[[str, int, int, str | None], None]
"""Takes the session that is done now, how many are by now, of how many, and why it failed, if it did."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be done with each session.

    Attributes
    ----------
    archive, results
        The folder of sessions, and that of the results.
    task
        The task by import string; it takes ``path`` and what `places` has beside what `decides` has.
    decides
        What decides each result beside its record and the program, as JSON: no path, no time.
    places
        Where the task finds what it needs on any computer.
    """

    archive: Path
    results: Path
    task: str
    decides: Mapping[str, Any]
    places: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went: the sessions with a result, those of them that had it before, and the others with the reason."""

    results: Results
    done: tuple[str, ...]
    earlier: tuple[str, ...]
    failed: dict[str, str]


def do_each(request: Request, engine: TaskEngine, told: Told) -> Outcome:
    """Do a task for each session of an archive.

    Interrupted at any moment, the same request goes on with what is missing. Sessions that failed are tried again.

    Raises
    ------
    ArchiveEmpty
        There is no session.
    ResultsUnusable
        The folder for the results cannot be used, or a result in it was changed since.
    ChangedMeanwhile
        The manifest of the results was changed meanwhile; the new one is beside.
    RayUnusable
        There is no cluster.
    """
    sessions = list_sessions(request.archive.absolute())
    common = {"task": request.task, **request.decides, "program": program()}
    results = Results(request.results, common)
    records: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    jobs: list[Job] = []
    earlier: list[str] = []
    for name, path in sessions.items():
        try:
            records[name] = asdict(record_of(path))
        except (ArchiveUnusable, LedgerUnusable) as error:
            failed[name] = one_line(error) or str(error)
            told(name, len(earlier) + len(failed), len(sessions), failed[name])
            continue
        if results.find(name, records[name]) is not None:
            earlier.append(name)
        else:
            order = {**request.decides, **request.places, "path": str(path)}
            jobs.append(Job(name, {"task": request.task, "program": program()}, canonical_json(order)))
    results.begin()
    count = len(earlier) + len(failed)
    with closing(engine.run(jobs)) as ended:
        for done in ended:
            count += 1
            if done.failed is not None:
                failed[done.name] = done.failed
            else:
                try:
                    results.write(done.name, records[done.name], done.result)
                except ChangedMeanwhile as changed:
                    failed[done.name] = one_line(changed) or str(changed)
            told(done.name, count, len(sessions), failed.get(done.name))
    there = {name: record for name, record in records.items() if name not in failed}
    results.finish(there, failed)
    return Outcome(results, tuple(there), tuple(earlier), failed)
