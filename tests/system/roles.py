"""Small real roles for the supervisor's tests; what they do is told by the session's name."""

import itertools
import os
import signal
import sys
import threading
import time
from pathlib import Path

from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.child import BUDGET
from smearwatch.daemon.process.role import Role


def spin() -> None:
    """Go round in Python for ever."""
    while True:
        pass


def spin_in_c() -> None:
    """Go round in C for ever, and let no other thread have the interpreter."""
    sum(itertools.repeat(0))


def wait_for_ever() -> None:
    """Wait for what never comes."""
    threading.Event().wait()


HANGS = {"spins": spin, "spins-in-c": spin_in_c, "waits": wait_for_ever}


def work_slowly(role: Role, *, steps: int, cpu_s: float) -> None:
    """Take steps, each with so much of a processor."""
    for _ in range(steps):
        until_s = time.process_time() + cpu_s
        while time.process_time() < until_s:
            pass
        role.beat()


def note(plan: RunPlan, word: str) -> int:
    """Append a line to the diary; gives how many there are of it."""
    diary = Path(plan.settings.state_dir) / "diary"
    with diary.open("a") as file:
        file.write(f"{word} {os.getpid()}\n")
    return sum(line.startswith(word) for line in diary.read_text().splitlines())


def note_threads(plan: RunPlan) -> None:
    """Write down in how many threads the libraries work."""
    import cv2
    import numpy as np  # noqa: F401
    from threadpoolctl import threadpool_info

    note(plan, f"opencv-{cv2.getNumThreads()}")
    for library in threadpool_info():
        note(plan, f"{library['internal_api']}-{library['num_threads']}")


def hub(plan: RunPlan, role: Role) -> None:
    """Beat until told to stop, or until the worker has said that it is done."""
    note(plan, "hub")
    done = Path(plan.settings.state_dir) / "done"
    if plan.session == "loads-first":
        until_s = time.monotonic() + 30.0
        while "worker" not in (done.parent / "diary").read_text() and time.monotonic() < until_s:
            time.sleep(0.02)
        note(plan, "ready")
    while not role.wait(0.05):
        role.beat()
        if done.exists():
            return
    note(plan, "hub-stopped")


def worker(plan: RunPlan, role: Role) -> None:
    """Live as the session's name says."""
    life = note(plan, "worker")
    if plan.session == "loads":
        with role.loading():
            time.sleep(60)
    role.beat()
    if plan.session == "dies-twice" and life <= 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if plan.session == "gets-on":
        if life > BUDGET + 3:
            (Path(plan.settings.state_dir) / "done").touch()
        role.got_on()
        role.wait(0.3)  # so that the parent hears it
        sys.exit(7)
    if plan.session == "dies-always":
        sys.exit(7)
    if plan.session == "unusable":
        error = ValueError("weights are not weights")
        error.hint = "give others"  # type: ignore[attr-defined]
        raise error
    if plan.session == "unforeseen":
        raise KeyError("oh")
    if plan.session == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        role.wait(60)
    if plan.session in HANGS:
        if life > 1:
            (Path(plan.settings.state_dir) / "done").touch()
        else:
            role.ask(1)
            work = threading.Thread(target=HANGS[plan.session], daemon=True)
            work.start()
            while work.is_alive():  # as a thread that talks to the hub meanwhile, and knows nothing of the work
                role.wait(0.1)
    if plan.session.startswith("slow"):
        role.ask(1)
        work_slowly(role, steps=6 if "steps" in plan.session else 1, cpu_s=0.6)
        (Path(plan.settings.state_dir) / "done").touch()
    if plan.session.startswith("threads"):
        note_threads(plan)
    if plan.session in ("dies-twice", "loads-first") or plan.session.startswith("threads"):
        (Path(plan.settings.state_dir) / "done").touch()
    while not role.wait(0.05):
        role.beat()
    note(plan, "worker-stopped")


def page(plan: RunPlan, role: Role) -> None:
    """Be of no use: for good, or again and again."""
    note(plan, "page")
    role.beat()
    if plan.session == "page-is-unusable":
        error = ValueError("no port is free")
        error.hint = "give another"  # type: ignore[attr-defined]
        raise error
    sys.exit(7)
