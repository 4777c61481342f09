"""The review page as a person uses it: `smearwatch review`, and a real Chromium."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def reviewing(state: Path, *options: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Start `smearwatch review` and yield its link and its process."""
    typed = [sys.executable, "-m", "smearwatch.daemon.cli", "review", *options, "--no-browser"]
    given = {**os.environ, "SMEARWATCH_STATE_DIR": str(state), "SMEARWATCH_RUNTIME_DIR": str(state / "run")}
    process = subprocess.Popen(typed, stderr=subprocess.PIPE, text=True, env=given)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        link = re.search(r"https?://[^/\s]+/(\?token=\S+)?", line)
        assert link, line
        yield link.group(), process
    finally:
        process.terminate()
        process.communicate(timeout=20)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser; skips where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, link: str, *, refused: tuple[str, ...] = ()) -> Iterator[Page]:
    """Open the page in a browser of its own; no error that it logs is overlooked, but for what a test foresees."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(link)
    page.wait_for_selector(".cell")
    yield page
    context.close()
    assert [each for each in wrong if not any(foreseen in each for foreseen in refused)] == []


def fits(page: Page) -> bool:
    """Return whether a page is no wider than its screen, so that it is not dragged to and fro."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def until(page: Page, condition: str) -> None:
    """Wait until a JavaScript expression is true; asked from outside, for the page's own policy forbids eval."""
    deadline_s = time.monotonic() + 20
    while not page.evaluate(condition):
        assert time.monotonic() < deadline_s, (condition, page.inner_text("#state"), page.text_content("#notice"))
        page.wait_for_timeout(50)


def press(page: Page, keys: str, labelled: int | None = None) -> None:
    """Press keys; wait until so many cells are labelled."""
    for key in keys.split():
        page.keyboard.press(key)
    if labelled is not None:
        until(page, f"document.querySelector('#state').textContent.includes(' {labelled} labelled')")
