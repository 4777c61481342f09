"""The scales that a session's frames were searched by: where each came from, and how large it was."""

from collections import defaultdict
from collections.abc import Iterator
from statistics import median

from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.scale_check import source_text


def scale_lines(ledger: LedgerReader) -> Iterator[str]:
    """Yield one line for each source of scale in a session's frames, the one of most frames first.

    Yields
    ------
    str
        The median in µm per pixel over the frames that were searched, with the range where they differ.
    """
    by_source: defaultdict[str, list[float]] = defaultdict(list)
    for found in ledger.found_frames():
        by_source[found.um_per_px_source].append(found.um_per_px)
    for source, values in sorted(by_source.items(), key=lambda item: -len(item[1])):
        where = source_text(source)
        of = f" ({len(values)} {'frame' if len(values) == 1 else 'frames'})" if len(by_source) > 1 else ""
        yield f"scale: {_scale_text(values)}, {where}{of}"


def _scale_text(values: list[float]) -> str:
    low, high = f"{min(values):.3f}", f"{max(values):.3f}"
    differ = f" (median; {low} \N{EN DASH} {high})" if low != high else ""
    return f"{median(values):.3f} um/px{differ}"
