"""Draw the terminal client's pictures for the documentation: a simulated slide, counted while it is drawn.

Run it from the repository's root: ``.venv/bin/python docs/building/screens.py``. It takes some minutes, and needs
a Chromium, which makes a PNG of what Textual draws.
"""

import argparse
import asyncio
import shutil
import tempfile
import time
from pathlib import Path

from playwright.async_api import async_playwright

from smearwatch.clients.demo.processes import SESSION, DemoProcesses
from smearwatch.clients.tallying.draft import Draft
from smearwatch.clients.terminal.app import WatchApp
from smearwatch.clients.terminal.readers import Readers
from smearwatch.clients.terminal.start import followed, recorded
from smearwatch.clients.terminal.tally import TallyApp
from smearwatch.daemon.config import Settings
from smearwatch.daemon.key_layout import key_layout

DOCS = Path(__file__).parents[1]
SIZE = (132, 42)
CELLS = 70
READER = "A. Reader"
TALLY_SIZE = (100, 24)
TALLIED = "2262262e262256223261262262262263262252262s62262"


async def drawn(app: WatchApp, keys: dict[str, list[str]], size: tuple[int, int], cells: int) -> dict[str, str]:
    """Return pictures as SVG, each after its keys."""
    pictures = {}
    async with app.run_test(size=size) as pilot:
        until_s = time.monotonic() + 300
        while not app.shown.tally or app.shown.tally["cells"] < cells:
            await pilot.pause(0.2)
            if time.monotonic() > until_s:
                raise TimeoutError("the count does not come so far")
        await pilot.pause(2.0)
        for name, typed in keys.items():
            for key in typed:
                await pilot.press(key)
                await pilot.pause(1.5)
            pictures[name] = app.export_screenshot(title="smearwatch watch")
        await pilot.press("q")
    app.close_reading()
    return pictures


async def tallied(keys: str) -> str:
    """Return the tally's screen as SVG, after so many keys."""
    with tempfile.TemporaryDirectory() as folder:
        draft = Draft.open(Path(folder), by=READER, target=100)
        app = TallyApp(draft, session="monday", layout=key_layout({}), quiet=True)
        async with app.run_test(size=TALLY_SIZE) as pilot:
            for key in keys:
                await pilot.press(key)
            picture = app.export_screenshot(title="smearwatch tally")
        draft.remove()
    return picture


async def write_pngs(pictures: dict[str, str], folder: Path) -> None:
    """Make a PNG of each SVG."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1600, "height": 1200})
        for name, svg in pictures.items():
            await page.set_content(f"<body style='margin:0'><div style='width:1400px'>{svg}</div></body>")
            await page.locator("svg").screenshot(path=folder / f"{name}.png", omit_background=True)
        await browser.close()


def main() -> None:
    """Draw the pictures of the documentation, or those of a recorded session into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--session", help="a recorded session instead of a simulated slide")
    parser.add_argument("--keys", default="", help="keys that are typed before the second picture, with commas")
    parser.add_argument("--size", default=f"{SIZE[0]}x{SIZE[1]}")
    parser.add_argument("--out", type=Path, default=DOCS)
    given = parser.parse_args()
    columns, rows = map(int, given.size.split("x"))
    keys = {
        "terminal": [],
        "terminal-cell": [key for key in given.keys.split(",") if key] or ["n", "2"],
    }
    if given.session:
        settings = Settings()
        bring, cells = recorded(settings, given.session), 0
        app = WatchApp(bring, waiting="", readers=Readers(settings, READER))
        pictures = asyncio.run(drawn(app, keys, (columns, rows), cells))
    else:
        with tempfile.TemporaryDirectory() as folder, DemoProcesses(Path(folder), cells=100, seed=1, rate=0.5) as slide:
            settings = slide.settings
            readers = Readers(settings, READER)
            app = WatchApp(followed(settings, SESSION), waiting="starting the count", readers=readers)
            pictures = asyncio.run(drawn(app, keys, (columns, rows), CELLS))
            slide.stop()
        pictures["tally"] = asyncio.run(tallied(TALLIED))
    asyncio.run(write_pngs(pictures, given.out))


if __name__ == "__main__":
    main()
