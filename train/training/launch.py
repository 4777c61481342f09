"""A training run from the command line: in one process, or in each of those that `torchrun` starts."""

import os
import shutil
import tempfile
from pathlib import Path

import torch

from smearwatch.daemon.alone import alone
from smearwatch.daemon.own_results import own_results
from smearwatch.train.data.samples import DataUnusable
from smearwatch.train.evaluation.results import Report
from smearwatch.train.progress import ProgressLine
from smearwatch.train.training import recipe
from smearwatch.train.training.config import TrainConfig
from smearwatch.train.training.distributed import Ranks, check_division, group
from smearwatch.train.training.gather import gather
from smearwatch.train.training.logs import copy_logs
from smearwatch.train.training.loop import Trainer

_OF_STATE = {"state.safetensors", "uncalibrated", "calibrated", "tensorboard", "curve.csv", "curve.png"}
_EVENTS = ("tensorboard/events.out.tfevents.*",)
_RESULTS = (*_EVENTS, "curve.csv", "curve.png", "report.md", "report.json", "*.safetensors", "manifest.json")


def run(config: TrainConfig, out: Path, state: Path, cache: Path, *, fresh: bool, force: bool) -> Report | None:
    """Train; the first process writes weights, report and logs.

    Returns
    -------
    Report or None
        None in the processes that are not the first.

    Raises
    ------
    DataUnusable
        Where cells, kept state or a folder cannot be used.
    NotOurs, ChangedMeanwhile
        Where `out` holds other weights or a report, or comes to hold them meanwhile, and `force` is False.
    ProcessLost
        Where another process ended before this one.
    """
    ranks = Ranks.from_environment()
    check_division(config.batch, ranks)
    _take_threads()
    if ranks.first:
        if fresh:
            _check_is_state(state)
        for folder in (out, state, cache):
            _check_writable(folder)
    with group(ranks, cuda=config.device != "cpu" and torch.cuda.is_available()):
        if not ranks.first:
            _train_along(config, state, cache, ranks)
            return None
        with own_results(out, _RESULTS, force=force, superseded=_EVENTS) as results, alone(state):
            if fresh:
                _remove_state(state)
            return _train(config, results.folder, state, cache)


def train_into(config: TrainConfig, folder: Path, state: Path, cache: Path) -> Report:
    """Train in this process alone; weights, report and logs are written into a folder that holds nothing else.

    Raises
    ------
    DataUnusable
        Where cells or kept state cannot be used.
    """
    _take_threads()
    for each in (state, cache):
        _check_writable(each)
    return _train(config, folder, state, cache)


def _train(config: TrainConfig, folder: Path, state: Path, cache: Path) -> Report:
    progress = ProgressLine()
    try:
        report = recipe.train(config, folder, state, cache, progress)
    finally:
        progress.close()
    copy_logs(state, folder)
    return report


def _take_threads() -> None:
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(len(os.sched_getaffinity(0)))


def _train_along(config: TrainConfig, state: Path, cache: Path, ranks: Ranks) -> None:
    """Do the share of a process that is not the first: train, and write nothing."""
    ranks.wait()  # until the first has drawn the crops and comes to its training
    gathered = gather(config, cache, _silent)
    Trainer(config, state).run(gathered.train, gathered.validation, _silent)


def _silent(what: str, done: int, total: int) -> None:
    """Report nothing: progress is for the first process to report."""


def _remove_state(state: Path) -> None:
    """Remove what a training kept; the folder itself stays held."""
    for each in state.iterdir():
        shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()


def _check_is_state(state: Path) -> None:
    """Refuse to begin anew in a folder that holds what no training keeps: it would be removed."""
    if not state.exists():
        return
    other = [] if state.is_dir() else [state]
    other = other or sorted(path for path in state.iterdir() if path.name not in _OF_STATE)
    if other:
        matter = f"holds {other[0].name}, which is of no training, and --fresh removes all of it"
        raise DataUnusable(state, matter, "name another folder with --state")


def _check_writable(folder: Path) -> None:
    # Nothing is made yet: a run that fails soon leaves no empty folders.
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        matter = f"cannot be written to ({(error.strerror or str(error)).lower()})"
        raise DataUnusable(folder, matter, "name another folder") from error
