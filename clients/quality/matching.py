"""Which of the machine's cells lie where a reader marked leukocytes, and the order in which fields are marked."""

import hashlib
from collections.abc import Iterable, Sequence

from smearwatch.daemon.record.found import FoundCell
from smearwatch.daemon.record.location import Order, belongs_to


def match_marks(
    marks_px: Sequence[tuple[float, float]], cells: Sequence[FoundCell], radius_px: float
) -> dict[int, FoundCell]:
    """Pair marks with cells one to one: as many pairs as can be, and these as near as can be.

    A mark belongs to a cell whose middle is within the radius, or whose box it lies in: large cells are wider.

    Parameters
    ----------
    marks_px
        Places x, y.
    cells
        What was found in the same field.
    radius_px
        How far a mark may lie from the middle of a cell.

    Returns
    -------
    dict
        The cell of each mark that has one, by the mark's place in the list.
    """
    if not marks_px or not cells:
        return {}
    import numpy as np  # half a second to load both
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    away = cdist(np.array(marks_px, np.float64), np.array([cell.centre_xy_px for cell in cells], np.float64))
    belongs = np.array([[belongs_to(x, y, cell, radius_px) for cell in cells] for x, y in marks_px])
    # No sum of distances of pairs is as dear as one that is none.
    dear = float(away.max()) * (min(away.shape) + 1) + 1
    rows, columns = linear_sum_assignment(np.where(belongs, away, dear))
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return {row: cells[column] for row, column in pairs if belongs[row, column]}


def in_order(frames: Iterable[str], order: Order, chain: str, began_at_ns: int) -> list[str]:
    """Return fields in the order in which they are marked.

    Parameters
    ----------
    frames
        In the order of finding.
    order
        At random: that of a hash over the session's first chain value, the moment at which the test was begun, and the
        field. Nobody chooses it, and it can be worked out again.
    """
    if order == "in_order":
        return list(frames)
    return sorted(frames, key=lambda frame: hashlib.sha256(f"{chain}:{began_at_ns}:{frame}".encode()).digest())
