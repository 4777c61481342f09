"""A count started from the page with a real browser and a real run: at a place, once, and it outlives the page."""

import os

import numpy as np
import pytest

from smearwatch.clients.starting import LOG_FILE
from smearwatch.clients.web.app import ReadAs
from smearwatch.clients.web.sessions import SessionPages
from smearwatch.daemon.config import Settings
from smearwatch.daemon.record.lock import holder
from smearwatch.daemon.record.reading import LedgerReader
from tests.paged import opened, reviewing
from tests.reviewed import close, jpeg, record
from tests.system.test_control import control
from tests.system.test_run import frames_seen, session_folder, wait_for

pytestmark = pytest.mark.system

SEND = """async (place) => {
  const headers = { "content-type": "application/json", "x-smearwatch": "1" };
  const answer = await fetch("start", { method: "POST", headers, body: JSON.stringify({ place, specimen: "H2" }) });
  return [answer.status, await answer.text()];
}"""


def test_started_at_a_place_once_and_it_outlives_the_page(browser, tmp_path, monkeypatch):
    state, camera = tmp_path / "state" / "smearwatch", tmp_path / "camera"
    monkeypatch.setenv("SMEARWATCH_RUNTIME_DIR", str(state / "run"))
    record(state / "sessions" / "monday", 6)
    close(state / "sessions" / "monday")
    camera.mkdir()
    (camera / "a.jpg").write_bytes(jpeg(np.full((480, 640, 3), 230, np.uint8)))
    config = tmp_path / "lab.toml"
    config.write_text(f'[places]\ngone = "{tmp_path}/gone"\n"microscope 1" = "{camera}"\n')
    with (
        reviewing(state, "monday", "--config", str(config), "--by", "A. Reader") as (link, _),
        opened(browser, link, refused=("409",)) as page,
    ):
        page.click("nav a:has-text('all sessions')")
        page.click("#start")
        page.fill("#starting [name=specimen]", "H1")
        page.click("#starting [type=submit]")  # the first place, whose folder is not there
        page.wait_for_selector("#starting .refused:has-text('does not exist')")
        assert page.evaluate(SEND, str(camera))[1].startswith("no place is called")
        page.select_option("#starting [name=place]", "microscope 1")
        page.fill("#starting [name=target]", "7")
        page.fill("#starting [name=session]", "one")
        page.click("#starting [type=submit]")
        assert "a count is being started just now" in page.evaluate(SEND, "microscope 1")[1]
        page.wait_for_url("**/session/one/")
        page.wait_for_selector("#said:has-text('specimen H1')")
        status, text = page.evaluate(SEND, "microscope 1")
        assert (status, text.partition(" (")[0]) == (409, "session one is being counted")
    wait_for(lambda: frames_seen("one") == 1)
    assert control("stop").startswith("session one is being stopped")
    wait_for(lambda: holder(session_folder("one")) is None)
    with LedgerReader.read(session_folder("one")) as ledger:
        said, opening = ledger.description(), ledger.openings()[0]
    assert said is not None
    assert (said.specimen, said.by, opening.target) == ("H1", "A. Reader", 7)
    assert os.stat(state / LOG_FILE).st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (state / "sessions").iterdir()) == ["monday", "one"]


def test_a_second_readers_page_starts_nothing(tmp_path):
    record(tmp_path / "sessions" / "monday", 6)
    settings = Settings(state_dir=tmp_path, runtime_dir=tmp_path / "run")
    paths = []
    for reading in (None, "second"):
        pages = SessionPages(settings, ReadAs("A. Reader", reading), tmp_path / "sessions" / "monday")
        paths.append([getattr(route, "path", "") for route in pages.routes()])
        pages.close()
    assert ["/start" in each for each in paths] == [True, False]
