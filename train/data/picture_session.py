"""Pictures of single cells as one session, in their order: each is judged as a run over them would judge it."""

from smearwatch.daemon.record.session_stain import StainWindow
from smearwatch.models.engine import Engine
from smearwatch.models.judgement import Judgement
from smearwatch.models.preprocess import Stain
from smearwatch.train.data.cells_in_order import CellsInOrder
from smearwatch.train.data.single_cell_crop import SingleCell
from smearwatch.train.data.stains import as_model, as_recorded


class PictureSession:
    """The session's stain and statistics at each picture's cell, as the hub folds them over what was found.

    A picture that comes twice is the same frame to a run, and enters once. One whose cell was not found gets the stain
    and statistics that it would have as the next cell, and does not enter, for a run would not count it.

    The first cells may be judged anew, as in a run, so their answers are to be asked for once they are settled.
    """

    def __init__(self) -> None:
        self._window = StainWindow()
        self._stains: dict[str, dict[int | None, Stain | None]] = {}
        self._cells = CellsInOrder()
        self._judged: dict[str, Judgement] = {}
        self._middle: set[tuple[str, int | None]] = set()

    def stain_at(self, cell: SingleCell) -> Stain | None:
        """Take in a picture's whole cells by their index; return the session's stain at the one in the middle."""
        return self._stains_of(cell)[cell.index]

    @property
    def is_settled(self) -> bool:
        """Whether no answer given until now will change."""
        return self._cells.is_settled

    def answer(self, frame: str) -> Judgement:
        """Return the answer that stands on a picture that was judged, by the SHA-256 (hex) of its bytes."""
        return self._judged[frame]

    def judge(self, cell: SingleCell, engine: Engine) -> None:
        """Judge the cell in the middle of a picture; where weights ask for statistics, its other whole cells before."""
        if cell.frame in self._judged:
            return
        stains = self._stains_of(cell)
        keys = [(cell.frame, index) for index in sorted(cell.crops_bgr)]
        if engine.manifest.session_statistics is not None:
            for key in keys:
                self._cells.found(key)
            here = [self._cells.judge(key, cell.crops_bgr[key[1]], stains[key[1]], engine) for key in keys]
            judged = None if cell.index is None else here[keys.index((cell.frame, cell.index))]
        else:
            judged = None
        if judged is None:
            judged = self._cells.judge_apart(cell.crop_bgr, stains[cell.index], engine)
        self._judged[cell.frame] = judged
        self._middle.add((cell.frame, cell.index))
        for key, anew in self._cells.judged_anew(engine).items():
            if key in self._middle:
                self._judged[key[0]] = anew

    def _stains_of(self, cell: SingleCell) -> dict[int | None, Stain | None]:
        """Return the session's stain at each whole cell of a picture, and under None at what is not among them."""
        if cell.frame not in self._stains:
            whole = cell.whole_cells
            stains: dict[int | None, Stain | None] = {}
            for index in sorted(whole):
                stains[index] = as_model(self._window.add(as_recorded(whole[index])))
            if cell.index is None:
                stains[None] = as_model(self._window.at(as_recorded(cell.stain)))
            self._stains[cell.frame] = stains
        return self._stains[cell.frame]
