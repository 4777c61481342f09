"""The quality gate: graded blur and movement against the same fields as photographed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from sklearn.metrics import roc_auc_score

from smearwatch.capture.vision.light import measure_light, to_work_scale
from smearwatch.capture.vision.quality import Quality, judge
from tests.bench.seen.fields import BCCD_UM_PER_PX, CHULA_UM_PER_PX, HALVES, halves, read
from tests.bench.seen.rows import row, share

BLURS_UM = (0.4, 0.5, 0.7, 1.0, 1.5)
MOVES_UM = (1.5, 2.0, 3.0)


def judged(bgr: np.ndarray, um_per_px: float) -> Quality:
    """Judge a field as the pipeline does."""
    work = to_work_scale(bgr, um_per_px)
    work_um_per_px = um_per_px * bgr.shape[1] / work.shape[1]
    return judge(measure_light(work, work_um_per_px).flat(work), work_um_per_px, raw_bgr=bgr)


def moved(bgr: np.ndarray, length_px: float, angle: float) -> np.ndarray:
    """Blur along a line, as a moving stage does."""
    side = 2 * int(np.ceil(length_px / 2)) + 3
    kernel = np.zeros((side, side), np.float32)
    for along in np.linspace(-length_px / 2, length_px / 2, 16 * side):
        x, y = side // 2 + along * np.cos(angle), side // 2 + along * np.sin(angle)
        column, line = int(x), int(y)
        across, down = np.array([1 - x % 1, x % 1]), np.array([1 - y % 1, y % 1])
        kernel[line : line + 2, column : column + 2] += np.outer(down, across)
    return np.asarray(cv2.filter2D(bgr, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT), np.uint8)


def on_real_fields(data: Path) -> Iterator[dict[str, Any]]:
    """AUROC of focus, and what is refused, on the reported half."""
    for name, um_per_px in (("chula", CHULA_UM_PER_PX), ("bccd", BCCD_UM_PER_PX)):
        fields = [read(frame) for frame in halves(data / name / "frames")[HALVES[1]]]
        of = f"{name}, {HALVES[1]}"
        good = [judged(bgr, um_per_px) for bgr in fields]
        refused = sum(not quality.accepted for quality in good)
        yield share("fields as photographed that are refused", of, refused, len(good), "<= 0.01")
        for sigma_um in BLURS_UM:
            poor = [judged(_blurred(bgr, sigma_um / um_per_px), um_per_px) for bgr in fields]
            yield from _told(f"blurred by {sigma_um} um", of, good, poor)
        angles = np.random.default_rng(4).uniform(0, np.pi, len(fields))
        for length_um in MOVES_UM:
            poor = [
                judged(moved(bgr, length_um / um_per_px, a), um_per_px) for bgr, a in zip(fields, angles, strict=True)
            ]
            yield from _told(f"moved by {length_um} um", of, good, poor)


def _told(what: str, data: str, good: list[Quality], poor: list[Quality]) -> Iterator[dict[str, Any]]:
    truth = [1] * len(good) + [0] * len(poor)
    area = roc_auc_score(truth, [quality.focus for quality in good + poor])
    yield row(f"AUROC of focus, {what}", data, len(poor), f"{area:.4f}", "", ">= 0.99")
    yield share(f"fields {what} that are refused", data, sum(not q.accepted for q in poor), len(poor), "")


def _blurred(bgr: np.ndarray, sigma_px: float) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(bgr, (0, 0), sigma_px), np.uint8)
