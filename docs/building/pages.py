"""Draw the review page's pictures for the documentation: the drawn slide of the first day, counted, seen and signed.

Run it from the repository's root: ``.venv/bin/python docs/building/pages.py``. It takes a minute, and needs a
Chromium. It types the commands of ``docs/first-day.md`` and prints what they say.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

DOCS = Path(__file__).parents[1]
BEFORE = (
    "slide --out frames --cells 100 --seed 7 --rate 0",
    "run --watch frames --session tuesday --um-per-px 0.09 --until-idle 5",
)
AFTER = (
    "sessions show tuesday",
    "sessions export tuesday --format report --out tuesday.html",
    "sessions export tuesday --format differential --out tuesday.csv",
    "sessions export tuesday --format archive --out tuesday.smearwatch",
    "sessions verify tuesday",
)
REVIEW = ("review", "tuesday", "--by", "A. Reader", "--no-browser")
SEEN = 1  # so many cells are named before the first picture
REASON = "no more cells on the slide"  # 97 cells are counted, and 100 were wanted
COLOURS = 192


def command(*words: str) -> list[str]:
    """Return a command of smearwatch, as it is started here."""
    return [sys.executable, "-m", "smearwatch.daemon.cli", *words]


def type_lines(lines: tuple[str, ...], desk: Path, given: dict[str, str]) -> None:
    """Type commands, one after the other, and show what they say."""
    for line in lines:
        print(f"$ smearwatch {line}", flush=True)
        subprocess.run(command(*line.split()), cwd=desk, env=given, check=True)


@contextmanager
def desk_after(lines: tuple[str, ...]) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield a folder of its own, and the environment in which commands were typed there."""
    with tempfile.TemporaryDirectory() as folder:
        desk = Path(folder)
        given = {
            **os.environ, "SMEARWATCH_STATE_DIR": f"{desk}/state", "SMEARWATCH_RUNTIME_DIR": f"{desk}/run",
        }  # fmt: skip
        type_lines(lines, desk, given)
        yield desk, given


@contextmanager
def opened(given: dict[str, str], review_of: tuple[str, ...] = REVIEW) -> Iterator[Page]:
    """Open the review page of a session."""
    review = subprocess.Popen(command(*review_of), stderr=subprocess.PIPE, text=True, env=given)
    try:
        assert review.stderr is not None
        link = re.search(r"http://\S+", review.stderr.readline())
        assert link
        with sync_playwright() as playwright:
            chromium = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 760})
            page.goto(link.group())
            page.wait_for_selector(".cell")
            yield page
            browser.close()
    finally:
        review.terminate()
        review.communicate(timeout=20)


def take(page: Page, name: str) -> None:
    """Write a picture of the page, in so many colours that it looks the same and is small."""
    from PIL import Image

    page.wait_for_timeout(1500)
    path = DOCS / f"{name}.png"
    page.screenshot(path=path)
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(COLOURS)
    few.save(path, optimize=True)


def main() -> None:
    """Count the slide, see its cells, sign, look at what its labels are good for, and take a picture of each."""
    with desk_after(BEFORE) as (desk, given):
        with opened(given) as page:
            page.keyboard.press("n")
            for _ in range(SEEN):
                page.wait_for_timeout(500)
                page.keyboard.press("Enter")
            take(page, "first-day-page")
            while not re.search(r"\b0 still to be seen", page.inner_text("#state")):
                page.keyboard.press("Enter")
                page.wait_for_timeout(500)
            page.click("#sign")
            page.wait_for_selector("#signing[open]")
            page.keyboard.type(REASON)
            take(page, "first-day-sign")
            page.keyboard.press("Enter")
            page.wait_for_selector("#signature.signed:not([hidden])")
            page.click("text=better weights")
            page.wait_for_load_state("networkidle")
            take(page, "better-weights")
        type_lines(AFTER, desk, given)


if __name__ == "__main__":
    main()
