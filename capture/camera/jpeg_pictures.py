"""The pictures of a stream that sends JPEGs, each looked at for missing parts before it is decoded."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import simplejpeg

from smearwatch.capture.arrays import Image
from smearwatch.capture.formats.damage import flaw_of_jpeg
from smearwatch.daemon.log import get_logger

_HABIT: Final = 20
"""So many pictures with a flaw, and none without one before: the camera writes them so, and they are taken."""


class JpegPictures:
    """Decodes a stream's JPEGs. What FFmpeg does not say is found so: parts that are missing it fills, and goes on."""

    def __init__(self) -> None:
        self._looks = True
        self._any_whole = False
        self._flawed = 0

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
        if self._looks and (flaw := flaw_of_jpeg(data)) is not None:
            self._flawed += 1
            if self._any_whole or self._flawed < _HABIT:
                return None
            self._looks = False
            get_logger().warning("each picture of the camera has a flaw: taken as they are", flaw=flaw)
        self._any_whole = self._any_whole or self._looks
        try:
            return np.asarray(simplejpeg.decode_jpeg(data, "BGR", strict=False), dtype=np.uint8)
        except ValueError:
            return None
