"""Pictures of single cells as one session, in their order: each is judged as a run over them would judge it."""

import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.daemon.record.session_stain import StainWindow
from smearwatch.daemon.record.session_statistics import SessionStatistics, StatisticsFold
from smearwatch.daemon.record.values import digest_of
from smearwatch.models.engine import Engine, Judgement, SessionMoments
from smearwatch.models.preprocess import Stain
from smearwatch.train.data.single_cell_crop import SingleCell
from smearwatch.train.data.stains import as_model, as_recorded

_KEPT = 2048  # of the cells' moments: more than the statistics look back upon


class PictureSession:
    """The session's stain and statistics at each picture's cell, as the hub folds them over what was found.

    A picture that comes twice is the same frame to a run, and enters once. One whose cell was not found gets the stain
    and statistics that it would have as the next cell, and does not enter, for a run would not count it.

    The first cells may be judged anew, as in a run, so their answers are to be asked for once they are settled.
    """

    def __init__(self) -> None:
        self._window = StainWindow()
        self._stains: dict[str, dict[int | None, Stain | None]] = {}
        self._moments: dict[tuple[str, int], bytes] = {}
        self._statistics = StatisticsFold(lambda frame, index: self._moments.get((frame, index)))
        self._judged: dict[str, Judgement] = {}
        self._first: dict[tuple[str, int], tuple[Image, Stain | None]] = {}  # those that may be judged anew
        self._middle: set[tuple[str, int | None]] = set()

    def stain_at(self, cell: SingleCell) -> Stain | None:
        """Take in a picture's whole cells by their index; return the session's stain at the one in the middle."""
        return self._stains_of(cell)[cell.index]

    @property
    def is_settled(self) -> bool:
        """Whether no answer given until now will change."""
        return not self._first

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
            here = [self._judge_whole(key, cell, stains[key[1]], engine) for key in self._entered(keys)]
            judged = None if cell.index is None else here[keys.index((cell.frame, cell.index))]
        else:
            judged = None
        if judged is None:
            session = _as_model(self._statistics.at_next())
            judged = engine.judge([cell.crop_bgr], [stains[cell.index]], [session])[0]
        self._judged[cell.frame] = judged
        self._middle.add((cell.frame, cell.index))
        self._judge_anew(engine)

    def _judge_anew(self, engine: Engine) -> None:
        """Judge the first cells anew once there are enough, where the session is strange."""
        first = self._statistics.first_cells()
        if first is not None:
            crops, stains = zip(*(self._first[key] for key in first.cells), strict=True)
            answers = engine.judge(crops, stains, [_as_model(first.statistics)] * len(first.cells))
            for key, judged in zip(first.cells, answers, strict=True):
                if judged.statistics_cells and key in self._middle:
                    self._judged[key[0]] = judged
            self._statistics.settle_first()
        if self._statistics.first_settled:
            self._first.clear()

    def _entered(self, keys: list[tuple[str, int]]) -> list[tuple[str, int]]:
        for key in keys:
            self._statistics.found(key)
        return keys

    def _judge_whole(self, key: tuple[str, int], cell: SingleCell, stain: Stain | None, engine: Engine) -> Judgement:
        session = _as_model(self._statistics.at(*key))
        judgement = engine.judge([cell.crops_bgr[key[1]]], [stain], [session])[0]
        if self._statistics.is_first(*key):
            self._first[key] = cell.crops_bgr[key[1]], stain
        assert judgement.moments is not None
        kept = judgement.moments.astype("<f2").tobytes()
        self._moments[key] = kept
        if len(self._moments) > _KEPT:
            del self._moments[next(iter(self._moments))]
        rejected = judgement.verdict == "rejected"
        self._statistics.counted(key, engine.weights_id, judgement.unfamiliar, digest_of(kept), rejected=rejected)
        return judgement

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


def _as_model(statistics: SessionStatistics | None) -> SessionMoments | None:
    if statistics is None:
        return None
    values = np.frombuffer(statistics.moments, dtype="<f4").reshape(2, -1).astype(np.float32)
    return SessionMoments(statistics.weights, statistics.cells, statistics.unfamiliar, values)
