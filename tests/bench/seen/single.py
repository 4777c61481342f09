"""Pictures of one cell each: whether exactly one leukocyte is found in the middle, class by class."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.seen.fields import HALVES, PBC_UM_PER_PX, read
from tests.bench.seen.rows import share
from tests.bench.seen.search import searched

NO_LEUKOCYTES = ("erythroblast", "platelet")
_MIDDLE_UM = 6.5
_MOST = 400


def in_the_middle(root: Path) -> Iterator[dict[str, Any]]:
    """Share of pictures with exactly one, of those that hold a leukocyte; with any, of others."""
    folders = sorted(folder for folder in root.iterdir() if folder.is_dir())
    for half, name in enumerate(HALVES):
        ones = all_of = 0
        for folder in folders:
            pictures = sorted(folder.glob("*.jpg"))[half::2]
            counts = [_found(picture) for picture in pictures[:: max(1, len(pictures) // _MOST)]]
            data = f"pbc, {name}, {folder.name.replace('_', ' ')}"
            if folder.name in NO_LEUKOCYTES:
                yield share("taken for a leukocyte", data, sum(count > 0 for count in counts), len(counts), "")
                continue
            one = sum(count == 1 for count in counts)
            ones, all_of = ones + one, all_of + len(counts)
            yield share("exactly one leukocyte in the middle", data, one, len(counts), "")
        yield share("exactly one leukocyte in the middle", f"pbc, {name}, all leukocytes", ones, all_of, ">= 0.99")


def _found(picture: Path) -> int:
    bgr = read(picture)
    middle = np.array([bgr.shape[1], bgr.shape[0]]) / 2.0
    return sum(
        bool(np.hypot(*(np.array(cell.centre_xy_px) - middle)) * PBC_UM_PER_PX < _MIDDLE_UM)
        for cell in searched(bgr, PBC_UM_PER_PX).cells
    )
