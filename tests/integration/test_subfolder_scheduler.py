"""When a subfolder's run is left for another's: real folders, the hub's pulses by hand, a clock turned by hand."""

import shutil
import threading
import time

import pytest
import typer

from smearwatch.daemon.config import Settings
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.subfolders.scheduler import SubfolderScheduler, carry_out_subfolders
from smearwatch.daemon.wire.endpoints import Endpoints
from smearwatch.daemon.wire.messages import Pulse
from smearwatch.daemon.wire.sockets import Listener, context

pytestmark = pytest.mark.integration


class Bench:
    def __init__(self, tmp_path, owner, until_idle_s):
        self.folder = tmp_path / "camera"
        self.folder.mkdir()
        settings = Settings(state_dir=tmp_path / "state", runtime_dir=tmp_path / "run")
        plan = RunPlan(
            settings=settings,
            session="-",
            source="folder",
            source_options={"dir": str(self.folder)},
            until_idle_s=until_idle_s,
        )
        self.now = 1000.0
        self.scheduler = SubfolderScheduler(plan, None, clock=lambda: self.now)
        self.scheduler._listener = Listener(owner, Endpoints.under(settings.runtime_dir))
        self.write("a/1.jpg")
        while not self.scheduler._scan():
            pass
        self.scheduler._current = self.scheduler._subfolders._known["a"]

    def write(self, path):
        path = self.folder / path
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"picture")

    def after(self, seconds, idle_s=None, *, pulses=True):
        """Let so much time pass, with pulses that say for how long the run has been idle; gives the decision."""
        decision = "stay"
        until = self.now + seconds
        while decision == "stay" and self.now < until:
            self.now += 0.25
            if pulses:
                self.scheduler._pulse = Pulse("a", 1, 1, 1, "running", 1, 1, 0, None, {}, idle_s)
                self.scheduler._pulse_s = self.now
            decision = self.scheduler._leave()
        return decision


@pytest.fixture
def bench(tmp_path, request):
    with context() as owner:
        bench = Bench(tmp_path, owner, getattr(request, "param", None))
        yield bench
        bench.scheduler._listener.close()


def test_alone_it_stays(bench):
    assert bench.after(100.0, 50.0) == "stay"


def test_idle_it_is_left_as_soon_as_another_has_work(bench):
    bench.write("b/1.jpg")
    assert bench.after(3.0, 0.6) == "leave"


def test_an_empty_subfolder_is_no_work(bench):
    (bench.folder / "b").mkdir()
    assert bench.after(60.0, 30.0) == "stay"


@pytest.mark.parametrize("pulses", [True, False], ids=["busy", "silent"])
def test_busy_it_is_left_after_a_while_and_the_other_is_next(bench, pulses):
    bench.write("b/1.jpg")
    bench.write("a/2.jpg")  # the newest of all: it would be first again
    bench.scheduler._first_event = 0
    assert bench.after(0.25, None) == "stay"
    assert bench.after(15.0, None, pulses=pulses) == "stay"
    assert bench.after(10.0, None, pulses=pulses) == "leave"
    following = bench.scheduler._next()
    assert following is not None
    assert following.path.name == "b"


@pytest.mark.parametrize("pulses", [True, False], ids=["begun", "silent"])
def test_what_has_recorded_nothing_yet_is_not_left_before_its_processes_can_have_started(bench, pulses):
    bench.write("b/1.jpg")
    bench.scheduler._first_event = 1 if pulses else None
    assert bench.after(110.0, None, pulses=pulses) == "stay"
    assert bench.after(15.0, None, pulses=pulses) == "leave"


@pytest.mark.parametrize("bench", [10.0], indirect=True)
def test_all_done_is_the_schedulers_word(bench):
    assert bench.after(3.0, 9.9) == "stay"
    assert bench.after(3.0, 10.1) == "finish"


@pytest.mark.parametrize("bench", [10.0], indirect=True)
def test_not_done_when_the_next_slide_comes_in_the_last_moment(bench):
    bench.write("b/1.jpg")
    assert bench.after(0.25, 10.1) == "leave"


@pytest.mark.parametrize("bench", [10.0], indirect=True)
def test_not_done_while_the_share_is_away(bench):
    bench.folder.rename(bench.folder.with_name("away"))
    assert bench.after(30.0, 20.0) == "stay"


def test_a_share_that_hangs_holds_up_nothing_but_the_decision(bench, monkeypatch):
    hangs, scan = threading.Event(), bench.scheduler._subfolders.scan

    def hang():
        assert hangs.wait(30.0)
        scan()

    monkeypatch.setattr(bench.scheduler._subfolders, "scan", hang)
    bench.write("b/1.jpg")
    bench.now += 2.0
    began_s = time.monotonic()
    assert bench.after(1.0, 0.6) == "stay"
    assert time.monotonic() - began_s < 5.0
    hangs.set()
    assert bench.after(1.0, 0.6) == "leave"


def test_taken_away_it_is_left(bench):
    shutil.rmtree(bench.folder / "a")
    assert bench.after(4.0, None) == "stay"
    assert bench.after(4.0, None) == "leave"


def test_a_source_without_subfolders_is_refused_before_anything_starts(tmp_path):
    settings = Settings(state_dir=tmp_path / "state", runtime_dir=tmp_path / "run")
    plan = RunPlan(settings=settings, session="-", source="replay")
    with pytest.raises(typer.BadParameter, match="--watch DIR alone, not with replay"):
        list(carry_out_subfolders(plan, None))
    assert list(tmp_path.iterdir()) == []
