"""The scales that a session's frames were searched by: where each came from, how large it was, for which pictures."""

from collections import defaultdict
from collections.abc import Iterator
from statistics import median

from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.scale_check import source_text


def scale_lines(ledger: LedgerReader) -> Iterator[str]:
    """Yield one line for each source of scale in a session's frames and each size of them, that of most frames first.

    Yields
    ------
    str
        The median in µm per pixel over the frames that were searched, with the range where they differ.
    """
    alike: defaultdict[tuple[str, int, int], list[float]] = defaultdict(list)
    for found in ledger.found_frames():
        longer, shorter = max(found.width_px, found.height_px), min(found.width_px, found.height_px)
        alike[found.um_per_px_source, longer, shorter].append(found.um_per_px)
    of_many_sizes = len({(longer, shorter) for _, longer, shorter in alike}) > 1
    for (source, longer, shorter), values in sorted(alike.items(), key=lambda item: -len(item[1])):
        frames = f"{len(values)} {'frame' if len(values) == 1 else 'frames'}"
        of = f" ({frames}{f' of {longer}x{shorter}' if of_many_sizes else ''})" if len(alike) > 1 else ""
        yield f"scale: {_scale_text(values)}, {source_text(source)}{of}"


def _scale_text(values: list[float]) -> str:
    low, high = f"{min(values):.3f}", f"{max(values):.3f}"
    differ = f" (median; {low} \N{EN DASH} {high})" if low != high else ""
    return f"{median(values):.3f} um/px{differ}"
