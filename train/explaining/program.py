"""The program that shows what the network looked at, for whoever has no networks loaded.

``python -m smearwatch.train.explaining.program SESSION_FOLDER WEIGHTS_FOLDER...`` answers questions, see
`smearwatch.daemon.process.questions`: a view by ``frame`` and ``index``, and with it the map's PNG and ``side_um``,
``class``, ``probability``, ``coarse_um`` and ``says_nothing``, or ``why`` there is none.
"""

import os
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from smearwatch.daemon.process.questions import answer
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.session_statistics import MomentsLost
from smearwatch.models.checkpoint import WeightsUnusable
from smearwatch.train.data.samples import DataUnusable
from smearwatch.train.explaining.judged_cell import NotExplained, explain, find_weights

_FORESEEN = (NotExplained, DataUnusable, LedgerUnusable, MomentsLost, WeightsUnusable)


def main() -> None:
    """Answer until there are no more questions; whatever counts beside it goes first."""
    os.nice(10)
    torch.set_num_threads(1)
    session, *folders = (Path(each) for each in sys.argv[1:])
    answer(replies(session, folders))


def replies(session: Path, folders: list[Path]) -> Callable[[dict[str, Any], bytes], tuple[dict[str, Any], bytes]]:
    """Return what answers questions on the cells of a session, by weights that are in one of some folders."""
    networks = lru_cache(maxsize=1)(lambda identity: find_weights(identity, folders))

    def reply(header: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        frame, index = str(header["frame"]), int(header["index"])
        try:
            with LedgerReader.read(session) as ledger, ledger.at_one_moment():
                counted = ledger.verdict(frame, index)
                if counted is None:
                    raise NotExplained("this cell has no verdict", "wait until it is judged")
                explained = explain(ledger, counted, networks(counted.weights))
        except _FORESEEN as error:
            return {"why": f"{error} ({error.hint})"}, b""
        said = {"class": explained.cls, "probability": explained.probability, "side_um": explained.side_um}
        said |= {"coarse_um": round(explained.coarse_um, 1), "says_nothing": explained.says_nothing}
        return said, explained.map_png

    return reply


if __name__ == "__main__":
    main()
