"""What seeing costs, by the time OpenCV takes to decode the same JPEG; in turn, in time of the processor itself."""

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import cv2
import numpy as np

from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.vision.light import measure_light, to_work_scale
from smearwatch.capture.vision.quality import judge
from smearwatch.capture.vision.segment import segment

ROUNDS, FIELDS = 12, 4


def ratios() -> list[dict[str, Any]]:
    """Time of each step by that of decoding, round by round."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return [_measured(quality) for quality in (92, 98)]
    finally:
        cv2.setNumThreads(threads)


def _measured(jpeg_quality: int) -> dict[str, Any]:
    um_per_px, width, height = 0.044, 2560, 1920
    slide = Slide(3, um_per_px=um_per_px, width_px=width, height_px=height)
    spent: dict[str, list[float]] = {}
    size = 0
    for index in range(FIELDS):
        data = cv2.imencode(".jpg", slide.field(index).bgr, [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality])[1]
        size += len(data)
        for _ in range(ROUNDS):
            bgr = np.asarray(_timed(spent, "decode", partial(cv2.imdecode, data, cv2.IMREAD_COLOR)), np.uint8)
            raw = _timed(spent, "reduce", partial(to_work_scale, bgr, um_per_px))
            um = um_per_px * width / raw.shape[1]
            work = _timed(spent, "light", partial(_lit, raw, um))
            _timed(spent, "quality", partial(judge, work, um, raw_bgr=bgr))
            _timed(spent, "segment", partial(segment, work, um, size_px=(width, height)))
    steps = {name: median(np.array(values) / np.array(spent["decode"])) for name, values in spent.items()}
    return {
        "jpeg": f"2560x1920, quality {jpeg_quality}, {size / FIELDS / 1e6:.1f} MB",
        "n": FIELDS * ROUNDS,
        **{name: round(float(value), 2) for name, value in steps.items() if name != "decode"},
        "segment's aim": "<= 1.5",
    }


def _lit(raw: np.ndarray, um_per_px: float) -> np.ndarray:
    return measure_light(raw, um_per_px).flat(raw)


def _timed(spent: dict[str, list[float]], name: str, do: Callable[[], Any]) -> Any:
    began = time.thread_time()
    result = do()
    spent.setdefault(name, []).append(time.thread_time() - began)
    return result
