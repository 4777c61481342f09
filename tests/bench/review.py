"""How the review page carries 10,000 cells, in a real Chromium: until it is usable, while it scrolls, for one label."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright

from tests.bench.report import Report, spread
from tests.reviewed import record

CELLS = (1_000, 10_000)
SCROLLS = 120

# Scrolls by most of a screen for each picture that the browser draws, and returns how long each took, in ms.
_SCROLL = """async (count) => {
  const times = [];
  let last = performance.now();
  for (let step = 0; step < count; step++) {
    document.getElementById("gallery").scrollBy(0, innerHeight * 0.8);
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    times.push(now - last);
    last = now;
  }
  return times;
}"""


def main() -> None:
    """Measure both sizes in turn."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("no Chromium on this machine: apt install chromium")
    report = Report("review", f"the review page, 1280 x 800: ms for a drawn picture while scrolling, {SCROLLS} of them")
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for cells in CELLS:
            state = Path(place) / str(cells)
            record(state / "sessions" / "many", cells)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            row = _measure(page, state, cells)
            page.close()
            report.add(cells=cells, **row)
        browser.close()
    report.finish()


def _measure(page: Page, state: Path, cells: int) -> dict[str, float]:
    command = [sys.executable, "-m", "smearwatch.daemon.cli", "review", "many", "--by", "A. Reader", "--no-browser"]
    given = {**os.environ, "SMEARWATCH_STATE_DIR": str(state), "SMEARWATCH_RUNTIME_DIR": str(state / "run")}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=given)
    try:
        assert process.stderr is not None
        link = re.search(r"http://\S+", process.stderr.readline())
        assert link
        began_s = time.perf_counter()
        page.goto(link.group())
        _until(page, f"document.querySelector('#shown').textContent === '{cells} of {cells} cells'")
        usable_s = time.perf_counter() - began_s
        times = page.evaluate(_SCROLL, SCROLLS)
        page.keyboard.press("n")
        labels = []
        for done in range(1, 11):
            began_s = time.perf_counter()
            page.keyboard.press("6")
            _until(page, f"document.querySelector('#state').textContent.includes(' {done} labelled')")
            labels.append(time.perf_counter() - began_s)
    finally:
        process.terminate()
        process.communicate(timeout=20)
    scrolled = spread(times)
    return {
        "usable_s": usable_s,
        "picture_median_ms": scrolled["median"],
        "picture_p95_ms": scrolled["p95"],
        "label_median_s": median(labels),
    }


def _until(page: Page, condition: str) -> None:
    while not page.evaluate(condition):
        page.wait_for_timeout(10)


if __name__ == "__main__":
    main()
