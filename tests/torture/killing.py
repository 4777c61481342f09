"""Ends, stops and hangs processes of a run at random moments, while its frames come."""

import os
import random
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from tests.torture.desk import Desk, Ended, Run, wait_until

VICTIMS = ("hub", "source", "finder", "worker-1", "supervisor", "everything")
"""What is killed; the supervisor alone leaves its children to notice it, everything is the whole group at once."""

IN_WORK = 0.8
"""The share of deeds that wait until the run counts again; the others may fall while it starts."""

STOPPED_S = (0.2, 2.5)
_THERE_S = 40.0
_END_S = 900.0
_AGAIN_S = 0.3


@dataclass
class Done:
    """What was done to one session, and what the run did then."""

    deeds: Counter[str] = field(default_factory=Counter)
    in_work: int = 0
    started: int = 0
    refused: int = 0
    gave_up: int = 0
    copies: list[Path] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)


class Killer:
    """Feeds frames to a run in as many batches as there are kills, one kill into each.

    Parameters
    ----------
    desk
        Where the run counts.
    frames
        The frames that are to come, in order.
    chance
        Decides whom, how and when.
    """

    def __init__(self, desk: Desk, frames: list[Path], chance: random.Random) -> None:
        self._desk = desk
        self._frames = frames
        self._chance = chance
        self.done = Done()
        self._run = self._start()

    def kill(self, deeds: list[tuple[str, str]], *, copies: int, batch_s: float) -> Ended:
        """Do all deeds, each ``(victim, how)``; return how the run ended in the end."""
        copied = set(self._chance.sample(range(len(deeds)), min(copies, len(deeds))))
        try:
            for number, (victim, how) in enumerate(deeds):
                self._feed(number, len(deeds) + 1)
                if self._chance.random() < IN_WORK:
                    before = self._events()
                    self.done.in_work += wait_until(lambda before=before: self._events() > before, _THERE_S)
                time.sleep(self._chance.uniform(0.0, batch_s))
                if number in copied:
                    self._copy(number)
                self._do(victim, how)
                self._keep_going()
            self._feed(len(deeds), len(deeds) + 1)
            return self._to_the_end()
        finally:
            self._run.end()

    def _events(self) -> int:
        """Return how many events there are, 0 while there is no ledger."""
        try:
            with LedgerReader.read(self._desk.session) as ledger:
                return ledger.last_number
        except LedgerUnusable:
            return 0

    def _start(self) -> Run:
        self.done.started += 1
        return self._desk.start()

    def _feed(self, number: int, batches: int) -> None:
        """Let the next batch of frames come, each whole at once."""
        share = len(self._frames) / batches
        for path in self._frames[round(number * share) : round((number + 1) * share)]:
            partial = self._desk.watched / f".{path.name}.part"
            shutil.copy(path, partial)
            partial.rename(self._desk.watched / path.name)

    def _do(self, victim: str, how: str) -> None:
        if victim == "everything":
            self._run.kill_all()
        elif victim == "supervisor":
            self._signal(self._run.process.pid, how)
        else:
            wait_until(lambda: victim in self._run.pids(), _THERE_S)
            if (pid := self._run.pids().get(victim)) is None:
                self.done.unexpected.append(f"{victim} was not there for {_THERE_S:.0f} s")
                return
            self._signal(pid, how)
        self.done.deeds[f"{victim}: {how}"] += 1

    def _signal(self, pid: int, how: str) -> None:
        try:
            os.kill(pid, signal.SIGKILL if how == "killed" else signal.SIGSTOP)
            if how == "stopped for a moment":
                time.sleep(self._chance.uniform(*STOPPED_S))
                os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            self.done.unexpected.append(f"process {pid} had ended by itself")

    def _copy(self, number: int) -> None:
        """Copy the state as it is at one moment: its one writer stands still meanwhile."""
        if (hub := self._run.pids().get("hub")) is None or not self._desk.session.is_dir():
            return
        try:
            os.kill(hub, signal.SIGSTOP)
            try:
                self._desk.copy_state(copy := self._desk.folder / f"copy-{number}")
                self.done.copies.append(copy)
            finally:
                os.kill(hub, signal.SIGCONT)
        except ProcessLookupError:
            return

    def _keep_going(self) -> None:
        """Start the run again where it has ended, as a service manager would."""
        for _ in range(200):
            if (ended := self._run.wait(_AGAIN_S)) is None:
                return
            if ended.status > 0 and "another smearwatch" not in ended.err and "is being written" not in ended.err:
                self.done.gave_up += 1
                if "again and again" not in ended.err:
                    self.done.unexpected.append(ended.err.strip().splitlines()[-1][:300])
            self.done.refused += "another smearwatch" in ended.err or "is being written" in ended.err
            self._run = self._start()
        raise AssertionError("the run cannot be started any more")

    def _to_the_end(self) -> Ended:
        deadline = time.monotonic() + _END_S
        while time.monotonic() < deadline:
            if (ended := self._run.wait(1.0)) is None:
                continue
            if ended.status == 0:
                return ended
            self._keep_going()
        raise AssertionError(f"the run did not end within {_END_S:.0f} s")


def draw_deeds(kills: int, chance: random.Random) -> list[tuple[str, str]]:
    """Return so many deeds: each victim as often as the others, most of them killed outright."""
    deeds: list[tuple[str, str]] = []
    while len(deeds) < kills:
        turn = list(VICTIMS)
        chance.shuffle(turn)
        deeds += [(victim, _how(victim, chance)) for victim in turn]
    return deeds[:kills]


def _how(victim: str, chance: random.Random) -> str:
    if victim == "everything" or chance.random() < 0.7:
        return "killed"
    return "stopped for a moment" if victim == "supervisor" or chance.random() < 0.5 else "stopped for good"
