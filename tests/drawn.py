"""Drawn cells as a tree of class folders, for tests that need pictures to learn from."""

from pathlib import Path

import cv2
import numpy as np

from smearwatch.capture.slide.cells import render_cell_picture
from smearwatch.models.classes import CLASSES, ClassName


def drawn(cls: ClassName, seed: int, um_per_px: float, size_px: int) -> np.ndarray:
    """One cell among red cells, uint8 [size_px, size_px, 3]."""
    return np.asarray(render_cell_picture(cls, np.random.default_rng(seed), um_per_px=um_per_px, size_px=size_px))


def write_tree(root: Path, count: int, um_per_px: float, size_px: int) -> Path:
    """Write so many cells of each class into folders named by class; no two are alike."""
    for place, name in enumerate(CLASSES):
        (root / name).mkdir()
        for number in range(count):
            picture = drawn(name, 100 * place + number, um_per_px, size_px)
            assert cv2.imwrite(str(root / name / f"{number}.png"), picture)
    return root
