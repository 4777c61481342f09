"""The small pictures of a session's fields: those used last at hand, the others made anew when they are asked for."""

from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache

from smearwatch.capture.registration.keypoints import Keypoints, find_keypoints
from smearwatch.capture.registration.picture import FieldPicture, PackedPicture

_PACKED_BYTES, _UNPACKED_KEPT = 24 * 2**20, 24  # some 900 fields of 1440x900, and those at work
_NONE_SOUGHT: tuple[str | None, Callable[[], Keypoints | None]] = (None, lambda: None)


class PictureCache:
    """Pictures and keypoints of fields, by frame; memory is bounded, whatever the session's length.

    Parameters
    ----------
    remake
        Makes the picture of a frame from the bytes that are kept of it; None where that is no longer possible.
    """

    def __init__(self, remake: Callable[[str], PackedPicture | None]) -> None:
        self._remake = remake
        self._packed: OrderedDict[str, PackedPicture] = OrderedDict()
        self._bytes = 0
        self._sought = _NONE_SOUGHT
        self.picture = lru_cache(maxsize=_UNPACKED_KEPT)(self._unpack)
        self.keypoints = lru_cache(maxsize=_UNPACKED_KEPT)(self._find_keypoints)

    def put(self, frame: str, picture: PackedPicture, keypoints: Callable[[], Keypoints] | None = None) -> None:
        """Keep the picture of a frame; those that were not used for longest make room.

        Parameters
        ----------
        frame, picture
            The frame, and its picture.
        keypoints
            Gives those of this picture, where they are being looked for already.
        """
        if keypoints is not None:
            self._sought = frame, keypoints
        if frame in self._packed:
            return
        self._packed[frame] = picture
        self._bytes += len(picture.jpeg)
        while self._bytes > _PACKED_BYTES and len(self._packed) > 1:
            _, dropped = self._packed.popitem(last=False)
            self._bytes -= len(dropped.jpeg)

    def _unpack(self, frame: str) -> FieldPicture | None:
        if frame not in self._packed:
            made = self._remake(frame)
            if made is None:
                return None
            self.put(frame, made)
        self._packed.move_to_end(frame)
        return self._packed[frame].unpack()

    def _find_keypoints(self, frame: str) -> Keypoints | None:
        sought, keypoints = self._sought
        if sought == frame:
            self._sought = _NONE_SOUGHT
            return keypoints()
        picture = self.picture(frame)
        return None if picture is None else find_keypoints(picture)
