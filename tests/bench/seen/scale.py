"""Scale from red cells against the known one, by field and over a session's first fields."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from smearwatch.capture.scale.red_cells import estimate_um_per_px
from smearwatch.capture.slide.slide import Slide
from tests.bench.seen.auto import KNOWN_UM_PER_PX
from tests.bench.seen.fields import halves, read
from tests.bench.seen.rows import row, share

SCALES_UM_PER_PX = (0.022, 0.03, 0.044, 0.07, 0.1, 0.13)
_SESSION = 15


def on_the_slide(slides: int) -> Iterator[dict[str, Any]]:
    """Simulated fields of an Axiocam's shape at every scale."""
    for um_per_px in SCALES_UM_PER_PX:
        fields = (
            Slide(200 + seed, um_per_px=um_per_px, width_px=2560, height_px=1920, variation=1.0).field(index).bgr
            for seed in range(slides)
            for index in range(2)
        )
        yield from _judged(f"simulated, {um_per_px} um/px, 2560x1920", fields, um_per_px, 0.10)


def on_real_fields(data: Path) -> Iterator[dict[str, Any]]:
    """Fields of two laboratories whose scale is known, if roughly; one that is not sure is not within anything."""
    for half, frames in halves(data / "bccd" / "frames").items():
        yield from _judged(f"bccd, {half}", map(read, frames), KNOWN_UM_PER_PX["bccd"], 0.15)
    cells = sorted(data.glob("pbc/*/*.jpg"))
    yield from _judged("pbc, every 20th cell", map(read, cells[7::20]), KNOWN_UM_PER_PX["pbc"], 0.15)


def _judged(data: str, pictures: Any, um_per_px: float, within: float) -> Iterator[dict[str, Any]]:
    estimates = [estimate_um_per_px(picture) for picture in pictures]
    ratios = np.array([e.um_per_px / um_per_px for e in estimates if e is not None and e.is_sure])
    near = int((np.abs(ratios - 1.0) <= within).sum())
    yield share(f"fields within {within:.0%} of the known scale", data, near, len(estimates), "")
    spread = " to ".join(f"{np.percentile(ratios, q):.3f}" for q in (2.5, 97.5))
    middles = [float(np.median(ratios[at : at + _SESSION])) for at in range(0, len(ratios) - _SESSION + 1, _SESSION)]
    middles = middles or [float(np.median(ratios))]
    worst = max(middles, key=lambda middle: abs(middle - 1.0))
    aim, what = f"1 +- {within}", "estimate by known scale"
    yield row(f"{what}, median (range of 95 % of fields)", data, len(ratios), f"{np.median(ratios):.3f}", spread, aim)
    yield row(f"{what}, {_SESSION} fields in a row, worst", data, len(middles), f"{worst:.3f}", "", aim)
