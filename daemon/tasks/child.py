"""The process that does tasks, one after the other: ``python -m smearwatch.daemon.tasks.child``.

A task is named by import string and takes and gives what JSON can say, so nothing is unpickled here, and the process is
the same whoever gives it its tasks: this computer, or a node of a Ray cluster.
"""

import importlib
import json
import os
import signal
import tempfile
import threading
import time
from typing import Any

from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.process.questions import answer
from smearwatch.daemon.record.events import canonical_json
from smearwatch.daemon.tasks.program import program


def reply(question: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """Do one task: its result as canonical JSON, or one line that says what is wrong."""
    if (other := _difference(question["program"])) is not None:
        where = f"on {os.uname().nodename}"
        return {"failed": f"another program {where}: {other} (install the same version on every computer)"}, b""
    tempfile.tempdir = question.get("scratch")  # None is the usual place
    module, _, function = question["task"].partition(":")
    try:
        result = getattr(importlib.import_module(module), function)(json.loads(data))
        return {}, canonical_json(result)
    except Exception as error:  # noqa: BLE001  # one session's trouble is said beside its name, and the others go on
        return {"failed": one_line(error) or f"{type(error).__name__}: {error}"}, b""


def _difference(theirs: dict[str, str]) -> str | None:
    ours = program()
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            return f"{name} {ours.get(name, 'missing')} there, {theirs.get(name, 'missing')} here"
    return None


def _end_with(parent: int) -> None:
    """End soon after whoever gives the tasks was killed: nobody would take the result."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True, name="parent-watch").start()
    answer(reply)
