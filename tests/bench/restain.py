"""What bringing red cells to one density is worth to the search: ``python -m tests.bench restain``.

Fields as photographed and with their optical density halved and so on, searched with it and without it. Real pictures
are needed; their folder is named by ``SMEARWATCH_REAL_DATA``.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from smearwatch.capture.vision.light import WHITE, measure_light, to_work_scale
from smearwatch.capture.vision.segment import Segmentation, segment
from smearwatch.capture.vision.stain import restain_field
from tests.bench.report import Report
from tests.bench.seen.search import Search, against_boxes, against_masks

DENSITIES = (1.0, 0.7, 0.5, 1.5)


def main() -> None:
    """Measure, print the table, write JSON."""
    named = os.environ.get("SMEARWATCH_REAL_DATA", "")
    if not Path(named).is_dir() or not named:
        print("no real pictures: SMEARWATCH_REAL_DATA is not set")
        return
    report = Report("restain", "search of fields as photographed, and with red cells brought to one density")
    for row in _rows(Path(named)):
        report.add(**row)
    report.finish()


def _rows(data: Path) -> Iterator[dict[str, Any]]:
    for density in DENSITIES:
        for way, change in (("as photographed", None), ("red cells", restain_field)):
            search = _search(density, change)
            for row in (*against_masks(data / "bccd", search), *against_boxes(data / "chula", search)):
                row.pop("aim", None)
                yield {"density x": density, "searched": way, **row}


def _search(density: float, change: Callable[[np.ndarray], np.ndarray] | None) -> Search:
    table = np.clip(np.round(WHITE * (np.maximum(np.arange(256), 1) / WHITE) ** density), 0, 255).astype(np.uint8)

    def search(bgr: np.ndarray, um_per_px: float) -> Segmentation:
        work = to_work_scale(bgr if density == 1.0 else table[bgr], um_per_px)
        work_um_per_px = um_per_px * bgr.shape[1] / work.shape[1]
        flat = measure_light(work, work_um_per_px).flat(work)
        seen = flat if change is None else change(flat)
        return segment(seen, work_um_per_px, size_px=(bgr.shape[1], bgr.shape[0]))

    return search


if __name__ == "__main__":
    main()
