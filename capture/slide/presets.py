"""Named kinds of slides: what is set together so that a slide is like one on a real bench."""

from typing import TypedDict

from smearwatch.capture.slide.degradations import Degradations
from smearwatch.capture.slide.litter import Litter


class Hard(TypedDict):
    """What `hard` sets, as `smearwatch.capture.slide.slide.Slide` takes it."""

    variation: float
    blurred_share: float
    degradations: Degradations
    litter: Litter


def hard() -> Hard:
    """Return a slide that is hard to count: littered, unevenly stained, in other light, now and then blurred or moved.

    Use it as ``Slide(seed, **hard())``, with or without a route.
    """
    return {
        "variation": 1.0,
        "blurred_share": 0.02,
        "degradations": Degradations(moved_share=0.03, focus_um=0.08, stain_drift=0.6),
        "litter": Litter.hard(),
    }
