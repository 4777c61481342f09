"""The pictures of a stream that sends JPEGs, each looked at for missing parts before it is decoded."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import simplejpeg

from smearwatch.capture.arrays import Image
from smearwatch.capture.formats.colour_jump import flaw_of_colours
from smearwatch.capture.formats.damage import TOO_MUCH_AT_END, flaw_of_jpeg
from smearwatch.daemon.log import get_logger

_HABIT: Final = 20
"""So many pictures with more bytes than are needed, and none without before: a camera's habit, and they are taken."""


class JpegPictures:
    """Decodes a stream's JPEGs. What FFmpeg does not say is found so: parts that are missing it fills, and goes on.

    A camera may write too much with each picture. One that writes too little with each has no picture at all, and it is
    said.
    """

    def __init__(self) -> None:
        self._takes_more = False
        self._any_whole = False
        self._flawed = 0
        self._said = False

    def decode(self, packet: npt.NDArray[Any]) -> Image | None:
        """Decode a picture.

        Parameters
        ----------
        packet
            uint8, a JPEG's bytes in any shape.

        Returns
        -------
        numpy.ndarray or None
            uint8 [height, width, 3], blue first; None where a part of it is missing.
        """
        data = np.asarray(packet, dtype=np.uint8).tobytes()
        flaw = flaw_of_jpeg(data)
        if flaw is not None and not (self._takes_more and TOO_MUCH_AT_END in flaw):
            self._flawed += 1
            if self._any_whole or self._flawed < _HABIT or not self._is_habit(flaw):
                return None
        try:
            bgr = np.asarray(simplejpeg.decode_jpeg(data, "BGR", strict=False), dtype=np.uint8)
        except ValueError:
            return None
        if flaw_of_colours(bgr, data) is not None:
            return None
        self._any_whole = self._any_whole or flaw is None
        return bgr

    def _is_habit(self, flaw: str) -> bool:
        """Return whether a flaw that each picture has costs no pixels; say once what is made of it."""
        if TOO_MUCH_AT_END in flaw:
            self._takes_more = True
            get_logger().warning("each picture of the camera has a flaw: taken as they are", flaw=flaw)
        elif not self._said:
            self._said = True
            get_logger().warning("each picture of the camera has a part missing: none is taken", flaw=flaw)
        return self._takes_more
