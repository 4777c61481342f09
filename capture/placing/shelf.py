"""The small pictures of a session's fields: the last ones at hand, the others made anew when they are asked for."""

from collections.abc import Callable
from functools import lru_cache

from smearwatch.capture.placing.keypoints import Keypoints, keypoints
from smearwatch.capture.placing.picture import FieldPicture, PackedPicture

_PACKED_KEPT, _UNPACKED_KEPT = 4096, 48  # 40 MB and 3 MB, whatever the session's length


class Shelf:
    """Pictures and keypoints of fields, by frame.

    Parameters
    ----------
    remake
        Makes the picture of a frame from the bytes that are kept of it.
    """

    def __init__(self, remake: Callable[[str], PackedPicture]) -> None:
        self._remake = remake
        self._packed: dict[str, PackedPicture] = {}
        self.picture = lru_cache(maxsize=_UNPACKED_KEPT)(self._unpacked)
        self.keypoints = lru_cache(maxsize=_UNPACKED_KEPT)(self._keypoints)

    def put(self, frame: str, picture: PackedPicture) -> None:
        """Keep the picture of a frame."""
        if len(self._packed) >= _PACKED_KEPT:
            del self._packed[next(iter(self._packed))]
        self._packed[frame] = picture

    def _unpacked(self, frame: str) -> FieldPicture:
        if frame not in self._packed:
            self.put(frame, self._remake(frame))
        return self._packed[frame].unpacked()

    def _keypoints(self, frame: str) -> Keypoints:
        return keypoints(self.picture(frame))
