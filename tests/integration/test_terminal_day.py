"""The day in the terminal: by one key the next specimen, another session, what a session is of."""

import threading
import time

import pytest
from textual.widgets import Input

from smearwatch.clients.terminal.forms import ChoiceScreen, FormScreen
from smearwatch.daemon.config import Settings
from smearwatch.daemon.record.earlier import followed_in
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.wire.messages import DrawLine, LineDrawn, SourceState
from tests.integration.hub_bench import Bench
from tests.reviewed import close, record
from tests.terminal import drive, text_of, until

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(tmp_path):
    for name in ("monday", "tuesday"):
        record(tmp_path / "sessions" / name, 6)
        close(tmp_path / "sessions" / name)
    return Settings(state_dir=tmp_path, runtime_dir=tmp_path / "run")


async def opened(pilot, kind):
    await until(pilot, lambda: isinstance(pilot.app.screen, kind))
    await pilot.pause()


async def typed(pilot, *texts):
    """Type into each field of a form, and Enter behind it."""
    for text in texts:
        await pilot.press(*text, "enter")
        await pilot.pause()


def test_a_session_is_described_and_another_one_found(settings):
    async def look(app, pilot):
        await until(pilot, lambda: app.shown.session == "monday")
        await pilot.press("s")
        await opened(pilot, ChoiceScreen)
        assert "This session is not being counted" in text_of(app)
        assert "pause" not in text_of(app)
        await pilot.press("down", "enter")
        await opened(pilot, FormScreen)
        await typed(pilot, "Slide q", "a/b", "", "", "")
        await until(pilot, lambda: "cannot be a number of one" in app._remark)
        # The form is there again, with what was typed and why it was refused.
        await opened(pilot, FormScreen)
        assert "cannot be a number of one" in " ".join(text_of(app).split())
        assert [field.value for field in app.screen.query(Input)] == ["Slide q", "a/b", "", "", "A. Reader"]
        await pilot.press("enter", *["backspace"] * 3)
        await typed(pilot, "H7", "", "", "")
        await until(pilot, lambda: "session monday: said" in app._remark)
        await pilot.press("s", "down", "down", "enter")
        await until(pilot, lambda: "Another session" in text_of(app))
        await until(pilot, lambda: "monday  title Slide q, specimen H7" in text_of(app))
        await pilot.press(*"tuesd")
        await until(pilot, lambda: "monday  title" not in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.shown.session == "tuesday")

    drive(settings, look)
    with LedgerReader.read(settings.state_dir / "sessions" / "monday") as ledger:
        said = ledger.description()
    assert said is not None
    assert (said.title, said.specimen, said.by) == ("Slide q", "H7", "A. Reader")


def test_the_next_specimen_and_pause_are_asked_of_the_run(tmp_path):
    bench = Bench(tmp_path)
    source = bench.peer("source", "s")
    bench.offer(source, b"one")

    def draw():
        while (received := source.receive(0.0)) is not None:
            if isinstance(received[0], DrawLine):
                source.send(LineDrawn(received[0].request))

    async def look(app, pilot):
        await until(pilot, lambda: app.shown.session == "t")
        await pilot.press("s", "down", "enter")
        await until(pilot, lambda: "paused: no new pictures are read" in app._remark)
        await until(pilot, lambda: app.shown.paused)
        await pilot.press("s", "enter")
        await opened(pilot, FormScreen)
        await typed(pilot, "H2", "B", "", "50")
        await until(pilot, lambda: "specimen H2 comes next" in app._remark)

    failed: list[BaseException] = []

    def run():
        try:
            drive(bench.plan.settings, look, live=True, session="t")
        except BaseException as error:  # noqa: BLE001  # shown by the test's own thread
            failed.append(error)

    # The hub is turned here, as its process would turn it, while the screen lives in a thread of its own.
    thread = threading.Thread(target=run)
    thread.start()
    began_s = time.monotonic() - bench.now
    while thread.is_alive():
        bench.now = time.monotonic() - began_s
        source.send(SourceState(0, True, False, {}))
        for _ in range(5):
            bench.hub.turn(0.1)
        draw()
    thread.join()
    assert not failed, failed
    followed = followed_in(bench.ledger)
    assert followed is not None
    assert (dict(followed.said), followed.target, followed.by) == (
        {"specimen": "H2", "operator": "B"},
        50,
        "B",
    )
    bench.close()
