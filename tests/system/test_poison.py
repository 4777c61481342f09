"""One picture ends its source, one its finder, one cell its worker: each is set aside, and the run goes on."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.verifying import verify
from tests.in_process import run_here
from tests.patched import write_changes
from tests.system.poison import CHANGES_OF_POISON
from tests.system.test_run import session_folder

pytestmark = pytest.mark.system


@pytest.mark.parametrize(
    "how",
    [
        {"source": "kill", "finder": "kill", "worker": "kill"},
        pytest.param({"source": "stop", "finder": "stop", "worker": "stop"}, marks=pytest.mark.long),
        pytest.param({"source": "spin", "finder": "spin", "worker": "spin"}, marks=pytest.mark.long),
        pytest.param({"source": "kill", "finder": "wait", "worker": "wait"}, marks=pytest.mark.long),
        pytest.param({"source": "memory", "finder": "memory", "worker": "memory"}, marks=pytest.mark.long),
    ],
    ids=lambda how: how["worker"],
)
def test_what_ends_its_process_three_times_is_set_aside(fields, tmp_path, how):
    watched, patch = tmp_path / "camera", write_changes(tmp_path / "patch", CHANGES_OF_POISON)
    watched.mkdir()
    for field in sorted(fields.iterdir())[:4]:
        shutil.copy(field, watched)
    names = sorted(path.name for path in watched.iterdir())
    frame = hashlib.sha256((watched / names[0]).read_bytes()).hexdigest()
    poison = {
        "source": {"name": names[1], "how": how["source"]},
        "finder": {"name": names[2], "how": how["finder"]},
        "worker": {"frame": frame, "cell": 0, "how": how["worker"]},
    }
    run = subprocess.run(
        [sys.executable, "-m", "smearwatch.daemon.cli", "run", "--watch", watched, "--session", "p", "--json",
         "--until-idle", "3"],
        env={**os.environ, "POISON": json.dumps(poison), "SMEARWATCH_LEASE_S": "20",
             "PYTHONPATH": os.pathsep.join([str(patch), os.environ.get("PYTHONPATH", "")])},
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr
    final = json.loads(run.stdout.splitlines()[-1])
    assert final["complete"]
    assert final["frames"] == {"seen": 4, "counted": 2, "rejected": 2, "pending": 0}
    assert final["rejected_by_reason"] == {"poisoned": 2}
    assert final["poisoned"] == 1
    fold = TallyFold()
    with LedgerReader.read(session_folder("p")) as ledger:
        for recorded in ledger.events():
            fold.apply(recorded.event)
        assert list(verify(ledger)) == []
        aside = ledger.verdict(frame, 0)
        assert aside is not None
        assert (aside.poisoned, aside.verdict) == (True, "rejected")
        assert aside.weights in ledger.weights()
    assert fold.cells > 0
    shown = run_here("sessions", "show", "p").stdout
    assert "2 rejected (2 poisoned)" in shown
    assert "could not be judged" in shown
