"""What lies on a real slide besides: smudged nuclei, nucleated red cells, platelets in clumps or of giant size, dirt.

Drawn as haematology atlases describe each, as patches of optical density like the leukocytes.
"""

from collections.abc import Callable

import numpy as np

from smearwatch.capture.slide.bare_nuclei import render_erythroblast, render_smudge
from smearwatch.capture.slide.specks import render_giant_platelet, render_platelet_clump, render_precipitate
from smearwatch.capture.slide.stain import Stain
from smearwatch.capture.slide.thing import RenderedThing, ThingKind

_Renderer = Callable[[np.random.Generator, float, Stain], RenderedThing]
_RENDERERS: dict[ThingKind, _Renderer] = {
    "smudge": render_smudge,
    "erythroblast": render_erythroblast,
    "platelet_clump": render_platelet_clump,
    "giant_platelet": render_giant_platelet,
    "precipitate": render_precipitate,
}


def render_thing(kind: ThingKind, rng: np.random.Generator, *, um_per_px: float, stain: Stain) -> RenderedThing:
    """Draw a thing in the middle of a square patch that holds it.

    Parameters
    ----------
    kind
        One of `THING_KINDS`.
    rng
        Source of randomness; the same state gives the same thing.
    um_per_px
        Scale.
    stain
        Densities of the stained substances.
    """
    thing = _RENDERERS[kind](rng, um_per_px, stain)
    # The patch shrinks to what is there, and keeps an odd side so that its middle is a pixel.
    rows, cols = np.nonzero(np.maximum(thing.cover, thing.od_bgr.max(axis=2)) > 0.004)
    middle = thing.cover.shape[0] // 2
    reach = int(np.abs(np.concatenate([rows, cols]) - middle).max(initial=1)) + 1
    cut = slice(max(middle - reach, 0), middle + reach + 1)
    return RenderedThing(thing.od_bgr[cut, cut].copy(), thing.cover[cut, cut].copy(), thing.extent[cut, cut].copy())
