"""A role's process that is made of its parent's: what it has of it, and what it has not."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.system

PARENT = """
import atexit, json, os, signal, subprocess, sys, threading, time
import psutil
from smearwatch.daemon.process.forked import Forked, can_fork
from smearwatch.daemon.process.stop_signals import StopSignals
ours, theirs = os.pipe()

def say(**what):
    os.write(theirs, json.dumps(what).encode() + b"\\n")

def forked(work):
    return Forked("smearwatch-test role-1", work, theirs)
"""

FILES = """
kept = open(sys.argv[1], "w")
def work(parent_fd):
    # Besides these the child has what its own kind of process needs; nothing of what the parent had.
    there = [os.readlink(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd")
             if os.path.lexists(f"/proc/self/fd/{each}")]
    say(kept=sys.argv[1] in there, beat=os.fstat(theirs).st_ino > 0, stdin=os.readlink("/proc/self/fd/0"))
    return 7
child = forked(work)
print(os.read(ours, 4096).decode(), child.wait(30), child.poll())
child.close()
"""

SIGNALS = """
with StopSignals() as stop:
    def work(parent_fd):
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        say(interrupt=signal.SIGINT in blocked, term=signal.SIGTERM in blocked, default=[
            signal.getsignal(each) == signal.SIG_DFL for each in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
        ])
        time.sleep(60)
    child = forked(work)
    said = os.read(ours, 4096).decode()
    child.send_signal(signal.SIGTERM)
    print(said, child.wait(30), stop.came, stop.wait(0.2))
"""

ENDS = """
atexit.register(print, "the parent's end")
def work(parent_fd):
    atexit.register(say, ended="in good order")
    return 0
forked(work).wait(30)
print(os.read(ours, 4096).decode())
"""

KILLED = """
child = forked(lambda parent_fd: time.sleep(60) or 0)
while psutil.Process(child.pid).cmdline()[0] != "smearwatch-test role-1":
    time.sleep(0.01)
try:
    child.wait(0.05)
except subprocess.TimeoutExpired:
    print(child.poll())
child.kill()
print(child.wait(30))
child.kill()
"""

ORPHAN = """
def work(parent_fd):
    os.read(parent_fd, 1)
    print("orphaned", flush=True)
    return 0
def another(parent_fd):
    time.sleep(3)
    return 0
first, second = forked(work), forked(another)
os.kill(os.getpid(), signal.SIGKILL)
"""

THREADS = """
print(can_fork())
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
print(can_fork())
"""


def lines_of(program: str, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PARENT + program, *arguments], capture_output=True, text=True, timeout=90, check=False
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_no_file_of_the_parent_is_open_in_it(tmp_path):
    said, codes = lines_of(FILES, str(tmp_path / "lock"))
    assert json.loads(said) == {"kept": False, "beat": True, "stdin": "/dev/null"}
    assert codes.split() == ["7", "7"]


def test_signals_to_it_are_its_own():
    said, rest = lines_of(SIGNALS)
    assert json.loads(said) == {"interrupt": True, "term": False, "default": [True, True, True]}
    assert rest.split() == ["-15", "False", "False"]


def test_what_it_registered_for_its_end_is_done_and_nothing_else():
    assert lines_of(ENDS) == ['{"ended": "in good order"}', "", "the parent's end"]


def test_it_has_a_name_and_ends_when_killed():
    assert lines_of(KILLED) == ["None", "-9"]


def test_it_notices_that_its_parent_has_ended_though_others_live():
    assert lines_of(ORPHAN) == ["orphaned"]


def test_a_process_with_threads_is_not_forked():
    assert lines_of(THREADS) == ["True", "False"]
