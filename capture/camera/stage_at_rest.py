"""Whether the stage rests: the pictures have stopped moving, for long enough. Pure; time is injected."""

from collections import deque

import numpy as np

from smearwatch.capture.camera.likeness import Change, ReducedPicture, explain_change

# In pixels of a reduced picture, of which a field is 160 wide. At rest less than 0.02 is measured, whatever the noise.
_STILL_PX = 0.2
_DOUBTS = 6.0
_ALIKE = 0.95
_FEWEST_PICTURES = 3
# What noise leaves between one picture and the next, grey levels: never believed to be below or above.
_NOISE_LEAST, _NOISE_MOST = 0.3, 1.25
_NOISE_TIMES = 2.0


class Rest:
    """Follows the pictures of a stage, which rests while they stay as the first of them was.

    Each picture is compared with the first of the present rest, not with its neighbour, so that a slow drift ends the
    rest as soon as it adds up. How much two pictures of one field differ is learnt from the pictures: a lower quartile
    of what is left between neighbours, for most of the time a stage rests.

    Parameters
    ----------
    settle_s : float
        How long the pictures must have been still.
    """

    def __init__(self, *, settle_s: float) -> None:
        self._settle_s = settle_s
        self._first: ReducedPicture | None = None
        self._since_s = 0.0
        self._pictures = 0
        self._previous: ReducedPicture | None = None
        self._left: deque[float] = deque(maxlen=48)

    def see(self, picture: ReducedPicture, at_s: float) -> bool:
        """Add the next picture; return whether the stage rests.

        Parameters
        ----------
        picture
            The picture.
        at_s
            When it was taken, seconds on any clock that does not go back.
        """
        if self._previous is not None and self._previous.grey.shape == picture.grey.shape:
            self._left.append(explain_change(self._previous, picture).left)
        self._previous = picture
        if self._first is None or not self.unmoved(self._first, picture):
            self._first, self._since_s, self._pictures = picture, at_s, 1
            return False
        self._pictures += 1
        return self._pictures >= _FEWEST_PICTURES and at_s - self._since_s >= self._settle_s

    def unmoved(self, before: ReducedPicture, now: ReducedPicture) -> bool:
        """Return whether two pictures differ by nothing but noise and exposure."""
        if before.grey.shape != now.grey.shape:
            return False
        found: Change = explain_change(before, now)
        if found.moved_px > max(_STILL_PX, _DOUBTS * found.doubt_px):
            return False
        return found.likeness >= _ALIKE or found.left <= _NOISE_TIMES * self._noise

    @property
    def _noise(self) -> float:
        if not self._left:
            return _NOISE_LEAST
        return float(np.clip(np.quantile(self._left, 0.25), _NOISE_LEAST, _NOISE_MOST))
