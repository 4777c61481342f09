"""Shrunken crops on disk, so that an epoch reads pixels instead of decoding pictures."""

import fcntl
import functools
import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smearwatch.capture.arrays import Image
from smearwatch.capture.finder.version import FINDER_VERSION
from smearwatch.daemon.atomic_write import atomically
from smearwatch.models.preprocess import SHRINK_VERSION, Preprocessing, shrink
from smearwatch.train.data.samples import Sample

Progress = Callable[[str, int, int], None]


def shrunken_fields(
    samples: Sequence[Sample], preprocessing: Preprocessing, folder: Path, progress: Progress
) -> NDArray[np.uint8]:
    """Draw, shrink and keep every sample's crop.

    The file's name is a hash of the cells, the preprocessing and the versions of what cuts and shrinks, so a
    change in any of them draws anew. Of several sources each is kept by itself too: another training that leaves one
    of them out need not draw the others again.

    Parameters
    ----------
    samples
        n of them.
    folder
        Where the arrays are kept.
    progress
        Called with what is done, how many are done, and how many there are.

    Returns
    -------
    uint8 array of shape [n, field_px, field_px, 3], mapped from disk

    Raises
    ------
    DataUnusable
        Where a picture cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_key(samples, preprocessing)}.npy"
    if not path.is_file():
        with _alone(folder, progress):
            if not path.is_file():
                _make(samples, preprocessing, path, progress)
    fields: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    return fields


@contextmanager
def _alone(folder: Path, progress: Progress) -> Iterator[None]:
    """Wait until no other run draws into the folder: two at once would rename each other's file."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for the crops of another run", 0, 1)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(samples: Sequence[Sample], preprocessing: Preprocessing, path: Path, progress: Progress) -> None:
    """Draw cells of one source; put those of several together from what is kept of each."""
    by_source: dict[str, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        by_source[sample.source].append(index)
    if len(by_source) <= 1:
        _draw(samples, preprocessing, path, progress)
        return
    parts = []
    for indices in by_source.values():
        some = [samples[index] for index in indices]
        part = path.with_name(f"{_key(some, preprocessing)}.npy")
        if not part.is_file():
            _draw(some, preprocessing, part, progress)
        parts.append((indices, part))
    side = preprocessing.field_px
    with atomically(path) as partial:
        fields = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=(len(samples), side, side, 3))
        for indices, part in parts:
            fields[indices] = np.load(part, mmap_mode="r", allow_pickle=False)
        fields.flush()


def _draw(samples: Sequence[Sample], preprocessing: Preprocessing, path: Path, progress: Progress) -> None:
    side = preprocessing.field_px

    def one(sample: Sample) -> Image:
        return shrink(sample.draw(), preprocessing)

    with atomically(path) as partial, ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        fields = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=(len(samples), side, side, 3))
        for index, field in enumerate(pool.map(one, samples)):
            fields[index] = field
            progress("crops", index + 1, len(samples))
        fields.flush()


def _key(samples: Sequence[Sample], preprocessing: Preprocessing) -> str:
    cells = [(sample.sample_id, sample.digest, _drawn_with(sample)) for sample in samples]
    shrunken_by = preprocessing.model_dump(mode="json", exclude={"reference_stain"})  # it comes after the shrinking
    text = json.dumps([FINDER_VERSION, SHRINK_VERSION, shrunken_by, cells])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _drawn_with(sample: Sample) -> str:
    """Return scale and position with which a sample is drawn; its content is known by the digest, wherever it lies."""
    given = sample.draw.args if isinstance(sample.draw, functools.partial) else ()
    return repr([value for value in given if isinstance(value, int | float | tuple)])
