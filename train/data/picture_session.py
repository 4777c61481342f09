"""Pictures of single cells as one session, in their order: each gets the stain that a run over them would give it."""

from smearwatch.daemon.record.session_stain import StainWindow
from smearwatch.models.preprocess import Stain
from smearwatch.train.data.single_cell_crop import SingleCell
from smearwatch.train.data.stains import as_model, as_recorded


class PictureSession:
    """The session's stain at each picture's cell, as the hub folds it over what was found.

    A picture that comes twice is the same frame to a run, and enters once. One whose cell was not found gets the stain
    that it would have as the next cell, and does not enter, for a run would not count it.
    """

    def __init__(self) -> None:
        self._window = StainWindow()
        self._known: dict[str, Stain | None] = {}

    def stain_at(self, cell: SingleCell) -> Stain | None:
        """Take in a picture's whole cells by their index; return the session's stain at the one in the middle."""
        if cell.frame in self._known:
            return self._known[cell.frame]
        stains = {index: self._window.add(as_recorded(cell.whole_cells[index])) for index in sorted(cell.whole_cells)}
        here = self._window.at(as_recorded(cell.stain)) if cell.index is None else stains[cell.index]
        self._known[cell.frame] = as_model(here)
        return self._known[cell.frame]
