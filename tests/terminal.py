"""The terminal client before a recorded session, driven as a person uses it, without a terminal."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from smearwatch.clients.terminal.app import WatchApp
from smearwatch.clients.terminal.graphics import Pictures
from smearwatch.clients.terminal.readers import Readers
from smearwatch.clients.terminal.start import followed, recorded
from smearwatch.daemon.config import Settings
from smearwatch.daemon.record.draw import DrawFold
from smearwatch.daemon.record.events import Labelled
from smearwatch.daemon.record.labels import make_labels
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.verifying import verify
from tests.reviewed import close, record

Look = Callable[[WatchApp, Pilot[BaseException]], Awaitable[None]]


def settings_of(folder: Path, cells: int = 72, *, closed: bool = False) -> Settings:
    """Return settings under which there is one session, ``monday``, of so many cells; its count has ended or not."""
    settings = Settings(state_dir=folder, runtime_dir=folder / "run")
    record(folder_of(settings), cells)
    if closed:
        close(folder_of(settings))
    return settings


def folder_of(settings: Settings, session: str = "monday") -> Path:
    """Return a session's folder."""
    return settings.state_dir / "sessions" / session


def labels(settings: Settings, session: str = "monday") -> list[Labelled]:
    """Return the labels of a session, whose record is whole."""
    with LedgerReader.read(folder_of(settings, session)) as ledger:
        assert list(verify(ledger)) == []
        return [each.event for each in ledger.events() if isinstance(each.event, Labelled)]


def draws(folder: Path) -> DrawFold:
    """Return the random review of a session as its record has it."""
    fold = DrawFold()
    with LedgerReader.read(folder) as ledger:
        for each in ledger.events():
            fold.apply(each)
    return fold


def name_drawn(folder: Path, cells: int, by: str = "A. Reader") -> None:
    """Name the next cells of the random review: as the machine does, but every fourth one a lymphocyte."""
    asked = draws(folder).sample().asked[:cells]
    named = [(each.key, "lymphocyte" if at % 4 == 0 else each.cls or "band") for at, each in enumerate(asked)]
    with Ledger.open(folder) as ledger:
        ledger.append(make_labels(ledger, named, by=by, labelled_at_ns=1, drawn={key for key, _ in named}))


def text_of(app: WatchApp) -> str:
    """Return what is on the screen."""
    return "\n".join("".join(part.text for part in strip).rstrip() for strip in app.screen._compositor.render_strips())


def line_with(text: str, word: str) -> str:
    """Return the first line with a word."""
    return next(line for line in text.splitlines() if word in line)


async def until(pilot: Pilot[BaseException], condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline_s = time.monotonic() + 60
    while not condition():
        assert isinstance(pilot.app, WatchApp)
        assert time.monotonic() < deadline_s, text_of(pilot.app)
        await pilot.pause(0.02)


def drive(
    settings: Settings,
    look: Look,
    *,
    size: tuple[int, int] = (100, 30),
    by: str = "A. Reader",
    pictures: Pictures | None = None,
    session: str = "monday",
    live: bool = False,
    within: float = 5.0,
    only: str | None = None,
) -> WatchApp:
    """Run the terminal client on a session, let ``look`` use it, and end it as a person does."""

    async def run() -> WatchApp:
        bring = followed(settings, None, within=within) if live else recorded(settings, session, within=within)
        readers = Readers(settings, by, within, only)
        app = WatchApp(
            bring,
            waiting="waiting",
            readers=readers,
            pictures=pictures,
            bring_of=lambda name, live: (followed if live else recorded)(settings, name, within=within),
        )
        async with app.run_test(size=size) as pilot:
            await look(app, pilot)
            await pilot.press("ctrl+c")
        return app

    app = asyncio.run(run())
    app.close_reading()
    return app
