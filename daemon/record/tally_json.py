"""The tally as `run --json` and `watch --json` print it: counts, shares with their limits, and what to know of them."""

from dataclasses import asdict
from typing import Any

from smearwatch.daemon.record.classes import NEUTROPHILS
from smearwatch.daemon.record.intervals import percent_json as _percent
from smearwatch.daemon.record.mark import SCALE_WORDS
from smearwatch.daemon.record.review import Reviewed
from smearwatch.daemon.record.signature import Signed
from smearwatch.daemon.record.tally import TallyFold


def tally_json(fold: TallyFold, session: str, event_number: int) -> dict[str, Any]:
    """Return the tally in the form that `run --json` and `watch --json` print.

    Parameters
    ----------
    fold : TallyFold
        The tally.
    session : str
        The session's name.
    event_number : int
        The number of the last event that went into it.

    Returns
    -------
    dict
        ``title``, ``specimen``, ``operator`` and ``note`` are what people say of the session, None where they do not.
        ``poisoned`` are those of the rejected cells that could not be judged: whoever was to ended or hung each time.
        ``percent`` holds each class and the neutrophils (band and segmented together): the share of ``cells`` and its
        exact 95 % limits, from the counts, in percent with two decimals (the value with four). Without cells the value
        is None. ``mark`` is None, or says why these percentages may be wrong, and belongs beside them wherever they are
        shown. ``scale_contradicted`` is None, or a scale that the red cells contradict, see
        `smearwatch.daemon.record.scale_check.ScaleCheckFold.json`. ``searched_in_part`` is None, or how many pictures
        were searched in part though cells are faintly seen in the rest. ``targets`` has for each what it is ``of``
        (``cells``, a class, ``neutrophils``), its ``kind`` (``cells``, ``class``: so many; ``within``: half the width
        of the 95 % interval, in percent points), what is ``wanted``, what there is by now (``have``) and whether that
        is enough. ``reviewed`` is None, or the result with a person's labels in the place of the machine's names: of
        all the leukocytes, those that nobody labelled among them; ``others`` are nucleated cells of none of the
        classes, for each 100 leukocytes in ``others_per_100``. ``signed`` is None, or the signature that holds under
        the reviewed result; ``amendments`` are all the times that a signed session was reopened.
    """
    counts = fold.counts
    neutrophils = sum(counts[name] for name in NEUTROPHILS)
    shares = {**counts, "neutrophils": neutrophils}
    return {
        "session": session,
        **fold.said,
        "event": event_number,
        "cells": fold.cells,
        "target": fold.target,
        "targets": [asdict(each) for each in fold.targets],
        "target_reached": fold.target_reached,
        "result_targets": None if fold.reviewed is None else [asdict(each) for each in fold.result_targets],
        "counts": counts,
        "neutrophils": neutrophils,
        "percent": {name: _percent(k, fold.cells) for name, k in shares.items()},
        "rejected": fold.verdicts["rejected"],
        "poisoned": fold.poisoned,
        "flagged": fold.verdicts["flagged"],
        "verdicts": fold.verdicts,
        "cells_found": fold.cells_found,
        "cells_pending": fold.cells_pending,
        "at_edge": fold.at_edge,
        "seen_again": fold.seen_again,
        "judged_again": fold.judged_again,
        "frames_unplaced": fold.unplaced,
        "frames": fold.frames,
        "rejected_by_reason": fold.rejected_by_reason,
        **fold.left,
        "complete": fold.complete,
        "unfamiliar": fold.unfamiliar,
        "mark": fold.mark,
        "scale_contradicted": fold.scale_contradicted,
        "searched_in_part": fold.searched_in_part,
        **fold.drift,
        "reviewed": None if (reviewed := fold.reviewed) is None else _reviewed(reviewed, fold),
        "signed": None if fold.signed is None else _signed(fold.signed),
        "amendments": [
            {"by": each.by, "reason": each.reason, "amended_at_ns": each.amended_at_ns} for each in fold.amendments
        ],
    }


def _signed(signed: Signed) -> dict[str, Any]:
    return {
        "by": signed.by,
        "signed_at_ns": signed.signed_at_ns,
        "ordinal": signed.ordinal,
        "overruled": [{"gate": each.gate, "reason": each.reason} for each in signed.overruled],
        "note": signed.note,
        "weights": list(signed.weights),
    }


def _reviewed(reviewed: Reviewed, fold: TallyFold) -> dict[str, Any]:
    everything = fold.cells + fold.verdicts["rejected"]
    shares = {**reviewed.counts, "neutrophils": reviewed.neutrophils}
    n = reviewed.cells
    return {
        "labelled": reviewed.labelled,
        "changed": reviewed.changed,
        "cells": n,
        "counts": reviewed.counts,
        "neutrophils": reviewed.neutrophils,
        "neutrophils_undivided": reviewed.undivided,
        "percent": {name: _percent(k, n) for name, k in shares.items()},
        "others": reviewed.others,
        "others_per_100": {name: round(100 * k / n, 2) if n else None for name, k in reviewed.others.items()},
        "set_aside": reviewed.set_aside,
        "flagged": reviewed.flagged,
        "rejected": reviewed.rejected,
        # A person's word on every cell mends what the machine named, and not which cells were found.
        "mark": fold.mark if reviewed.labelled < everything else SCALE_WORDS if fold.scale_contradicted else None,
    }
