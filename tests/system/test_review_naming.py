"""The review page with a laboratory's own keys and classes, with other views, and with frames browsers cannot read."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from smearwatch.daemon.record.events import Labelled
from smearwatch.daemon.record.extra_classes import ExtraClass
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.verifying import verify
from tests.czi_files import SubBlock, czi
from tests.paged import opened, press, reviewing, until
from tests.reviewed import record

pytestmark = pytest.mark.system

EXTRA = (
    ExtraClass("atypical_lymphocyte", "leukocyte", "j", "atyp. lymph"),
    ExtraClass("hairy_cell", "per_100", "h", "hairy"),
)


def as_czi(field: np.ndarray) -> bytes:
    return czi(SubBlock(np.ascontiguousarray(field[..., ::-1])))


@pytest.fixture
def page(tmp_path: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    record(tmp_path / "sessions" / "monday", 12, name="{}.czi", a_frame=6, extra=EXTRA, store=as_czi, again=2)
    monkeypatch.setenv("SMEARWATCH_KEYS", json.dumps({"band": "k"}))
    hairy = {"hairy_cell": {"key": "w", "counts": "per_100"}}  # another key by now
    monkeypatch.setenv("SMEARWATCH_EXTRA_CLASSES", json.dumps(hairy))
    with reviewing(tmp_path, "monday", "--by", "A. Reader") as (link, _), opened(browser, link) as page:
        yield page


def row(page: Page, name: str) -> list[str]:
    return page.locator(f'#results tr[data-name="{name}"] td').all_inner_texts()


def visible(page: Page) -> list[str]:
    return [each.split(":")[0] for each in page.eval_on_selector_all(
        ".cell:not([hidden])", "cards => cards.map(card => card.getAttribute('aria-label'))"
    )]  # fmt: skip


def test_what_a_reader_does_with_a_laboratorys_own_settings(page: Page, tmp_path: Path):
    # The keys' help shows what is configured.
    page.keyboard.press("?")
    keys = page.inner_text("#keys")
    assert "k\tband" in keys
    assert "w\thairy cell, for each 100 leukocytes" in keys
    assert "j\tatypical lymphocyte, among the leukocytes" in keys
    assert "1\tband" not in keys
    page.keyboard.press("?")

    # They name cells, which count where the session says.
    press(page, "n w", 1)
    press(page, "j", 2)
    press(page, "k", 3)
    press(page, "1")  # no key any more
    assert row(page, "leukocyte:atypical_lymphocyte")[2:4] == ["1", "9.1"]
    assert "hairy cell: 1, 9.1 for each 100 leukocytes" in page.inner_text("#apart")

    # Cells are dragged onto a row of the result, and onto a name; both are in sight, on a low screen, too.
    page.set_viewport_size({"width": 1280, "height": 720})
    page.wait_for_selector("#detail:not([hidden])")
    lowest = "[...document.querySelectorAll('{}')].map((each) => each.getBoundingClientRect().bottom)"
    for places in ("#names button", "#results tr[data-name]"):  # all at one moment, for rows are drawn anew
        bottoms = page.evaluate(lowest.format(places))
        assert bottoms
        assert all(0 < bottom <= 720 for bottom in bottoms), places
    assert page.evaluate("document.documentElement.scrollHeight") <= 720
    page.locator("#gallery .cell:not(.said)").nth(0).drag_to(
        page.locator('tr[data-name="leukocyte:atypical_lymphocyte"]')
    )
    until(page, "document.querySelector('#state').textContent.includes(' 4 labelled')")
    page.locator("#gallery .cell:not(.said)").nth(0).drag_to(page.locator('#names [data-label="per_100:hairy_cell"]'))
    until(page, "document.querySelector('#state').textContent.includes(' 5 labelled')")
    with LedgerReader.read(tmp_path / "sessions" / "monday") as ledger:
        assert list(verify(ledger)) == []
        said = [each.event.label for each in ledger.events() if isinstance(each.event, Labelled)]
    atypical, hairy = (each.label for each in EXTRA)
    assert said == [hairy, atypical, "band", atypical, hairy]

    # Filters: what it is called, verdict, frame by number or name; together.
    page.select_option("#called", atypical)
    assert len(visible(page)) == 2
    page.select_option("#called", "")
    page.fill("#in-frame", "3")
    assert sorted(visible(page)) == ["cell 1", "cell 2"]
    page.fill("#in-frame", "6.CZ")
    assert sorted(visible(page)) == sorted(f"cell {at}" for at in range(7, 13))
    page.select_option("#verdict", "confirmed")
    assert page.inner_text("#none") == "no cell is like that"
    page.select_option("#verdict", "")
    page.fill("#in-frame", "")
    assert len(visible(page)) == 12

    # A cell that is seen in two frames: both stand beside it, and each shows its field.
    page.click(".cell[aria-label^='cell 1:']")
    until(page, "document.querySelectorAll('#views button').length === 2")
    assert page.locator("#views button").all_inner_texts() == ["frame 1\njudged", "frame 3\nseen again"]
    page.locator("#views button").nth(1).click()
    until(page, "document.querySelector('#field img')?.alt === 'the field again.czi, frame 3'")
    until(page, "document.querySelector('#field img').naturalWidth === 640")
    until(page, "document.querySelectorAll('#views button')[1].getAttribute('aria-pressed') === 'true'")
    page.click(".cell[aria-label^='cell 5:']")
    until(page, "document.querySelector('#field img')?.alt === 'the field 0.czi, frame 1'")
    assert page.locator("#views").is_hidden()

    # A CZI is shown at its own sharpness: 22 um at 0.1 um a pixel, where the small picture has 96 px.
    until(page, "document.querySelector('#large img').naturalWidth === 220")

    # What the network looked at cannot be shown without its weights, and that is said; the next cell begins without it.
    page.keyboard.press("g")
    until(page, "document.querySelector('#looked').textContent.includes('are not on this computer')")
    assert page.locator("#actions [data-key=g]").get_attribute("aria-pressed") == "true"
    page.keyboard.press("ArrowRight")
    until(page, "document.querySelector('#looked').hidden")


def test_a_layout_that_cannot_go_with_a_session_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    record(tmp_path / "sessions" / "monday", 6, extra=EXTRA)
    monkeypatch.setenv("SMEARWATCH_KEYS", json.dumps({"band": "h"}))
    given = {**os.environ, "SMEARWATCH_STATE_DIR": str(tmp_path), "SMEARWATCH_RUNTIME_DIR": str(tmp_path / "run")}
    typed = [sys.executable, "-m", "smearwatch.daemon.cli", "review", "monday", "--no-browser"]
    done = subprocess.run(typed, capture_output=True, text=True, env=given, check=False, timeout=60)
    said = "'h' is the key of band and of hairy cell (give one of them another key in the settings)"
    assert (done.returncode, done.stderr) == (1, f"smearwatch: {said}\n")
