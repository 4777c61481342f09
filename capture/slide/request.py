"""A slide as a person requests it on the command line: options by name, those not given left to a preset."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from smearwatch.capture.slide.degradations import Degradations
from smearwatch.capture.slide.errors import SlideError
from smearwatch.capture.slide.freehand import Freehand
from smearwatch.capture.slide.limits import check
from smearwatch.capture.slide.litter import Litter
from smearwatch.capture.slide.mix import Mix
from smearwatch.capture.slide.presets import hard
from smearwatch.capture.slide.slide import Slide

SlideRequest = Mapping[str, float | None]
"""Options by name, without dashes in front and with ``_`` for ``-``; None where not given."""

_HAND = {"overlap": "overlap", "angle": "angle_deg", "scale_drift": "scale_drift", "revisits": "revisits"}
_DEGRADATIONS = {"moved": "moved_share", "focus": "focus_um", "stain_drift": "stain_drift"}
_LITTER = {
    "pairs": "pairs",
    "smudges": "smudges_per_mm2",
    "erythroblasts": "erythroblasts_per_mm2",
    "clumps": "platelet_clumps_per_mm2",
    "giants": "giant_platelets_per_mm2",
    "precipitate": "precipitate_per_mm2",
}
_HIGHEST_VARIATION = 1.5


def requested_slide(
    seed: int,
    *,
    um_per_px: float,
    size: str,
    mix: str | None,
    route: str,
    is_hard: bool,
    request: SlideRequest,
) -> Slide:
    """Make a slide.

    Parameters
    ----------
    seed, um_per_px
        As the slide takes them.
    size
        Like ``1440x900``.
    mix
        Like ``segmented=60,lymphocyte=40``; the default differential where None.
    route
        ``meander`` or ``freehand``.
    is_hard
        Whether everything that was not requested is as on a hard slide.
    request
        ``variation``, ``blurred`` and what the route, the degradations and the litter take.

    Raises
    ------
    SlideError
        If something cannot be read, is unknown or outside its limits.
    """
    variation, blurred = request.get("variation"), request.get("blurred")
    if variation is not None:
        check("a slide", (("variation", variation, 0, _HIGHEST_VARIATION),))
    width_px, height_px = _size(size)
    preset = hard()
    degradations, litter = (preset["degradations"], preset["litter"]) if is_hard else (Degradations(), Litter())
    usual_variation, usual_blurred = (preset["variation"], preset["blurred_share"]) if is_hard else (0.5, 0.0)
    return Slide(
        seed,
        um_per_px=um_per_px,
        width_px=width_px,
        height_px=height_px,
        mix=None if mix is None else Mix.parse(mix),
        variation=usual_variation if variation is None else variation,
        blurred_share=usual_blurred if blurred is None else blurred,
        route=_route(route, request),
        degradations=replace(degradations, **_requested(_DEGRADATIONS, request)),
        litter=replace(litter, **_requested(_LITTER, request)),
    )


def _requested(names: Mapping[str, str], request: SlideRequest) -> dict[str, Any]:
    """Return the requested values by the names that the slide has for them."""
    return {names[option]: value for option, value in request.items() if option in names and value is not None}


def _route(name: str, request: SlideRequest) -> Freehand | None:
    """Return the hand that goes over the slide, None for the meander."""
    if name == "freehand":
        return Freehand(**_requested(_HAND, request))
    if name != "meander":
        raise SlideError(f"there is no route {name!r}", hint="use --route meander or --route freehand")
    for option in _HAND:
        if request.get(option) is not None:
            dashed = option.replace("_", "-")
            raise SlideError(f"a meander's fields are upright and apart: --{dashed}", hint="add --route freehand")
    return None


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise SlideError(f"cannot read the size {text!r}", hint="write it like --size 1440x900")
    return int(width), int(height)
