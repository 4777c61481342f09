"""The pictures of a session that are of the other magnification, by name, where two are mixed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from smearwatch.daemon.record.picture_size import of_two_kinds
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.scale_check import CHANGED, differ

_MIXED: Final = "red_cells"  # so says its source alone of what contradicts a scale

# SQLite reads the end of each event, behind its cells: an event has one spelling, with its names in alphabetical order.
_FRAMES: Final = (
    "SELECT outcome_number, json_extract(seen.body, '$.name'), frame, um_per_px_estimate, "
    "json_extract('{' || substr(found.body, instr(found.body, '\"height_px\":')), '$.um_per_px_own'), "
    "json_extract('{' || substr(found.body, instr(found.body, '\"height_px\":')), '$.um_per_px'), "
    "json_extract('{' || substr(found.body, instr(found.body, '\"height_px\":')), '$.width_px'), "
    "json_extract('{' || substr(found.body, instr(found.body, '\"height_px\":')), '$.height_px') "
    "FROM frames JOIN events AS found ON found.number = outcome_number "
    "JOIN events AS seen ON seen.number = seen_number "
    "WHERE found.kind = 'found' ORDER BY seen_number"
)


@dataclass(frozen=True, slots=True)
class MixedFrame:
    """A picture whose red cells are of the fewer pictures' magnification, or that was searched at its scale.

    Where some in a row differ a little from the others, each from the first to the last of these.

    Attributes
    ----------
    name
        What a person knows it by.
    frame
        SHA-256 of its bytes.
    um_per_px
        The scale at which it was searched.
    um_per_px_estimate
        What its own red cells say, None where they were not measured.
    """

    name: str
    frame: str
    um_per_px: float
    um_per_px_estimate: float | None


def mixed_frames(ledger: LedgerReader, contradicted: Mapping[str, Any] | None) -> list[MixedFrame]:
    """Return the pictures through the other objective, in the order in which they came; none where none are mixed.

    Parameters
    ----------
    ledger : LedgerReader
        The session's.
    contradicted : mapping or None
        What `smearwatch.daemon.record.scale_check.ScaleCheckFold.json` gives: a scale by red cells is there the one of
        the fewer pictures, or there are the first and the last picture that differ.
    """
    if contradicted is None:
        return []
    if "first_frame" in contradicted:
        return _in_a_row(ledger, contradicted["first_frame"], contradicted["last_frame"])
    if contradicted["source"] != _MIXED:
        return []
    few, many = contradicted["um_per_px"], contradicted["red_cells_um_per_px"]
    rows = ledger.rows(_FRAMES)
    # Pictures of another size by a factor have another scale rightly.
    sizes = {
        (width, height) for *_, own, _, _, width, height in rows if own is not None and differ(own, many) <= CHANGED
    }
    return [
        MixedFrame(name, frame, used, own)
        for _, name, frame, own, _, used, width, height in rows
        if any(_is_of(each, few, many) for each in (own, used))
        and not all(of_two_kinds((width, height), size) for size in sizes)
    ]


def _in_a_row(ledger: LedgerReader, first_frame: str, last_frame: str) -> list[MixedFrame]:
    """Return the pictures of one kind from one to another, in the order in which they were searched."""
    rows = sorted(ledger.rows(_FRAMES))
    ends = {frame: (number, (width, height)) for number, _, frame, *_, width, height in rows}
    (first, size), (last, _) = ends[first_frame], ends[last_frame]
    return [
        MixedFrame(name, frame, used, estimate if own is None else own)
        for number, name, frame, estimate, own, used, width, height in rows
        if first <= number <= last and not of_two_kinds((width, height), size)
    ]


def _is_of(um_per_px: float | None, few: float, many: float) -> bool:
    return um_per_px is not None and differ(um_per_px, many) > CHANGED and differ(um_per_px, few) <= CHANGED
