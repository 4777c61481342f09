"""The scales that a session's frames were searched by: where each came from, how large it was, for which pictures."""

import json
from collections import defaultdict
from collections.abc import Iterator
from statistics import median
from typing import Final

from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.scale_check import source_text

# SQLite reads the end of each event, behind its cells: an event has one spelling, with its names in alphabetical order.
_SCALES: Final = (
    "SELECT json_extract('{' || substr(body, instr(body, '\"height_px\":')), "
    "'$.um_per_px_source', '$.um_per_px', '$.width_px', '$.height_px') AS scale, count(*) "
    "FROM events WHERE kind = 'found' GROUP BY scale ORDER BY min(number)"
)


def scale_lines(ledger: LedgerReader) -> Iterator[str]:
    """Yield one line for each source of scale in a session's frames and each size of them, that of most frames first.

    Yields
    ------
    str
        The median in µm per pixel over the frames that were searched, with the range where they differ.
    """
    alike: defaultdict[tuple[str, int, int], list[float]] = defaultdict(list)
    for scale, frames in ledger.rows(_SCALES):
        source, um_per_px, width_px, height_px = json.loads(scale)
        alike[source, max(width_px, height_px), min(width_px, height_px)] += [um_per_px] * frames
    of_many_sizes = len({(longer, shorter) for _, longer, shorter in alike}) > 1
    for (source, longer, shorter), values in sorted(alike.items(), key=lambda item: -len(item[1])):
        frames = f"{len(values)} {'frame' if len(values) == 1 else 'frames'}"
        of = f" ({frames}{f' of {longer}x{shorter}' if of_many_sizes else ''})" if len(alike) > 1 else ""
        yield f"scale: {_scale_text(values)}, {source_text(source)}{of}"


def _scale_text(values: list[float]) -> str:
    low, high = f"{min(values):.3f}", f"{max(values):.3f}"
    differ = f" (median; {low} \N{EN DASH} {high})" if low != high else ""
    return f"{median(values):.3f} um/px{differ}"
