"""Draw the pictures of ``docs/quality.md``: a drawn slide, moved by hand and counted; its fields marked, and its map.

Run it from the repository's root: ``.venv/bin/python -m docs.building.quality``. It takes two minutes, and needs a
Chromium.
"""

import json
from typing import Any

from playwright.sync_api import Page

from docs.building.pages import desk_after, opened, take, type_lines

BEFORE = (
    "slide --out frames --truth truth.jsonl --fields 60 --route freehand --angle 4 --seed 5 --rate 0",
    "run --watch frames --session monday --um-per-px 0.09 --until-idle 5",
)
REVIEW = ("review", "monday", "--by", "A. Reader", "--no-browser")
LEAST_CELLS = 3  # that a field of the picture shows whole; one of them is not marked
LOOKED_AT_MS = 800


def mark(page: Page, cells: list[dict[str, Any]], field: dict[str, Any]) -> None:
    """Click cells of the slide's truth."""
    page.wait_for_timeout(LOOKED_AT_MS)
    box = page.locator("#over").bounding_box()
    assert box is not None
    for cell in cells:
        x, y = cell["centre"]
        across, down = x / field["width_px"], y / field["height_px"]
        page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])


def main() -> None:
    """Count the slide, mark fields until one shows enough, take both pictures."""
    with desk_after(BEFORE) as (desk, given):
        drawn = [json.loads(line) for line in (desk / "truth.jsonl").read_text().splitlines()]
        truth = {
            each["file"]: [cell for cell in each["cells"] if not cell["at_edge"]] for each in drawn if "file" in each
        }
        with opened(given, REVIEW) as page:
            page.click("text=slide map")
            page.wait_for_selector("svg.map")
            take(page, "quality-map")
            page.click("text=location test")
            page.click("#begin-form button")
            page.wait_for_selector("#test:not([hidden])")
            while True:
                field = page.evaluate("fetch('/location/state').then((answer) => answer.json())")["field"]
                cells = truth[field["name"]]
                enough = len(cells) >= LEAST_CELLS and not field["before"]
                mark(page, cells[1:] if enough else cells, field)
                page.keyboard.press("Enter")
                page.wait_for_timeout(LOOKED_AT_MS)
                if enough and page.locator("#over .now").count():
                    break
                while page.locator("#over .now").count():
                    page.keyboard.press("x")
                    page.wait_for_timeout(LOOKED_AT_MS)
                page.keyboard.press("Enter")
                page.wait_for_timeout(LOOKED_AT_MS)
            take(page, "quality-location")
        type_lines(("sessions coverage monday",), desk, given)


if __name__ == "__main__":
    main()
