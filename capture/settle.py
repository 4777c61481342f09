"""When a file is complete: its structure says so and its writer has let go. Pure; time is injected."""

from dataclasses import dataclass
from enum import Enum


class Settled(Enum):
    """What is to be done with a file now."""

    WAIT = "wait"
    LOOK = "look"
    TAKE_ANYWAY = "take_anyway"


@dataclass(frozen=True, slots=True)
class FileMark:
    """What tells one state of a file from another."""

    size_bytes: int
    modified_at_ns: int
    inode: int


@dataclass(slots=True)
class _Watched:
    mark: FileMark
    changed_s: float
    closed: bool = False
    incomplete: FileMark | None = None


class SettleBook:
    """Remembers how long each file has been unchanged and whether its writer closed it.

    A file is looked into once its writer has closed it or it has not changed for ``settle_s``. What turns out to be
    structurally incomplete waits for a change; after ``incomplete_s`` without one it is taken as it is, and rejected
    downstream with its reason. If it is completed later still, its bytes are other bytes and so another frame.
    """

    def __init__(self, *, settle_s: float, incomplete_s: float) -> None:
        self._settle_s = settle_s
        self._incomplete_s = incomplete_s
        self._watched: dict[str, _Watched] = {}

    def __len__(self) -> int:
        """Count the files that are waited for."""
        return len(self._watched)

    def __contains__(self, path: object) -> bool:
        """Whether a file is waited for."""
        return path in self._watched

    def mark(self, path: str) -> FileMark | None:
        """Give what a file looked like when it was last seen, None when it is not waited for."""
        watched = self._watched.get(path)
        return watched.mark if watched else None

    def see(self, path: str, mark: FileMark, now_s: float, *, closed: bool = False) -> None:
        """Note what a file looks like now; ``closed`` when its writer just closed it or it was moved here."""
        watched = self._watched.get(path)
        if watched is None or watched.mark != mark:
            self._watched[path] = _Watched(mark, now_s, closed)
        elif closed:
            watched.closed = True

    def decide(self, path: str, now_s: float) -> Settled:
        """Say what is to be done with a file."""
        watched = self._watched[path]
        quiet_s = now_s - watched.changed_s
        if watched.incomplete == watched.mark:
            return Settled.TAKE_ANYWAY if quiet_s >= self._incomplete_s else Settled.WAIT
        return Settled.LOOK if watched.closed or quiet_s >= self._settle_s else Settled.WAIT

    def quiet_s(self, path: str, now_s: float) -> float:
        """Give how long a file has not changed."""
        return now_s - self._watched[path].changed_s

    def incomplete(self, path: str) -> None:
        """Its bytes end too early: wait for a change."""
        watched = self._watched[path]
        watched.incomplete = watched.mark

    def forget(self, path: str) -> None:
        """Taken, or gone."""
        self._watched.pop(path, None)

    def paths(self) -> list[str]:
        """Give the files that are waited for, the longest known first."""
        return list(self._watched)
