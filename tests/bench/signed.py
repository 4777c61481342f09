"""The time to a signed result: a person's keys on the review page of a counted session, in a real Chromium.

The person thinks for a while at each cell that is looked at, and types at a steady pace; both are settings. What the
page makes the person wait is measured: until the first cell is shown, from a key until the next cell's picture stands
there, until the dialog is open, until the signature is shown. The count itself is not in it.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from playwright.sync_api import Browser, Page, sync_playwright

from tests.bench.report import Report, spread

BY_HAND_S = (0.7, 1.0)
A_CHARACTER_S = 0.2
READER, NOTE, REASON = "A. Reader", "one slide", "no more on the slide"
RENAMED = 0.1  # the share of cells that the person calls something else
TO_SEE, ALL = "flagged and rejected", "all"

# Waits until another cell than `before` is chosen and its picture drawn, or until none is; returns its caption.
_SHOWN = """async (before) => {
  for (;;) {
    const shut = document.querySelector("#detail").hidden, picture = document.querySelector("#large img");
    const caption = shut ? "" : document.querySelector("#caption").textContent;
    if (caption !== before && (shut || (picture?.complete && picture.naturalWidth))) return caption;
    await new Promise(requestAnimationFrame);
  }
}"""


@dataclass
class Person:
    """Somebody at the keyboard, and how long the page made them wait."""

    page: Page
    thinks_s: tuple[float, float]
    random: Random
    waits_s: list[float] = field(default_factory=list)
    looked: int = 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count what is done within as waiting."""
        began_s = time.perf_counter()
        yield
        self.waits_s.append(time.perf_counter() - began_s)

    def type(self, text: str) -> None:
        """Type a text into what is chosen, at the person's pace."""
        for letter in text:
            self.press(letter)

    def press(self, key: str) -> None:
        """Press a key that needs no thought."""
        self.page.wait_for_timeout(1000 * A_CHARACTER_S)
        self.page.keyboard.press(key)

    def name_cell(self, before: str) -> str:
        """Think, name the chosen cell, and wait for the next one; returns its caption, nothing after the last."""
        self.looked += 1
        self.page.wait_for_timeout(1000 * self.random.uniform(*self.thinks_s))
        key = self.random.choice("123456") if self.random.random() < RENAMED else "Enter"
        with self.waiting():
            self.page.keyboard.press(key)
            return str(self.page.evaluate(_SHOWN, before))


def main() -> None:
    """Count a slide, then have its result signed twice: with the cells to be seen looked at, and with all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=Path, help="a folder of real frames instead of a drawn slide")
    parser.add_argument("--um-per-px", help="their scale")
    parser.add_argument("--think", type=float, nargs=2, default=BY_HAND_S, help="seconds at a cell, from and to")
    parser.add_argument("--cells", type=int, default=104, help="whole leukocytes on the drawn slide")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(sys.argv[1:] if __name__ == "__main__" else [])
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("no Chromium on this machine: apt install chromium")
    low_s, high_s = given.think
    what = f"from the page's link to a signed result; {low_s:g} to {high_s:g} s a cell, {A_CHARACTER_S:g} s a character"
    report = Report("signed", what)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        counted = _count(Path(place), given.frames, given.um_per_px, given.cells, given.seed)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for looked_at in (TO_SEE, ALL):
            state = Path(place) / looked_at.replace(" ", "-")
            shutil.copytree(counted / "sessions", state / "sessions")
            report.add(**_sign(browser, state, looked_at, (low_s, high_s), given.seed))
        browser.close()
    report.finish()


def _count(place: Path, frames: Path | None, um_per_px: str | None, cells: int, seed: int) -> Path:
    """Return the state in which a session is counted."""
    state = place / "counted"
    if frames is None:
        frames = place / "frames"
        _typed(state, "slide", "--out", str(frames), "--cells", str(cells), "--seed", str(seed), "--rate", "0")
    scale = ["--um-per-px", um_per_px] if um_per_px else []
    _typed(state, "run", "--watch", str(frames), "--session", "slide", "--until-idle", "5", *scale)
    return state


def _typed(state: Path, *words: str) -> None:
    subprocess.run(_command(*words), env=_environment(state), check=True, stdout=subprocess.DEVNULL)


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "smearwatch.daemon.cli", *words]


def _environment(state: Path) -> dict[str, str]:
    return {**os.environ, "SMEARWATCH_STATE_DIR": str(state), "SMEARWATCH_RUNTIME_DIR": str(state / "run")}


def _sign(
    browser: Browser, state: Path, looked_at: str, thinks_s: tuple[float, float], seed: int
) -> dict[str, int | float | str]:
    review = _command("review", "slide", "--no-browser")
    process = subprocess.Popen(review, stderr=subprocess.PIPE, text=True, env=_environment(state))
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    try:
        assert process.stderr is not None
        link = re.search(r"http://\S+", process.stderr.readline())
        assert link
        person = Person(page, thinks_s, Random(seed))
        began_s = time.perf_counter()
        with person.waiting():
            page.goto(link.group())
            page.wait_for_selector(".cell")
        said = page.locator(".cell .verdict").all_inner_texts()
        flagged, rejected = (sum(verdict in each for each in said) for verdict in ("flagged", "rejected"))
        cells = len(said) - rejected
        page.focus("#reader")
        person.type(READER)
        page.keyboard.press("Enter")
        _look(person, flagged + rejected, looked_at)
        _sign_by_keys(person)
        signed_s = time.perf_counter() - began_s
    finally:
        page.close()
        process.terminate()
        process.communicate(timeout=20)
    waited_s = sum(person.waits_s)
    waits = spread([1000 * each for each in person.waits_s])
    return {
        "looked_at": looked_at,
        "cells": cells,
        "flagged": flagged,
        "rejected": rejected,
        "looked": person.looked,
        "signed_s": signed_s,
        "of_it_waiting_s": waited_s,
        "wait_median_ms": waits["median"],
        "wait_p95_ms": waits["p95"],
        "a_cell_s": signed_s / cells,
        "by_hand_s": " to ".join(f"{each * cells:.0f}" for each in BY_HAND_S),
    }


def _look(person: Person, to_see: int, looked_at: str) -> None:
    """Name the cells that are to be seen; then, where all are looked at, the others without a label."""
    page, caption = person.page, ""
    if to_see:
        with person.waiting():
            page.keyboard.press("n")
            caption = str(page.evaluate(_SHOWN, ""))
        while person.looked < to_see:
            caption = person.name_cell(caption)
    if looked_at != ALL:
        return
    page.select_option("#labelled", "no")
    while page.locator(".cell:not([hidden])").count():
        if page.locator("#detail").is_hidden():
            person.press("ArrowRight")
            with person.waiting():
                caption = str(page.evaluate(_SHOWN, ""))
        caption = person.name_cell(caption)


def _sign_by_keys(person: Person) -> None:
    page = person.page
    page.focus("#sign")
    with person.waiting():
        page.keyboard.press("Enter")
        page.wait_for_selector("#signing[open]")
    for gate in page.eval_on_selector_all("#gates li.open", "rows => rows.map(row => row.dataset.gate)"):
        page.focus(f"#sign-form input[name={gate}]")
        person.type(REASON)
    page.focus("#sign-form input[name=note]")
    person.type(NOTE)
    with person.waiting():
        page.keyboard.press("Enter")
        page.wait_for_selector("#signature.signed:not([hidden])")


if __name__ == "__main__":
    main()
