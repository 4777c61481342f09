"""How the count of a recorded session stands: from what its hub kept, where the ledger bears it out, else from all."""

from dataclasses import dataclass
from typing import Any

from smearwatch.daemon.folds import Folds, NotKept
from smearwatch.daemon.one_line import say
from smearwatch.daemon.record.band_rule import BandRuleFold
from smearwatch.daemon.record.beside import Analysed, BesideFold, Tallied
from smearwatch.daemon.record.corrected import corrected_json
from smearwatch.daemon.record.draw import DrawFold
from smearwatch.daemon.record.events import Recorded
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.scales import ScaleCount
from smearwatch.daemon.record.tally import TallyFold


@dataclass(frozen=True, slots=True)
class Standing:
    """What the events of a session come to.

    Attributes
    ----------
    number
        Of the last event, 0 before the first.
    tally, bands
        The counts, and what the band rule says of them.
    recent
        The events of the last counted cells, the newest last; None where all events would have to be read for them.
    scales
        The scales of its frames, as far as they were counted; `scale_lines` goes on from there.
    """

    number: int
    tally: TallyFold
    bands: BandRuleFold
    recent: tuple[Recorded, ...] | None
    scales: ScaleCount


def kept_standing(ledger: LedgerReader) -> Standing | None:
    """Return how a session stands without reading all its events; None where that cannot be told.

    What the hub kept is held against a count of the ledger's own rows, as the hub itself holds it: see
    `smearwatch.daemon.folds`. To be asked under `LedgerReader.at_one_moment`.
    """
    try:
        folds = Folds.held(ledger)
    except NotKept as why:
        if why.wrong:
            say(f"what was kept of the counts of session {ledger.session} is wrong: {why}; all events are read instead")
        return None
    return Standing(folds.number, folds.tally, folds.bands, tuple(folds.recent.values()), folds.scales)


def read_standing(ledger: LedgerReader) -> Standing:
    """Return how a session stands; to be asked under `LedgerReader.at_one_moment`.

    Raises
    ------
    LedgerUnusable
        The ledger cannot be read.
    """
    kept = kept_standing(ledger)
    if kept is not None:
        return kept
    number, tally, bands = 0, TallyFold(), BandRuleFold(ledger.nucleus)
    for recorded in ledger.events():
        tally.apply(recorded.event)
        bands.apply(recorded.event)
        number = recorded.number
    return Standing(number, tally, bands, None, ScaleCount())


def corrected_of(ledger: LedgerReader, tally: TallyFold, within: float) -> dict[str, Any] | None:
    """Return the adjusted result, None where nothing was drawn and named.

    All events are read where somebody has labelled a cell: the order of drawing is of every cell.
    """
    if tally.reviewed is None:
        return None
    draws = DrawFold()
    for recorded in ledger.events():
        draws.apply(recorded)
    return corrected_json(draws, within)


def counts_beside(ledger: LedgerReader) -> BesideFold:
    """Return what was counted elsewhere of the same blood."""
    beside = BesideFold()
    for event in (*ledger.of_kind(Tallied), *ledger.of_kind(Analysed)):
        beside.apply(event)
    return beside
