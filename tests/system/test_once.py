"""A slide gone over by hand, with the finder killed in the middle: each leukocyte is counted once, and again alike."""

import json
import os
import signal
from collections import Counter

import psutil
import pytest

from smearwatch.daemon.record.events import Found
from smearwatch.daemon.record.found import COUNTS, SEEN_BEFORE
from smearwatch.daemon.record.reading import LedgerReader
from tests.in_process import run_here
from tests.system.test_run import counted, session_folder, smearwatch, start, wait_for

pytestmark = pytest.mark.system


def finder_of(run) -> int:
    """The process that was started as the third of the run's roles: hub, worker, finder."""
    roles = sorted(psutil.Process(run.pid).children(), key=lambda child: child.create_time())
    return roles[2].pid


def test_each_leukocyte_is_counted_once_though_the_finder_dies(tmp_path):
    watched, truth = tmp_path / "camera", tmp_path / "truth.jsonl"
    hand = ("--route", "freehand", "--revisits", "0.3", "--fields", "16", "--seed", "5", "--rate", "0")
    done = run_here("slide", "--out", watched, "--truth", truth, *hand)
    assert done.returncode == 0, done.stderr
    run = start("run", "--watch", watched, "--session", "hand", "--um-per-px", "0.09", "--until-idle", "4", "--json")
    wait_for(lambda: counted("hand") > 4)
    os.kill(finder_of(run), signal.SIGKILL)
    out, err = run.communicate(timeout=250)
    assert run.returncode == 0, err
    result = json.loads(out.splitlines()[-1])
    assert result["complete"]
    assert result["balanced"]
    assert result["seen_again"] > 5
    cells = {line["file"]: line["cells"] for line in map(json.loads, truth.read_text().splitlines())}
    once: Counter[str] = Counter()
    with LedgerReader.read(session_folder("hand")) as ledger:
        named: dict[tuple[str, int], str] = {}
        for found in ledger.found_frames():
            seen = ledger.seen(found.frame)
            assert seen is not None
            for cell in found.cells:
                if cell.at_edge:
                    continue
                name = nearest(cells[seen.name], cell.centre_xy_px)
                named[found.frame, cell.index] = name
                once[name] += cell.left_out == COUNTS
                if cell.left_out == SEEN_BEFORE:
                    assert cell.same_as is not None
                    assert named[cell.same_as.frame, cell.same_as.index] == name
    assert set(once.values()) == {1}
    again = smearwatch("replay", "hand", "--compare", "--into", "again", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout.splitlines()[-1])["comparison"]["identical"]
    assert places("hand") == places("again")


def nearest(cells, centre_xy_px):
    """The name of the true cell whose middle is nearest."""
    x, y = centre_xy_px
    return min(cells, key=lambda cell: (cell["centre"][0] - x) ** 2 + (cell["centre"][1] - y) ** 2)["name"]


def places(session):
    """Where each frame was taken."""
    with LedgerReader.read(session_folder(session)) as ledger:
        return {r.event.frame: r.event.placement for r in ledger.events() if isinstance(r.event, Found)}
