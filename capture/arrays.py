"""The arrays that pictures are made of, each under one name. Their shapes stand with the functions that take them."""

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""A picture of 8 bits: (height, width, 3) in OpenCV's order blue, green, red, or (height, width) in grey."""

Mask = npt.NDArray[np.uint8]
"""(height, width); whatever is not 0 belongs to it."""

Flags = npt.NDArray[np.bool_]
"""True or false, for each pixel or for each entry of a list."""

Plane = npt.NDArray[np.float32]
"""(height, width), one measured value for each pixel."""

Labels = npt.NDArray[np.int32]
"""(height, width), the number of the component that a pixel belongs to, 0 for none; also OpenCV's table of them."""

DrawnLabels = npt.NDArray[np.uint16]
"""(height, width), the number of the drawn cell that a pixel belongs to, 0 for none."""

Floats = npt.NDArray[np.float32]
"""Numbers of single precision, of any shape."""

Doubles = npt.NDArray[np.float64]
"""Numbers of double precision, of any shape."""

Points = npt.NDArray[np.float64]
"""(n, 2) or (2,): x and y."""

PixelPoints = npt.NDArray[np.int32]
"""(n, 2), or (n, 1, 2) as OpenCV returns outlines: x and y in whole pixels."""

Indices = npt.NDArray[np.intp]
"""Positions in another array."""
