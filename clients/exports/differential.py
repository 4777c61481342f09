"""The differential as a table: a row for each class, with what a reader needs to trust it in every row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from smearwatch.clients.exports.columns import Column
from smearwatch.clients.exports.format import Export, Format, Written
from smearwatch.clients.exports.result import SessionResult, Share
from smearwatch.clients.exports.tables import TableOptions, tallies_aside, write_table

COLUMNS: Final = (
    Column("session", "text", "the session"),
    Column("specimen", "text", "number of the specimen or order, as it was said of the session"),
    Column(
        "class",
        "text",
        "the six classes in their order, `neutrophils` for band and segmented together, and below them what else "
        "there is: `neutrophils_undivided` (neutrophils of which nobody said whether they are bands), the laboratory's "
        "own classes, other nucleated cells",
    ),
    Column(
        "kind",
        "text",
        "`class`, `undivided` and `extra` rows add up to the leukocytes; `sum` is made of others; `per_100` is beside "
        "the leukocytes, for each 100 of them",
    ),
    Column("cells", "integer", "cells of the result that stands, which `result` names"),
    Column("percent", "number", "their share of the leukocytes", "%"),
    Column("low", "number", "its exact lower 95 % limit (Clopper-Pearson), of sampling alone", "%"),
    Column("high", "number", "its exact upper 95 % limit", "%"),
    Column("of", "integer", "the leukocytes that it is a share of"),
    Column("result", "text", "`reviewed` where a person has labelled a cell, else `counted`"),
    Column(
        "corrected_percent",
        "number",
        "the share that a random review gives; empty without one, or with fewer than 20 cells",
        "%",
    ),
    Column("corrected_low", "number", "its lower 95 % limit, for sampling and the machine's errors together", "%"),
    Column("corrected_high", "number", "its upper 95 % limit", "%"),
    Column("per_100", "number", "for each 100 leukocytes, in rows of the kind `per_100`"),
    Column("counted", "integer", "cells as the machine counted them"),
    Column("counted_percent", "number", "their share as counted", "%"),
    Column("counted_low", "number", "its exact lower 95 % limit", "%"),
    Column("counted_high", "number", "its exact upper 95 % limit", "%"),
    Column("counted_of", "integer", "the leukocytes as counted"),
    Column("reviewed", "integer", "cells with a person's labels in them; empty where nobody has labelled one"),
    Column("reviewed_percent", "number", "their share as reviewed", "%"),
    Column("reviewed_low", "number", "its exact lower 95 % limit", "%"),
    Column("reviewed_high", "number", "its exact upper 95 % limit", "%"),
    Column("reviewed_of", "integer", "the leukocytes as reviewed"),
    Column("mark", "text", "why the percentages of the result that stands may be wrong; empty for nothing"),
    Column("found", "integer", "leukocytes found: `counted_of` and the four that follow"),
    Column("rejected", "integer", "not counted: rejected by the machine"),
    Column("at_edge", "integer", "not counted: cut by the edge of their frame"),
    Column("seen_again", "integer", "not counted again: seen in an earlier frame"),
    Column("pending", "integer", "not counted yet"),
    Column("flagged", "integer", "of the counted: flagged by the machine"),
    Column("unfamiliar", "integer", "of the counted: unlike what the weights were trained on"),
    Column("frames_seen", "integer", "frames: `frames_counted` and the two that follow"),
    Column("frames_counted", "integer", "frames that were searched, all their cells judged"),
    Column("frames_rejected", "integer", "frames that could not be used"),
    Column("frames_pending", "integer", "frames that wait"),
    Column("frames_rejected_for", "text", "why they could not be used, and how many each"),
    Column(
        "frames_unplaced",
        "integer",
        "frames that overlapped no earlier one when they were searched: their cells may be counted twice",
    ),
    Column("follows", "text", "the session before it on the same folder or camera"),
    Column("followed_by", "text", "the session that begins where it ends"),
    Column("status", "text", "`preliminary`, `signed`, or `amended` (signed once, reopened since)"),
    Column("signed_by", "text", "whose signature holds"),
    Column("signed_at", "time", "when it was signed"),
    Column("began_at", "time", "the session's first entry"),
    Column("last_at", "time", "the session's last entry"),
    Column("complete", "yes/no", "whether nothing is pending, and the last run left no file"),
    Column("band_rule", "text", "the rule that tells band from segmented"),
    Column("um_per_px", "number", "the scale of most frames, the median of it", "um/px"),
    Column("um_per_px_source", "text", "where that scale came from"),
    Column(
        "red_cells_um_per_px",
        "number",
        "the scale that the red cells speak for, where they contradict one that was used by more than a tenth; else "
        "empty",
        "um/px",
    ),
    Column("weights", "text", "identity of the weights that named cells; several are divided by blanks"),
    Column("version", "text", "of smearwatch, that wrote this"),
    Column("use", "text", "what the figures may be used for"),
)


def rows(result: SessionResult) -> Iterator[dict[str, Any]]:
    """Yield a row for each class."""
    scale = result.scales[0] if result.scales else None
    signature, frames = result.signature, result.frames
    same: dict[str, Any] = {
        "session": result.session,
        "specimen": result.specimen,
        "of": result.denominator,
        "result": result.stands,
        "counted_of": result.cells,
        "reviewed_of": result.reviewed_cells,
        "mark": result.mark,
        "found": result.found,
        **{left.why: left.cells for left in result.left_out},
        "flagged": result.flagged,
        "unfamiliar": result.unfamiliar,
        "frames_seen": frames.seen,
        "frames_counted": frames.counted,
        "frames_rejected": frames.rejected,
        "frames_pending": frames.pending,
        "frames_rejected_for": ", ".join(f"{reason} {n}" for reason, n in frames.reasons.items()) or None,
        "frames_unplaced": frames.unplaced,
        "follows": result.follows,
        "followed_by": result.followed_by,
        "status": result.status,
        "signed_by": None if signature is None else signature.by,
        "signed_at": None if signature is None else signature.at,
        "began_at": result.began_at,
        "last_at": result.last_at,
        "complete": result.complete,
        "band_rule": result.band_rule,
        "um_per_px": None if scale is None else scale.um_per_px,
        "um_per_px_source": None if scale is None else scale.source,
        "red_cells_um_per_px": None if (odd := result.scale_contradicted) is None else odd.red_cells_um_per_px,
        "weights": " ".join(each.identity for each in result.weights) or None,
        "version": result.version,
        "use": result.research_use,
    }
    for row in result.rows:
        of_row = {
            "class": row.name,
            "kind": row.kind,
            "cells": row.cells,
            **_share("", row.share),
            **_share("corrected_", row.corrected),
            "per_100": row.per_100,
            "counted": row.counted,
            **_share("counted_", row.counted_share),
            "reviewed": row.reviewed,
            **_share("reviewed_", row.reviewed_share),
        }
        values = same | of_row
        yield {column.name: values[column.name] for column in COLUMNS}


def _share(before: str, share: Share | None) -> dict[str, float | None]:
    names = (f"{before}percent", f"{before}low", f"{before}high")
    return dict(zip(names, (None,) * 3 if share is None else (share.value, share.low, share.high), strict=True))


def _write(export: Export, path: Path, options: TableOptions) -> Written:
    written = write_table(path, COLUMNS, rows(export.result), options)
    return Written(f"{written} rows, {export.result.denominator} leukocytes", tallies_aside(export.result))


FORMAT: Final = Format("a row for each class, with shares and limits", _write, TableOptions, TableOptions.makes)
