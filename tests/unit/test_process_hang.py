"""What is taken for a hang, and what for a process that is slow, waits for others, or has no processor."""

import os
import subprocess
import sys
import time

import pytest

from smearwatch.daemon.process.hang import LONGEST_S, SILENT_S, Effort, Steps, effort_of

LOOK_S = 0.25


class Process:
    """A role's process as its supervisor sees it; time is injected."""

    def __init__(self):
        self.now_s = 0.0
        self.cpu_s = 0.0
        self.steps = Steps(lambda: self.now_s, lambda _: Effort(self.cpu_s, self.sleeps))
        self.sleeps = False
        self.steps.begin()

    def hangs_within(self, seconds, *, share=1.0, sleeps=False):
        """Return after how long it is taken for hung, None if not: with a share of a processor, or asleep."""
        self.sleeps = sleeps
        began_s = self.now_s
        while self.now_s - began_s < seconds:
            self.now_s += LOOK_S
            self.cpu_s += LOOK_S * share
            if self.steps.hangs(1):
                return self.now_s - began_s
        return None


@pytest.fixture
def process():
    return Process()


def settled(process, step_s=0.0, asked=b"[3]", pieces=5):
    """Let a process do some pieces of work, each in a step that takes so long."""
    process.steps.heard(asked)
    for _ in range(pieces):
        assert process.hangs_within(step_s) is None
        process.steps.heard(b"+")
    return process


@pytest.mark.parametrize("sleeps", [False, True], ids=["it goes round", "it waits"])
def test_a_hang_is_seen_within_seconds(process, sleeps):
    assert 3.0 < settled(process).hangs_within(60.0, share=0.0 if sleeps else 1.0, sleeps=sleeps) <= 4.25


def test_the_first_piece_of_work_has_twice_the_time(process):
    process.steps.heard(b"[3]")
    assert 6.0 < process.hangs_within(60.0) < 7.5


@pytest.mark.parametrize("share", [0.0, 0.02])
def test_without_a_processor_nothing_hangs_for_minutes(process, share):
    assert settled(process).hangs_within(100.0, share=share) is None


def test_but_nothing_may_take_for_ever(process):
    assert settled(process).hangs_within(2 * LONGEST_S, share=0.0) == pytest.approx(LONGEST_S, abs=1.0)


def test_a_supervisor_that_was_held_up_itself_blames_nobody(process):
    settled(process)
    process.hangs_within(1.0)
    process.now_s += 50.0
    process.cpu_s += 50.0
    assert not process.steps.hangs(1)


def test_who_is_slow_teaches_how_slow(process):
    assert settled(process, step_s=2.5).hangs_within(6.0) is None
    assert process.hangs_within(5.0) is not None


def test_a_large_picture_has_more_time_than_small_ones(process):
    settled(process, step_s=0.5)
    process.steps.heard(b"[40]")
    assert process.hangs_within(38.0) is None
    assert process.hangs_within(10.0) is not None


def test_who_was_slow_once_is_not_given_time_for_ever(process):
    settled(process, step_s=2.5)
    settled(process, pieces=100)
    assert process.hangs_within(5.0) is not None


def test_who_waits_for_a_share_may_sleep_for_long_and_not_spin(process):
    settled(process, asked=b"[3w]")
    assert process.hangs_within(SILENT_S - 5.0, share=0.0, sleeps=True) is None
    process.steps.heard(b".")
    assert process.hangs_within(60.0) <= 4.25
    process.steps.heard(b".")
    assert SILENT_S < process.hangs_within(90.0, share=0.0, sleeps=True) < SILENT_S + 2.0


def test_each_hang_in_a_row_doubles_the_time_and_a_piece_of_work_ends_the_row(process):
    settled(process)
    took_s = []
    for _ in range(3):
        took_s.append(process.hangs_within(60.0))
        process.steps.hung()
        process.steps.begin()
        process.steps.heard(b"[3]")
    first, second, third = took_s
    assert (second, third) == (pytest.approx(2 * first, abs=1.0), pytest.approx(4 * first, abs=2.5))
    process.steps.heard(b"+")
    assert process.hangs_within(60.0) <= first


def test_who_lived_long_has_not_hung_in_a_row(process):
    settled(process)
    process.steps.hung()
    process.steps.begin()
    process.now_s += 200.0
    process.steps.hung()
    process.steps.begin()
    process.steps.heard(b"[3]")
    assert process.steps.limit_s() == 6.0


def test_who_has_not_said_how_long_a_step_takes_has_a_minute(process):
    process.steps.heard(b".+.")
    assert process.hangs_within(SILENT_S - 2.0) is None
    assert process.hangs_within(5.0) is not None


def test_a_process_whose_state_cannot_be_seen_has_a_minute(process):
    process.steps.effort = lambda _: None
    assert settled(process).hangs_within(90.0) == pytest.approx(SILENT_S, abs=1.0)


def test_what_the_kernel_says():
    asleep = subprocess.Popen([sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"], stdout=-1)
    busy = subprocess.Popen([sys.executable, "-c", "print(flush=True)\nwhile True: pass"], stdout=-1)
    try:
        for each in (asleep, busy):
            assert each.stdout is not None
            each.stdout.readline()
        time.sleep(0.3)
        at_rest, before = effort_of(asleep.pid), effort_of(busy.pid)
        time.sleep(0.5)
        after, ours = effort_of(busy.pid), effort_of(os.getpid())
        assert at_rest is not None
        assert before is not None
        assert after is not None
        assert ours is not None
        assert at_rest.sleeps
        assert not ours.sleeps
        assert not after.sleeps
        assert after.cpu_s > before.cpu_s
    finally:
        for each in (asleep, busy):
            each.kill()
            each.communicate()
    assert effort_of(busy.pid) is None
