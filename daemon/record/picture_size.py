"""When two pictures are of two kinds: a camera that bins, or was set to another mode, has another scale."""

from typing import Final

Size = tuple[int, int]
"""Width and height in pixels."""

_FACTORS: Final = (1.5, 2.0, 3.0, 4.0)
_TOLERANCE: Final = 0.01
_SQUARE: Final = 1.02  # parts that are cut out are often square, of whatever size
_SAME_SHAPE, _LEAST_FACTOR = 0.005, 1.1


def of_two_kinds(one: Size, other: Size) -> bool:
    """Return whether one picture is another one's size by a factor, turned or not.

    Of pictures that are not square any factor from 1.1 on, for two parts that were cut out are hardly of one shape; of
    square ones a simple factor: 1.5, 2, 3 or 4.
    """
    (long, short), (long_, short_) = sorted(one, reverse=True), sorted(other, reverse=True)
    if not min(short, short_) or (long > long_) != (short > short_):
        return False
    wide, high = max(long, long_) / min(long, long_), max(short, short_) / min(short, short_)
    if min(long / short, long_ / short_) > _SQUARE:
        return wide >= _LEAST_FACTOR and abs(wide / high - 1.0) <= _SAME_SHAPE
    return any(abs(wide / each - 1.0) <= _TOLERANCE and abs(high / each - 1.0) <= _TOLERANCE for each in _FACTORS)
