"""A recorded session as a table: one row for each leukocyte that was found, counted or not."""

import csv
import json
from collections.abc import Generator, Iterator
from typing import Any, Final, TextIO

from smearwatch.daemon.record.band_rule import BandRule, rule_of, rule_says
from smearwatch.daemon.record.draw import DrawFold
from smearwatch.daemon.record.drift import MEASURES
from smearwatch.daemon.record.events import (
    CLASSES,
    COUNTS,
    CUT,
    Counted,
    Found,
    FoundCell,
    Labelled,
    Opened,
    Seen,
)
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.review import LabelledCell, name_of
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.views import CellKey, Views, counted_as, views_by_cell

_LATER: Final = ("drift", "counted_frame", "counted_index", "views", "best_frame", "best_index", "judged_again")
_STAIN: Final = (
    *(f"stain_{what}_{colour}" for what in ("nucleus", "red_cells") for colour in ("blue", "green", "red")),
    "red_cell_um",
)

_BANDS: Final = (
    "nucleus_widest_um",
    "nucleus_narrowest_um",
    "nucleus_length_um",
    "nucleus_long_to_short",
    "nucleus_lobes",
    "band_rule",
    "band_rule_says",
)

_DRAW: Final = ("drawn", "draw_number")
_SAID: Final = ("specimen", "title", "operator")

COLUMNS: Final = (
    "session",
    "frame",
    "name",
    "captured_at_ns",
    "index",
    "state",
    "class",
    "verdict",
    *(f"probability_{name}" for name in CLASSES),
    *(f"verifier_{name}" for name in CLASSES),
    "reject_score",
    "x_px",
    "y_px",
    "width_px",
    "height_px",
    "centre_x_px",
    "centre_y_px",
    "area_um2",
    "um_per_px",
    "um_per_px_source",
    "focus",
    "weights",
    "label",
    "labelled_by",
    "label_number",
    *(f"look_{name}" for name in MEASURES),
    *_LATER,
    *_STAIN,
    "unfamiliar",
    "mark",
    *_BANDS,
    "reviewed_as",
    *_SAID,
    "signed_by",
    "signed_at_ns",
    *_DRAW,
)


def cell_rows(ledger: LedgerReader) -> Generator[dict[str, Any], None, None]:
    """Yield a row for each leukocyte found, in the order the frames were seen.

    Parameters
    ----------
    ledger : LedgerReader
        The session.

    Yields
    ------
    dict
        The keys of `COLUMNS`. ``state`` is ``counted``, ``at_edge`` (cut by the frame's edge),
        ``seen_again`` (counted in an earlier frame) or ``pending`` (without its verdict yet). Class, verdict and all
        that comes with them are in the ``counted`` rows alone, one for each leukocyte, and are those that stand: given
        on the view that ``best_frame`` and ``best_index`` name, which is another one where ``judged_again`` is not 0;
        ``label`` is the last that a person gave and ``label_number`` counts them; ``look_...`` are the appearance
        features before the stain was brought to a standard, ``drift`` whether it was judged under a drift alarm,
        ``stain_...`` the session's stain (optical densities) from which it was brought to the one that the weights
        learnt, ``red_cell_um`` the size of its red cells by the scale in use, ``unfamiliar`` whether it looks beyond
        all that these were trained on; ``mark`` is of the session, the same in every row: why its percentages may be
        wrong; ``nucleus_...`` are the measures of a neutrophil's nucleus, on the view that its verdict stands on, and
        ``band_rule_says`` what the session's rule makes of them, ``band``, ``segmented`` or ``unclear``, which changes
        no verdict; ``reviewed_as`` is the person's label, or the class where there is none; ``specimen``, ``title`` and
        ``operator`` are of the session; ``signed_by`` and ``signed_at_ns`` too, None where nobody has signed it or it
        was amended since; ``drawn`` is whether it was named out of the random review, in whose order it has the number
        ``draw_number``; what a cell does not have is None. ``counted_frame`` and ``counted_index`` name the cell under
        which it is counted, ``views`` in how many frames that one is seen whole, ``judged_again`` how many verdicts on
        it were replaced.
    """
    with ledger.at_one_moment():
        yield from _rows(ledger)


def _rows(ledger: LedgerReader) -> Iterator[dict[str, Any]]:
    alarmed, of_all, rule, draws = _of_the_session(ledger)
    views = views_by_cell(ledger)
    places, drawn = draws.places(), draws.drawn()
    for recorded in ledger.seen_frames():
        seen = recorded.event
        assert isinstance(seen, Seen)
        found = ledger.found(seen.frame)
        if found is None:
            continue
        judged = ledger.counted_indices(seen.frame)
        labels = ledger.labels(seen.frame)
        for cell in found.cells:
            # Rows of other views hold no verdict, so that nobody sums one twice.
            best = views[seen.frame, cell.index].best if cell.left_out == COUNTS else None
            stands = None if best is None else ledger.verdict(*best)
            state = _state(cell, judged=cell.index in judged)
            row = _row(ledger.session, seen, found, cell, state, stands, labels.get(cell.index))
            key = (seen.frame, cell.index)
            draw = {"drawn": key in drawn if key in places else None, "draw_number": places.get(key)}
            drift = {"drift": best in alarmed if stands else None}
            bands = _bands(rule, stands, found if best is None or best[0] == seen.frame else ledger.found(best[0]))
            yield row | drift | _seen_as(seen.frame, cell, views) | bands | of_all | draw


