"""A replay that cannot begin to count leaves no session behind."""

import pytest
import torch

from smearwatch.daemon.config import load_settings
from smearwatch.daemon.record.sessions import session_folder, session_names
from tests.reviewed import close, record
from tests.system.test_run import smearwatch

pytestmark = pytest.mark.system


@pytest.mark.skipif(torch.cuda.is_available(), reason="a graph can be made here")
def test_an_engine_that_cannot_work_here_leaves_no_session(tmp_path):
    state_dir = load_settings().state_dir
    record(session_folder(state_dir, "monday"), 30)
    close(session_folder(state_dir, "monday"))
    failed = smearwatch("replay", "monday", "--into", "again", "--engine", "graph")
    assert failed.returncode == 1
    assert "there is no engine graph for cpu" in failed.stderr
    assert session_names(state_dir) == ["monday"]
