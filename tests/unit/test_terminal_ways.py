"""How the terminal client begins, obeys keys and ends; the demonstration's screen, too."""

import asyncio
import threading
from pathlib import Path

import pytest

from smearwatch.clients.terminal.demo import DemoApp
from smearwatch.clients.terminal.messages import ViewCame
from smearwatch.clients.terminal.theme import DARK, LIGHT, initial_theme
from smearwatch.daemon.record.schema import LedgerUnusable
from tests.unit.clients_script import ScriptedHub, counted_frames
from tests.unit.terminal_screen import RESEARCH_USE, run_app, some_cells, text_of
from tests.unit.test_clients_lines import view_of


@pytest.fixture
def view():
    return some_cells()


def test_a_key_that_does_nothing_says_why(view):
    async def look(app, pilot):
        await pilot.press("p")
        await pilot.pause()
        assert "No room for pictures of the last cells: make the window larger" in "\n".join(text_of(app))
        assert RESEARCH_USE in "\n".join(text_of(app))

    run_app(lambda show, _: show(view), (80, 24), look)


def test_keys(view):
    async def look(app, pilot):
        for key, sign, there in (
            ("question_mark", "Keys of the count", True),
            ("escape", "Keys of the count", False),
            ("p", "\N{LOWER HALF BLOCK}", False),
            ("p", "\N{LOWER HALF BLOCK}", True),
        ):
            await pilot.press(key)
            await pilot.pause()
            text = "\n".join(text_of(app))
            assert (sign in text) == there, key
            assert RESEARCH_USE in text, key
        for theme in (LIGHT, DARK):
            await pilot.press("d")
            assert app.theme == theme.name
        await pilot.press("q")

    assert run_app(lambda show, _: show(view), (120, 40), look).return_code == 0


def test_an_error_of_the_source_ends_it_and_is_handed_over():
    error = LedgerUnusable(Path("ledger.sqlite"), "is damaged", "restore it")

    def bring(show, stopped):
        raise error

    async def look(app, pilot):
        await pilot.pause()

    app = run_app(bring, (80, 24), look)
    assert (app.return_value, app.return_code) == (error, 1)


def demo_screen(bring, look):
    """Run the demo's screen until it closes; returns what it ended with."""

    async def run():
        app = DemoApp(bring, waiting="starting the count", caption="simulated slide 1", stays=False)
        async with app.run_test(size=(80, 24)) as pilot:
            await look(app, pilot)
            await pilot.pause()
        return app

    return asyncio.run(run())


def test_the_demos_screen_says_what_is_seen_and_closes_by_itself(view):
    stop = threading.Event()
    found: list[str] = []
    words = ("simulated slide 1", "q Close this screen", RESEARCH_USE)

    def bring(show, stopped):
        show(view)
        stop.wait(60)

    async def look(app, pilot):
        for _ in range(400):  # on a busy machine the source begins late
            found[:] = [word for word in words if word in "\n".join(text_of(app))]
            if len(found) == len(words):
                break
            await pilot.pause(0.05)
        stop.set()
        for _ in range(400):
            if not app.is_running:
                break
            await pilot.pause(0.05)

    app = demo_screen(bring, look)
    assert app.return_value is None
    assert not app.is_running
    assert tuple(found) == words


@pytest.mark.parametrize(("key", "ends_with"), [("q", type(None)), ("ctrl+c", KeyboardInterrupt)])
def test_the_demos_screen_can_be_closed_or_ended(view, key, ends_with):
    def bring(show, stopped):
        while not stopped():
            threading.Event().wait(0.02)

    async def look(app, pilot):
        await pilot.press(key)

    assert isinstance(demo_screen(bring, look).return_value, ends_with)


@pytest.mark.parametrize(("variable", "theme"), [("15;0", DARK), ("0;15", LIGHT), ("0;default;7", LIGHT), ("", DARK)])
def test_the_theme_suits_the_terminal(monkeypatch, variable, theme):
    monkeypatch.setenv("COLORFGBG", variable)
    assert initial_theme() == theme.name


def test_the_bell_rings_once_when_the_target_is_reached_and_the_line_stays():
    hub = ScriptedHub("smear-7")
    hub.start(target=3)
    hub.commit(*counted_frames(0, 2))
    before = view_of(hub)
    hub.commit(*counted_frames(2, 3))
    at, rung = view_of(hub), []

    async def look(app, pilot):
        app.bell = lambda: rung.append(1)
        for view in (before, at, at, before, at):
            app.post_message(ViewCame(view))
            await pilot.pause()
        assert "target reached: 3 of 3 cells" in "\n".join(text_of(app))

    run_app(lambda show, _: show(before), (80, 24), look)
    assert rung == [1]
