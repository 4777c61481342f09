"""The random review as a person does it: `smearwatch review`, and a real Chromium."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from smearwatch.daemon.record.signing import amend, sign
from tests.paged import opened, press, reviewing, until
from tests.reviewed import close, record
from tests.system.test_review import labels
from tests.terminal import name_drawn

pytestmark = pytest.mark.system

ADJUSTED = "document.body.classList.contains('adjusted')"
MACHINE = ("band", "segmented", "eosinophil", "basophil", "monocyte", "lymphocyte", "flagged", "rejected", "verifiers")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    record(tmp_path / "sessions" / "monday", 72)
    return tmp_path


@pytest.fixture
def page(state: Path, browser: Browser) -> Iterator[Page]:
    with reviewing(state, "monday", "--by", "A. Reader", "--within", "20") as (link, _), opened(browser, link) as page:
        yield page


def named(page: Page, count: int) -> None:
    until(page, f"document.querySelector('#asked').textContent.includes(' {count} named at random')")


def test_drawn_cells_are_named_without_the_machines_word(page: Page, state: Path):
    assert not page.evaluate(ADJUSTED)
    press(page, "d")
    named(page, 0)
    assert page.locator("#gallery").is_hidden()
    until(page, "document.querySelector('#large img')?.naturalWidth === 220")
    seen = page.inner_text("#asked") + page.inner_text("#caption") + page.inner_text("#facts")
    assert not [word for word in MACHINE if word in seen]
    for key in ("Enter", "n", "x", "ArrowRight"):
        page.keyboard.press(key)
    assert labels(state) == []
    press(page, "1 2 3 4 5 6")
    named(page, 6)
    given = labels(state)
    assert [each.label for each in given] == ["band", "segmented", "eosinophil", "basophil", "monocyte", "lymphocyte"]
    assert all(each.drawn for each in given)
    until(page, "document.querySelector('#says').textContent.includes('reviewed at random yet (6 of 20)')")
    until(page, "document.querySelector('#asked').textContent.includes(' 14 more are asked for')")
    assert not page.evaluate(ADJUSTED)
    press(page, "1 2 3 4 5 6 1 2 3 4 5 6 1 2")
    until(page, ADJUSTED)
    row = page.locator("#results tr[data-name=monocyte] td").all_inner_texts()
    assert len(row) == 7
    until(page, "document.querySelector('#says').textContent.includes('20 cells drawn at random')")
    until(page, "/ ([0-9]+|no) more are asked for/.test(document.querySelector('#asked').textContent)")
    press(page, "d")
    assert page.locator("#gallery").is_visible()
    assert page.locator("#detail").is_hidden()


def test_what_is_taken_back_is_asked_for_again(page: Page, state: Path):
    press(page, "d 5 6")
    named(page, 2)
    press(page, "u")
    named(page, 1)
    press(page, "y")
    named(page, 2)
    press(page, "u 4")
    deadline_s = time.monotonic() + 20
    while len(labels(state)) < 6 and time.monotonic() < deadline_s:
        page.wait_for_timeout(50)
    given = [(each.label, each.drawn) for each in labels(state)]
    assert given == [
        ("monocyte", True),
        ("lymphocyte", True),
        ("withdrawn", None),
        ("lymphocyte", True),
        ("withdrawn", None),
        ("basophil", True),
    ]
    assert len({(each.frame, each.index) for each in labels(state)}) == 2


def test_cells_that_were_picked_carry_no_mark_and_the_review_ends_when_all_are_named(state: Path, browser: Browser):
    shutil.rmtree(state / "sessions" / "monday")
    record(state / "sessions" / "monday", 24)
    record(state / "sessions" / "copied", 24)
    with reviewing(state, "monday", "--by", "A. Reader") as (link, _), opened(browser, link) as page:
        until(page, "document.querySelector('#elsewhere').textContent.includes('also in session copied')")
        press(page, "n 6", 1)
        press(page, "d")
        until(page, "document.querySelector('#asked').textContent.endsWith('of 23.')")  # the picked one is not drawn
        for _ in range(23):
            page.keyboard.press("2")
        until(page, "document.querySelector('#asked').textContent.startsWith('Nothing is left to be drawn')")
        until(page, "document.querySelector('#says').textContent.includes('a person named every cell')")
    assert [each.drawn for each in labels(state)] == [None, *[True] * 23]


def test_two_readers_share_one_order(state: Path, browser: Browser):
    with (
        reviewing(state, "monday", "--by", "A") as (one, _),
        reviewing(state, "monday", "--by", "B") as (two, _),
        opened(browser, one) as first,
        opened(browser, two) as second,
    ):
        press(first, "d")
        press(second, "d")
        named(second, 0)
        press(first, "5")
        named(second, 1)
        press(second, "6")  # about to name the cell that is gone by now
        until(second, "document.querySelector('#notice').textContent.startsWith('another reader named that cell')")
        second.wait_for_timeout(1000)
        press(second, "6")
        named(first, 2)
    given = labels(state)
    assert [(each.label, each.by) for each in given] == [("monocyte", "A"), ("lymphocyte", "B")]
    assert len({(each.frame, each.index) for each in given}) == 2


def test_a_signed_session_is_asked_for_nothing(state: Path, browser: Browser):
    folder = state / "sessions" / "monday"
    close(folder)
    name_drawn(folder, 18)
    with reviewing(state, "monday", "--by", "A. Reader") as (link, _), opened(browser, link) as page:
        press(page, "d 1 2 3")
        named(page, 21)
        until(page, ADJUSTED)
        signed = sign(folder, by="A", overruled=dict.fromkeys(("flagged", "rejected", "target"), "a test"))
        until(page, "document.querySelector('#asked').textContent.startsWith('Nothing is asked for: signed by A')")
        assert page.is_visible("#asked")
        assert page.is_hidden("#large")
        press(page, "1")
        until(page, "document.querySelector('#notice').textContent.startsWith('signed by A')")
        assert page.is_visible("#results tr[data-name=band] td.sure >> nth=0")
        until(page, "document.querySelector('#says').textContent.includes('nothing more is asked for')")
        told = page.evaluate("fetch('/cells?after=0').then(answer => answer.json())")
        assert (told["draw"]["next"], told["draw"]["left"], told["draw"]["named"]) == ([], 0, 21)
        # What is signed is the result as reviewed, not the adjusted one.
        assert told["tally"]["reviewed"]["counts"] == dict(signed.result.counts)
        assert len(labels(state)) == 21
        amend(folder, by="A", reason="more is to be named")
        until(page, "document.querySelector('#asked').textContent.includes(' 21 named at random')")
        press(page, "1")
        named(page, 22)


def test_a_gate_of_the_signature_leads_out_of_the_random_review_and_of_the_list(state: Path, browser: Browser):
    close(state / "sessions" / "monday")
    with reviewing(state, "monday", "--by", "A. Reader") as (link, _), opened(browser, link) as page:
        page.select_option("#list", "worth")
        until(page, "document.querySelector('#shown').textContent === '60 of 72 cells'")
        page.locator(".cell:not([hidden])").first.click()
        press(page, "d")
        named(page, 0)
        page.click("#sign")
        page.wait_for_selector("#signing[open]")
        page.keyboard.press("d")  # no key of the page while the dialog is open
        page.click("#gates li[data-gate=flagged] button")
        until(page, "document.querySelector('#shown').textContent.startsWith('12 of 72')")
        assert page.is_visible("#gallery")
        assert page.is_hidden("#asked")


def test_what_is_worth_labelling_for_retraining_is_another_list(page: Page, state: Path):
    page.select_option("#list", "worth")
    until(page, "document.querySelector('#about').textContent.includes('nothing of how often the machine errs')")
    until(page, "document.querySelector('#shown').textContent === '60 of 72 cells'")
    assert page.locator("#gallery section:visible").count() == 1
    page.locator(".cell:not([hidden])").first.click()
    press(page, "3", 1)
    press(page, "n 3", 2)  # the next one of the list
    assert [each.drawn for each in labels(state)] == [None, None]
    page.select_option("#list", "")
    until(page, "document.querySelector('#shown').textContent === '72 of 72 cells'")
    assert page.locator("#about").is_hidden()


def test_on_a_small_screen_nothing_is_cut_off(page: Page, state: Path):
    page.set_viewport_size({"width": 390, "height": 844})
    in_sight = "document.querySelector('{}').getBoundingClientRect().bottom <= innerHeight"
    assert page.evaluate(in_sight.format("#results")), "the differential comes first"
    page.click("#sign")
    page.wait_for_selector("#signing[open]")
    assert page.evaluate(in_sight.format("#signing button[type=submit]")), "however much stands before the signature"
    cut = """[...document.querySelectorAll(":is(td, th, .wide, dialog, form)")]
      .filter((each) => each.getClientRects().length && each.scrollWidth > each.clientWidth)
      .map((each) => each.id || each.textContent)"""
    for width in (1280, 360, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate(cut) == [], f"no number is cut at {width}"
        assert page.evaluate("document.querySelector('#results').clientWidth <= innerWidth")
    page.keyboard.press("Escape")
    name_drawn(state / "sessions" / "monday", 18)
    until(page, "document.querySelector('#state').textContent.includes(' 18 labelled')")
    press(page, "d 1 2 3 4")
    named(page, 22)
    until(page, ADJUSTED)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for part in ("#results", "#large", "#names"):
        assert page.evaluate(f"document.querySelector('{part}').getBoundingClientRect().right <= innerWidth"), part
