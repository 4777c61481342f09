"""Touching leukocytes, and what is no leukocyte, on simulated slides that hold much of both."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from smearwatch.capture.slide.litter import Litter
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.slide.thing import THING_KINDS
from smearwatch.capture.slide.truth import Field, TrueCell
from smearwatch.capture.vision.segment import Leukocyte
from tests.bench.seen.rows import row, share
from tests.bench.seen.search import box_overlap, searched, together

SCALES_UM_PER_PX = (0.07, 0.1, 0.13)
_FIELD_UM = (144.0, 90.0)
FIELDS_OF_A_SLIDE = 4
_ITS_OWN = 0.5  # least overlap of each of two boxes with the cell that is meant
_NEAR = 0.1


def on_hard_slides(slides: int) -> Iterator[dict[str, Any]]:
    """Pairs parted, single cells found once, and what of each kind of litter is taken for a leukocyte."""
    things: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    pairs = parted = single = once = leukocytes = 0
    for seed in range(slides):
        for field in hard_fields(seed):
            found = searched(field.bgr, field.um_per_px).cells
            whole = [cell for cell in field.cells if not cell.at_edge]
            leukocytes += len(whole)
            alone = [cell for cell in whole if cell.touches is None]
            single += len(alone)
            once += sum(sum(_meets(cell, one) for one in found) == 1 for cell in alone)
            for two in _pairs(whole):
                pairs, parted = pairs + 1, parted + _are_parted(two, found)
            others = [one for one in found if not any(_meets(cell, one) for cell in field.cells)]
            for thing in field.others:
                if not thing.at_edge:
                    things[thing.kind] += 1
                    taken[thing.kind] += any(together(thing.box_xywh_px, o.box, o.centre_xy_px) for o in others)
    data = f"simulated, {slides * FIELDS_OF_A_SLIDE} fields of {slides} stains and lights, 0.07 to 0.13 um/px"
    yield share("touching pairs of leukocytes parted", data, parted, pairs, ">= 0.98")
    yield share("single leukocytes among them found, and once", data, once, single, ">= 0.995")
    for kind in THING_KINDS:
        yield share(f"{kind.replace('_', ' ')}: taken for a leukocyte", data, taken[kind], things[kind], "")
    per_100 = 100.0 * taken.total() / leukocytes
    yield row("all of these by 100 leukocytes, far more than usual", data, leukocytes, f"{per_100:.1f}", "", "")


def hard_fields(seed: int) -> Iterator[Field]:
    """Return the fields of one slide full of pairs and litter."""
    um_per_px = SCALES_UM_PER_PX[seed % len(SCALES_UM_PER_PX)]
    litter = Litter(
        pairs=0.4,
        smudges_per_mm2=40.0,
        erythroblasts_per_mm2=40.0,
        platelet_clumps_per_mm2=60.0,
        giant_platelets_per_mm2=80.0,
        precipitate_per_mm2=90.0,
    )
    width_px, height_px = (round(side / um_per_px) for side in _FIELD_UM)
    slide = Slide(
        700 + seed,
        um_per_px=um_per_px,
        width_px=width_px,
        height_px=height_px,
        leukocytes_per_mm2=400.0,
        variation=1.0,
        litter=litter,
    )
    return (slide.field(index) for index in range(FIELDS_OF_A_SLIDE))


def _pairs(cells: list[TrueCell]) -> Iterator[tuple[TrueCell, TrueCell]]:
    named = {cell.name: cell for cell in cells}
    for cell in cells:
        if cell.touches in named and cell.name < cell.touches:
            yield cell, named[cell.touches]


def _are_parted(two: tuple[TrueCell, TrueCell], found: tuple[Leukocyte, ...]) -> bool:
    """Two are found and no third, each where one of them is."""
    near = [one for one in found if any(_meets(c, one) or box_overlap(c.box_xywh_px, one.box) > _NEAR for c in two)]
    if len(near) != len(two):
        return False
    straight, crossed = (
        min(box_overlap(cell.box_xywh_px, one.box) for cell, one in zip(two, order, strict=True))
        for order in (near, near[::-1])
    )
    return max(straight, crossed) >= _ITS_OWN


def _meets(cell: TrueCell, one: Leukocyte) -> bool:
    return together(cell.box_xywh_px, one.box, one.centre_xy_px)
