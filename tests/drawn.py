"""Drawn cells as a tree of class folders, for tests that need pictures to learn from."""

from pathlib import Path

import cv2
import numpy as np

from smearwatch.capture.slide.cells import render_cell_picture
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.slide.writer import encode
from smearwatch.models.classes import CLASSES, ClassName


def drawn(cls: ClassName, seed: int, um_per_px: float, size_px: int) -> np.ndarray:
    """One cell among red cells, uint8 [size_px, size_px, 3]."""
    return np.asarray(render_cell_picture(cls, np.random.default_rng(seed), um_per_px=um_per_px, size_px=size_px))


def write_fields(root: Path, slide: Slide, count: int, width_px: int, height_px: int) -> Path:
    """Write the first fields of a slide as `frames/` and, for every true cell, a row in `boxes/`."""
    for name in ("frames", "boxes"):
        (root / name).mkdir(parents=True)
    for index in range(count):
        field = slide.field(index)
        (root / "frames" / f"s_{index:04d}.png").write_bytes(encode(field.bgr, "png"))
        rows = ["label,x_center,y_center,width,height"]
        for cell in field.cells:
            x, y, w, h = cell.box_xywh_px
            places = ((x + w / 2) / width_px, (y + h / 2) / height_px, w / width_px, h / height_px)
            rows.append(",".join([cell.cls, *(f"{place:.5f}" for place in places)]))
        (root / "boxes" / f"s_{index:04d}.csv").write_text("\n".join(rows) + "\n")
    return root


def write_tree(root: Path, count: int, um_per_px: float, size_px: int) -> Path:
    """Write so many cells of each class into folders named by class; no two are alike."""
    for place, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for number in range(count):
            picture = drawn(name, 100 * place + number, um_per_px, size_px)
            assert cv2.imwrite(str(root / name / f"{number}.png"), picture)
    return root
