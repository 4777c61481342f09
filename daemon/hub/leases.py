"""Leases: work given out for a while, and given out again when no answer comes. Pure; time is injected.

What was in the hands of a process that was lost is a suspect: it is given out alone from then on. So it is known which
piece of work ends or hangs its process, also where many are worked on together. A process that comes back had lost
its connection, and no piece of work is to blame for that.

Whoever did not serve a piece of work gets it again only when all others have tried, and whoever gives answers that
cannot be gets nothing while somebody else is there: one that goes wrong does no harm to what others can do.
"""

from collections import deque
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

ATTEMPTS: Final = 3
"""A piece of work that was lost so often with whoever had it is given up."""

MISFITS: Final = 3
"""Whoever gave so many answers one after the other that cannot be is passed over where others are."""


@dataclass(frozen=True, slots=True)
class _Lease(Generic[Key]):
    key: Key
    holder: bytes
    deadline_s: float


class LeaseBook(Generic[Key]):
    """A queue of keys and the leases on those that are out.

    Lease numbers are never used twice, so a late answer is recognised: its lease is no longer in the book.

    Parameters
    ----------
    lease_s : float
        How long a holder may take.
    clock : callable
        Monotonic seconds.
    """

    def __init__(self, lease_s: float, clock: Callable[[], float]) -> None:
        self._lease_s = lease_s
        self._clock = clock
        self._queue: deque[Key] = deque()
        self._out: dict[int, _Lease[Key]] = {}
        self._next = 1
        self._suspects: set[Key] = set()
        self._late: set[bytes] = set()  # holders that let a lease run out, and were not heard since
        self._misfits: dict[bytes, int] = {}  # how many answers of a holder could not be, since the last good one
        self._tried: dict[Key, set[bytes]] = {}  # who had a key and did not serve it
        self._present: frozenset[bytes] = frozenset()
        self._why: dict[Key, str] = {}
        self._lost_by: dict[bytes, set[Key]] = {}
        self.attempts: dict[Key, int] = {}
        self.expired = 0

    def __len__(self) -> int:
        """Count the keys that are queued or out."""
        return len(self._queue) + len(self._out)

    @property
    def queued(self) -> int:
        """Keys that nobody holds."""
        return len(self._queue)

    @property
    def out(self) -> int:
        """Keys that somebody holds."""
        return len(self._out)

    def put(self, key: Key, *, first: bool = False) -> None:
        """Queue a key behind the others, or before them."""
        if first:
            self._queue.appendleft(key)
        else:
            self._queue.append(key)

    def held_by(self, holder: bytes) -> int:
        """Return how many leases a holder has."""
        return sum(lease.holder == holder for lease in self._out.values())

    def worn_out(self, key: Key) -> bool:
        """Return whether a key that is being granted has had all its attempts before."""
        return self.attempts.get(key, 0) > ATTEMPTS

    def present(self, holders: Collection[bytes]) -> None:
        """Take note of who may have leases now."""
        self._present = frozenset(holders)

    def heard(self, holder: bytes) -> None:
        """Let a holder that was late have leases again: it speaks."""
        self._late.discard(holder)

    def grant(self, holder: bytes) -> tuple[int, Key] | None:
        """Lease the next key to a holder, or return None when nothing is queued, or nothing for this one now."""
        if not self._queue or holder in self._late:
            return None
        at = next((at for at, key in enumerate(self._queue) if self._may_have(key, holder)), None)
        in_hand = [lease.key for lease in self._out.values() if lease.holder == holder]
        if at is None or (in_hand and not self._suspects.isdisjoint((self._queue[at], *in_hand))):
            return None
        key = self._queue[at]
        del self._queue[at]
        number, self._next = self._next, self._next + 1
        self._out[number] = _Lease(key, holder, self._clock() + self._lease_s)
        self.attempts[key] = self.attempts.get(key, 0) + 1
        return number, key

    def grant_alone(self, key: Key, holder: bytes) -> int | None:
        """Lease a key to a holder where no other waits; None, and no trace of it, where others do or it may not be."""
        if self._queue:
            return None
        self.put(key)
        granted = self.grant(holder)
        self._queue.clear()
        return None if granted is None else granted[0]

    def withdraw(self, number: int, holder: bytes) -> None:
        """Take a lease back for good: what it was of is none of ours. An answer to it is late."""
        if (key := self.holds(number, holder)) is not None:
            del self._out[number]
            self.attempts.pop(key, None)

    def _may_have(self, key: Key, holder: bytes) -> bool:
        """Return whether nobody who is there comes before a holder for this key."""
        others = self._present - {holder} - self._late
        if self._is_misfit(holder) and not all(map(self._is_misfit, others)):
            return False
        tried = self._tried.get(key, set())
        return holder not in tried or others <= tried

    def _is_misfit(self, holder: bytes) -> bool:
        return self._misfits.get(holder, 0) >= MISFITS

    def is_out(self, number: int) -> bool:
        """Return whether a lease is somebody's."""
        return number in self._out

    def holds(self, number: int, holder: bytes) -> Key | None:
        """Return the key of a lease, None when it is no longer, or never was, this holder's."""
        lease = self._out.get(number)
        return lease.key if lease is not None and lease.holder == holder else None

    def settle(self, number: int, holder: bytes) -> Key | None:
        """Close a lease with its holder's answer; None means that the answer is late or not the holder's."""
        key = self.holds(number, holder)
        if key is not None:
            del self._out[number]
            self.attempts.pop(key, None)
            self._tried.pop(key, None)
            self._misfits.pop(holder, None)
            self._suspects.discard(key)
            self._why.pop(key, None)
            self.renew(holder)  # what the holder has waiting behind this one is only begun now
        return key

    def renew(self, holder: bytes) -> None:
        """Let all leases of a holder run anew: it is at work on the first of them."""
        for number, lease in self._out.items():
            if lease.holder == holder:
                self._out[number] = replace(lease, deadline_s=self._clock() + self._lease_s)

    def why(self, key: Key) -> str:
        """Return what its last holder said of why it could not serve it, nothing where none could."""
        return self._why.pop(key, "")

    def give_back(self, number: int, holder: bytes, why: str = "", *, tried: bool = True) -> Key | None:
        """Queue a leased key again, at the front, because its holder cannot serve it, or could not try."""
        key = self.holds(number, holder)
        if key is not None:
            if why:
                self._why[key] = why
            if tried:
                self._tried.setdefault(key, set()).add(holder)
            else:
                self.attempts[key] -= 1
            del self._out[number]
            self._queue.appendleft(key)
        return key

    def misfit(self, number: int, holder: bytes) -> None:
        """Queue a key again whose holder gave an answer that cannot be: the fault is the holder's before the key's."""
        if (key := self.give_back(number, holder)) is not None:
            self._misfits[holder] = self._misfits.get(holder, 0) + 1
            if self._present - {holder} and self._misfits[holder] <= MISFITS:
                self.attempts[key] -= 1

    def misunderstood(self, holder: bytes) -> None:
        """Queue again, as misfits, all that a holder has who sent what cannot be read: which of them is not known."""
        for number in sorted((n for n, lease in self._out.items() if lease.holder == holder), reverse=True):
            self.misfit(number, holder)

    def release(self, holder: bytes, *, blamed: bool = True) -> int:
        """Queue again all that a holder held that is gone, in the old order; returns how many.

        Not ``blamed``: it took its leave, and no piece of work is a suspect for that.
        """
        self._late.discard(holder)
        before = set(self._suspects)
        released = self._requeue([n for n, lease in self._out.items() if lease.holder == holder])
        if not blamed:
            self.forgive(holder)
            self._suspects = before
        return released

    def forgive(self, holder: bytes) -> None:
        """Blame nothing for what a holder lost: its process lives, and was only not heard."""
        for key in self._lost_by.pop(holder, ()):
            if key in self.attempts:
                self.attempts[key] = max(0, self.attempts[key] - 1)
            self._suspects.discard(key)

    def expire(self) -> int:
        """Queue again what was not answered in time; returns how many. Who had it gets nothing until it is heard."""
        now = self._clock()
        numbers = [n for n, lease in self._out.items() if lease.deadline_s <= now]
        self._late |= {self._out[number].holder for number in numbers}
        self.expired += self._requeue(numbers)
        return len(numbers)

    def _requeue(self, numbers: list[int]) -> int:
        in_hand: set[bytes] = set()
        for number in sorted(numbers):
            lease = self._out[number]
            if lease.holder in in_hand:
                self.attempts[lease.key] -= 1  # it waited behind another, so it was not tried
            else:
                self._tried.setdefault(lease.key, set()).add(lease.holder)
                self._lost_by.setdefault(lease.holder, set()).add(lease.key)
            in_hand.add(lease.holder)
        for number in sorted(numbers, reverse=True):
            key = self._out.pop(number).key
            self._suspects.add(key)
            self._queue.appendleft(key)
        return len(numbers)
