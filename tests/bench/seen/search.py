"""Leukocytes found against hand masks, boxes and the simulated slide's truth."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.stats import bootstrap

from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.vision.light import measure_light, to_work_scale
from smearwatch.capture.vision.segment import Segmentation, segment
from tests.bench.seen.fields import BCCD_UM_PER_PX, CHULA_UM_PER_PX, Box, boxes, halves, hand_cells, read
from tests.bench.seen.rows import row, share

LEAST_OVERLAP = 0.3

Search = Callable[[np.ndarray, float], Segmentation]


def searched(bgr: np.ndarray, um_per_px: float) -> Segmentation:
    """Find the leukocytes of a field as the pipeline does."""
    work = to_work_scale(bgr, um_per_px)
    work_um_per_px = um_per_px * bgr.shape[1] / work.shape[1]
    flat = measure_light(work, work_um_per_px).flat(work)
    return segment(flat, work_um_per_px, size_px=(bgr.shape[1], bgr.shape[0]))


def against_masks(root: Path, search: Search = searched) -> Iterator[dict[str, Any]]:
    """Recall, precision and overlap on fields with hand masks."""
    for half, frames in halves(root / "frames").items():
        hits = cells = found = good = 0
        overlaps: list[float] = []
        dices: list[float] = []
        for frame in frames:
            mask, hand = hand_cells(frame)
            seen = search(read(frame), BCCD_UM_PER_PX)
            ours = seen.mask()
            _, regions = cv2.connectedComponents((ours > 0).astype(np.uint8))
            for cell in hand:
                touched = np.setdiff1d(np.unique(regions[cell.whole]), [0])
                region = np.isin(regions, touched)
                overlap = float((region & cell.whole).sum() / (region | cell.whole).sum())
                centred = any(_at(cell.whole, c.centre_xy_px) for c in seen.cells)
                cells, hits = cells + 1, hits + (centred or overlap >= LEAST_OVERLAP)
                if (centred or overlap >= LEAST_OVERLAP) and not cell.at_edge:
                    overlaps.append(overlap)
                    nucleus = region & (ours == 255)
                    dices.append(float(2 * (nucleus & cell.nucleus).sum() / (nucleus.sum() + cell.nucleus.sum())))
            for c in seen.cells:
                x, y, w, h = c.box
                found += 1
                good += bool(_at(mask > 0, c.centre_xy_px) or (mask[y : y + h, x : x + w] > 0).mean() > LEAST_OVERLAP)
        data = f"bccd, {half}, {len(frames)} fields"
        yield share("leukocytes found", data, hits, cells, ">= 0.99")
        yield share("found ones that are leukocytes", data, good, found, ">= 0.97")
        yield _mean("overlap of whole cells (IoU)", data, overlaps, ">= 0.85")
        yield _mean("overlap of nuclei (Dice)", data, dices, ">= 0.93")


def against_boxes(root: Path, search: Search = searched) -> Iterator[dict[str, Any]]:
    """Recall of labelled boxes; the labels are incomplete, so precision cannot be told."""
    for half, frames in halves(root / "frames").items():
        hits = cells = 0
        for frame in frames:
            bgr = read(frame)
            seen = search(bgr, CHULA_UM_PER_PX)
            for box in boxes(frame, bgr.shape[1], bgr.shape[0]):
                cells += 1
                hits += any(together(box, c.box, c.centre_xy_px) for c in seen.cells)
        slides = len({frame.stem.rpartition("_")[0] for frame in frames})
        data = f"chula, {half}, {len(frames)} fields of {slides} slides"
        yield share("labelled boxes found", data, hits, cells, ">= 0.98")


def against_truth(fields: int) -> Iterator[dict[str, Any]]:
    """Recall and false cells on simulated slides of several stains, lights and scales."""
    hits = cells = found = false = 0
    for seed in range(fields // 4):
        um_per_px = (0.044, 0.07, 0.1, 0.13)[seed % 4]
        slide = Slide(100 + seed, um_per_px=um_per_px, width_px=1440, height_px=900, variation=1.0)
        for index in range(4):
            field = slide.field(index)
            seen = searched(field.bgr, um_per_px)
            true = [cell for cell in field.cells if not cell.at_edge]
            cells += len(true)
            hits += sum(any(together(cell.box_xywh_px, c.box, c.centre_xy_px) for c in seen.cells) for cell in true)
            whole = [c for c in seen.cells if not c.at_edge]
            found += len(whole)
            false += sum(
                not any(together(cell.box_xywh_px, c.box, c.centre_xy_px) for cell in field.cells) for c in whole
            )
    data = f"simulated, {fields} fields of {fields // 4} stains and lights, 0.044 to 0.13 um/px"
    yield share("whole leukocytes found", data, hits, cells, ">= 0.995")
    yield share("false ones among those found", data, false, found, "<= 0.005")


def _at(mask: np.ndarray, centre_xy_px: tuple[float, float]) -> bool:
    x, y = (min(int(v), size - 1) for v, size in zip(centre_xy_px, mask.shape[::-1], strict=True))
    return bool(mask[y, x])


def together(box: Sequence[float], found: Sequence[float], centre_xy_px: tuple[float, float]) -> bool:
    """Whether a found cell is the one that a box is of: its middle lies in it, or they overlap well."""
    x, y = centre_xy_px
    inside = box[0] <= x <= box[0] + box[2] and box[1] <= y <= box[1] + box[3]
    return inside or box_overlap(box, found) >= LEAST_OVERLAP


def box_overlap(a: Sequence[float] | Box, b: Sequence[float] | Box) -> float:
    """Intersection of two boxes (x, y, width, height) by their union."""
    across = max(0.0, min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]))
    down = max(0.0, min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]))
    return across * down / (a[2] * a[3] + b[2] * b[3] - across * down)


def _mean(what: str, data: str, values: list[float], aim: str) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    found = bootstrap((np.array(values),), np.mean, n_resamples=2000, random_state=rng, method="percentile")
    low, high = found.confidence_interval
    return row(f"{what}, mean", data, len(values), f"{np.mean(values):.4f}", f"{low:.4f} to {high:.4f}", aim)
