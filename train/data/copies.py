"""Whether two recorded sessions show the same cells: one of them is a copy, and its cells would count twice."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.views import CellKey

_What = TypeVar("_What")


class Shown(Generic[_What]):
    """Remembers which session showed what.

    A copy has the frames of its original, by their bytes. One that was exported without names has frames of other
    bytes, and its cells' small pictures are still the same.
    """

    def __init__(self) -> None:
        self._shown_in: dict[str, _What] = {}

    def earlier(self, known_by: Sequence[str], session: _What) -> _What | None:
        """Return an earlier session that is `known_by` one of these, too; where none is, remember this one."""
        other = next((self._shown_in[each] for each in known_by if each in self._shown_in), None)
        if other is None:
            self._shown_in |= dict.fromkeys(known_by, session)
        return other


def known_by(folder: Path, cells: Iterable[CellKey]) -> list[str]:
    """Return by what a session's cells are known elsewhere: their frames and their small pictures.

    Raises
    ------
    LedgerUnusable
        The session cannot be read.
    """
    known: dict[str, None] = {}
    with LedgerReader.read(folder) as ledger:
        for frame, index in cells:
            known[frame] = None
            if (jpeg := ledger.thumbnail(frame, index)) is not None:
                known[f"picture {hashlib.sha256(jpeg).hexdigest()}"] = None
    return [*known]
