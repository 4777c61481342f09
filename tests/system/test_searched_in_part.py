"""A run over fields whose light falls off in a disc: what is faintly seen beyond, and not searched, is told."""

import json

import cv2
import numpy as np
import pytest

from smearwatch.capture.slide.slide import Slide
from smearwatch.daemon.record.reading import LedgerReader
from tests.system.conftest import Here
from tests.system.test_run import session_folder, smearwatch

pytestmark = pytest.mark.system

SAYS = "2 pictures were searched in part: 62 to 63 % of each lies in the dark around a round field"


def test_what_is_faintly_seen_and_not_searched_is_told_everywhere(tmp_path, here: Here):
    slide, away = Slide(5, um_per_px=0.12, width_px=720, height_px=480), np.ogrid[:480, :720]
    light = 0.12 + 0.88 / (1.0 + np.exp((np.hypot(away[1] - 360, away[0] - 240) / 480 - 0.44) / 0.01))
    for number in range(2):
        shaded = np.clip(slide.field(number).bgr * light[..., None], 0, 255).astype(np.uint8)
        assert cv2.imwrite(str(tmp_path / f"{number}.png"), shaded)
    run = smearwatch("run", "--watch", tmp_path, "--session", "dark", "--until-idle", "0.5", "--um-per-px", "0.12")
    assert run.returncode == 0, run.stderr
    assert run.stderr.count("a picture is searched in part") == 1, run.stderr
    assert f"warning: {SAYS}" in " ".join(run.stdout.replace("\n# ", " ").split())
    status, shown, _ = here("sessions", "show", "dark")
    assert status == 0
    assert f"warning: {SAYS}" in " ".join(shown.split())
    with LedgerReader.read(session_folder("dark")) as ledger:
        assert [each.unsearched_percent for each in ledger.found_frames()] == [63, 62]
    replayed = smearwatch("replay", "dark", "--compare", "--into", "again", "--json")
    assert replayed.returncode == 0, replayed.stderr
    tally = json.loads(replayed.stdout.splitlines()[-1])
    assert tally["searched_in_part"] == {"pictures": 2, "least_percent": 62, "most_percent": 63}
    segmented = smearwatch("segment", tmp_path / "0.png", "--um-per-px", "0.12")
    assert "63 % of it lies in the dark around a round field" in segmented.stdout
    as_json = smearwatch("segment", tmp_path / "0.png", "--um-per-px", "0.12", "--json")
    assert json.loads(as_json.stdout)["unsearched_percent"] == 63
