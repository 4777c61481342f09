"""Whether the stage rests: the pictures have stopped moving, for long enough. Pure; time is injected."""

from collections import deque

import numpy as np

from smearwatch.capture.camera.likeness import Change, Look, change

# In pixels of a look, of which a field is 160 wide. At rest less than 0.02 is measured, whatever the noise.
_STILL_PX = 0.2
_DOUBTS = 6.0
_ALIKE = 0.95
_FEWEST_PICTURES = 3
# What noise leaves between one picture and the next, grey levels: never believed to be below or above.
_NOISE_LEAST, _NOISE_MOST = 0.3, 1.25
_NOISE_TIMES = 2.0


class Rest:
    """Watches looks go by. The stage rests while they stay as the first of them was.

    Each picture is compared with the first of the present rest, not with its neighbour, so that a slow drift ends the
    rest as soon as it adds up. How much two pictures of one place differ is learnt from the pictures: a lower quartile
    of what is left between neighbours, for most of the time a stage rests.

    Parameters
    ----------
    settle_s : float
        How long the pictures must have been still.
    """

    def __init__(self, *, settle_s: float) -> None:
        self._settle_s = settle_s
        self._first: Look | None = None
        self._since_s = 0.0
        self._pictures = 0
        self._previous: Look | None = None
        self._left: deque[float] = deque(maxlen=48)

    def see(self, look: Look, at_s: float) -> bool:
        """Take in the next picture; gives whether the stage rests.

        Parameters
        ----------
        look
            The picture.
        at_s
            When it was taken, seconds on any clock that does not go back.
        """
        if self._previous is not None and self._previous.grey.shape == look.grey.shape:
            self._left.append(change(self._previous, look).left)
        self._previous = look
        if self._first is None or not self.unmoved(self._first, look):
            self._first, self._since_s, self._pictures = look, at_s, 1
            return False
        self._pictures += 1
        return self._pictures >= _FEWEST_PICTURES and at_s - self._since_s >= self._settle_s

    def unmoved(self, before: Look, now: Look) -> bool:
        """Tell whether nothing but noise and exposure lies between two pictures."""
        if before.grey.shape != now.grey.shape:
            return False
        found: Change = change(before, now)
        if found.moved_px > max(_STILL_PX, _DOUBTS * found.doubt_px):
            return False
        return found.likeness >= _ALIKE or found.left <= _NOISE_TIMES * self._noise

    @property
    def _noise(self) -> float:
        if not self._left:
            return _NOISE_LEAST
        return float(np.clip(np.quantile(self._left, 0.25), _NOISE_LEAST, _NOISE_MOST))
