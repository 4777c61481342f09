"""Cells judged in the order of finding, each with its session's statistics, as the hub leases them to the workers."""

import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.daemon.record.session_statistics import SessionStatistics, StatisticsFold
from smearwatch.daemon.record.values import digest_of
from smearwatch.daemon.record.views import CellKey
from smearwatch.models.engine import Engine, SessionMoments
from smearwatch.models.judgement import Judgement
from smearwatch.models.preprocess import Stain

_KEPT = 2048  # of the cells' moments: more than the statistics look back upon


class CellsInOrder:
    """The cells of one session, which one engine judges one after the other.

    The first ones may be judged anew once all of them are there, as in a count.
    """

    def __init__(self) -> None:
        self._moments: dict[CellKey, bytes] = {}
        self._statistics = StatisticsFold(lambda frame, index: self._moments.get((frame, index)))
        self._first: dict[CellKey, tuple[Image, Stain | None]] = {}

    @property
    def is_settled(self) -> bool:
        """Whether no answer given until now will change."""
        return not self._first

    def found(self, key: CellKey, *, better: bool = False) -> None:
        """Take in a cell that is to be judged; a better view of one before it is named so."""
        self._statistics.found(key, better=better)

    def judge(
        self, key: CellKey, crop_bgr: Image, stain: Stain | None, engine: Engine, better_than: CellKey | None = None
    ) -> Judgement:
        """Judge a cell that was found, at the session's statistics there, and let it count for those of later ones.

        Parameters
        ----------
        better_than
            The view of the same leukocyte whose verdict this one replaces.
        """
        judgement = engine.judge([crop_bgr], [stain], [_as_model(self._statistics.at(*key))])[0]
        kept = None if judgement.moments is None else judgement.moments.astype("<f2").tobytes()
        if kept is not None:
            self._moments[key] = kept
            if len(self._moments) > _KEPT:
                del self._moments[next(iter(self._moments))]
            if self._statistics.is_first(*key):
                self._first[key] = crop_bgr, stain
        if better_than is not None:
            self._statistics.replaced(better_than)
        rejected, digest = judgement.verdict == "rejected", None if kept is None else digest_of(kept)
        strange = judgement.unfamiliar or judgement.strange
        self._statistics.counted(key, engine.weights_id, strange, digest, rejected=rejected)
        return judgement

    def judged_anew(self, engine: Engine) -> dict[CellKey, Judgement]:
        """Return other answers to the first cells, once there are enough, where the session is strange."""
        first, answers = self._statistics.first_cells(), {}
        if first is not None:
            crops, stains = zip(*(self._first[key] for key in first.cells), strict=True)
            judged = engine.judge(crops, stains, [_as_model(first.statistics)] * len(first.cells))
            answers = {key: each for key, each in zip(first.cells, judged, strict=True) if each.statistics_cells}
            self._statistics.settle_first()
        if self._statistics.first_settled:
            self._first.clear()
        return answers

    def judge_apart(self, crop_bgr: Image, stain: Stain | None, engine: Engine) -> Judgement:
        """Judge a cell as the next one, which does not enter the session."""
        return engine.judge([crop_bgr], [stain], [_as_model(self._statistics.at_next())])[0]


def _as_model(statistics: SessionStatistics | None) -> SessionMoments | None:
    if statistics is None:
        return None
    values = np.frombuffer(statistics.moments, dtype="<f4").reshape(2, -1).astype(np.float32)
    return SessionMoments(statistics.weights, statistics.cells, statistics.unfamiliar, values)
