"""What people are told of pictures of which a part was not searched though cells are faintly seen there."""

from collections.abc import Mapping
from typing import Any, Final

_WHERE: Final = (
    "lies in the dark around a round field, where cells are faintly seen and not counted (open the diaphragm, "
    "centre the condenser)"
)


def in_part_text(tally: Mapping[str, Any]) -> str | None:
    """Return how many pictures were searched in part, how much of them was not, and what to do; None for none."""
    in_part = tally.get("searched_in_part")
    if in_part is None:
        return None
    n, least, most = in_part["pictures"], in_part["least_percent"], in_part["most_percent"]
    pictures = "1 picture was" if n == 1 else f"{n} pictures were"
    share = f"{most} %" if least == most else f"{least} to {most} %"
    return f"{pictures} searched in part: {share} of {'it' if n == 1 else 'each'} {_WHERE}"


def part_text(percent: int) -> str:
    """Return how much of one picture was not searched, and what to do."""
    return f"{percent} % of it {_WHERE}"
