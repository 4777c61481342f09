"""The scales that a session's frames were searched by: where each came from, how large it was, for which pictures."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.scale_check import source_text
from smearwatch.daemon.record.values import Count

# SQLite reads the end of each event, behind its cells: an event has one spelling, with its names in alphabetical order.
_SCALES: Final = (
    "SELECT json_extract('{' || substr(body, instr(body, '\"height_px\":')), "
    "'$.um_per_px_source', '$.um_per_px', '$.width_px', '$.height_px') AS scale, count(*) "
    "FROM events WHERE kind = 'found' AND number > ? AND number <= ? GROUP BY scale ORDER BY min(number)"
)


@dataclass(slots=True)
class ScaleCount:
    """How many frames were searched by which scale, counted part by part.

    Attributes
    ----------
    until
        The last event that is counted.
    frames
        Frames by source, scale and size, as SQLite spells them together, the first one first.
    """

    until: Count = 0
    frames: dict[str, Count] = field(default_factory=dict)

    def go_on(self, ledger: LedgerReader, until: int) -> None:
        """Count the frames of the next events, until one; raises `LedgerUnusable`."""
        for scale, frames in ledger.rows(_SCALES, self.until, until):
            self.frames[scale] = self.frames.get(scale, 0) + frames
        self.until = until


def scale_lines(ledger: LedgerReader, counted: ScaleCount | None = None) -> Iterator[str]:
    """Yield one line for each source of scale in a session's frames and each size of them, that of most frames first.

    Parameters
    ----------
    ledger
        The session.
    counted
        How far its frames were counted before; it is brought to the end. None to count all of them.

    Yields
    ------
    str
        The median in µm per pixel over the frames that were searched, with the range where they differ.
    """
    alike: defaultdict[tuple[str, int, int], list[float]] = defaultdict(list)
    counted = ScaleCount() if counted is None else counted
    counted.go_on(ledger, ledger.last_number)
    for scale, n in counted.frames.items():
        source, um_per_px, width_px, height_px = json.loads(scale)
        alike[source, max(width_px, height_px), min(width_px, height_px)] += [um_per_px] * n
    of_many_sizes = len({(longer, shorter) for _, longer, shorter in alike}) > 1
    for (source, longer, shorter), values in sorted(alike.items(), key=lambda item: -len(item[1])):
        frames = f"{len(values)} {'frame' if len(values) == 1 else 'frames'}"
        of = f" ({frames}{f' of {longer}x{shorter}' if of_many_sizes else ''})" if len(alike) > 1 else ""
        yield f"scale: {_scale_text(values)}, {source_text(source)}{of}"


def _scale_text(values: list[float]) -> str:
    low, high = f"{min(values):.3f}", f"{max(values):.3f}"
    differ = f" (median; {low} \N{EN DASH} {high})" if low != high else ""
    return f"{median(values):.3f} um/px{differ}"
