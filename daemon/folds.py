"""All that the hub knows of its session: folds over the ledger's events, and the last of them that counted a cell.

They are kept in a file beside the ledger now and then, and at the end, so that a hub that was killed, and whoever shows
the session, need not read all events again.
The ledger stays the truth. What was kept is taken only if nobody can have written it but the account that counts (to a
hub its own, to others the ledger's), if it is whole, was made by this very code, and stands on this ledger's chain; and
once the events after it are folded, the counts are held against a count of the ledger's own rows that no fold has a
part in (`smearwatch.daemon.record.recount`). Else all events are folded, as without it. A hub counts all rows when it
starts; beside the folds it keeps how many there were of which, and who shows a session counts the rows after those.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.daemon.record.band_rule import BandRuleFold
from smearwatch.daemon.record.classes import NEUTROPHILS
from smearwatch.daemon.record.events import Counted, Recorded
from smearwatch.daemon.record.order import CountingOrder
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.recount import RowCount, as_recounted, recount
from smearwatch.daemon.record.scales import ScaleCount
from smearwatch.daemon.record.schema import LEDGER_FILE
from smearwatch.daemon.record.session_stain import StainFold
from smearwatch.daemon.record.session_statistics import StatisticsFold
from smearwatch.daemon.record.tally import TallyBroken, TallyFold
from smearwatch.daemon.record.values import Sha256

FOLDS_FILE: Final = "folds.json"
RECENT: Final = 256
"""How many of the last counted cells are remembered."""

KEPT_EVERY: Final = 2_000
"""Events; so many are read in a quarter of a second."""

KEPT_AT_END: Final = 200
"""Of a session that ends; fewer are read as quickly as the file is."""

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
    bands: dict[str, Any]
    stains: dict[str, Any]
    statistics: dict[str, Any]
    order: dict[str, Any]
    recent: list[_Number]
    rows: RowCount
    scales: ScaleCount


_KEPT: Final = TypeAdapter(_Kept)


class NotKept(Exception):
    """There are no kept folds to go on from.

    Attributes
    ----------
    there
        Whether anything was kept at all.
    wrong
        Whether it looked right, and the ledger says otherwise: a fault of this program, or of a disk.
    """

    def __init__(self, why: str, *, there: bool = True, wrong: bool = False) -> None:
        super().__init__(why)
        self.there = there
        self.wrong = wrong


class Folds:
    """What follows from a session's events until now.

    Attributes
    ----------
    tally, bands, stains, statistics, order
        The counts, what the band rule says of them, the stain and statistics at each cell that waits, and whose turn
        it is.
    recent
        The events of the last counted cells, the newest last; one that was judged anew has its place still.
    rows
        How far the ledger's rows are counted beside the folds.
    scales
        The scales of the frames until the folds were kept.
    """

    def __init__(self, ledger: LedgerReader) -> None:
        self.tally = TallyFold()
        self.bands = BandRuleFold(ledger.nucleus)
        self.stains = StainFold()
        self.statistics = StatisticsFold(ledger.moments)
        self.order = CountingOrder()
        self.recent: dict[tuple[str, int], Recorded] = {}
        self._last = (0, "")
        self._kept = 0
        self.rows = RowCount()
        self.scales = ScaleCount()

    @classmethod
    def of(cls, ledger: LedgerReader) -> "Folds":
        """Return the folds at the end of a ledger, from those that were kept where there are any to be trusted."""
        from smearwatch.daemon.log import get_logger  # a client that shows a session writes no log

        try:
            return cls.held(ledger, all_rows=True)
        except NotKept as why:
            if why.wrong:
                get_logger().error("what was kept of the counts is wrong, and is made anew", session=ledger.session)
            elif why.there:
                get_logger().info("what was kept of the counts is not used; all events are read", why=str(why))
        folds = cls(ledger)
        folds.take(ledger.events())
        return folds

    @classmethod
    def held(cls, ledger: LedgerReader, *, all_rows: bool = False) -> "Folds":
        """Return the folds at the end of a ledger from those that were kept, held against a count of its own rows.

        Where the ledger may be written meanwhile, ask under `LedgerReader.at_one_moment`.

        Parameters
        ----------
        ledger
            The session.
        all_rows
            As a hub: count all rows anew, and not only those after what was kept, whose rows were counted when it was;
            and take nothing that another account wrote.

        Raises
        ------
        NotKept
            All events are to be read.
        """
        kept = cls.kept(ledger, None if all_rows else (ledger.folder / LEDGER_FILE).stat().st_uid)
        with suppress(TallyBroken, LookupError):  # what follows does not fit what was kept
            kept.take(ledger.events(after=kept.number))
            kept.rows = RowCount() if all_rows else kept.rows
            adds_up = as_recounted(kept.tally) == recount(ledger, kept.rows)
            if adds_up and kept.bands.neutrophils == _neutrophils(kept.tally):
                return kept
        raise NotKept("the ledger's own rows give other numbers", wrong=True)

    @classmethod
    def kept(cls, ledger: LedgerReader, owner: int | None = None) -> "Folds":
        """Return those that were kept of a ledger, as they were then, by an account of this number (None: this one).

        Raises
        ------
        NotKept
            None are whole, of that account, this code and this chain.
        """
        kept = _read(ledger.folder / FOLDS_FILE, os.geteuid() if owner is None else owner)
        at = next(ledger.events(after=kept.number - 1, limit=1), None)
        if kept.code != _code() or at is None or at.chain != kept.chain:
            raise NotKept("of another ledger, or by other code")
        if not kept.rows.until == kept.scales.until == kept.number:
            raise NotKept("its rows were counted elsewhere")
        folds = cls(ledger)
        try:
            folds.tally = TallyFold.restore(kept.tally)
            folds.bands = BandRuleFold.restore(kept.bands, ledger.nucleus)
            folds.stains = StainFold.restore(kept.stains)
            folds.statistics = StatisticsFold.restore(kept.statistics, ledger.moments)
            folds.order = CountingOrder.restore(kept.order)
            folds.rows, folds.scales = kept.rows, kept.scales
        except (ValueError, TallyBroken) as error:
            raise NotKept("in another form") from error
        for number in kept.recent:
            recorded = next(ledger.events(after=number - 1, limit=1), None)
            if recorded is None or recorded.number != number or not isinstance(recorded.event, Counted):
                raise NotKept("another event than a cell's")
            folds.recent[recorded.event.frame, recorded.event.index] = recorded
        folds._last, folds._kept = (kept.number, kept.chain), kept.number
        return folds

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
        self.bands.apply(event)
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

    def keep(self, ledger: LedgerReader, every: int = KEPT_EVERY) -> None:
        """Write them beside the ledger where so many events are new; a disk that refuses costs a start its time."""
        number, chain = self._last
        if number - self._kept < every:
            return
        self._kept = number
        self.rows.go_on(ledger, number)
        self.scales.go_on(ledger, number)
        kept = _Kept(
            _code(),
            number,
            chain,
            self.tally.snapshot(),
            self.bands.snapshot(),
            self.stains.snapshot(),
            self.statistics.snapshot(),
            self.order.snapshot(),
            [recorded.number for recorded in self.recent.values()],
            self.rows,
            self.scales,
        )
        body = json.dumps(_KEPT.dump_python(kept), separators=(",", ":")).encode()
        path = ledger.folder / FOLDS_FILE
        with suppress(OSError):
            path.chmod(_MODE)  # a file that takes its place keeps the mode
        try:
            write_atomically(path, hashlib.sha256(body).hexdigest().encode() + b"\n" + body, mode=_MODE)
        except OSError as error:
            from smearwatch.daemon.log import get_logger  # as above

            get_logger().debug("the folds were not kept", why=error.strerror or str(error))


def _read(path: Path, owner: int) -> _Kept:
    """Read what was kept, as it is; raises `NotKept`."""
    try:
        # What is looked at is what is read: who labels may put another file in its place between the two. A pipe would
        # be waited at, and memory is not for whatever lies there.
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_size > _MOST_BYTES:
                raise NotKept(f"{FOLDS_FILE} is no such file")
            if about.st_uid != owner or about.st_mode & 0o022:
                raise NotKept(f"{FOLDS_FILE} may be another account's work")
            digest, _, body = file.read().partition(b"\n")
    except FileNotFoundError as error:
        raise NotKept("there is nothing", there=False) from error
    except OSError as error:
        raise NotKept(f"{FOLDS_FILE} is no such file") from error
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise NotKept("damaged")
    try:
        return _KEPT.validate_json(body)
    except ValueError as error:
        raise NotKept("in another form") from error


def _neutrophils(tally: TallyFold) -> int:
    return sum(tally.counts.get(name, 0) for name in NEUTROPHILS)


@cache
def _code() -> str:
    """Return a digest of the code that the folds are made of, so that what another version kept is none of this one."""
    digest = hashlib.sha256()
    for path in (*sorted((Path(__file__).parent / "record").glob("*.py")), Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()
