"""A run at a scale that its red cells contradict: the record, the lines while it counts, the end, and the signature."""

import cv2
import pytest

from smearwatch.capture.slide.slide import Slide
from smearwatch.daemon.record.mark import SCALE_WORDS
from smearwatch.daemon.record.reading import LedgerReader
from tests.system.conftest import Here
from tests.system.test_run import session_folder, smearwatch

pytestmark = pytest.mark.system

TRUE_UM, GIVEN_UM = 0.09, 0.106


def test_a_scale_that_is_wrong_by_a_sixth_is_said_marked_and_kept_from_the_signature(tmp_path, here: Here):
    slide = Slide(3, um_per_px=TRUE_UM, width_px=720, height_px=480, leukocytes_per_mm2=500.0)
    for number in range(4):
        assert cv2.imwrite(str(tmp_path / f"{number}.png"), slide.field(number).bgr)
    run = smearwatch("run", "--watch", tmp_path, "--session", "odd", "--um-per-px", GIVEN_UM, "--until-idle", "0.5")
    assert run.returncode == 0, run.stderr
    with LedgerReader.read(session_folder("odd")) as ledger:
        found = list(ledger.found_frames())
    assert [(each.um_per_px, each.um_per_px_source) for each in found] == [(GIVEN_UM, "configured")] * 4
    assert [each.um_per_px_estimate for each in found] == [pytest.approx(TRUE_UM, rel=0.1)] * 4
    counting, _, summary = run.stdout.partition("\nsession odd: ")
    said = " ".join(counting.replace("\n# ", " ").split())
    assert said.count("scale contradicted: 0.106 um/px, as it was given, but the red cells of ") == 1
    assert "scale contradicted: 0.106 um/px, as it was given, but the red cells of 4" in summary
    for lines in (counting, summary):
        assert f"? {SCALE_WORDS}" in lines
    status, _, why = here("sessions", "sign", "odd", "--by", "A")
    assert status == 1
    assert "the scale is contradicted by the red cells: 0.106 um/px" in why
    assert '--overrule scale="..."' in why
