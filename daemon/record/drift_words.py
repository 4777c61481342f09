"""What the drift alarm says of each measure in plain words: which way it went, and what a person can do about it."""

from typing import Final, Literal, NamedTuple

Side = Literal["below", "above"]

ADAPT: Final = "or label cells and `smearwatch adapt`"
"""What is left to do where stain, light and focus are as they should be."""

HINT: Final = f"check stain, white balance, focus; {ADAPT}"
"""What to do about a measure that this version has no words for."""


class Way(NamedTuple):
    """One side of a measure's limits: what a person sees there, and what to check."""

    seen: str
    check: str


class Words(NamedTuple):
    """What a measure is of, and what lies below and above its limits."""

    subject: str
    below: Way
    above: Way


_CONTRAST = "set the camera's contrast and gamma as before"
_WHITE = "set the white balance on empty glass; lamp and filter as before"
_BLUE = f"check the buffer (too alkaline?), staining time and rinsing; {_WHITE}"
_RED = f"check the buffer (too acid?), staining time and rinsing; red and blue exchanged? {_WHITE}"
_YELLOW = f"check the lamp (dimmed? filter gone?) and the age of the stain; {_WHITE}"

MEASURES: Final = {
    "red_cells_green": Words(
        "red cells",
        Way("paler", f"the blood itself may be so; check the stain, clean oil off the lens; {_CONTRAST}"),
        Way("darker", f"go where red cells lie side by side; check the staining time; {_CONTRAST}"),
    ),
    "red_cells_blue_green": Words(
        "red cells", Way("pinker (more blue light)", _RED), Way("yellower (less blue light)", _YELLOW)
    ),
    "red_cells_red_green": Words(
        "red cells", Way("redder (more red light)", _RED), Way("greyer (less red light)", _BLUE)
    ),
    "nucleus_green": Words(
        "nuclei",
        Way("paler", f"check age of stain and staining time, clean oil off the lens; {_CONTRAST}"),
        Way("darker", f"check the staining time, go where the smear is thin; {_CONTRAST}"),
    ),
    "nucleus_blue_green": Words(
        "nuclei", Way("bluer (more blue light)", _BLUE), Way("browner (less blue light)", _YELLOW)
    ),
    "nucleus_red_green": Words("nuclei", Way("redder (more red light)", _RED), Way("bluer (less red light)", _BLUE)),
    "sharpness": Words(
        "edges",
        Way("less sharp", "focus again; fresh oil without bubbles, a clean lens; objective and picture size as before"),
        Way("sharper", "is it another objective or camera, or its sharpening? Set it as before, and check the scale"),
    ),
}
"""The words of each measure. More density of a colour is less light of it: what takes more red light looks bluer."""


def seen_as(measure: str, side: Side) -> str:
    """Return what a person sees, for example "nuclei bluer (less red light)"."""
    words = MEASURES.get(measure)
    if words is None:
        return f"{measure.replace('_', ' ')} {'less' if side == 'below' else 'more'}"
    return f"{words.subject} {getattr(words, side).seen}"


def mend(measure: str, side: Side) -> str:
    """Return what to check, in the order in which it is likely, and what to do where nothing is found."""
    words = MEASURES.get(measure)
    if words is None:
        return HINT
    check: str = getattr(words, side).check
    return f"{check}; {ADAPT}"
