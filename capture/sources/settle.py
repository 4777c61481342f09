"""When a file is complete: its structure has an end and its writer has closed it. Pure; time is injected."""

from dataclasses import dataclass
from enum import Enum

from smearwatch.daemon.record.left import LeftWhy


class Settled(Enum):
    """What is to be done with a file now."""

    WAIT = "wait"
    READ = "read"
    TAKE_ANYWAY = "take_anyway"


@dataclass(frozen=True, slots=True)
class FileMark:
    """What distinguishes a file's states; the time of its last change catches what keeps size and date."""

    size_bytes: int
    modified_at_ns: int
    inode: int
    changed_at_ns: int = 0


@dataclass(slots=True)
class _Watched:
    mark: FileMark
    changed_s: float
    closed: bool = False
    open: bool = False
    incomplete: FileMark | None = None
    not_before_s: float = 0.0
    written_since_read: bool = False
    new: bool = False


class SettleBook:
    """Remembers how long each file has been unchanged and what is known of its writer.

    A file is read once its writer has closed it or, where nothing is known of the writer, once it has not changed for
    ``settle_s``. One that is known to be open for writing waits for the closing, however whole it seems: a page may be
    added, a hole filled. What turns out to be structurally incomplete waits for a change. After ``incomplete_s``
    without one, either is taken as it is, and rejected downstream with its reason. If it is completed later still, its
    bytes are other bytes and so another frame.

    Attributes
    ----------
    incomplete_s : float
        May be made shorter, where nobody wants to wait so long any more.
    """

    def __init__(self, *, settle_s: float, incomplete_s: float) -> None:
        self._settle_s = settle_s
        self.incomplete_s = incomplete_s
        self._watched: dict[str, _Watched] = {}

    def __len__(self) -> int:
        """Count the files that are waited for."""
        return len(self._watched)

    def __contains__(self, path: object) -> bool:
        """Return whether a file is waited for."""
        return path in self._watched

    def mark(self, path: str) -> FileMark | None:
        """Return a file's state when it was last seen, None when it is not waited for."""
        watched = self._watched.get(path)
        return watched.mark if watched else None

    def note(self, path: str, mark: FileMark, now_s: float, *, closed: bool = False, written: bool = False) -> None:
        """Note a file's state now.

        Parameters
        ----------
        closed
            Its writer just closed it, or it was moved here.
        written
            Its writer just wrote, and has not closed it yet.
        """
        watched = self._watched.get(path)
        if watched is None or watched.mark != mark:
            still_open = watched is not None and watched.open and not closed
            self._watched[path] = _Watched(mark, now_s, closed, written or still_open, new=watched is None)
        elif closed or written:
            # Whatever was read before may be other bytes now: clocks of files are coarse.
            watched.closed, watched.open, watched.incomplete = closed, written, None
            watched.written_since_read = True
            watched.changed_s = now_s if written else watched.changed_s

    def decide(self, path: str, now_s: float) -> Settled:
        """Return what is to be done with a file."""
        watched = self._watched[path]
        quiet_s = now_s - watched.changed_s
        if now_s < watched.not_before_s:
            return Settled.WAIT
        if watched.incomplete == watched.mark:
            return Settled.TAKE_ANYWAY if quiet_s >= self.incomplete_s else Settled.WAIT
        if watched.open:
            return Settled.TAKE_ANYWAY if quiet_s >= self.incomplete_s else Settled.WAIT
        return Settled.READ if watched.closed or quiet_s >= self._settle_s else Settled.WAIT

    def is_new(self, path: str, now_s: float) -> bool:
        """Return whether a file waits only because it was first seen a moment ago, by a scan."""
        watched = self._watched.get(path)
        if watched is None or not watched.new or watched.closed or watched.open:
            return False
        return now_s - watched.changed_s < self._settle_s

    def stalled(self, path: str, now_s: float, quiet_s: float) -> bool:
        """Return whether a file waits for its writer, or to be readable, and has not changed for so long."""
        watched = self._watched[path]
        return _held_up(watched, now_s) is not None and now_s - watched.changed_s >= quiet_s

    def held_up(self, now_s: float) -> dict[str, LeftWhy]:
        """Return the files that wait for their writer, or to be readable, and for which of these."""
        return {path: why for path, watched in self._watched.items() if (why := _held_up(watched, now_s)) is not None}

    def quiet_s(self, path: str, now_s: float) -> float:
        """Return how long a file has not changed."""
        return now_s - self._watched[path].changed_s

    def closed(self, path: str) -> bool:
        """Return whether its writer is known to have closed a file as it is now."""
        return self._watched[path].closed

    def may_take(self, path: str, decision: Settled) -> bool:
        """Return whether a decision still holds after the file was read: nobody began to write it meanwhile."""
        watched = self._watched.get(path)
        return watched is not None and (not watched.open or decision is Settled.TAKE_ANYWAY)

    def mark_read(self, path: str) -> None:
        """Note that its bytes were read as it is now."""
        self._watched[path].written_since_read = False

    def written_since_read(self, path: str) -> bool:
        """Return whether its writer wrote or closed it after it was read, even if its state is the same."""
        return self._watched[path].written_since_read

    def mark_incomplete(self, path: str) -> None:
        """Note that its bytes end too early: wait for a change."""
        watched = self._watched[path]
        watched.incomplete = watched.mark

    def postpone(self, path: str, not_before_s: float) -> None:
        """Postpone a file that could not be read."""
        self._watched[path].not_before_s = not_before_s

    def mark_unknown(self) -> None:
        """Note that notifications were lost: whoever was writing may have closed meanwhile."""
        for watched in self._watched.values():
            watched.open = False

    def forget(self, path: str) -> None:
        """Forget a file that was taken, or is gone."""
        self._watched.pop(path, None)

    def paths(self) -> list[str]:
        """Return the files that are waited for, the longest known first."""
        return list(self._watched)


def _held_up(watched: _Watched, now_s: float) -> LeftWhy | None:
    if now_s < watched.not_before_s:
        return "unreadable"
    if watched.open:
        return "being_written"
    return "incomplete" if watched.incomplete == watched.mark else None
