"""The supervisor with real child processes: restarts, budget, bounded stop, orphans, the service manager's socket."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from smearwatch.daemon.process.child import BUDGET, HELD_S, ONE_THREAD
from smearwatch.daemon.process.supervisor import HUB_STOP_S, STOP_S
from tests.system.roles import HANGS

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]

PARENT = """
import json, sys
from smearwatch.daemon.process.child import RoleSpec
from smearwatch.daemon.config import Settings
from smearwatch.daemon.log import configure
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.process.supervisor import Supervisor
state, session = sys.argv[1:]
configure("info", role="supervisor")
plan = RunPlan(settings=Settings(state_dir=state), session=session, source="folder")
specs = [
    RoleSpec("hub", "tests.system.roles:hub", ends_the_run=True),
    RoleSpec("worker", "tests.system.roles:worker", loads_first=session == "loads-first"),
]
if session == "deaf":
    specs.append(RoleSpec("worker-2", "tests.system.roles:worker"))
if session.startswith("page"):
    specs.append(RoleSpec("page", "tests.system.roles:page", needed=False))
outcome = Supervisor(plan, specs).run()
print(json.dumps({"ok": outcome.ok, "why": outcome.why}))
"""


def start(state: Path, session: str, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, str(state), session],
        cwd=ROOT,
        env={**{name: value for name, value in os.environ.items() if name not in ONE_THREAD}, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def diary(state: Path) -> list[str]:
    path = state / "diary"
    return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def finish(parent):
    try:
        out, err = parent.communicate(timeout=90 * max(1.0, os.getloadavg()[0] / len(os.sched_getaffinity(0))))
    finally:
        parent.kill()
    return json.loads(out), err


def test_a_killed_role_is_restarted_and_the_run_ends_well(tmp_path):
    result, err = finish(start(tmp_path, "dies-twice"))
    assert result == {"ok": True, "why": ""}
    assert diary(tmp_path).count("worker") == 3
    assert diary(tmp_path).count("hub") == 1
    assert err.count("role restarts") == 2


def test_a_role_that_loads_first_does_not_wait_for_the_hub(tmp_path):
    assert finish(start(tmp_path, "loads-first"))[0]["ok"]
    first, second, third = diary(tmp_path)[:3]
    assert ({first, second}, third) == ({"hub", "worker"}, "ready")


@pytest.mark.parametrize("asked", [{}, {"OPENBLAS_NUM_THREADS": "2", "OPENCV_FOR_THREADS_NUM": "2"}])
def test_a_role_works_in_one_thread_unless_its_environment_says_otherwise(tmp_path, asked):
    assert finish(start(tmp_path, "threads", **asked))[0]["ok"]
    wanted = 2 if asked else 1
    assert {f"opencv-{wanted}", f"openblas-{wanted}"} <= set(diary(tmp_path))


def test_a_role_that_keeps_dying_ends_the_run_with_one_reason(tmp_path):
    result, _ = finish(start(tmp_path, "dies-always"))
    assert not result["ok"]
    assert "worker" in result["why"]
    assert diary(tmp_path).count("worker") == BUDGET + 1
    assert "hub-stopped" in diary(tmp_path)


def test_a_role_that_gets_on_between_is_restarted_beyond_its_budget(tmp_path):
    result, err = finish(start(tmp_path, "gets-on"))
    assert result == {"ok": True, "why": ""}
    assert err.count("role restarts") == BUDGET + 3


def test_what_a_restart_cannot_mend_is_not_restarted(tmp_path):
    result, err = finish(start(tmp_path, "unusable"))
    assert result == {"ok": False, "why": ""}
    assert "smearwatch: weights are not weights (give others)" in err.splitlines()
    assert "Traceback" not in err
    assert diary(tmp_path).count("worker") == 1


@pytest.mark.parametrize(
    ("session", "lives", "line"),
    [("page-is-unusable", 1, "smearwatch: no port is free (give another)"), ("page-dies", BUDGET + 1, "role given up")],
)
def test_a_role_that_is_not_needed_does_not_end_the_run(tmp_path, session, lives, line):
    parent = start(tmp_path, session)
    wait_for(lambda: diary(tmp_path).count("page") == lives)
    time.sleep(0.6)  # by then the last of them has ended, and the supervisor has looked
    (tmp_path / "done").touch()
    result, err = finish(parent)
    assert result == {"ok": True, "why": ""}
    assert line in err
    assert (diary(tmp_path).count("page"), diary(tmp_path).count("hub")) == (lives, 1)


def test_an_unforeseen_error_is_one_line_and_a_restart(tmp_path):
    result, err = finish(start(tmp_path, "unforeseen"))
    assert not result["ok"]
    assert "KeyError" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_all_from_the_outside_in(tmp_path, number):
    parent = start(tmp_path, "lives")
    wait_for(lambda: "worker" in diary(tmp_path))
    parent.send_signal(number)
    result, _ = finish(parent)
    assert result["ok"]
    assert diary(tmp_path)[-2:] == ["worker-stopped", "hub-stopped"]


def test_a_deaf_role_is_stopped_in_bounded_time(tmp_path):
    parent = start(tmp_path, "deaf")
    wait_for(lambda: diary(tmp_path).count("worker") == 2)
    time.sleep(0.3)
    began = time.monotonic()
    parent.send_signal(signal.SIGTERM)
    parent.send_signal(signal.SIGTERM)
    _, err = finish(parent)
    assert time.monotonic() - began < STOP_S + HUB_STOP_S
    assert err.count("did not stop in time") == 2, "both are told at once, and waited for together"
    assert "hub-stopped" in diary(tmp_path)


def test_a_role_that_still_loads_is_stopped_at_once(tmp_path):
    parent = start(tmp_path, "loads")
    wait_for(lambda: "worker" in diary(tmp_path))
    began = time.monotonic()
    parent.send_signal(signal.SIGTERM)
    result, err = finish(parent)
    assert time.monotonic() - began < 6.0
    assert result["ok"]
    assert "did not stop in time" not in err
    assert diary(tmp_path)[-1] == "hub-stopped"


def test_a_role_that_a_signal_has_stopped_is_started_again(tmp_path):
    parent = start(tmp_path, "lives")
    wait_for(lambda: "worker" in diary(tmp_path))
    stopped = int((tmp_path / "diary").read_text().partition("worker ")[2].split()[0])
    os.kill(stopped, signal.SIGSTOP)
    wait_for(lambda: diary(tmp_path).count("worker") == 2, seconds=10.0)
    parent.send_signal(signal.SIGTERM)
    result, err = finish(parent)
    assert result["ok"]
    assert err.count("role stuck") == 1


@pytest.mark.parametrize("how", HANGS)
def test_a_role_that_hangs_without_being_stopped_is_started_again(tmp_path, how):
    parent = start(tmp_path, how)
    result, err = finish(parent)
    assert result == {"ok": True, "why": ""}
    assert err.count("role stuck") == 1


def test_a_role_that_is_slow_since_the_computer_is_busy_is_left_alone(tmp_path):
    """Beside ten loops on one processor a step takes many times its time by the clock, and none of it is its own."""
    one = {min(os.sched_getaffinity(0))}
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(10)]
    try:
        parent = start(tmp_path, "slow")
        wait_for(lambda: "worker" in diary(tmp_path))
        busy = int((tmp_path / "diary").read_text().partition("worker ")[2].split()[0])
        for pid in (busy, *(loop.pid for loop in loops)):
            os.sched_setaffinity(pid, one)
        began = time.monotonic()
        wait_for(lambda: (tmp_path / "done").exists(), seconds=90.0)
        took_s = time.monotonic() - began
        result, err = finish(parent)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    assert result["ok"]
    assert took_s > 3.0, "nothing was shown: it was not slow"
    assert "stuck" not in err


def test_a_role_whose_work_has_many_steps_may_take_longer_than_one(tmp_path):
    result, err = finish(start(tmp_path, "slow-steps"))
    assert result["ok"]
    assert "stuck" not in err


def test_a_shell_may_stop_a_run_and_go_on(tmp_path):
    parent = start(tmp_path, "lives")
    wait_for(lambda: "worker" in diary(tmp_path))
    everybody = [parent.pid, *(int(line.split()[1]) for line in (tmp_path / "diary").read_text().splitlines())]
    for number, seconds in ((signal.SIGSTOP, HELD_S + 0.2), (signal.SIGCONT, 0.3)):
        for pid in everybody:
            os.kill(pid, number)
        time.sleep(seconds)
    parent.send_signal(signal.SIGTERM)
    result, err = finish(parent)
    assert result["ok"]
    assert "stuck" not in err


def test_children_do_not_outlive_a_killed_parent(tmp_path):
    parent = start(tmp_path, "lives")
    wait_for(lambda: "worker" in diary(tmp_path))
    parent.kill()
    parent.communicate()
    wait_for(lambda: {"worker-stopped", "hub-stopped"} <= set(diary(tmp_path)))


@pytest.mark.long
@pytest.mark.parametrize("how", ["spins", "waits"])
def test_a_child_that_hangs_does_not_outlive_its_parent(tmp_path, how):
    parent = start(tmp_path, how)
    wait_for(lambda: {"hub", "worker"} <= set(diary(tmp_path)))
    time.sleep(0.3)
    parent.kill()
    parent.communicate()
    pids = [int(line.split()[1]) for line in (tmp_path / "diary").read_text().splitlines()]
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), seconds=120)


def test_a_child_that_a_signal_has_stopped_does_not_outlive_its_parent_either(tmp_path):
    parent = start(tmp_path, "long")
    wait_for(lambda: {"hub", "worker"} <= set(diary(tmp_path)))
    pids = [int(line.split()[1]) for line in (tmp_path / "diary").read_text().splitlines()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    parent.kill()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), seconds=15)
    parent.communicate()


def test_the_service_manager_hears_ready_watchdog_and_stopping(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20.0)
        parent = start(tmp_path, "lives", NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="400000")
        heard = [manager.recv(256).decode()]
        while not any(each.startswith("READY=1") for each in heard) or heard.count("WATCHDOG=1") < 3:
            heard.append(manager.recv(256).decode())
        parent.send_signal(signal.SIGTERM)
        finish(parent)
        while not heard[-1].startswith("STOPPING"):
            heard.append(manager.recv(256).decode())
    assert sum(each.startswith("READY=1") for each in heard) == 1
