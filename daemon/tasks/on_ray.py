"""Tasks on a Ray cluster that somebody has started: Ray chooses the node, and a process of ours there does the task.

To Ray's own processes go paths and JSON as text, and the same comes back. Ray pickles what it sends; nothing of it is
an object of ours but the function's name.
"""

import json
import os
from collections.abc import Generator, Sequence
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.process.questions import Questions
from smearwatch.daemon.tasks.local import CHILD, LONGEST_S, Done, Job, ask_child


class RayUnusable(Hinted):
    """There is no Ray here, or no cluster that may be joined."""


class RayEngine:
    """A Ray cluster.

    Parameters
    ----------
    address
        Of its head, as ``192.168.1.20:6379``; "auto" for the one that runs on this computer.

    Raises
    ------
    RayUnusable
        Ray is not installed, or its cluster would let in anybody.
    """

    def __init__(self, address: str) -> None:
        # Ray tells its makers how it is used, unless it is asked not to.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError as error:
            raise RayUnusable("Ray is not installed", "pip install 'smearwatch[cluster]'") from error
        if os.environ.get("RAY_AUTH_MODE") != "token":
            hint = "set RAY_AUTH_MODE=token for the cluster and here: docs/scaling.md"
            raise RayUnusable("a Ray cluster without a token does what anybody in its network says", hint)
        self._ray: Any = ray
        self._address = address

    def run(self, jobs: Sequence[Job]) -> Generator[Done, None, None]:
        """See `TaskEngine`; raises `RayUnusable` where the cluster cannot be joined."""
        if not jobs:
            return
        # What Ray has to say of its nodes it prints, and would print into our JSON.
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            yield from self._run(jobs)

    def _run(self, jobs: Sequence[Job]) -> Generator[Done, None, None]:
        ray = self._ray
        try:
            ray.init(address=self._address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, ValueError, RuntimeError) as error:
            why = str(error).partition("\n")[0]
            hint = "see that it runs (`ray start`), and that its token is here: docs/scaling.md"
            raise RayUnusable(f"no Ray cluster at {self._address} that lets this computer in: {why}", hint) from error
        try:
            # A lost node's sessions are done again on another one.
            task = ray.remote(num_cpus=1, max_retries=3, scheduling_strategy="SPREAD")(do_here)
            waiting = {task.remote(job.name, json.dumps(job.question), job.order): job.name for job in jobs}
            while waiting:
                (ready, *_), _ = ray.wait(list(waiting), num_returns=1)
                name = waiting.pop(ready)
                try:
                    failed, result = ray.get(ready)
                    yield Done(name, result, failed)
                except ray.exceptions.RayError as error:
                    yield Done(name, failed=f"Ray: {str(error).strip().splitlines()[-1]}")
        finally:
            ray.shutdown()


def do_here(name: str, question: str, order: bytes) -> tuple[str | None, bytes]:
    """Do a task on this node, in the process that this one of Ray's keeps for it."""
    done = ask_child(_child(), Job(name, json.loads(question), order))
    return done.failed, done.result


@cache
def _child() -> Questions:
    return Questions(CHILD, longest_s=LONGEST_S)
