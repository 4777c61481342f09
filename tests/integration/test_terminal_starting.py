"""A count started from the terminal by a form, with a real run; what is refused before one begins."""

import os
import threading
import time
from pathlib import Path

import pytest
from textual.widgets import Input

from smearwatch.clients.controlling import control
from smearwatch.clients.starting import LOG_FILE, NotStarted, Wanted, start
from smearwatch.clients.terminal.forms import ChoiceScreen, FormScreen
from smearwatch.daemon.config import Settings
from smearwatch.daemon.place_setting import CameraPlace
from smearwatch.daemon.plan import RunPlan
from smearwatch.daemon.record.events import Opened
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.lock import holder
from smearwatch.daemon.record.reading import LedgerReader
from tests.integration.test_terminal_day import opened, typed
from tests.reviewed import close, record
from tests.terminal import drive, text_of, until

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(tmp_path):
    """Where a session is recorded, and a place is set whose folder is empty."""
    record(tmp_path / "sessions" / "monday", 6)
    close(tmp_path / "sessions" / "monday")
    (tmp_path / "camera").mkdir()
    return Settings(
        state_dir=tmp_path, runtime_dir=tmp_path / "run", places={"microscope 1": tmp_path / "camera"}, review=False
    )


def test_a_count_is_started_and_shown(settings):
    async def look(app, pilot):
        await until(pilot, lambda: app.shown.session == "monday")
        await pilot.press("s", "enter")
        await until(pilot, lambda: "microscope 1" in text_of(app))
        await pilot.press("down", "enter")
        await opened(pilot, FormScreen)
        await typed(pilot, "/nowhere/at/all", "H1", "", "", "", "")
        await until(pilot, lambda: "folder /nowhere/at/all does not exist" in app._remark)
        await opened(pilot, FormScreen)
        assert [field.value for field in app.screen.query(Input)][:2] == ["/nowhere/at/all", "H1"]
        await pilot.press("escape", "s", "enter")
        await opened(pilot, ChoiceScreen)
        await until(pilot, lambda: "microscope 1" in text_of(app))
        await pilot.press("enter")
        await opened(pilot, FormScreen)
        await typed(pilot, "H1", "B. Operator", "", "7", "one")
        await until(pilot, lambda: "session one is being counted, specimen H1" in app._remark)
        await until(pilot, lambda: app.shown.session == "one" and app.shown.connection == "live")

    try:
        drive(settings, look)
    finally:
        control(settings.runtime_dir, "stop", "one")
    deadline_s = time.monotonic() + 60
    while holder(settings.state_dir / "sessions" / "one") or "started" in {each.name for each in threading.enumerate()}:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    with LedgerReader.read(settings.state_dir / "sessions" / "one") as ledger:
        said, opening = ledger.description(), ledger.openings()[0]
    assert said is not None
    assert (said.specimen, said.operator, said.by, opening.target) == ("H1", "B. Operator", "B. Operator", 7)


def test_no_new_specimen_where_pictures_of_another_session_lie(settings):
    folder = settings.places["microscope 1"]
    assert isinstance(folder, Path)
    plan = RunPlan(settings=settings, session="x", source="folder", source_options={"dir": str(folder)})
    with Ledger.open(settings.state_dir / "sessions" / "monday") as ledger:
        here = {"origin_of": plan.origin()["origin_of"]}
        ledger.append([Opened(ledger.epoch, 1, "test", "monday", 100, 33.0, "filament", here)])
    (folder / "0.jpg").write_bytes(b"123456789")
    os.utime(folder / "0.jpg", ns=(1, 1))  # as the record has it
    with pytest.raises(NotStarted, match="pictures of session monday lie in the folder") as refused:
        start(settings, Wanted(folder, {"specimen": "H2"}, "A. Reader", "tuesday"))
    assert "or move its pictures out" in refused.value.hint
    assert not (settings.state_dir / LOG_FILE).exists()


def test_what_the_run_refuses_is_told_in_its_own_words(settings):
    nowhere = settings.model_copy(update={"weights": Path("no-weights")})
    with pytest.raises(NotStarted, match=f"no count: .*{Path.cwd()}/no-weights") as refused:
        start(nowhere, Wanted(settings.places["microscope 1"], {"specimen": "H2"}, "A. Reader", "tuesday"))
    assert LOG_FILE in refused.value.hint
    # A camera is a place, too: whether it is there the run itself says.
    with pytest.raises(NotStarted, match="no count: camera /dev/video97 does not exist"):
        start(settings, Wanted(CameraPlace(camera="97"), {"specimen": "H2"}, "A. Reader", "tuesday"))
    assert not (settings.state_dir / "sessions" / "tuesday").exists()
