"""When two pictures are of two kinds: a camera that bins, or was set to another mode, has another scale."""

from typing import Final

Size = tuple[int, int]
"""Width and height in pixels."""

_FACTORS: Final = (1.5, 2.0, 3.0, 4.0)
_TOLERANCE: Final = 0.01
_SQUARE: Final = 1.02  # parts that are cut out are often square, of whatever size
_SAME_SHAPE, _LEAST_FACTOR = 0.005, 1.1
_CAMERA_SHAPES: Final = (5 / 4, 4 / 3, 3 / 2, 16 / 10, 16 / 9)
_CAMERA_LEAST_PX: Final = 480  # high; what is smaller was cut out, whatever its shape


def of_two_kinds(one: Size, other: Size) -> bool:
    """Return whether one picture is another one's size by a factor, or both are of shapes that cameras have.

    Of pictures that are not square any factor from 1.1 on, turned or not, for two parts that were cut out are hardly of
    one shape; of square ones a simple factor: 1.5, 2, 3 or 4. Two shapes that cameras have, not turned, are two modes:
    one reads another part of the sensor, or scales it otherwise.
    """
    (long, short), (long_, short_) = sorted(one, reverse=True), sorted(other, reverse=True)
    shapes = _camera_shape(long, short), _camera_shape(long_, short_)
    if (one[0] > one[1]) == (other[0] > other[1]) and None not in shapes and shapes[0] != shapes[1]:
        return True
    if not min(short, short_) or (long > long_) != (short > short_):
        return False
    wide, high = max(long, long_) / min(long, long_), max(short, short_) / min(short, short_)
    if min(long / short, long_ / short_) > _SQUARE:
        return wide >= _LEAST_FACTOR and abs(wide / high - 1.0) <= _SAME_SHAPE
    return any(abs(wide / each - 1.0) <= _TOLERANCE and abs(high / each - 1.0) <= _TOLERANCE for each in _FACTORS)


def _camera_shape(long: int, short: int) -> float | None:
    """Return which of the shapes that cameras have a picture is of, None for another or for a small part."""
    if short < _CAMERA_LEAST_PX:
        return None
    return next((each for each in _CAMERA_SHAPES if abs(long / short / each - 1.0) <= _SAME_SHAPE), None)
