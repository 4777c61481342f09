"""Tasks in processes of this computer."""

import tempfile
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Any, Final, Protocol

from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.process.questions import NoAnswer, Questions

CHILD: Final = "smearwatch.daemon.tasks.child"
LONGEST_S: Final = 24 * 3600.0
"""A session that takes longer is given up."""


@dataclass(frozen=True, slots=True)
class Job:
    """A session's task: the session's name in the archive, what the child is asked, and the order as JSON."""

    name: str
    question: dict[str, Any]
    order: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """How a job ended: with a result as canonical JSON, or with a line that says why not."""

    name: str
    result: bytes = b""
    failed: str | None = None


class TaskEngine(Protocol):
    """Does jobs somewhere."""

    def run(self, jobs: Sequence[Job]) -> Generator[Done, None, None]:
        """Yield each job as it ends, in no order; what is not done when the iterator is closed is given up."""
        ...


def ask_child(child: Questions, job: Job) -> Done:
    """Have a child process do a job; where it ends or hangs instead, that is the job's failure alone."""
    try:
        header, result = child.ask(job.question, job.order)
    except NoAnswer as error:
        return Done(job.name, failed=one_line(error))
    return Done(job.name, result, header.get("failed"))


class LocalEngine:
    """So many processes of this computer, each with one session at a time.

    Parameters
    ----------
    processes
        How many.
    """

    def __init__(self, processes: int) -> None:
        self._processes = processes

    def run(self, jobs: Sequence[Job]) -> Generator[Done, None, None]:
        """See `TaskEngine`."""
        children = [Questions(CHILD, longest_s=LONGEST_S) for _ in range(self._processes)]
        free: SimpleQueue[Questions] = SimpleQueue()
        for child in children:
            free.put(child)

        def do(job: Job) -> Done:
            child = free.get()
            try:
                return ask_child(child, replace(job, question={**job.question, "scratch": scratch}))
            finally:
                free.put(child)

        with ExitStack() as stack:
            # What a child leaves that is killed is removed here.
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="smearwatch-", ignore_cleanup_errors=True))
            for child in children:
                stack.callback(child.close)
            threads = stack.enter_context(ThreadPoolExecutor(self._processes))
            waiting: list[Future[Done]] = [threads.submit(do, job) for job in jobs]
            try:
                for future in as_completed(waiting):
                    yield future.result()
            finally:
                for future in waiting:
                    future.cancel()
                for child in children:
                    child.interrupt()
