"""A field out of focus, then the same place sharp: each leukocyte is counted once, by the sharp view; again alike."""

import json
import os
import signal

import cv2
import pytest

from smearwatch.capture.slide.slide import Slide
from smearwatch.daemon.record.events import Counted, Seen
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.views import views_by_cell
from tests.in_process import run_here
from tests.system.test_once import finder_of
from tests.system.test_run import counted, fold_of, session_folder, smearwatch, start, wait_for

pytestmark = pytest.mark.system

UM_PER_PX = 0.11


@pytest.fixture
def watched(tmp_path):
    """Three fields of a slide, each out of focus, sharp, and a hair less sharp."""
    folder = tmp_path / "camera"
    folder.mkdir()
    slide = Slide(5, um_per_px=UM_PER_PX, leukocytes_per_mm2=500.0)
    for number in range(3):
        sharp = slide.field(number).bgr
        for order, blur_um in enumerate((0.46, 0.0, 0.1)):
            bgr = cv2.GaussianBlur(sharp, (0, 0), blur_um / UM_PER_PX) if blur_um else sharp
            assert cv2.imwrite(str(folder / f"{number}-{order}.jpg"), bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return folder


def sharp_views_stand(session):
    """Every counted leukocyte was judged twice, and the verdict that stands is the one on the sharp field."""
    with LedgerReader.read(session_folder(session)) as ledger:
        names = {r.event.frame: r.event.name for r in ledger.events() if isinstance(r.event, Seen)}
        judged = [r.event for r in ledger.events() if isinstance(r.event, Counted)]
        views = views_by_cell(ledger)
    twice = [view for view in views.values() if len(view.all) == 3]
    assert len(twice) >= 12
    for view in twice:
        assert [names[frame][2] for frame, _ in view.all] == ["0", "1", "2"]
        assert (view.best, view.judged_again) == (view.all[1], 1)
    return judged


def test_the_sharp_view_is_judged_instead_of_the_blurred_one(watched):
    run = start(
        "run", "--watch", watched, "--session", "focus", "--um-per-px", UM_PER_PX, "--until-idle", "4", "--json"
    )
    wait_for(lambda: counted("focus") > 2)
    os.kill(finder_of(run), signal.SIGKILL)
    out, err = run.communicate(timeout=250)
    assert run.returncode == 0, err
    result = json.loads(out.splitlines()[-1])
    assert (result["complete"], result["balanced"]) == (True, True)
    judged = sharp_views_stand("focus")
    again = [event for event in judged if event.instead_of is not None]
    assert result["judged_again"] == len(again) >= 12
    assert any((event.cls, event.verdict) != (event.instead_of.cls, event.instead_of.verdict) for event in again)
    assert result["cells"] + result["rejected"] == len(judged) - len(again)
    fold, cells = fold_of("focus")
    assert fold.counts == result["counts"]
    assert len(cells) == len(set(cells))
    exported = run_here("sessions", "export", "focus", "--json")
    rows = [json.loads(line) for line in exported.stdout.splitlines()]
    told = [row["class"] for row in rows if row["class"] is not None and row["verdict"] != "rejected"]
    assert {name: told.count(name) for name in result["counts"]} == result["counts"]
    replayed = smearwatch("replay", "focus", "--compare", "--into", "again", "--json")
    assert replayed.returncode == 0, replayed.stderr
    end = json.loads(replayed.stdout.splitlines()[-1])
    assert end["comparison"]["identical"]
    assert end["judged_again"] == result["judged_again"]


@pytest.mark.long
def test_only_first_views_are_judged_where_that_is_set(watched, monkeypatch):
    monkeypatch.setenv("SMEARWATCH_JUDGED_VIEW", "first")
    done = smearwatch(
        "run", "--watch", watched, "--session", "first", "--um-per-px", UM_PER_PX, "--until-idle", "3", "--json"
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["judged_again"] == 0
    assert result["seen_again"] >= 12
    monkeypatch.delenv("SMEARWATCH_JUDGED_VIEW")
    replayed = smearwatch("replay", "first", "--compare", "--json")
    assert replayed.returncode == 0, replayed.stderr
