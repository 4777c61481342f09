"""Everything that is known of a recorded session, folded once from its ledger."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from smearwatch.daemon.record.beside import BesideFold
from smearwatch.daemon.record.draw import DrawFold
from smearwatch.daemon.record.events import Closed, Found, Opened, Recorded
from smearwatch.daemon.record.extra_classes import ExtraClass, extra_classes_of
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.readings import ReadingsFold
from smearwatch.daemon.record.tally import TallyFold


@dataclass(slots=True)
class SessionFold:
    """The folds of a session, all over the same events.

    Attributes
    ----------
    tally, draws, beside, readings
        The folds.
    number, chain
        Of the last event.
    opened, closed
        The last start and the last end, None where there was none.
    versions
        The versions of this program that counted it, in their order.
    scales
        Of each frame that was searched, where its scale came from and what it was, in um per pixel.
    """

    tally: TallyFold = field(default_factory=TallyFold)
    draws: DrawFold = field(default_factory=DrawFold)
    beside: BesideFold = field(default_factory=BesideFold)
    readings: ReadingsFold = field(default_factory=ReadingsFold)
    number: int = 0
    chain: str | None = None
    opened: Opened | None = None
    closed: Closed | None = None
    versions: list[str] = field(default_factory=list)
    scales: list[tuple[str, float]] = field(default_factory=list)
    _openings: list[Sequence[ExtraClass] | None] = field(default_factory=list)

    @classmethod
    def of(cls, ledger: LedgerReader) -> "SessionFold":
        """Fold all that a ledger holds."""
        fold = cls()
        for recorded in ledger.events():
            fold.apply(recorded)
        return fold

    def apply(self, recorded: Recorded) -> None:
        """Take one event in; each once, in the ledger's order."""
        event = recorded.event
        self.tally.apply(event)
        self.draws.apply(recorded)
        self.beside.apply(event)
        self.readings.apply(event)
        self.number, self.chain = recorded.number, recorded.chain
        match event:
            case Opened():
                self.opened = event
                self._openings.append(event.extra_classes)
                if event.version not in self.versions:
                    self.versions.append(event.version)
            case Closed():
                self.closed = event
            case Found():
                self.scales.append((event.um_per_px_source, event.um_per_px))
            case _:
                pass

    @property
    def extra_classes(self) -> tuple[ExtraClass, ...]:
        """The laboratory's own classes, as the session's starts have named them."""
        return extra_classes_of(None if each is None else tuple(each) for each in self._openings)
