"""What every test leans on: no thread left behind, folders of their own, the real pictures where they are."""

import gc
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.in_process import log_left_as_it_was

# Where several processes test at once, their libraries must not each start a thread for every core. This stands before
# anything is imported that counts cores; the processes that tests start inherit it.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    _THREADS = max(1, len(os.sched_getaffinity(0)) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        os.environ.setdefault(_variable, str(_THREADS))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# What is imported stays; looking for rubbish in it would take a tenth of all processor time.
gc.disable()


def pytest_collection_finish() -> None:
    """Look for rubbish from here on, in what the tests make, and less often."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(10_000, 20, 20)


# pyzmq keeps one thread for the whole process, which lets go of buffers that were sent without a copy.
_THREADS_THAT_STAY = ("GarbageCollectorThread",)
_OF_AN_ENGINE = "beside"  # ends with the engine, which several tests may share


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 5.0
    while True:
        left = [
            thread.name
            for thread in set(threading.enumerate()) - before
            if type(thread).__name__ not in _THREADS_THAT_STAY and not thread.name.startswith(_OF_AN_ENGINE)
        ]
        if not left:
            return
        if time.monotonic() > deadline:
            pytest.fail(f"threads left behind: {left}")
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def _log_is_not_left_set_up() -> Iterator[None]:
    """Let no test write where an earlier one had its log."""
    with log_left_as_it_was():
        yield


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the settings, sessions and sockets of whoever runs it."""
    for variable in [name for name in os.environ if name.startswith("SMEARWATCH_") and name != "SMEARWATCH_REAL_DATA"]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Let torch compute on one thread, for tests that train so little that more would wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all the processes of this run of the tests have in common, for `tests.shared`."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real pictures (chula, bccd, pbc), or skip."""
    folder = Path(os.environ.get("SMEARWATCH_REAL_DATA", ""))
    if not os.environ.get("SMEARWATCH_REAL_DATA") or not (folder / "chula" / "frames").is_dir():
        pytest.skip("no real pictures: set SMEARWATCH_REAL_DATA to the folder that holds chula, bccd and pbc")
    return folder.resolve()
