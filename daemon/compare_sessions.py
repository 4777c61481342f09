"""Two sessions of the same frames, cell by cell: the same verdicts, byte for byte, or which differ."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import typer

from smearwatch.daemon.columns import fold
from smearwatch.daemon.record.events import Counted, Found, FoundCell, Opened, Rejected, event_to_bytes
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.sessions import session_folder
from smearwatch.daemon.record.tally import TallyFold

_SHOWN = 10
_LATER = ("stain", "nucleus")


@dataclass(frozen=True, slots=True)
class _Cells:
    """What was found in a frame, and at which scale."""

    um_per_px: float
    cells: tuple[FoundCell, ...]

    @property
    def measured(self) -> frozenset[str]:
        """Which of the measures that earlier versions did not record these cells have."""
        return frozenset(name for name in _LATER for cell in self.cells if getattr(cell, name) is not None)

    @property
    def have_sizes(self) -> bool:
        return any(cell.stain is not None and cell.stain.red_cell_um is not None for cell in self.cells)

    def with_what_both_have(self, other: "_Cells") -> str:
        """Spell the cells out, without what an earlier version did not measure."""
        left_out: dict[str, Any] = dict.fromkeys(self.measured ^ other.measured)
        cells = [replace(cell, **left_out) for cell in self.cells]
        if self.have_sizes != other.have_sizes:
            cells = [_without_size(cell) for cell in cells]
        return repr((self.um_per_px, cells))


_Key: TypeAlias = tuple[str, int]
_Outcome: TypeAlias = Counted | _Cells | bytes


def compare(state_dir: Path, before: str, after: str) -> dict[str, Any]:
    """Compare the outcomes of two sessions.

    Returns
    -------
    dict
        ``identical`` is true when every frame has the same cells or rejection and every cell the same verdict in
        both, byte for byte; counts of what differs or stands on one side only; the first differing cells. What a
        session that ended at its target had looked at beyond that cell is compared where both have it: how far ahead
        the search was is a matter of time.
    """
    (old, ahead_then), (new, ahead_now) = (_outcomes(session_folder(state_dir, name)) for name in (before, after))
    for here, there, ahead in ((old, new, ahead_then), (new, old, ahead_now)):
        for key in ahead - there.keys():
            del here[key]
    differing = sorted(key for key in old.keys() & new.keys() if not _same(old[key], new[key]))
    return {
        "before": before,
        "after": after,
        "identical": not differing and old.keys() == new.keys(),
        "cells_same": sum(key[1] >= 0 and key in new and _same(old[key], new[key]) for key in old),
        "differing": len(differing),
        "by_another_engine": sum(_by_another_engine(old[key], new[key]) for key in differing),
        "only_before": len(old.keys() - new.keys()),
        "only_after": len(new.keys() - old.keys()),
        "first_differing": [{"frame": frame, "index": index} for frame, index in differing[:_SHOWN]],
    }


def print_comparison(comparison: dict[str, Any]) -> None:
    """Print a comparison for a person."""
    if comparison["identical"]:
        text = f"identical to {comparison['before']}: {comparison['cells_same']} verdicts, byte for byte"
        typer.echo("\n".join(fold(text, rest="  ")))
        return
    text = (
        f"differs from {comparison['before']}: {comparison['differing']} outcomes differ, "
        f"{comparison['only_before']} only there, {comparison['only_after']} only here"
    )
    if comparison["by_another_engine"]:
        text += f"; {comparison['by_another_engine']} have the same class and verdict by another engine (--engine)"
    typer.echo("\n".join(fold(text, rest="  ")))
    for cell in comparison["first_differing"]:
        what = f" cell {cell['index']}" if cell["index"] >= 0 else ": its cells, or why it was rejected"
        typer.echo(f"  frame {cell['frame'][:12]}{what}")


def kept_frames(folder: Path) -> frozenset[str]:
    """Return the frames that decide a session's result: with an outcome, and not beyond the cell that it ended at."""
    outcomes, ahead = _outcomes(folder)
    return frozenset(key[0] for key in outcomes.keys() - ahead if key[1] < 0)


def _by_another_engine(old: _Outcome, new: _Outcome) -> bool:
    """Return whether two verdicts are the same but for the engine, and so perhaps for their last digits."""
    if not (isinstance(old, Counted) and isinstance(new, Counted)):
        return False
    return old.engine != new.engine and (old.cls, old.verdict) == (new.cls, new.verdict)


def _decisive(cell: FoundCell) -> FoundCell:
    """Return a cell without its stain where it gets no verdict: no stain is measured there, as earlier versions did."""
    return cell if cell.is_judged else replace(cell, stain=None)


def _without_size(cell: FoundCell) -> FoundCell:
    return cell if cell.stain is None else replace(cell, stain=replace(cell.stain, red_cell_um=None))


def _same(old: _Outcome, new: _Outcome) -> bool:
    """Compare canonical bytes; what an earlier version did not record of a cell is left out."""
    if isinstance(old, Counted) and isinstance(new, Counted):
        if old.look is None or new.look is None:
            old, new = replace(old, look=None), replace(new, look=None)
        return event_to_bytes(old) == event_to_bytes(new)
    if isinstance(old, _Cells) and isinstance(new, _Cells):
        return old.with_what_both_have(new) == new.with_what_both_have(old)
    return old == new


def _outcomes(folder: Path) -> tuple[dict[_Key, _Outcome], set[_Key]]:
    """Return verdicts by (frame, index), and frame outcomes by (frame, -1), rejections as canonical bytes.

    And which frame outcomes lie beyond the last counted cell, where the session ended at its target there.
    """
    outcomes: dict[_Key, _Outcome] = {}
    fold, last, stops = TallyFold(), None, False
    with LedgerReader.read(folder) as ledger:
        for recorded in ledger.events():
            event = recorded.event
            fold.apply(event)
            if isinstance(event, Opened):
                stops = event.settings.get("stop_at_target") is True
            elif isinstance(event, Counted):
                last = last if event.anew else (event.frame, -1)
                outcomes[event.frame, event.index] = event
            elif isinstance(event, Rejected):
                outcomes[event.frame, -1] = event_to_bytes(event)
            elif isinstance(event, Found):
                # How the scale was come by may differ (it is given in a replay); the cells may not.
                outcomes[event.frame, -1] = _Cells(event.um_per_px, tuple(map(_decisive, event.cells)))
    if last is None or not (stops and fold.target_reached):
        return outcomes, set()
    frames = [key for key in outcomes if key[1] < 0]
    return outcomes, set(frames[frames.index(last) + 1 :])
