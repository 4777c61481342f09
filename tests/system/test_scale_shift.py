"""A run in which a lens of 1.25 times is pushed in: it is said from which picture on, and keeps from the signature."""

import json

import cv2
import pytest

from smearwatch.capture.slide.slide import Slide
from smearwatch.daemon.record.reading import LedgerReader
from tests.system.conftest import Here
from tests.system.test_run import session_folder, smearwatch

pytestmark = pytest.mark.system

SAYS = "the magnification seems to change: the red cells of 4 pictures, from 08.png on, say"


def test_a_small_change_of_magnification_is_said_everywhere_and_a_replay_says_the_same(tmp_path, here: Here):
    slides = [Slide(3, um_per_px=um, width_px=960, height_px=720) for um in (0.1, 0.08)]
    for number in range(12):
        assert cv2.imwrite(str(tmp_path / f"{number:02}.png"), slides[number >= 8].field(number).bgr)
    run = smearwatch("run", "--watch", tmp_path, "--session", "zoom", "--until-idle", "0.5")
    assert run.returncode == 0, run.stderr
    assert SAYS in " ".join(run.stdout.replace("\n# ", " ").split())
    status, shown, _ = here("sessions", "show", "zoom")
    assert status == 0
    assert f"scale contradicted: {SAYS}" in " ".join(shown.split())
    assert "of the other magnification: 08.png (red cells say 0.0" in shown
    status, _, why = here("sessions", "sign", "zoom", "--by", "A")
    assert status == 1
    assert SAYS in " ".join(why.split())
    replayed = smearwatch("replay", "zoom", "--compare", "--into", "again", "--json")
    assert replayed.returncode == 0, replayed.stderr
    assert SAYS in json.loads(replayed.stdout.splitlines()[-1])["scale_contradicted"]["says"]
    own = []
    for name in ("zoom", "again"):
        with LedgerReader.read(session_folder(name)) as ledger:
            own.append([each.um_per_px_own for each in ledger.found_frames()])
    assert own[0] == own[1]
    assert own[0][:3] == [None] * 3
    assert sum(each is not None for each in own[0]) >= 8
