"""How the cells of each session look: real ones, real ones with stain, camera or focus changed, and simulated ones."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from smearwatch.capture.finder.cell_surroundings import measure_stain_and_size
from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.vision.crop import cut_crop
from smearwatch.capture.vision.light import WHITE, flatten_cell
from smearwatch.daemon.record.session_stain import StainWindow
from smearwatch.models import memory
from smearwatch.models.appearance import appearance_features, range_of
from smearwatch.models.checkpoint import read_manifest, shipped_weights_dir
from smearwatch.models.preprocess import shrink
from smearwatch.models.reference_stain import reference_map
from smearwatch.train.data.class_tree import read_class_tree
from smearwatch.train.data.samples import Part, Sample, read_picture
from smearwatch.train.data.split import split
from smearwatch.train.data.stains import as_model, as_recorded
from tests.bench.drifting.sessions import Looks, Session, in_runs

PBC_UM_PER_PX = 0.095
_SESSION_CELLS = 100
_BEFORE, _AFTER, _TIMES = 40, 60, 3
_FEWEST = 12

Floats = NDArray[np.float32]
Change = Callable[[Floats], Floats]


def _density(*factors_bgr: float) -> Change:
    """Optical density times a factor in each channel: more or less stain, or another camera curve."""
    return lambda bgr: np.asarray(WHITE * (np.maximum(bgr, 1) / WHITE) ** np.array(factors_bgr), np.float32)


def _gains(*gains_bgr: float) -> Change:
    return lambda bgr: bgr * np.array(gains_bgr, np.float32)


def _saturation(factor: float) -> Change:
    return lambda bgr: bgr.mean(axis=2, keepdims=True) * (1 - factor) + bgr * factor


def _blur(sigma_um: float) -> Change:
    return lambda bgr: np.asarray(cv2.GaussianBlur(bgr, (0, 0), sigma_um / PBC_UM_PER_PX), np.float32)


CHANGES: dict[str, tuple[Change, float]] = {
    "density x 0.5": (_density(0.5, 0.5, 0.5), 1.0),
    "density x 0.7": (_density(0.7, 0.7, 0.7), 1.0),
    "density x 1.5": (_density(1.5, 1.5, 1.5), 1.0),
    "red density x 0.6": (_density(1, 1, 0.6), 1.0),
    "red density x 1.5": (_density(1, 1, 1.5), 1.0),
    "blue density x 1.6": (_density(1.6, 1, 1), 1.0),
    "white balance: red x 1.25, blue x 0.8": (_gains(0.8, 1, 1.25), 1.0),
    "saturation x 0.5": (_saturation(0.5), 1.0),
    "saturation x 1.6": (_saturation(1.6), 1.0),
    "blur of 0.15 um": (_blur(0.15), 1.0),
    "blur of 0.3 um": (_blur(0.3), 1.0),
    "scale 0.75 of the true one": (_density(1, 1, 1), 0.75),
    "scale 1.33 of the true one": (_density(1, 1, 1), 1.33),
}


def simulated(fields: int) -> Iterator[Session]:
    """A simulated slide, which training met."""
    slide = Slide(seed=77)
    pictures = [cv2.imencode(".png", slide.field(number).bgr)[1].tobytes() for number in range(fields)]
    yield Session("simulated slide", True, [_found(pictures)])


def home(root: Path) -> Iterator[Session]:
    """Cells of the set that most of the training is of, by the number of the picture, and one class alone."""
    parts = _parts(root)
    for part in ("validation", "test"):
        samples = parts[part]
        looks = dict(zip((each.sample_id for each in samples), _looks(map(_plain, samples)), strict=True))
        runs = in_runs([looks[sample.sample_id] for sample in parts[part]], _SESSION_CELLS)
        yield Session(f"PBC, {part} cells by number", True, runs)
        alone = defaultdict(list)
        for sample in parts[part]:
            alone[sample.label].append(looks[sample.sample_id])
        yield Session(f"PBC, {part} cells, one class each", True, list(alone.values()))


def second(root: Path) -> Iterator[Session]:
    """Every slide of the second microscope as one session, as the pipeline finds its cells."""
    slides, unmet = defaultdict(list), defaultdict(list)
    known = memory.load(shipped_weights_dir())
    assert known is not None
    for frame in sorted((root / "frames").iterdir()):
        slide = frame.stem.rpartition("_")[0]
        slides[slide].append(frame.read_bytes())
        if not known.seen_in_training(hashlib.sha256(slides[slide][-1]).hexdigest()):
            unmet[slide].append(slides[slide][-1])
    looks = {slide: _found(pictures) for slide, pictures in slides.items()}
    fresh = [found for pictures in unmet.values() if len(found := _found(pictures)) >= _FEWEST]
    yield Session("Chula, frames not met, slide by slide", True, fresh)
    for slide, found in looks.items():
        others = range_of("chula", [each for name, cells in looks.items() if name != slide for each in cells])
        if len(found) >= _FEWEST and others is not None:
            yield Session(f"Chula, slide {slide} left out of the range", True, [found], ("chula",), (others,))
    whole = [found for found in looks.values() if len(found) >= _FEWEST]
    yield Session("Chula, never met at all", False, whole, ("chula",))


def third(root: Path) -> Iterator[Session]:
    """Fields of a third microscope, which training met only by their empty places, in order; and their second half."""
    frames = [frame.read_bytes() for frame in sorted((root / "frames").iterdir())]
    yield Session("BCCD, first half", False, in_runs(_found(frames[: len(frames) // 2]), 2 * _FEWEST))
    yield Session("BCCD, second half", False, in_runs(_found(frames[len(frames) // 2 :]), 2 * _FEWEST))


def changed(root: Path) -> Iterator[Session]:
    """Sessions whose stain, camera, focus or scale changes after 40 cells; the 60 that follow are told of."""
    size = _BEFORE + _AFTER
    cells = _parts(root)["test"][: size * _TIMES]
    for name, (change, scale) in CHANGES.items():
        runs = []
        for start in range(0, len(cells), size):
            before, after = cells[start : start + _BEFORE], cells[start + _BEFORE : start + size]
            crops = [*map(_plain, before), *(_changed(sample, change, scale) for sample in after)]
            runs.append(_looks(crops))
        yield Session(f"PBC, {name} after {_BEFORE}", False, runs)


def _parts(root: Path) -> dict[Part, list[Sample]]:
    """Cells that are leukocytes, each side in the order of the numbers that the pictures were given."""
    parts = split(read_class_tree(root, PBC_UM_PER_PX, source="cells"))
    return {
        part: sorted((each for each in samples if each.target.kind != "reject"), key=_number)
        for part, samples in parts.items()
    }


def _number(sample: Sample) -> int:
    found: Sequence[str] = re.findall(r"\d+", sample.sample_id)
    return int(found[-1])


def _plain(sample: Sample) -> NDArray[np.uint8]:
    return sample.draw()


def _changed(sample: Sample, change: Change, scale: float) -> NDArray[np.uint8]:
    path: Path = sample.draw.args[0]  # type: ignore[attr-defined]
    photographed = np.clip(np.round(change(read_picture(path).astype(np.float32))), 0, 255).astype(np.uint8)
    flat = flatten_cell(photographed)
    height, width = flat.shape[:2]
    return cut_crop(flat, (width / 2, height / 2), PBC_UM_PER_PX * scale)


def _found(pictures: Sequence[bytes]) -> Looks:
    """Looks of the whole cells of one session's fields, at the scale that their red cells give."""
    estimates: list[float] = []
    crops = []
    for data in pictures:
        result = find(data, um_per_px=None, um_per_px_source=None, session_estimates=estimates)
        if not isinstance(result, FieldFound):
            continue
        if result.um_per_px_estimate is not None:
            estimates.append(result.um_per_px_estimate)
        crops += [cell.crop_bgr for cell in result.cells if cell.crop_bgr is not None]
    return _looks(crops)


_PREPROCESSING = read_manifest(shipped_weights_dir()).preprocessing


def _looks(crops_bgr: Iterable[NDArray[np.uint8]]) -> Looks:
    """Looks of one session's cells in their order, each brought to the weights' reference as a count would bring it."""
    window, reference = StainWindow(), _PREPROCESSING.reference_stain
    looks = []
    for crop_bgr in crops_bgr:
        field = shrink(crop_bgr, _PREPROCESSING)
        stain = as_model(window.add(as_recorded(measure_stain_and_size(crop_bgr))))
        to_reference = None if reference is None or stain is None else reference_map(stain, reference)
        seen = field if to_reference is None else to_reference.apply(field)
        looks.append(appearance_features(seen, _PREPROCESSING.um_per_px))
    return looks
