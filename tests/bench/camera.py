"""How well rest, movement and newness of a field are told apart, and what looking costs.

``SMEARWATCH_REAL_DATA=DIR python -m tests.bench.camera [--half 0|1]``: real frames where they are, simulated ones
otherwise. A window of each frame is photographed again, moved, and compared with the next frame's.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

from smearwatch.capture.camera.fields import Fields
from smearwatch.capture.camera.likeness import SIDE_PX, ReducedPicture, explain_change, find_shift, reduce_picture
from smearwatch.capture.slide.slide import Slide

_MARGIN = 0.12
_MOST = 60


def pictures(half: int) -> dict[str, list[Any]]:
    """Return pictures of one size by where they come from."""
    root = Path(os.environ.get("SMEARWATCH_REAL_DATA", ""))
    found: dict[str, list[Any]] = {
        "simulated": [field.bgr for field, _ in zip(Slide(3 + half).fields(), range(20), strict=False)]
    }
    for name in ("chula", "bccd"):
        if (root / name / "frames").is_dir():
            files = sorted((root / name / "frames").iterdir())[half::2][:_MOST]
            read = [bgr for file in files if (bgr := cv2.imread(str(file))) is not None]
            found[name] = [bgr for bgr in read if bgr.shape == read[0].shape]
    return found


def photographed(bgr: Any, rng: Any, x_px: int = 0, noise: float = 3.0, gain: float = 1.0) -> ReducedPicture:
    """Photograph the middle of a picture, or a little beside it."""
    margin = int(_MARGIN * bgr.shape[1])
    window = bgr[margin:-margin, margin + x_px : bgr.shape[1] - margin + x_px].astype(np.float32) * gain
    return reduce_picture(np.clip(window + rng.normal(0.0, noise, window.shape), 0, 255).astype(np.uint8))


def row(name: str, frames: list[Any]) -> str:
    """Measure one collection."""
    rng = np.random.default_rng(0)
    width = frames[0].shape[1] - 2 * int(_MARGIN * frames[0].shape[1])
    step, four = max(2, round(0.0025 * width)), round(0.04 * width)
    pictures = [photographed(bgr, rng) for bgr in frames]
    pairs = list(zip(frames, pictures, strict=True))
    rest = [explain_change(picture, photographed(bgr, rng, noise=6.0, gain=1.05)).moved_px for bgr, picture in pairs]
    moved = [
        explain_change(picture, photographed(bgr, rng, step)).moved_px / (step * SIDE_PX / width)
        for bgr, picture in pairs
    ]
    same = [find_shift(picture, photographed(bgr, rng, four), reach_share=0.09) for bgr, picture in pairs]
    other = sorted(
        find_shift(a, b, reach_share=0.09)[1] for a, b in zip(pictures, pictures[1:] + pictures[:1], strict=True)
    )
    error = max(abs(share - four / width) for share, _ in same)
    return (
        f"{name:<10}{len(frames):>4} {max(rest):>8.3f} {min(moved):>7.2f}-{max(moved):.2f} {100 * error:>10.2f} % "
        f"{min(found for _, found in same):>8.2f}   {' '.join(f'{value:.2f}' for value in other[-8:])}"
    )


def milliseconds(work: Callable[[], object], times: int = 20) -> float:
    """Return the median time of a piece of work."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(1000.0 * (time.perf_counter() - began))
    return median(taken)


def cost(width: int, height: int) -> str:
    """Measure what one picture at a resting stage costs, and what taking a picture does."""
    bgr = Slide(3, width_px=width, height_px=height).field(0).bgr
    fields = Fields(settle_s=0.3, moved_share=0.05)
    at_s = iter(np.arange(0.0, 100.0, 0.08))
    for _ in range(8):
        fields.see(bgr, next(at_s))
    fields.take()
    picture, png = milliseconds(lambda: fields.see(bgr, next(at_s))), milliseconds(lambda: cv2.imencode(".png", bgr), 5)
    return f"{width}x{height}: a picture {picture:.1f} ms, twelve a second; PNG {png:.0f} ms a taken picture"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", type=int, choices=(0, 1), default=1, help="of the real frames")
    half = parser.parse_known_args()[0].half  # beside the names of other benchmarks
    cv2.setNumThreads(1)
    print("from         n  rest px  0.25 % step  4 % shift off  correlation  other fields' highest correlations")
    for name, frames in pictures(half).items():
        print(row(name, frames))
    for size in ((1280, 720), (1920, 1080), (2560, 1920)):
        print(cost(*size))


if __name__ == "__main__":
    main()
