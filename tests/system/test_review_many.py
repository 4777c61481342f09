"""The review page of a long session: only cells near what is seen have cards, and every cell can be reached."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.paged import chromium, opened, press, reviewing, until
from tests.reviewed import record

pytestmark = pytest.mark.system
CELLS = 1_800


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(tmp_path: Path, browser: Browser) -> Iterator[Page]:
    record(tmp_path / "sessions" / "long", CELLS)
    with reviewing(tmp_path, "long", "--by", "A. Reader") as (link, _), opened(browser, link) as page:
        until(page, f"document.querySelector('#shown').textContent === '{CELLS} of {CELLS} cells'")
        yield page


def cards(page: Page) -> int:
    return int(page.evaluate("document.querySelectorAll('.cell').length"))


def chosen(page: Page) -> str:
    return str(page.evaluate("document.querySelector('.cell.chosen').getAttribute('aria-label')"))


def scroll(page: Page, top: int) -> None:
    """Scroll whatever scrolls, and let the page draw."""
    page.evaluate(
        f"for (const each of [gallery, document.scrollingElement]) each.scrollTop = {top};"
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


IN_SIGHT = (
    "[...document.querySelectorAll('.cell')].some(card => {"
    " const at = card.getBoundingClientRect(), room = gallery.getBoundingClientRect();"
    " return at.bottom > room.top && at.top < Math.min(room.bottom, innerHeight) })"
)


def test_only_what_is_near_has_a_card_and_every_cell_is_reached(page: Page):
    assert cards(page) < CELLS / 2
    heads = page.locator("#gallery h2").all_inner_texts()
    assert sum(int(head.rpartition("(")[2].rstrip(")")) for head in heads if head) == CELLS, "the heads count all"
    whole = page.evaluate("[gallery.scrollHeight, document.scrollingElement.scrollHeight]")
    seen = set()
    for top in range(0, max(whole), 900):
        scroll(page, top)
        until(page, IN_SIGHT)
        seen |= set(page.eval_on_selector_all(".cell", "cards => cards.map(card => card.dataset.id)"))
    assert len(seen) == CELLS
    after = page.evaluate("[gallery.scrollHeight, document.scrollingElement.scrollHeight]")
    assert after == pytest.approx(whole, abs=8), "nothing jumps but by parts of pixels"
    assert cards(page) < CELLS / 2


def test_keys_go_on_from_a_cell_that_is_out_of_sight(page: Page):
    page.keyboard.press("n")
    first = chosen(page)
    scroll(page, 40_000)
    assert page.locator(".cell.chosen").count() == 0, "its card is gone"
    page.keyboard.press("ArrowRight")
    until(page, "document.querySelector('.cell.chosen') !== null")
    second = chosen(page)
    assert second != first
    at = page.evaluate("document.querySelector('.cell.chosen').getBoundingClientRect().top")
    assert 0 <= at < 800, "it was brought into sight"
    assert page.evaluate("document.activeElement.classList.contains('chosen')")
    page.keyboard.press("ArrowLeft")
    until(page, f"document.querySelector('.cell.chosen')?.getAttribute('aria-label') === {first!r}")
    press(page, "4", 1)
    assert "1 labelled" in page.inner_text("#state")


def test_a_filter_leaves_those_that_fit(page: Page):
    page.select_option("#verdict", "rejected")
    assert page.inner_text("#shown") == f"{CELLS // 6} of {CELLS} cells"
    assert 0 < cards(page) < CELLS // 6
    page.keyboard.press("n")
    assert "rejected" in chosen(page)
