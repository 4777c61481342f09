"""A run in which the objective is changed: a picture before that is seen is named, and keeps from the signature."""

import json

import cv2
import numpy as np
import pytest

from smearwatch.capture.slide.slide import Slide
from smearwatch.daemon.record.reading import LedgerReader
from tests.system.conftest import Here
from tests.system.test_run import session_folder, smearwatch

pytestmark = pytest.mark.system

UM = 0.1
SAYS = "1 picture (1 cell) beside some through another objective may be through it, too: 4.png"


def lone_cell():
    """A leukocyte on bare glass, through which objective nobody can tell."""
    bgr = np.full((480, 720, 3), 200, np.uint8)
    cv2.circle(bgr, (360, 240), 50, (190, 160, 165), -1, cv2.LINE_AA)
    cv2.circle(bgr, (360, 240), 38, (140, 50, 80), -1, cv2.LINE_AA)
    return bgr


def test_what_may_have_been_taken_through_another_objective_is_named_everywhere(tmp_path, here: Here):
    slide, wide = (
        Slide(3, um_per_px=UM, width_px=720, height_px=480),
        Slide(3, um_per_px=UM, width_px=1440, height_px=960),
    )
    pictures = [slide.field(number).bgr for number in range(4)]
    shrunken = cv2.resize(wide.field(4).bgr, (720, 480), interpolation=cv2.INTER_AREA)
    pictures += [lone_cell(), np.asarray(shrunken, np.uint8)]
    for number, bgr in enumerate(pictures):
        assert cv2.imwrite(str(tmp_path / f"{number}.png"), bgr)
    run = smearwatch("run", "--watch", tmp_path, "--session", "odd", "--until-idle", "0.5")
    assert run.returncode == 0, run.stderr
    assert SAYS in " ".join(run.stdout.replace("\n# ", " ").split())
    status, shown, _ = here("sessions", "show", "odd")
    assert status == 0
    assert f"scale contradicted: {SAYS}" in " ".join(shown.split())
    assert "  in doubt: 4.png" in shown
    status, _, why = here("sessions", "sign", "odd", "--by", "A")
    assert status == 1
    assert "through it, too: 4.png" in " ".join(why.split())
    replayed = smearwatch("replay", "odd", "--compare", "--into", "again", "--json")
    assert replayed.returncode == 0, replayed.stderr
    tally = json.loads(replayed.stdout.splitlines()[-1])
    assert tally["scale_contradicted"]["in_doubt"] == ["4.png"]
    unsure = []
    for name in ("odd", "again"):
        with LedgerReader.read(session_folder(name)) as ledger:
            unsure.append([each.frame for each in ledger.found_frames() if each.scale_unsure])
    assert unsure[0] == unsure[1] != []
