"""The search beside scikit-image's usual route, Otsu's threshold and a watershed: what it takes, and what it finds."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy import ndimage

from smearwatch.capture.vision.light import at_work_scale
from smearwatch.capture.vision.segment import Leukocyte, Segmentation
from tests.bench.performance.fields import decoded, drawn
from tests.bench.performance.size import Size
from tests.bench.seen.fields import HALVES
from tests.bench.seen.search import Search, against_boxes, against_masks, searched
from tests.bench.turns import Aim, Figure, Taken, compared, timed

PEER = "scikit-image: Otsu, watershed"
SMOOTHED_UM, OPENED_UM, APART_UM, GROWN_UM, LEAST_UM2 = 0.3, 0.5, 5.0, 1.5, 12.0


def figures(size: Size) -> Iterator[Figure]:
    """Search annotated fields of two laboratories both ways, field by field in turn."""
    if find_spec("skimage") is None:
        print("  scikit-image is not here: `make performance` has it")
        return
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        if size.data is None:
            yield from _both("drawn, 2560x1920", _on_one_drawn)
        else:
            with _some(size.data / "bccd", size.share) as bccd, _some(size.data / "chula", size.share) as chula:
                yield from _both("BCCD, 640x480", partial(against_masks, bccd))
                yield from _both("Chula, 1440x900", partial(against_boxes, chula))
    finally:
        cv2.setNumThreads(threads)


def otsu_and_watershed(bgr: np.ndarray, um_per_px: float) -> Segmentation:
    """Find nuclei as scikit-image's examples find coins and cells, at the scale and in the light that ours gets.

    Of five ways to the threshold (saturation, green and haematoxylin, of two and of three classes) and three distances
    between peaks (3, 5, 8 um) these found most and invented least in the half of the pictures that is not reported.
    """
    from skimage import color, feature, filters, measure, morphology, segmentation

    flat, um, _ = at_work_scale(bgr, um_per_px)
    saturation = color.rgb2hsv(flat[..., ::-1])[..., 1]
    smooth = filters.gaussian(saturation, SMOOTHED_UM / um)
    nuclei = smooth > filters.threshold_multiotsu(smooth, classes=3)[1]
    nuclei = morphology.remove_small_objects(nuclei, max_size=int(LEAST_UM2 / um**2))
    nuclei = ndimage.binary_fill_holes(nuclei)
    nuclei = morphology.opening(nuclei, morphology.disk(max(1, round(OPENED_UM / um))))
    distance = ndimage.distance_transform_edt(nuclei)
    peaks = feature.peak_local_max(distance, min_distance=max(1, round(APART_UM / um)), labels=measure.label(nuclei))
    markers = np.zeros(nuclei.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = segmentation.watershed(-distance, markers, mask=nuclei)
    whole = segmentation.expand_labels(labels, GROWN_UM / um)
    size_px = (bgr.shape[1], bgr.shape[0])
    regions = [each for each in measure.regionprops(labels) if each.area * um**2 >= LEAST_UM2]
    cells = tuple(_leukocyte(each, size_px[0] / flat.shape[1], um) for each in regions)
    return Segmentation(cells, whole.astype(np.int32), labels.astype(np.int32), size_px)


@contextmanager
def _some(root: Path, share: float) -> Iterator[Path]:
    """Yield a folder with every so many of the annotated fields."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "frames").mkdir()
        for kind in ("masks", "boxes"):
            (folder / kind).symlink_to(root.resolve() / kind)
        for frame in sorted((root / "frames").iterdir())[:: max(1, round(1 / share))]:
            (folder / "frames" / frame.name).symlink_to(frame.resolve())
        yield folder


def _leukocyte(region: Any, enlarged: float, um_per_px: float) -> Leukocyte:
    top, left, bottom, right = (int(side * enlarged) for side in region.bbox)
    middle = ((left + right) / 2.0, (top + bottom) / 2.0)
    return Leukocyte((left, top, right - left, bottom - top), middle, region.area * um_per_px**2, False, 1.0)


def _both(name: str, judged: Callable[[Search], Iterator[dict[str, Any]]]) -> Iterator[Figure]:
    """Search each field by both, then hold what each has found against the annotations."""
    ours: list[Taken] = []
    theirs: list[Taken] = []
    kept: list[Segmentation] = []

    def first(bgr: np.ndarray, um_per_px: float) -> Segmentation:
        found, taken = timed(partial(searched, bgr, um_per_px))
        other, taken_by_other = timed(partial(otsu_and_watershed, bgr, um_per_px))
        ours.append(taken)
        theirs.append(taken_by_other)
        kept.append(other)
        return found

    rows = [*judged(first)]
    remembered = iter(kept)
    rows_of_other = [*judged(lambda *_: next(remembered))]
    for each in (rows, rows_of_other):
        each.extend(_for_each_there(each))
    yield compared(f"{name}: searching a field", PEER, ours, theirs, aim=Aim("at most", 1.0, "cpu_ratio"))
    for row, other in zip(rows, rows_of_other, strict=True):
        if HALVES[0] not in row["data"]:
            value, beside = float(row["value"]), float(other["value"])
            yield Figure(f"{name}: {row['what']}", "", row["n"], (value,) * 3, PEER, (beside,) * 3)


def _for_each_there(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return how many were found for each leukocyte that is there, where both are known."""
    there = {row["data"]: row["n"] for row in rows if row["what"] == "leukocytes found"}
    return [
        {**row, "what": "found for each that is there", "value": row["n"] / there[row["data"]]}
        for row in rows
        if row["what"] == "found ones that are leukocytes"
    ]


def _on_one_drawn(search: Search) -> Iterator[dict[str, Any]]:
    (file,) = drawn(2560, 1920, 0.044, 1)
    yield {"what": "leukocytes", "data": "drawn", "n": 1, "value": len(search(decoded(file), 0.044).cells)}
