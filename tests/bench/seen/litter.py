"""What the networks make of what is found: litter that is counted all the same, leukocytes that are rejected."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from smearwatch.capture.finder.field import FieldFound, FoundCell, find
from smearwatch.capture.slide.thing import THING_KINDS
from smearwatch.capture.slide.truth import Field
from smearwatch.capture.slide.writer import encode
from smearwatch.models.checkpoint import shipped_weights_dir
from smearwatch.models.engine import Engine
from smearwatch.models.judgement import Judgement
from tests.bench.seen.fields import BCCD_UM_PER_PX, hand_cells
from tests.bench.seen.hard import FIELDS_OF_A_SLIDE, hard_fields
from tests.bench.seen.rows import share
from tests.bench.seen.search import together


def judged_on_hard_slides(slides: int) -> Iterator[dict[str, Any]]:
    """Rows of each kind of thing that was counted as one of the six, and of the leukocytes that were rejected."""
    engine = Engine.load(shipped_weights_dir(), device="cpu")
    there: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    leukocytes = rejected = 0
    for seed in range(slides):
        for field in hard_fields(seed):
            there.update(thing.kind for thing in field.others if not thing.at_edge)
            for cell, judgement in _judged(encode(field.bgr, "jpeg"), field.um_per_px, engine):
                if any(
                    together(true.box_xywh_px, cell.leukocyte.box, cell.leukocyte.centre_xy_px) for true in field.cells
                ):
                    leukocytes, rejected = leukocytes + 1, rejected + (judgement.verdict == "rejected")
                elif judgement.verdict != "rejected":
                    counted[_kind(field, cell)] += 1
    data = f"simulated, {slides * FIELDS_OF_A_SLIDE} fields of {slides} stains and lights, 0.07 to 0.13 um/px"
    for kind in THING_KINDS:
        yield share(f"{kind.replace('_', ' ')}: counted as a leukocyte", data, counted[kind], there[kind], "")
    yield share("leukocytes among them that are rejected", data, rejected, leukocytes, "")


def rejected_of_real_fields(root: Path) -> Iterator[dict[str, Any]]:
    """Row of whole leukocytes under a hand mask, of a microscope whose leukocytes no network met: those rejected."""
    engine = Engine.load(shipped_weights_dir(), device="cpu")
    frames = sorted((root / "frames").glob("*.jpg"))
    leukocytes = rejected = 0
    for frame in frames:
        mask, _ = hand_cells(frame)
        for cell, judgement in _judged(frame.read_bytes(), BCCD_UM_PER_PX, engine):
            x, y = (int(value) for value in cell.leukocyte.centre_xy_px)
            if mask[y, x]:
                leukocytes, rejected = leukocytes + 1, rejected + (judgement.verdict == "rejected")
    data = f"bccd, {len(frames)} fields; their blanks were trained on, no leukocyte was"
    yield share("leukocytes that are rejected", data, rejected, leukocytes, "")


def _judged(jpeg: bytes, um_per_px: float, engine: Engine) -> list[tuple[FoundCell, Judgement]]:
    found = find(jpeg, um_per_px=um_per_px, um_per_px_source="configured")
    if not isinstance(found, FieldFound):
        return []
    whole = [(cell, cell.crop_bgr) for cell in found.cells if cell.crop_bgr is not None]
    judgements = engine.judge([crop_bgr for _, crop_bgr in whole])
    return [(cell, judgement) for (cell, _), judgement in zip(whole, judgements, strict=True)]


def _kind(field: Field, cell: FoundCell) -> str:
    """Name what a found cell is; a piece of nothing is told as such."""
    kinds = (
        thing.kind
        for thing in field.others
        if together(thing.box_xywh_px, cell.leukocyte.box, cell.leukocyte.centre_xy_px)
    )
    return next(kinds, "nothing")
