"""What the network looked at in a judged cell: under the weights that judged it, or refused in one line."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.slide.slide import Slide
from smearwatch.daemon.process.questions import NoAnswer, Questions
from smearwatch.daemon.record.events import Counted, Found, FoundCell, Opened, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.models.checkpoint import shipped_weights_dir
from smearwatch.models.classes import CLASSES
from smearwatch.models.engine import Engine
from smearwatch.train.explaining.program import replies

pytestmark = pytest.mark.integration

UM = 0.1


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> Path:
    """Record three cells of a drawn field: one as the networks judged it, one judged otherwise, one not judged."""
    slide = Slide(7, um_per_px=UM, width_px=900, height_px=600)
    data, found = next(
        (data, found)
        for data in (cv2.imencode(".png", slide.field(index).bgr)[1].tobytes() for index in range(20))
        if isinstance(found := find(data, um_per_px=UM, um_per_px_source=None), FieldFound)
        and sum(cell.crop_bgr is not None for cell in found.cells) >= 3
    )
    whole = [cell for cell in found.cells if cell.crop_bgr is not None][:3]
    cells = tuple(
        FoundCell(cell.index, cell.leukocyte.box, cell.leukocyte.centre_xy_px, 90.0, False, 1.0) for cell in whole
    )
    folder: Path = tmp_path_factory.mktemp("state") / "sessions" / "monday"
    engine = Engine.load(shipped_weights_dir(), device="cpu")
    judged = engine.judge([cell.crop_bgr for cell in whole[:2] if cell.crop_bgr is not None])
    with Ledger.open(folder) as ledger:
        frame = ledger.frames.put(data)
        counted = [
            Counted(
                frame, cell.index, j.cls, j.verdict, j.probabilities, j.verifiers, j.reject_score, engine.weights_id
            )
            for cell, j in zip(whole, judged, strict=False)
        ]
        counted[1] = replace(counted[1], probabilities=tuple(reversed(counted[1].probabilities)))
        ledger.append([Opened(1, 5, "0", "monday", 100, 33.0, "filament", {})])
        ledger.append([Seen(frame, "a.png", len(data), 0, None, None, True, "folder")])
        ledger.append([Found(frame, 900, 600, UM, "configured", None, 0.5, cells), *counted])
    return folder


def verdicts(session: Path) -> list[Counted]:
    with LedgerReader.read(session) as ledger:
        return [each.event for each in ledger.events() if isinstance(each.event, Counted)]


def test_the_map_is_of_the_answer_that_is_recorded(session: Path):
    cell = verdicts(session)[0]
    said, png = replies(session, [Path("/nowhere"), shipped_weights_dir()])(
        {"frame": cell.frame, "index": cell.index}, b""
    )
    assert said["class"] == cell.cls
    assert said["probability"] == pytest.approx(cell.probabilities[CLASSES.index(cell.cls)], abs=1e-5)
    assert 15 < said["side_um"] <= 33
    assert said["coarse_um"] == pytest.approx(said["side_um"] / 4, abs=0.1)
    map_ = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    assert map_ is not None
    alpha = map_[..., 3]
    assert map_.shape == (384, 384, 4)
    assert (said["says_nothing"], int(alpha.max()) > 150) == (False, True)
    assert alpha.min() < 30  # clear where nothing spoke for it
    # It belongs to the cell: its stronger half lies where the cell is, in the middle.
    heavy = alpha.astype(float) / alpha.sum()
    assert heavy[96:288, 96:288].sum() > 0.25


def test_what_cannot_be_shown_is_one_line(session: Path):
    judged, otherwise = verdicts(session)
    here, away = replies(session, [shipped_weights_dir()]), replies(session, [Path("/nowhere")])
    assert away({"frame": judged.frame, "index": judged.index}, b"") == (
        {
            "why": f"the weights that named this cell ({judged.weights[:12]}) are not on this computer, or are damaged "
            "(set weights to their folder)"
        },
        b"",
    )
    said, png = here({"frame": otherwise.frame, "index": otherwise.index}, b"")
    assert ("is recorded" in said["why"], png) == (True, b"")
    assert "has no verdict" in here({"frame": judged.frame, "index": 99}, b"")[0]["why"]


def test_a_program_that_ends_or_hangs_is_no_answer_and_is_started_again(tmp_path: Path, monkeypatch):
    (tmp_path / "asked_in_test.py").write_text(
        "import time\n"
        "from smearwatch.daemon.process.questions import answer\n"
        "def reply(header, data):\n"
        "    print('noise on the standard output')\n"
        "    if header['do'] == 'hang':\n"
        "        time.sleep(60)\n"
        "    if header['do'] == 'end':\n"
        "        raise SystemExit\n"
        "    return {'got': header['do']}, data[::-1]\n"
        "answer(reply)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    questions = Questions("asked_in_test", longest_s=2.0)
    assert questions.ask({"do": "turn"}, b"abc") == ({"got": "turn"}, b"cba")
    assert questions.ask({"do": "large"}, bytes(3_000_000))[1] == bytes(3_000_000)
    for trouble in ("end", "hang"):
        with pytest.raises(NoAnswer):
            questions.ask({"do": trouble})
        assert questions.ask({"do": "again"}) == ({"got": "again"}, b"")
    questions.close()
