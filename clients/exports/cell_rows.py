"""A recorded session as a table: one row for each leukocyte that was found, counted or not."""

from collections.abc import Generator
from typing import Any, Final

from smearwatch.clients.exports.cell_columns import COLUMNS
from smearwatch.clients.exports.fold import moment
from smearwatch.daemon.record.band_rule import rule_of, rule_says
from smearwatch.daemon.record.band_rules import BandRule
from smearwatch.daemon.record.classes import is_leukocyte
from smearwatch.daemon.record.draw import DrawFold
from smearwatch.daemon.record.drift_words import MEASURES
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

NAMES: Final = tuple(column.name for column in COLUMNS)


def cell_rows(ledger: LedgerReader) -> Generator[dict[str, Any], None, None]:
    """Yield a row for each leukocyte found, in the order the frames were seen.

    Parameters
    ----------
    ledger : LedgerReader
        The session.

    Yields
    ------
    dict
        The columns of `smearwatch.clients.exports.cell_columns`, which say what they are; what a cell does not have is
        None. Class, verdict and all that comes with them stand in one row for each leukocyte, that under which it is
        counted, and are those that stand; rows of other views hold none, so that nobody sums one twice.
    """
    alarmed, of_all, rule, draws = _of_the_session(ledger)
    views = views_by_cell(ledger)
    numbers = {key: number for number, key in enumerate(views, start=1)}  # in the order of finding, as on the page
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
            best = views[seen.frame, cell.index].best if cell.left_out == COUNTS else None
            stands = None if best is None else ledger.verdict(*best)
            row = _row(ledger.folder.name, seen, found, cell, stands, labels.get(cell.index))
            row["state"] = _state(cell, stands, judged=cell.index in judged)
            key = (seen.frame, cell.index)
            draw = {"drawn": key in drawn if key in places else None, "draw_number": places.get(key)}
            drift = {"drift": best in alarmed if stands else None}
            bands = _bands(rule, stands, found if best is None or best[0] == seen.frame else ledger.found(best[0]))
            yield row | drift | _seen_as(seen.frame, cell, views, numbers) | bands | of_all | draw


def _state(cell: FoundCell, stands: Counted | None, *, judged: bool) -> str:
    if cell.left_out == CUT:
        return "at_edge"
    if cell.is_judged and not judged:
        return "pending"
    if stands is None:
        return "seen_again"
    return "rejected" if stands.verdict == "rejected" else "counted"


def _seen_as(frame: str, cell: FoundCell, views: dict[CellKey, Views], numbers: dict[CellKey, int]) -> dict[str, Any]:
    if cell.left_out == CUT:
        return {}
    key = counted_as(frame, cell)
    seen = views[key]
    return {
        "number": numbers[key],
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
        **({} if said is None else {name: said.said[name] for name in ("specimen", "title", "operator")}),
        "mark": fold.mark,
        "signed_by": None if signed is None else signed.by,
        "signed_at": None if signed is None else moment(signed.signed_at_ns),
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
    session: str, seen: Seen, found: Found, cell: FoundCell, stands: Counted | None, labelled: Labelled | None
) -> dict[str, Any]:
    reviewed_as = _reviewed_as(stands, labelled)
    x, y, width, height = cell.box
    row: dict[str, Any] = dict.fromkeys(NAMES)
    row |= {
        "session": session,
        "frame": seen.frame,
        "name": seen.name,
        "captured_at": moment(seen.captured_at_ns),
        "index": cell.index,
        "counted": stands is not None and stands.verdict != "rejected",
        "x_px": x,
        "y_px": y,
        "width_px": width,
        "height_px": height,
        "centre_x_px": cell.centre_xy_px[0],
        "centre_y_px": cell.centre_xy_px[1],
        "area_um2": cell.area_um2,
        "um_per_px": found.um_per_px,
        "um_per_px_source": found.um_per_px_source,
        "focus": found.focus,
        "reviewed_as": reviewed_as,
        "counted_reviewed": reviewed_as is not None and is_leukocyte(reviewed_as),
    }
    if labelled is not None:
        row |= {"label": labelled.label, "labelled_by": labelled.by, "label_number": labelled.ordinal}
    return row if stands is None else row | _verdict(stands)


def _verdict(stands: Counted) -> dict[str, Any]:
    stain: dict[str, Any] = {}
    if stands.stain is not None:
        stain = {"red_cell_um": stands.stain.red_cell_um}
        for part, bgr in (("nucleus", stands.stain.nucleus_bgr), ("red_cells", stands.stain.red_cells_bgr)):
            stain |= {f"stain_{part}_{colour}": of for colour, of in zip(("blue", "green", "red"), bgr, strict=True)}
    return {
        "class": None if stands.verdict == "rejected" else stands.cls,
        "verdict": stands.verdict,
        # An old verdict has no number for a class that came later.
        **{f"probability_{name}": share for name, share in zip(CLASSES, stands.probabilities, strict=False)},
        **{f"verifier_{name}": share for name, share in zip(CLASSES, stands.verifiers, strict=False)},
        "reject_score": stands.reject_score,
        "weights": stands.weights,
        **{f"look_{name}": (stands.look or {}).get(name) for name in MEASURES},
        **stain,
        "unfamiliar": stands.unfamiliar is True,
    }


def _reviewed_as(counted: Counted | None, labelled: Labelled | None) -> str | None:
    """Return what a leukocyte is called in the reviewed result; what was rejected and not labelled is nothing."""
    cell = None if counted is None or counted.verdict == "rejected" else counted.cls
    if labelled is None:
        return cell
    return name_of(LabelledCell(labelled.label, cell, counted.verdict if counted else None))
