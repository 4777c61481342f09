"""A hub and two workers on three computers: the cable of one of them is pulled in the middle, and nothing is lost."""

import pytest

from smearwatch.daemon.record.events import Counted
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.verifying import verify
from tests.bench.scaling import CELLS_A_FRAME, Run
from tests.many_hosts import Star
from tests.stage import wait_for

# In short: tests/system/test_two_hosts.py, with one worker.
pytestmark = [pytest.mark.system, pytest.mark.long]
FRAMES = 40


def test_a_worker_that_is_cut_off_loses_nothing_and_comes_back(tmp_path):
    with Star(tmp_path, 2) as star:
        run = Run(star, "cut", 2, 25.0, frames=FRAMES)
        try:
            wait_for(lambda: run.counted() >= 20)
            star.cable(1, there=False)
            wait_for(lambda: run.counted() >= 100, 60.0)
            star.cable(1, there=True)
            wait_for(lambda: run.counted() == FRAMES * CELLS_A_FRAME, 60.0)
        finally:
            run.end()
        fold, counted = TallyFold(), []
        with LedgerReader.read(run.folder) as ledger:
            assert list(verify(ledger)) == []
            for recorded in ledger.events():
                fold.apply(recorded.event)
                if isinstance(recorded.event, Counted):
                    counted.append((recorded.event.frame, recorded.event.index))
        assert len(counted) == len(set(counted)) == FRAMES * CELLS_A_FRAME
        assert fold.complete
