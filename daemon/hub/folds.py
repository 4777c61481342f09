"""All that the hub knows of its session: folds over the ledger's events, and the last of them that counted a cell.

They are kept in a file beside the ledger now and then, so that a hub that was killed need not read all events again.
The ledger stays the truth. What was kept is taken only if nobody but this account can have written it, if it is whole,
was made by this very code, and stands on this ledger's chain; and once the events after it are folded, the counts are
held against a count of the ledger's own rows that no fold has a part in (`smearwatch.daemon.record.recount`). Else all
events are folded, as without it.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.daemon.log import get_logger
from smearwatch.daemon.record.events import Counted, Recorded
from smearwatch.daemon.record.order import CountingOrder
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.recount import as_recounted, recount
from smearwatch.daemon.record.session_stain import StainFold
from smearwatch.daemon.record.session_statistics import StatisticsFold
from smearwatch.daemon.record.tally import TallyBroken, TallyFold
from smearwatch.daemon.record.values import Sha256

FOLDS_FILE: Final = "folds.json"
RECENT: Final = 256
"""How many of the last counted cells are remembered."""

KEPT_EVERY: Final = 2_000
"""Events; so many are read in a quarter of a second."""

_MOST_BYTES: Final = 64 * 2**20
_MODE: Final = 0o644

_Number: TypeAlias = Annotated[int, Field(ge=1, lt=2**62)]


@dataclass(slots=True, config=ConfigDict(strict=True, extra="forbid", defer_build=True))
class _Kept:
    """What the file holds: the folds as they were after an event, which has this place in the chain."""

    code: Sha256
    number: _Number
    chain: Sha256
    tally: dict[str, Any]
    stains: dict[str, Any]
    statistics: dict[str, Any]
    order: dict[str, Any]
    recent: list[_Number]


_KEPT: Final = TypeAdapter(_Kept)


class Folds:
    """What follows from a session's events until now.

    Attributes
    ----------
    tally, stains, statistics, order
        The counts, the stain and statistics at each cell that waits, and whose turn it is.
    recent
        The events of the last counted cells, the newest last; one that was judged anew has its place still.
    """

    def __init__(self, ledger: LedgerReader) -> None:
        self.tally = TallyFold()
        self.stains = StainFold()
        self.statistics = StatisticsFold(ledger.moments)
        self.order = CountingOrder()
        self.recent: dict[tuple[str, int], Recorded] = {}
        self._last = (0, "")
        self._kept = 0

    @classmethod
    def of(cls, ledger: LedgerReader) -> "Folds":
        """Return the folds at the end of a ledger, from those that were kept where there are any to be trusted."""
        kept = cls.kept(ledger)
        if kept is not None:
            with suppress(TallyBroken, LookupError):  # what follows does not fit what was kept
                kept.take(ledger.events(after=kept.number))
                if as_recounted(kept.tally) == recount(ledger):
                    return kept
            get_logger().error("what was kept of the counts is wrong, and is made anew", session=ledger.session)
        folds = cls(ledger)
        folds.take(ledger.events())
        return folds

    @classmethod
    def kept(cls, ledger: LedgerReader) -> "Folds | None":
        """Return those that were kept of a ledger, None where none are whole, of this code and this chain."""
        path = ledger.folder / FOLDS_FILE
        try:
            about = path.lstat()  # a pipe would be waited at, and memory is not for whatever lies there
            if not stat.S_ISREG(about.st_mode) or about.st_size > _MOST_BYTES or not _is_own(about):
                get_logger().warning("what was kept of the counts cannot be it, all events are read", why=FOLDS_FILE)
                return None
            digest, _, body = path.read_bytes().partition(b"\n")
        except OSError:
            return None
        folds = cls(ledger)
        with suppress(ValidationError, ValueError, TallyBroken):
            if hashlib.sha256(body).hexdigest().encode() != digest:
                raise ValueError("damaged")
            kept = _KEPT.validate_json(body)
            at = next(ledger.events(after=kept.number - 1, limit=1), None)
            if kept.code != _code() or at is None or at.chain != kept.chain:
                raise ValueError("of another ledger, or by other code")
            folds.tally = TallyFold.restore(kept.tally)
            folds.stains = StainFold.restore(kept.stains)
            folds.statistics = StatisticsFold.restore(kept.statistics, ledger.moments)
            folds.order = CountingOrder.restore(kept.order)
            for number in kept.recent:
                (recorded,) = islice(ledger.events(after=number - 1, limit=1), 1)
                if not isinstance(recorded.event, Counted):
                    raise ValueError("another event than a cell's")
                folds.recent[recorded.event.frame, recorded.event.index] = recorded
            folds._last, folds._kept = (kept.number, kept.chain), kept.number
            return folds
        get_logger().info("what was kept of the counts is not used; all events are read")
        return None

    @property
    def number(self) -> int:
        """That of the last event, 0 before the first."""
        return self._last[0]

    def take(self, events: Iterable[Recorded]) -> None:
        """Take the next events in."""
        for recorded in events:
            self.apply(recorded)

    def apply(self, recorded: Recorded) -> None:
        """Take the next event in."""
        event = recorded.event
        self.tally.apply(event)
        self.stains.apply(event)
        self.statistics.apply(event)
        self.order.apply(event)
        self._last = (recorded.number, recorded.chain)
        if isinstance(event, Counted):
            key = event.frame, event.index
            if not event.anew or key in self.recent:
                self.recent[key] = recorded
            if len(self.recent) > RECENT:
                del self.recent[next(iter(self.recent))]

    def keep(self, folder: Path, every: int = KEPT_EVERY) -> None:
        """Write them beside the ledger where so many events are new; a disk that refuses costs a start its time."""
        number, chain = self._last
        if number - self._kept < every:
            return
        self._kept = number
        kept = _Kept(
            _code(),
            number,
            chain,
            self.tally.snapshot(),
            self.stains.snapshot(),
            self.statistics.snapshot(),
            self.order.snapshot(),
            [recorded.number for recorded in self.recent.values()],
        )
        body = json.dumps(_KEPT.dump_python(kept), separators=(",", ":")).encode()
        path = folder / FOLDS_FILE
        with suppress(OSError):
            path.chmod(_MODE)  # a file that takes its place keeps the mode
        try:
            write_atomically(path, hashlib.sha256(body).hexdigest().encode() + b"\n" + body, mode=_MODE)
        except OSError as error:
            get_logger().debug("the folds were not kept", why=error.strerror or str(error))


def _is_own(about: os.stat_result) -> bool:
    """Return whether nobody but this account and root could have written a file: who labels may write beside it."""
    return about.st_uid == os.geteuid() and not about.st_mode & 0o022


@cache
def _code() -> str:
    """Return a digest of the code that the folds are made of, so that what another version kept is none of this one."""
    digest = hashlib.sha256()
    for path in (*sorted((Path(__file__).parent.parent / "record").glob("*.py")), Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()
