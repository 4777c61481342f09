"""One finder works for a session at a time: what is found in a frame depends on what was found before it."""

from collections.abc import Callable, Iterable

from smearwatch.daemon.hub.peers import PeerState


class Turns:
    """Whose turn it is: the first that came, for as long as it is there, then the next.

    Attributes
    ----------
    number : int
        Counts the turns, so that a finder whose turn comes again reads what others found meanwhile.
    """

    def __init__(self) -> None:
        self.number = 0
        self._holder: bytes | None = None

    def of(self, finders: Iterable[PeerState], busy: Callable[[bytes], bool]) -> PeerState | None:
        """Return the finder whose turn it is among those that want frames or are ``busy``, None where none is."""
        there = {finder.identity: finder for finder in finders if finder.capacity or busy(finder.identity)}
        if self._holder not in there:
            self._holder = next(iter(there), None)
            self.number += self._holder is not None
        return None if self._holder is None else there[self._holder]