def _state(cell: FoundCell, *, judged: bool) -> str:
    if cell.left_out == CUT:
        return "at_edge"
    if cell.is_judged and not judged:
        return "pending"
    return "counted" if cell.left_out == COUNTS else "seen_again"


def write_csv(rows: Iterator[dict[str, Any]], file: TextIO) -> int:
    """Write rows of the same columns as CSV with a header (RFC 4180, UTF-8); returns how many."""
    written, writer = 0, None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
        writer.writerow(row)
        written += 1
    if writer is None:
        csv.DictWriter(file, COLUMNS).writeheader()
    return written


def write_json(rows: Iterator[dict[str, Any]], file: TextIO) -> int:
    """Write rows as JSON, one object a line; returns how many."""
    written = 0
    for row in rows:
        file.write(json.dumps(row) + "\n")
        written += 1
    return written


def _seen_as(frame: str, cell: FoundCell, views: dict[CellKey, Views]) -> dict[str, Any]:
    if cell.left_out == CUT:
        return {}
    key = counted_as(frame, cell)
    seen = views[key]
    return {
        "counted_frame": key[0],
        "counted_index": key[1],
        "views": len(seen.all),
        "best_frame": seen.best[0],
        "best_index": seen.best[1],
        "judged_again": seen.judged_again,
    }


def _of_the_session(ledger: LedgerReader) -> tuple[set[CellKey], dict[str, Any], BandRule | None, DrawFold]:
    """Return the cells judged under a drift alarm, what is said in every row, the band rule, the random review."""
    fold, draws, alarmed, rule = TallyFold(), DrawFold(), set(), None
    for recorded in ledger.events():
        event = recorded.event
        draws.apply(recorded)
        fold.apply(event)
        if isinstance(event, Counted) and not event.anew and fold.alarmed:
            alarmed.add((event.frame, event.index))
        rule = rule_of(event) if isinstance(event, Opened) else rule
    signed, said = fold.signed, ledger.description()
    of_all = {
        **({} if said is None else {name: said.said[name] for name in _SAID}),
        "mark": fold.mark,
        "signed_by": None if signed is None else signed.by,
        "signed_at_ns": None if signed is None else signed.signed_at_ns,
    }
    return alarmed, of_all, rule, draws


def _bands(rule: BandRule | None, stands: Counted | None, found: Found | None) -> dict[str, Any]:
    """Return the measures of a neutrophil's nucleus, found where its verdict stands, and what the rule says."""
    if stands is None or found is None or stands.verdict == "rejected" or stands.cls not in ("band", "segmented"):
        return {}
    nucleus = next((cell.nucleus for cell in found.cells if cell.index == stands.index), None)
    said = {"band_rule": rule, "band_rule_says": rule_says(rule, nucleus)}
    if nucleus is None:
        return said
    return said | {
        "nucleus_widest_um": nucleus.widest_um,
        "nucleus_narrowest_um": nucleus.narrowest_um,
        "nucleus_length_um": nucleus.length_um,
        "nucleus_long_to_short": round(nucleus.long_to_short, 2),
        "nucleus_lobes": nucleus.lobes,
    }


def _row(
    session: str,
    seen: Seen,
    found: Found,
    cell: FoundCell,
    state: str,
    counted: Counted | None,
    labelled: Labelled | None,
) -> dict[str, Any]:
    probabilities, verifiers = ((), ()) if counted is None else (counted.probabilities, counted.verifiers)
    values = (
        session,
        seen.frame,
        seen.name,
        seen.captured_at_ns,
        cell.index,
        state,
        counted.cls if counted else None,
        counted.verdict if counted else None,
        *_per_class(probabilities),
        *_per_class(verifiers),
        counted.reject_score if counted else None,
        *cell.box,
        *cell.centre_xy_px,
        cell.area_um2,
        found.um_per_px,
        found.um_per_px_source,
        found.focus,
        counted.weights if counted else None,
        labelled.label if labelled else None,
        labelled.by if labelled else None,
        labelled.ordinal if labelled else None,
        *((counted.look or {}).get(name) if counted else None for name in MEASURES),
        *(None,) * len(_LATER),
        *_stain(counted),
        counted.unfamiliar is True if counted else None,
        None,
        *(None,) * len(_BANDS),
        _reviewed_as(counted, labelled),
        *(None,) * len(_SAID),
        None,
        None,
    )
    return dict(zip(COLUMNS, (*values, None, None), strict=True))


def _reviewed_as(counted: Counted | None, labelled: Labelled | None) -> str | None:
    """Return what a leukocyte is called in the reviewed result; what was rejected and not labelled is nothing."""
    cell = None if counted is None or counted.verdict == "rejected" else counted.cls
    if labelled is None:
        return cell
    return name_of(LabelledCell(labelled.label, cell, counted.verdict if counted else None))


def _per_class(shares: tuple[float, ...]) -> tuple[float | None, ...]:
    """Return a value for each class: none without a verdict, and none for a class newer than the verdict."""
    return (*shares, *(None,) * (len(CLASSES) - len(shares)))


def _stain(counted: Counted | None) -> tuple[float | None, ...]:
    if counted is None or counted.stain is None:
        return (None,) * len(_STAIN)
    return (*counted.stain.nucleus_bgr, *counted.stain.red_cells_bgr, counted.stain.red_cell_um)
