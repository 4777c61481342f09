"""Better weights on the page, with a real Chromium and the real commands: adapt, compare, promote, go back."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from smearwatch.models import checkpoint
from smearwatch.train.promotion.store import Store
from tests.coloured import record, untaught
from tests.paged import opened, reviewing, until

pytestmark = pytest.mark.system


@pytest.fixture
def state(tmp_path: Path) -> Path:
    untaught(tmp_path / "untaught")
    store, identity = Store(tmp_path), checkpoint.read_manifest(tmp_path / "untaught").weights_id()
    with store.locked():
        store.install(tmp_path / "untaught", identity, {})
        store.switch(identity, "forced")
    record(tmp_path / "sessions" / "monday", 0, 12, signed=False)
    record(tmp_path / "sessions" / "tuesday", 20, 12, signed=True)
    return tmp_path


def ended(page: Page, title: str) -> None:
    """Wait for a step's end; each loads the networks in a process of its own."""
    for _ in range(15):  # `until` is patient for twenty seconds, and a busy machine needs more
        try:
            return until(page, f"document.querySelector('#job-title').textContent.startsWith('{title}: ')")
        except AssertionError:
            if not page.locator("#cancel").is_visible():
                raise
    raise AssertionError(page.inner_text("#job"))


def confirm(page: Page) -> None:
    page.wait_for_selector("#asking[open]")
    assert page.input_value("#ask-form input[name=by]") == "A. Reader"
    page.click("#ask-form button[type=submit]")


def test_from_labels_to_weights_in_use_and_back(state: Path, browser: Browser):
    with reviewing(state, "monday", "--by", "A. Reader") as (link, _), opened(browser, link) as page:
        page.click("#weights")
        until(page, "document.querySelectorAll('#labelled tbody tr').length === 2")
        rows = page.locator("#labelled tbody tr").all_inner_texts()
        assert rows[0].split() == ["monday", *["6"] * 6, "0", "0", "0"]
        assert rows[1].split()[-2:] == ["A.", "Reader"]
        assert page.inner_text("#use").startswith("untaught (promoted, forced ")

        page.uncheck("#labelled tr[data-session=tuesday] input")
        page.click("#adapt")
        ended(page, "Adapting")
        box = page.locator(".candidate")
        assert box.count() == 1, page.inner_text("#job")
        assert "this microscope, as labelled:" in box.inner_text()
        assert box.locator("svg.curve").count() == 1

        box.locator("button[data-do=changes]").click()
        ended(page, "What would have changed")
        report = page.inner_text(".reports tr[data-session=tuesday]")
        assert report.split("\t")[:4] == ["tuesday", "48", "36", "0"]
        assert page.locator(".reports tr[data-session=monday]").count() == 0
        assert "labelled cells that neither weights have seen" in box.inner_text()

        box.locator("button[data-do=promote]").click()
        confirm(page)
        ended(page, "Promoting")
        until(page, "document.querySelector('.candidate.used') !== null")
        page.click("#back")
        confirm(page)
        ended(page, "Going back")
        until(page, "document.querySelector('#use').textContent.startsWith('untaught (promoted, back ')")
    steps = json.loads((state / "weights" / "history.json").read_text())
    assert [(step["how"], step["by"]) for step in steps] == [
        ("forced", None),
        ("promoted", "A. Reader"),
        ("back", "A. Reader"),
    ]
