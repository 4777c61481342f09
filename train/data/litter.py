"""Drawn things that are no leukocyte to be counted, cut as the pipeline would cut them: examples to reject."""

import hashlib
from functools import partial
from itertools import count

from smearwatch.capture.arrays import Image
from smearwatch.capture.slide.litter import Litter
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.slide.thing import THING_KINDS, ThingKind
from smearwatch.capture.slide.version import RENDERER_VERSION
from smearwatch.capture.vision.crop import cut_flat_crop
from smearwatch.capture.vision.light import measure_light
from smearwatch.train.data.samples import REJECT, Sample
from smearwatch.train.data.simulated import SOURCE, renderer_id

_FIRST_SEED = 1_000_000  # slides that nothing else is measured on
_UM_PER_PX = (0.07, 0.09, 0.11, 0.13)
_FIELD_UM = (66.0, 56.0)
_DENSITY_PER_MM2 = 500.0

# With this beside the renderer the first things stand in the memory of weights, see `smearwatch.train.data.simulated`.
_FIRST_THINGS = "6f0b1c65fd2eea9d596ab70a3905a4bbe9b2dce660f387b633843ec758601ee5"


def draw_litter(wanted: int) -> list[Sample]:
    """List so many things to draw, the kinds in turn, each from a slide, stain and light of its own."""
    return [_sample(THING_KINDS[number % len(THING_KINDS)], number) for number in range(wanted)]


def _sample(kind: ThingKind, number: int) -> Sample:
    name = f"{SOURCE}/litter/{number}"
    renderer = f"{renderer_id()} {_FIRST_THINGS}" if RENDERER_VERSION == 1 else renderer_id()
    digest = hashlib.sha256(f"{renderer} {name}".encode()).hexdigest()
    draw = partial(_drawn, kind, number)
    return Sample(name, SOURCE, kind, REJECT, group=name, agreed=None, draw=draw, digest=digest)


def _drawn(kind: ThingKind, number: int) -> Image:
    um_per_px = _UM_PER_PX[number // len(THING_KINDS) % len(_UM_PER_PX)]
    width_px, height_px = (round(side / um_per_px) for side in _FIELD_UM)
    littered = Slide(
        _FIRST_SEED + number,
        um_per_px=um_per_px,
        width_px=width_px,
        height_px=height_px,
        variation=1.0,
        litter=Litter.only(kind, _DENSITY_PER_MM2),
    )
    fields = map(littered.field, count())
    bgr, thing = next((field.bgr, thing) for field in fields for thing in field.others if not thing.at_edge)
    return cut_flat_crop(bgr, measure_light(bgr, um_per_px), thing.centre_xy_px, um_per_px)
